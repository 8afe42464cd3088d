"""Which orders a GTT placed: Fyers' list of GTTs does not say, the order book does by its tags. Pure.

An order that a GTT placed carries the GTT's tag, so the two are found together by it. Where the list of GTTs
shows no tags, they are by content: of two GTTs that say the same it matters to nobody which placed which.
"""

from collections.abc import Iterable
from dataclasses import replace

from broker.fyers.mapping import GTT_TAG
from services.bracket.model import GttLegRow, GttRow, GttStatus, OrderRow


def with_children(gtts: Iterable[GttRow], orders: Iterable[OrderRow]) -> tuple[GttRow, ...]:
    """Return the GTTs, those that fired with the id of the order they placed, where the book shows it."""
    placed = [row for row in orders if row.tag is not None and row.tag.startswith(GTT_TAG)]
    # Those that say their tag choose first: what is left can only belong to the others.
    in_order = sorted(gtts, key=lambda row: row.tag is None)
    found = {row.trigger_id: _with_child(row, placed) for row in in_order}
    return tuple(found.values())


def is_childless(gtt: GttRow) -> bool:
    """Whether a GTT fired and nobody knows what it placed."""
    has_child = any(leg.child_order_id is not None for leg in gtt.legs)
    return gtt.status is GttStatus.TRIGGERED and not has_child


def _with_child(gtt: GttRow, placed: list[OrderRow]) -> GttRow:
    """Return a GTT with the order it placed, and take that off the list."""
    if gtt.status is not GttStatus.TRIGGERED:
        return gtt
    for leg in gtt.legs:
        for row in placed:
            if _placed(gtt, leg, row):
                placed.remove(row)
                return replace(gtt, legs=tuple(_named(one, leg, row) for one in gtt.legs))
    return gtt


def _placed(gtt: GttRow, leg: GttLegRow, row: OrderRow) -> bool:
    if (row.exchange, row.symbol, row.product, row.side) != (gtt.exchange, gtt.symbol, gtt.product, gtt.side):
        return False
    if gtt.tag is not None:
        return row.tag == GTT_TAG + gtt.tag and _is_nearest(gtt, leg, row)
    is_later = row.updated_at is None or row.updated_at >= gtt.created_at
    return is_later and (row.price, row.quantity) == (leg.price, leg.quantity)


def _is_nearest(gtt: GttRow, leg: GttLegRow, row: OrderRow) -> bool:
    """Whether an order's price is this leg's: it may have been moved since."""
    if row.price is None or row.trigger_price is not None:
        return leg is gtt.legs[0]
    price = row.price
    return leg is min(gtt.legs, key=lambda one: abs(one.price - price))


def _named(one: GttLegRow, fired: GttLegRow, row: OrderRow) -> GttLegRow:
    return replace(one, child_order_id=row.broker_order_id) if one is fired else one
