"""What GTTs that are listed no more have placed, as far as the order book can prove it. Pure.

The server names no order that a GTT placed: it is told by what it says. Named it is only where nothing else
can be meant; where something may be it and nobody can say, the GTT's fate is in doubt.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from broker.base import GttRow, OrderRow
from services.bracket.model import GttLegRow, GttStatus, RowStatus, Side

# How far the server's clock and ours may be apart, and how long its list may show what has fired already.
SLACK = timedelta(seconds=60)

_OVER = frozenset({RowStatus.CANCELLED, RowStatus.REJECTED, RowStatus.EXPIRED})

Legs = tuple[GttLegRow, ...]
Place = tuple[str, str, Side, str]  # exchange, symbol, side, product


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A GTT as last seen or asked for: it was alive, or on its way, at `alive_at`.

    versions: what its legs have been asked to be, newest last, for a change may have come too late.
    """

    row: GttRow
    versions: tuple[Legs, ...]
    alive_at: datetime

    @property
    def place(self) -> Place:
        return (self.row.exchange, self.row.symbol, self.row.side, self.row.product)


class Doubt:
    """Some order may be what a GTT placed, and nobody can say."""


DOUBT = Doubt()
Fate = GttRow | Doubt


def fates(gtts: Sequence[Known], orders: Iterable[OrderRow]) -> dict[str, Fate]:
    """Return by trigger id what became of GTTs that are listed no more; nothing of one that nothing tells of.

    orders are those of the book that nobody else can have placed for us.
    """
    suspects = _suspects(gtts, list(orders))
    exact = {
        gtt.row.trigger_id: [row for row in suspects[gtt.row.trigger_id] if says_the_same(gtt, row)]
        for gtt in gtts
    }
    explained = {row.broker_order_id for rows in exact.values() for row in rows}
    found: dict[str, Fate] = {}
    for gtt in gtts:
        name = gtt.row.trigger_id
        child = _child(name, exact)
        fired = None if child is None else _fired(gtt, child)
        if fired is not None:
            found[name] = fired
        elif exact[name] or any(row.broker_order_id not in explained for row in suspects[name]):
            found[name] = DOUBT
    return found


def _suspects(gtts: Sequence[Known], orders: Sequence[OrderRow]) -> dict[str, list[OrderRow]]:
    return {gtt.row.trigger_id: [row for row in orders if _may_be_child(gtt, row)] for gtt in gtts}


def says_the_same(gtt: Known, row: OrderRow) -> bool:
    """Whether an order says what a leg of a GTT says, and is none of before."""
    return _may_be_child(gtt, row) and _fired(gtt, row) is not None


def _may_be_child(gtt: Known, row: OrderRow) -> bool:
    """Whether a GTT may have placed an order, which somebody may have changed since."""
    if (row.exchange, row.symbol, row.side, row.product) != gtt.place:
        return False
    if row.updated_at is not None and row.updated_at < gtt.alive_at - SLACK:
        return False
    has_weight = row.filled > 0 or row.status not in _OVER
    return has_weight or _fired(gtt, row) is not None


def _child(name: str, exact: Mapping[str, Sequence[OrderRow]]) -> OrderRow | None:
    """Return the one order that can be this GTT's.

    Of GTTs that say the same it matters to nobody which placed which, if there are as many orders as GTTs.
    """
    rows = exact[name]
    ids = {row.broker_order_id for row in rows}
    alike = [other for other, theirs in exact.items() if ids & {row.broker_order_id for row in theirs}]
    is_same = all(exact[other] == rows for other in alike)
    is_alike = len({(row.price, row.quantity) for row in rows}) == 1
    is_dated = all(row.updated_at is not None for row in rows)
    if not (is_same and is_alike and is_dated and len(rows) == len(alike)):
        return None
    return rows[alike.index(name)]


def _fired(gtt: Known, child: OrderRow) -> GttRow | None:
    """Return the GTT as one that placed this order; None where it has no leg that says the same."""
    for legs in reversed(gtt.versions):
        for at, leg in enumerate(legs):
            if (leg.price, leg.quantity) == (child.price, child.quantity):
                named = replace(leg, child_order_id=child.broker_order_id)
                return replace(
                    gtt.row,
                    status=GttStatus.TRIGGERED,
                    legs=(*legs[:at], named, *legs[at + 1 :]),
                    updated_at=child.updated_at,
                )
    return None
