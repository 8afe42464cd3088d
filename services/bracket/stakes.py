"""What a plan puts at stake and may win, in rupees before charges. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from services.bracket.model import Plan, Purpose
from services.bracket.preview import Preview

_PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """Counted from the preview's reference price; the true figures follow from the average fill."""

    value: Decimal  # what is bought or sold
    risk: Decimal  # lost when the stop is hit at its trigger
    reward: Decimal  # won when every target is hit
    ratio: Decimal | None  # reward for each rupee at risk; None without a risk


def stakes(plan: Plan, seen: Preview) -> Stakes | None:
    """Return what is at stake, or None while no price is known to count from."""
    exits = [leg for leg in seen.legs if leg.purpose is not Purpose.ENTRY]
    levels = [(leg, leg.trigger_price if leg.purpose is Purpose.STOP else leg.price) for leg in exits]
    if seen.reference is None or any(price is None for _, price in levels):
        return None
    sums = {Purpose.STOP: Decimal(0), Purpose.TARGET: Decimal(0)}
    for leg, price in levels:
        sums[leg.purpose] += ((price or Decimal(0)) - seen.reference) * plan.side.sign * leg.quantity
    risk, reward = -sums[Purpose.STOP], sums[Purpose.TARGET]
    return Stakes(
        value=_money(seen.reference * plan.quantity),
        risk=_money(risk),
        reward=_money(reward),
        ratio=_money(reward / risk) if risk > 0 else None,
    )


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(_PAISA, ROUND_HALF_UP)
