"""The broker's cap on modifications: which order is spent, and when to replace one in calm."""

from services.bracket import wanted
from services.bracket.model import Leg, LegKind, Purpose
from services.bracket.step import Step


def is_spent(step: Step, leg: Leg) -> bool:
    """Whether the broker takes no more modifications of an order, or none since it began to fill."""
    capabilities = step.bracket.plan.capabilities
    is_over = leg.kind is LegKind.ORDER and leg.modifications >= capabilities.modifications_per_order
    return is_over or (leg.filled > 0 and not capabilities.modify_after_part_fill)


def should_rotate(step: Step, leg: Leg) -> bool:
    """Whether to replace a resting stop before its modifications run out, which trailing spends.

    That is done in calm, while the price is far from it.
    """
    if leg.kind is LegKind.GTT or leg.purpose is not Purpose.STOP:
        return False
    left = step.bracket.plan.capabilities.modifications_per_order - leg.modifications
    best, level = step.exit_price(), wanted.stop_level(step.bracket)
    if left > step.timing.rotate_before_cap or best is None or level is None:
        return False
    calm = 2 * max(3 * step.bracket.plan.instrument.tick_size, abs(best - level) / 20)
    return (best - level) * step.side.sign > calm
