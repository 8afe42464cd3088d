"""Which orders of the book are ours: those are no GTT's.

Nothing here is the only copy: what this process did not place itself, the record tells.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from broker.base import NotSent, OrderAck, OrderRejected, OrderRequest, OrderRow, OwnedIds
from services.bracket.model import Side

# How long an order that nobody answered for is thought of when one is found that says the same.
_UNDER_WAY = timedelta(minutes=10)

_Content = tuple[str, str, Side, str, int, Decimal | None]


class OwnOrders:
    """Safe to use from many threads: every change is one of a dictionary's own."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._under_way: dict[object, tuple[_Content, float]] = {}
        self.owned: OwnedIds = lambda _: frozenset()

    @contextmanager
    def sending(self, order: OrderRequest, now: float) -> Iterator[list[OrderAck]]:
        """Note an order while it is under way: the book may show it before its id is known, or for good.

        The ack is to be put on the list.
        """
        mark, acks = object(), list[OrderAck]()
        content = (order.exchange, order.symbol, order.side, order.product.value)
        self._under_way[mark] = ((*content, order.terms.quantity, order.terms.price), now)
        try:
            yield acks
        except (OrderRejected, NotSent):
            del self._under_way[mark]
            raise
        for ack in acks:
            self._ids[ack.broker_order_id] = None
            del self._under_way[mark]

    def others(self, rows: Iterable[OrderRow], now: float) -> tuple[OrderRow, ...]:
        """Return the orders that are not ours; one that may be has no time, and is named for nothing.

        Raises ReadFailed when the record cannot tell.
        """
        strange = [row for row in rows if row.broker_order_id not in self._ids]
        ours = self.owned(row.broker_order_id for row in strange) if strange else frozenset()
        since = now - _UNDER_WAY.total_seconds()
        waiting = {content for content, at in self._under_way.values() if at > since}
        return tuple(
            replace(row, updated_at=None) if _content(row) in waiting else row
            for row in strange
            if row.broker_order_id not in ours
        )


def _content(row: OrderRow) -> _Content:
    return (row.exchange, row.symbol, row.side, row.product, row.quantity, row.price)
