"""The desk for native brackets: brings their exits, and says what one order of them moves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from services.bracket.model import Instrument, OrderRequest, Terms
from simulator.ledger import Ledger
from simulator.native import after_entry, after_exit, brought_by, exit_terms, moved_with
from simulator.orders import Order
from simulator.risk import check_terms
from simulator.settings import ExchangeSettings


class NativeDesk:
    """Looks at the ledger; the order desk puts there what it returns."""

    def __init__(self, ledger: Ledger, *, settings: ExchangeSettings) -> None:
        self._ledger = ledger
        self._settings = settings
        self._news: list[tuple[Order, Order]] = []  # as it was, as it became

    def check(self, request: OrderRequest, instrument: Instrument) -> None:
        """Refuse exits that no exchange takes. The band is not looked at: they wait for the entry."""
        for terms in exit_terms(request.terms).values():
            check_terms(terms, request.side.opposite, instrument=instrument, market=None)

    def bring(self, entry: Order, terms: Terms) -> tuple[Order, ...]:
        """Return a new order, followed by the exits that come with it if it is a native bracket."""
        if not terms.is_native:
            return (entry,)
        exits = [
            brought_by(entry, self._next_id(entry), purpose=purpose, terms=wanted)
            for purpose, wanted in exit_terms(terms).items()
        ]
        ids = tuple(one.order_id for one in exits)
        return replace(entry, exit_ids=ids, hides_tag=not self._settings.native.shows_tag), *exits

    def move(self, entry: Order, terms: Terms) -> list[Order]:
        """Return the exits that wait for an entry, once it has new terms."""
        return moved_with(entry, self._exits(entry), terms) if terms.is_native else []

    def note(self, before: Order | None, after: Order) -> None:
        """Hear what became of an order; whoever stands alone moves nobody."""
        if before is not None and (after.exit_ids or after.parent_id or after.twin_id):
            self._news.append((before, after))

    def moves(self, now: datetime) -> Iterator[list[Order]]:
        """Yield what moves together because of one thing noted, until nothing more was noted."""
        while self._news:
            before, after = self._news.pop(0)
            yield self._moved_by(before, after, now)

    def _moved_by(self, before: Order, after: Order, now: datetime) -> list[Order]:
        settings = self._settings.native
        if after.exit_ids:
            return after_entry(before, after, self._exits(after), settings=settings, now=now)
        siblings = self._siblings(after)
        moves = (after_exit(before, after, one, settings=settings, now=now) for one in siblings)
        return [moved for group in moves for moved in group]

    def _siblings(self, order: Order) -> list[Order]:
        twin = self._ledger.orders.get(order.twin_id or "")
        if twin is not None:
            return [twin]
        entry = self._ledger.orders.get(order.parent_id or "")
        return [one for one in self._exits(entry) if one.order_id != order.order_id] if entry else []

    def _exits(self, entry: Order) -> tuple[Order, ...]:
        found = (self._ledger.orders.get(order_id) for order_id in entry.exit_ids)
        return tuple(order for order in found if order is not None)

    def _next_id(self, entry: Order) -> str:
        return f"{entry.order_id[:8]}{self._ledger.next_number(self._settings):011d}"
