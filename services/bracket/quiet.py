"""Between which prices nothing can happen to a bracket: most quotes concern nobody."""

from dataclasses import dataclass
from decimal import Decimal

from services.bracket.model import Bracket, Leg, Purpose, Quote, Role, State
from services.bracket.native import is_native_exit
from services.bracket.quantities import live_legs
from services.bracket.wanted import stop_level, target_level

_RESTING = (Purpose.STOP, Purpose.OCO)


@dataclass(frozen=True, slots=True)
class QuietBand:
    """Prices, in rupees, strictly between which a quote changes no decision."""

    low: Decimal
    high: Decimal

    def holds(self, quote: Quote) -> bool:
        """Whether all of a quote is inside; one with an empty side is not, it is judged differently."""
        if quote.bid is None or quote.ask is None:
            return False
        return self.low < min(quote.last, quote.bid) and max(quote.last, quote.ask) < self.high


def quiet_band(bracket: Bracket) -> QuietBand | None:
    """Return the prices between which a protected bracket only waits; None while anything else matters."""
    if (
        bracket.state is not State.PROTECTED
        or bracket.trail is not None
        or bracket.stop_passed_at is not None
    ):
        return None
    if not all(_rests(bracket, leg) for leg in live_legs(bracket, Role.EXIT)):
        return None
    levels = (stop_level(bracket), *(target_level(bracket, part) for part in bracket.slices))
    known = [level for level in levels if level is not None]
    if len(known) < 1 + len(bracket.slices):
        return None  # a native bracket may be protected before the broker tells the average price
    stop, *targets = known
    nearest = min(targets, key=lambda price: abs(price - stop))
    return QuietBand(min(stop, nearest), max(stop, nearest))


def _rests(bracket: Bracket, leg: Leg) -> bool:
    is_placed_to_rest = leg.purpose in _RESTING or is_native_exit(bracket, leg)
    return leg.is_working and leg.change is None and not leg.triggered and is_placed_to_rest
