"""What a row of the list of GTTs says: its terms by role, and whose it may be. Facts, no decision."""

from services.bracket.adoption import CREATED_SLACK, LOST, is_alike
from services.bracket.fold import shows_terms
from services.bracket.model import (
    Bracket,
    GttLegRow,
    GttRow,
    Leg,
    LegKind,
    OrderType,
    Side,
    Terms,
)


def gtt_terms(row: GttRow, side: Side) -> Terms:
    """Return a GTT's terms by role: which of its ascending legs is the stop depends on the exit's side."""
    stop = stop_leg(row, side)
    target = next((part for part in row.legs if part is not stop), None)
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=stop.quantity,
        price=stop.price,
        trigger_price=stop.trigger_price,
        target_trigger=None if target is None else target.trigger_price,
        target_price=None if target is None else target.price,
    )


def stop_leg(row: GttRow, side: Side) -> GttLegRow:
    """The stop of a SELL exit is the lower leg, of a BUY exit the upper one."""
    return row.legs[0] if side is Side.SELL else row.legs[-1]


def is_lost_gtt(leg: Leg) -> bool:
    """Whether a GTT was sent and its id is not known: one that nobody owns may be it."""
    return leg.kind is LegKind.GTT and leg.broker_order_id is None and leg.status in LOST


def count_lost_alike(bracket: Bracket, leg: Leg) -> int:
    """Return how many of the bracket's GTTs are lost that asked for what a leg did: each may take one row."""
    return sum(is_lost_gtt(other) and is_alike(other, leg) for other in bracket.legs)


def may_be_gtt(bracket: Bracket, leg: Leg, row: GttRow) -> bool:
    """Whether a GTT is what a leg asked for: by its tag if it shows one, else by its words and its time."""
    if row.side is not leg.side or row.created_at < leg.sent_at.wall - CREATED_SLACK:
        return False
    if row.tag is not None:
        return row.tag == leg.tag
    return row.product == bracket.plan.product and shows_terms(leg.terms, gtt_terms(row, leg.side))
