"""One Upstox account behind the broker port."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from broker.base import (
    AuthDead,
    BrokerCapabilities,
    Funds,
    GttRequest,
    GttRow,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
    WakeUp,
)
from broker.limiter import BudgetUse
from broker.upstox.api import order_api
from broker.upstox.brackets import Book, Known
from broker.upstox.session import UpstoxSession
from utils.clock import Clock

T = TypeVar("T")


class UpstoxAccount:
    """Binds one session to Upstox's calls; see BrokerAccount and TellsUser for what each promises."""

    def __init__(self, session: UpstoxSession, capabilities: BrokerCapabilities, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._tokens = 1
        self._known = Known()
        self._lock = threading.Lock()  # a cancel's answer may come while the books are read
        self._parts: dict[str, str] = {}  # as the last order book told them
        self._seen: frozenset[str] = frozenset()
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        self._session.authorize(auth_token)
        self._tokens += 1

    def learn(self) -> None:
        """Find nothing out: every session may do the same. Raises as promised when it is dead."""
        self._read(order_api.get_user_id)

    def user_id(self) -> str:
        return self._read(order_api.get_user_id)

    def place_order(self, order: OrderRequest) -> OrderAck:
        return order_api.place_order_api(order, self._session)

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        order_api.modify_order_api(broker_order_id, terms, session=self._session, uses_reserve=uses_reserve)

    def cancel_order(self, broker_order_id: str) -> None:
        gtt_id = order_api.cancel_order_api(broker_order_id, self._session)
        if gtt_id is not None:
            with self._lock:
                self._known = replace(self._known, cancelled=self._known.cancelled | {gtt_id})

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        raise OrderRejected("Upstox has no GTT that only exits: one begins with an entry")

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        raise OrderRejected("Upstox has no GTT that only exits: one begins with an entry")

    def cancel_gtt(self, trigger_id: str) -> None:
        order_api.cancel_gtt_order_api(trigger_id, self._session)

    def order_book(self) -> tuple[OrderRow, ...]:
        book = self._book()
        try:
            return book.rows(self._session.names)
        except ValueError as exc:
            raise ReadFailed(f"a book of Upstox's has an impossible row: {exc}") from exc

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read(order_api.get_gtt_book)

    def trade_book(self) -> tuple[TradeRow, ...]:
        rows = self._trades()
        if all(row.broker_order_id in self._seen for row in rows):
            return rows
        self._book()  # traded since the orders were read
        return self._trades()

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(order_api.get_positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        return self._read(lambda session: order_api.get_quotes(symbols, session, at=self._clock.now()))

    def funds(self) -> Funds:
        return self._read(order_api.get_funds)

    def session_alive(self) -> bool:
        try:
            self._read(order_api.get_user_id)
        except AuthDead:
            return False
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: pushes come by the app's webhook."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of Upstox's rate limits."""
        return self._session.rate_use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago."""
        self._session.count_sent(ages)

    def close(self) -> None:
        self._session.close()

    def _book(self) -> Book:
        known = self._known
        book = self._read(lambda session: order_api.get_order_book(session, known))
        self._parts = book.parts()
        self._seen = frozenset(order.order_id for order in book.regular) | frozenset(self._parts.values())
        with self._lock:
            self._known = book.known(self._known)
        return book

    def _trades(self) -> tuple[TradeRow, ...]:
        return self._read(lambda session: order_api.get_trade_book(session, self._parts))

    def _read(self, call: Callable[[UpstoxSession], T]) -> T:
        before = self._tokens
        try:
            return call(self._session)
        except AuthDead as exc:
            if self._tokens == before:
                raise
            # The answer is about the token before: that the new one is dead is not said.
            raise ReadFailed("a new login replaced the token while the call was out") from exc
