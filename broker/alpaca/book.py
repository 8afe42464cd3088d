"""All orders of an account that may matter today, read in one call where one will do.

Alpaca lists orders by when they were sent, 500 a call, and an order that is good until cancelled may be three
months old. The first read takes all pages of that time. From then on the latest page is enough, with a call
for each older order that was still live. What a replaced order replaced is asked for once: it never changes.
"""

import threading
from datetime import datetime, time, timedelta
from typing import Protocol

from broker.alpaca.chains import Chain, Orders, arranged, unexplained
from broker.alpaca.mapping import is_live
from broker.alpaca.schemas import Order
from broker.alpaca.words import EXCHANGE
from utils.clock import Clock
from utils.constants import zone_of

PAGE = 500
REACH = timedelta(days=95)  # an order that is good until cancelled is cancelled after 90 days
YOUNG = timedelta(seconds=5)  # the look that reads positions or fills has just read the orders
FRESH = timedelta(seconds=1)  # the same for OCO orders, which are those orders themselves


class Pages(Protocol):
    """Where orders come from. Both raise ReadFailed or AuthDead."""

    def latest(self, *, after: datetime, until: datetime | None) -> list[Order]:
        """Return at most PAGE orders with their legs, the latest first."""
        ...

    def one(self, order_id: str) -> Order:
        """Return one order with its legs."""
        ...


class OrderBook:
    """The account's orders as last read. Thread-safe."""

    def __init__(self, pages: Pages, clock: Clock) -> None:
        self._pages = pages
        self._clock = clock
        self._lock = threading.Lock()
        self._older: dict[str, Order] | None = None  # what the last read had to keep; None before the first
        self._links: dict[str, str | None] = {}
        self._last: tuple[float, Orders] | None = None
        self._told: dict[str, Order] = {}  # what answers to our changes showed since the last read
        self._is_touched = False  # whether something was written since

    def read(self) -> Orders:
        """Read the orders. Raises ReadFailed or AuthDead; what was known stays then."""
        with self._lock:
            begun = self._clock.monotonic()
            self._told, self._is_touched = {}, False
            tops = self._tops()
            while asked := unexplained(tops.values(), self._links):
                self._links |= {order_id: self._pages.one(order_id).replaces for order_id in asked}
            found = arranged(tops.values(), self._links)
            self._older = {order.id: order for order in tops.values() if self._matters(order, found)}
            self._last = (begun, found)
            return found

    def recent(self, age: timedelta = YOUNG) -> Orders:
        """Return the orders, not older than that nor than what we wrote. Raises ReadFailed or AuthDead."""
        known = self._last
        is_known = known is not None and not self._is_touched
        if known is not None and is_known and self._clock.monotonic() - known[0] <= age.total_seconds():
            return known[1]
        return self.read()

    def touch(self) -> None:
        """Say that something was written: what was read before does not show it."""
        self._is_touched = True

    def known(self, first_id: str) -> Chain | None:
        """Return an order as last heard of, None for one that no read has shown."""
        told, last = self._told.get(first_id), self._last
        chain = None if last is None else last[1].chains.get(first_id)
        if told is None:
            return chain
        parent_id = None if chain is None else chain.parent_id
        return Chain(first_id=first_id, members=(told,), parent_id=parent_id)

    def exits_of(self, first_id: str) -> list[Chain]:
        last = self._last
        chains = [] if last is None else last[1].exits_of(first_id)
        return [self.known(one.first_id) or one for one in chains]

    def note(self, first_id: str, order: Order) -> None:
        """Note what an answer showed of an order: it goes by another id from now on."""
        self._told[first_id] = order

    def day_began(self) -> datetime:
        """Return when the exchange's day began."""
        zone = zone_of(EXCHANGE)
        return datetime.combine(self._clock.now().astimezone(zone).date(), time(), zone)

    def _tops(self) -> dict[str, Order]:
        after = self._clock.now() - REACH
        page = self._pages.latest(after=after, until=None)
        found = {order.id: order for order in page}
        if self._older is not None:
            return {**self._still(found), **found}
        while len(page) >= PAGE:
            page = self._pages.latest(after=after, until=page[-1].submitted_at)
            if all(order.id in found for order in page):
                break  # nothing but what the page before ended with
            found |= {order.id: order for order in page}
        return found

    def _still(self, found: dict[str, Order]) -> dict[str, Order]:
        kept = {} if self._older is None else self._older
        missing = [order for order_id, order in kept.items() if order_id not in found]
        return {order.id: self._pages.one(order.id) if _lives(order) else order for order in missing}

    def _matters(self, order: Order, found: Orders) -> bool:
        return _lives(order) or order.updated_at >= self.day_began()


def _lives(order: Order) -> bool:
    alone = arranged([order], {})
    return any(is_live(chain, alone) for chain in alone.chains.values() if chain.current.status != "replaced")
