"""One account at an OpenAlgo server behind the broker port."""

import logging
from collections.abc import Callable, Iterable
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
    OwnedIds,
    PlacedGtt,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
    WakeUp,
)
from broker.limiter import BudgetUse
from broker.openalgo.api import auth_api, gtt_api, order_api
from broker.openalgo.fates import Known, fates
from broker.openalgo.gtt_memory import GttMemory
from broker.openalgo.mapping import Place
from broker.openalgo.own_orders import OwnOrders
from broker.openalgo.session import QUOTES_AT_ONCE, OpenalgoSession
from broker.openalgo.settling import Endings
from services.bracket.model import Topology
from utils.clock import Clock
from utils.config import OcoBroker

logger = logging.getLogger(__name__)

T = TypeVar("T")

_NO_GTT = (
    "GTTs are not used at this server: at some of the brokers that it may be at, the legs do not cancel each"
    " other; OPENALGO_GTT says that it is at one where they do"
)


class OpenalgoAccount:
    """Binds one session to the server's calls; see BrokerAccount and Renewable for what each promises."""

    def __init__(
        self,
        session: OpenalgoSession,
        capabilities: BrokerCapabilities,
        *,
        clock: Clock,
        plain: BrokerCapabilities | None = None,
        behind: OcoBroker | None = None,
    ) -> None:
        """behind is the broker that the server is said to be at; plain is what is left if it is not."""
        self._session = session
        self._clock = clock
        self._declared, self._plain = capabilities, plain or capabilities
        self._behind = behind
        self._gtts = GttMemory()
        self._own = OwnOrders()
        self._book: tuple[OrderRow, ...] = ()  # as last read
        self._logins = 1
        self._endings = Endings()
        self._places: dict[str, Place] = {}  # of orders, as last seen: a modify has to repeat them
        self._asked: dict[Symbol, float] = {}  # when a symbol's quote was last asked for
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        self._session.renew(auth_token)
        self._logins += 1

    def learn(self) -> None:
        """Find out whether the key is good, and whether the server is where it is said to be and has GTTs.

        What its broker can do beyond that, the server does not tell.
        """
        self.funds()
        if self._behind is None:
            return
        is_so = self._is_where_said() and self._read(gtt_api.has_gtts)
        if not is_so:
            logger.warning("the OpenAlgo server is not at %s, or has no GTTs: one stop holds", self._behind)
        self.capabilities = self._declared if is_so else self._plain

    def follow(self, placed: Callable[[], Iterable[PlacedGtt]], owned: OwnedIds) -> None:
        self._own.owned = owned
        self._gtts.follow(placed())

    def place_order(self, order: OrderRequest) -> OrderAck:
        with self._own.sending(order, self._clock.monotonic()) as acks:
            ack = order_api.place_order_api(order, self._session)
            acks.append(ack)
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
        # Asked each time: somebody may have logged the server in elsewhere, where both legs would sell.
        if not self._holds_gtts() or not self._is_certainly_where_said():
            raise OrderRejected(_NO_GTT)
        self._gtts.note_sent(gtt, None, wall=self._clock.now())
        try:
            ack = gtt_api.place_gtt_order_api(gtt, self._session)
        except (OrderRejected, NotSent):
            self._gtts.forget_unsent(gtt)
            raise
        self._gtts.note_sent(gtt, ack.broker_order_id, wall=self._clock.now())
        return ack

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        # Noted before it goes: what it placed may say the old or the new, whatever the answer is.
        self._gtts.note_sent(gtt, trigger_id, wall=self._clock.now())
        gtt_api.modify_gtt_order_api(trigger_id, gtt, session=self._session)

    def cancel_gtt(self, trigger_id: str) -> None:
        gtt_api.cancel_gtt_order_api(trigger_id, self._session)
        self._gtts.note_cancelled(trigger_id)

    def order_book(self) -> tuple[OrderRow, ...]:
        rows = self._read(order_api.get_order_book)
        # Added, not replaced: a book that lags behind lacks what was just placed.
        for row in rows:
            self._places[row.broker_order_id] = (row.exchange, row.symbol, row.side, row.product)
        self._book = self._endings.settled(rows, self._clock.monotonic())
        return self._book

    def gtt_book(self) -> tuple[GttRow, ...]:
        """Return the GTTs that are listed, and those that were with what became of them.

        What one placed is looked for in a book between two lists that both lack it: a list that is torn, or
        an order that comes late, names nothing. Raises ReadFailed while list and book contradict each other.
        """
        if not self._holds_gtts() and not self._gtts:
            return ()
        listed, missing = self._listed()
        others = self._others(self.order_book() if missing else self._book)
        if missing:
            listed, missing = self._listed()
        now = self._clock.monotonic()
        if self._gtts.lags(others, now=now):
            raise ReadFailed("a GTT is listed as waiting, and the book has what it seems to have placed")
        return listed + self._gtts.told(fates(missing, others), now=now)

    def _listed(self) -> tuple[tuple[GttRow, ...], tuple[Known, ...]]:
        """Return what the server lists, and what it lists no more and nobody knows the end of."""
        wall, now = self._clock.now(), self._clock.monotonic()
        rows = self._read(gtt_api.get_gtt_book)
        return rows, self._gtts.take_list(rows, wall=wall, now=now)

    def _others(self, book: tuple[OrderRow, ...]) -> tuple[OrderRow, ...]:
        """Return the orders of a book that a GTT may have placed: where one is, and not ours."""
        concerned = [row for row in book if self._gtts.concerns(row)]
        return self._own.others(concerned, self._clock.monotonic())

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

    def _is_where_said(self) -> bool:
        """Whether the server is at the broker that it is said to be at. Raises ReadFailed or AuthDead."""
        return self._behind is not None and self._read(gtt_api.broker_behind) == self._behind.value

    def _is_certainly_where_said(self) -> bool:
        """The same, before a write. Raises NotSent or AuthDead."""
        try:
            return self._is_where_said()
        except ReadFailed as exc:
            raise NotSent("the server did not say which broker it is at") from exc

    def _holds_gtts(self) -> bool:
        return Topology.OCO in self.capabilities.topologies.values()

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
