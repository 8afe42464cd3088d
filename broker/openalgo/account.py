"""One account at an OpenAlgo server behind the broker port."""

from collections.abc import Callable
from typing import TypeVar

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
from broker.openalgo.api import auth_api, order_api
from broker.openalgo.mapping import Place
from broker.openalgo.session import QUOTES_AT_ONCE, OpenalgoSession
from broker.openalgo.settling import Endings
from utils.clock import Clock

T = TypeVar("T")

_NO_GTT = (
    "an OpenAlgo server lists active GTTs only, and at some of its brokers the legs do not cancel each other:"
    " use a bracket, held by a stop"
)


class OpenalgoAccount:
    """Binds one session to the server's calls; see BrokerAccount and Renewable for what each promises."""

    def __init__(self, session: OpenalgoSession, capabilities: BrokerCapabilities, *, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._logins = 1
        self._endings = Endings()
        self._places: dict[str, Place] = {}  # of orders, as last seen: a modify has to repeat them
        self._asked: dict[Symbol, float] = {}  # when a symbol's quote was last asked for
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        self._session.renew(auth_token)
        self._logins += 1

    def learn(self) -> None:
        """Find out no more than whether the key is good: what its broker can do, the server does not tell."""
        self.funds()

    def place_order(self, order: OrderRequest) -> OrderAck:
        ack = order_api.place_order_api(order, self._session)
        place = (order.exchange, order.symbol, order.side, order.product.value)
        self._places[ack.broker_order_id] = place
        return ack

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        place = self._place_of(broker_order_id)
        order_api.modify_order_api(
            broker_order_id, terms, place=place, session=self._session, uses_reserve=uses_reserve
        )

    def cancel_order(self, broker_order_id: str) -> None:
        order_api.cancel_order_api(broker_order_id, self._session)

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        raise OrderRejected(_NO_GTT)

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        raise OrderRejected(_NO_GTT)

    def cancel_gtt(self, trigger_id: str) -> None:
        raise OrderRejected(_NO_GTT)

    def order_book(self) -> tuple[OrderRow, ...]:
        rows = self._read(order_api.get_order_book)
        # Added, not replaced: a book that lags behind lacks what was just placed.
        for row in rows:
            self._places[row.broker_order_id] = (row.exchange, row.symbol, row.side, row.product)
        return self._endings.settled(rows, self._clock.monotonic())

    def gtt_book(self) -> tuple[GttRow, ...]:
        """Return nothing: none is placed here."""
        return ()

    def trade_book(self) -> tuple[TradeRow, ...]:
        now = self._clock.now()
        return self._read(lambda session: order_api.get_trade_book(session, now))

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(order_api.get_positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        """Return the quotes of those whose turn it is: a call brings one, and a second has few."""
        turn = sorted(symbols, key=lambda symbol: (self._asked.get(symbol, 0.0), symbol))[:QUOTES_AT_ONCE]
        self._asked = {symbol: self._asked[symbol] for symbol in symbols if symbol in self._asked}
        self._asked |= dict.fromkeys(turn, self._clock.monotonic())
        at = self._clock.now()
        return self._read(lambda session: order_api.get_quotes(turn, session, at=at))

    def funds(self) -> Funds:
        return self._read(order_api.get_funds)

    def session_alive(self) -> bool:
        return auth_api.is_alive(self._session)

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: what happens is found by reading."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of the server's rate limits."""
        return self._session.rate_use()

    def close(self) -> None:
        self._session.close()

    def _place_of(self, broker_order_id: str) -> Place:
        if broker_order_id not in self._places:
            try:
                self.order_book()
            except (ReadFailed, AuthDead) as exc:
                raise NotSent(f"the book that says what order {broker_order_id} is was not read") from exc
        if broker_order_id not in self._places:
            raise NotSent(f"order {broker_order_id} is not in the book, which says what it is")
        return self._places[broker_order_id]

    def _read(self, call: Callable[[OpenalgoSession], T]) -> T:
        before = self._logins
        try:
            return call(self._session)
        except AuthDead as exc:
            if self._logins == before:
                raise
            # The answer is about the key before: that the new one is dead is not said.
            raise ReadFailed("a new key replaced the old one while the call was out") from exc
