"""One Angel One account behind the broker port."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from broker.angel.api import order_api
from broker.angel.mapping import note_of, order_rows
from broker.angel.notes import OrderNote, OrderNotes
from broker.angel.schemas import Order
from broker.angel.scripts import Scripts, symbol_of
from broker.angel.session import AngelSession
from broker.base import (
    AuthDead,
    BrokerCapabilities,
    Funds,
    GttRequest,
    GttRow,
    NotSent,
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
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

T = TypeVar("T")

YOUNG_SECONDS = 30.0  # how long an order that the book omits is asked for by its unique id
_MOST_LOOK_UPS = 5  # of one read: they are ten a second
_NO_TRIGGERS = (
    "Angel One's triggers (GTT) are single ones: two of them do not cancel each other, so none is placed"
)


class AngelAccount:
    """Binds one session to Angel's calls; BrokerAccount, Renewable and TellsUser say what each promises."""

    def __init__(
        self, session: AngelSession, capabilities: BrokerCapabilities, *, scripts: Scripts, clock: Clock
    ) -> None:
        self._session = session
        self._scripts = scripts
        self._clock = clock
        self._notes = OrderNotes(young_seconds=YOUNG_SECONDS)
        self._logins = 1
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        self._session.renew(auth_token)
        self._logins += 1

    def learn(self) -> None:
        """Ask whose session it is, so that a dead token is known before a trade; every app has prices."""
        self.user_id()

    def place_order(self, order: OrderRequest) -> OrderAck:
        script = self._scripts.of((order.exchange, order.symbol))
        placed = order_api.place_order_api(order, script, self._session)
        now, unique_id = self._clock.monotonic(), placed.uniqueorderid or ""
        self._notes.add(placed.orderid, note_of(order, script), unique_id=unique_id, now=now)
        return OrderAck(broker_order_id=placed.orderid)

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        note = self._note(broker_order_id)
        if note is None:
            raise NotSent(f"no book shows order {broker_order_id}: what a change must repeat is not known")
        whole = self._with_number(note)
        order_api.modify_order_api(
            broker_order_id, terms, whole, session=self._session, uses_reserve=uses_reserve
        )

    def cancel_order(self, broker_order_id: str) -> None:
        order_api.cancel_order_api(broker_order_id, self._note(broker_order_id), self._session)

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        raise OrderRejected(_NO_TRIGGERS)

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        raise OrderRejected(_NO_TRIGGERS)

    def cancel_gtt(self, trigger_id: str) -> None:
        raise OrderRejected(_NO_TRIGGERS)

    def order_book(self) -> tuple[OrderRow, ...]:
        rows = self._book()
        return order_rows((*rows, *self._omitted(rows)))

    def gtt_book(self) -> tuple[GttRow, ...]:
        """Return nothing: no trigger is ours."""
        return ()

    def trade_book(self) -> tuple[TradeRow, ...]:
        today = self._clock.now().astimezone(EXCHANGE_ZONE).date()
        return self._read(lambda session: order_api.get_trade_book(session, today))

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(order_api.get_positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        at = self._clock.now()
        return self._read(
            lambda session: order_api.get_quotes(symbols, session, scripts=self._scripts, at=at)
        )

    def funds(self) -> Funds:
        return self._read(order_api.get_funds)

    def user_id(self) -> str:
        return self._read(order_api.get_client_code)

    def session_alive(self) -> bool:
        try:
            self.user_id()
        except AuthDead:
            return False
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: pushes come by postbacks."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of Angel's rate limits."""
        return self._session.wire.rate_use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago."""
        self._session.wire.count_sent(ages)

    def close(self) -> None:
        self._session.wire.close()

    def _note(self, order_id: str) -> OrderNote | None:
        """Return what a change must repeat; after a restart it is read. Raises NotSent or AuthDead."""
        if self._notes.of(order_id) is None:
            try:
                self._book()
            except ReadFailed as exc:
                raise NotSent(f"the order book could not be read: {exc}") from exc
        return self._notes.of(order_id)

    def _with_number(self, note: OrderNote) -> OrderNote:
        """Return a note with the instrument's number, which the book may leave out."""
        if note.token:
            return note
        symbol = note.exchange, symbol_of(note.trading_symbol, note.exchange)
        return replace(note, token=self._scripts.of(symbol).token)

    def _book(self) -> tuple[Order, ...]:
        rows = self._read(order_api.get_order_book)
        self._notes.take_book(rows)
        return rows

    def _omitted(self, rows: tuple[Order, ...]) -> tuple[Order, ...]:
        """Return the orders placed lately that the book, which lags, does not show."""
        shown = {row.orderid for row in rows}
        unseen = self._notes.unseen(self._clock.monotonic())[:_MOST_LOOK_UPS]
        found = (self._looked_up(unique_id) for unique_id in unseen)
        return tuple(row for row in found if row is not None and row.orderid not in shown)

    def _looked_up(self, unique_id: str) -> Order | None:
        try:
            return self._read(lambda session: order_api.get_order(unique_id, session))
        except ReadFailed:
            return None  # the book is an answer without it; that it is not found proves nothing

    def _read(self, call: Callable[[AngelSession], T]) -> T:
        before = self._logins
        try:
            return call(self._session)
        except AuthDead as exc:
            if self._logins == before:
                raise
            # The answer is about the token before: that the new one is dead is not said.
            raise ReadFailed("a new login replaced the token while the call was out") from exc
