"""The line between the service and the broker: it loses, delays, refuses and lies as a test tells it."""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

from broker.base import (
    AuthDead,
    BrokerAccount,
    Funds,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    WakeUp,
)
from broker.limiter import AccountLimiter, Lane
from services.bracket.model import (
    GttRequest,
    GttRow,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    RefusalKind,
    Terms,
    TradeRow,
)

Answer = TypeVar("Answer")
Symbol = tuple[str, str]
Call = Callable[[], Any]
Mishap = Callable[[Call], Any]

_ROLES = {"E": "place entry", "X": "place exit", "U": "place unwind"}


class Killed(BaseException):
    """kill -9 at this very point. No handler of the service may see it, so it is no Exception."""


def lost_answer(call: Call) -> Any:
    """The broker does it; nobody hears of it."""
    call()
    raise OutcomeUnknown("time-out waiting for the answer")


def lost_request(_call: Call) -> Any:
    """It never arrives, and nobody can tell."""
    raise OutcomeUnknown("connection reset by peer")


def no_connection(_call: Call) -> Any:
    """No byte leaves."""
    raise NotSent("connection refused")


def too_many_requests(_call: Call) -> Any:
    """A limiter holds it back before the broker looks at it."""
    raise RateLimited("HTTP 429: too many requests")


def throttled(limiter: AccountLimiter, lane: Lane) -> Mishap:
    """The call goes out only while the lane has room in the account's own limit."""

    def ask(call: Call) -> Any:
        limiter.acquire(lane)
        return call()

    return ask


def read_fails(_call: Call) -> Any:
    raise ReadFailed("HTTP 502")


def dead_token(_call: Call) -> Any:
    raise AuthDead("HTTP 403: token is invalid or has expired")


def killed_before(_call: Call) -> Any:
    """We die with the intention on disk and no byte sent."""
    raise Killed


def killed_after(call: Call) -> Any:
    """The broker does it; we die before we hear of it."""
    call()
    raise Killed


def refused(kind: RefusalKind, reason: str) -> Mishap:
    def refuse(_call: Call) -> Any:
        raise OrderRejected(reason, kind)

    return refuse


class Line:
    """Satisfies BrokerAccount. Without a mishap told, every call reaches the exchange at once."""

    def __init__(self, broker: BrokerAccount) -> None:
        self.capabilities = broker.capabilities
        self.calls: list[str] = []
        self._broker = broker
        self._mishaps: dict[str, deque[Mishap]] = defaultdict(deque)
        self._lasting: dict[str, Mishap] = {}
        self._lies: dict[str, Callable[[Any], Any]] = {}
        self._delayed: list[Call] = []
        self.is_session_alive = True

    # --- what a test tells

    def next(self, operation: str, *mishaps: Mishap) -> None:
        """Let the next calls of an operation go wrong, one mishap each."""
        self._mishaps[operation] += mishaps

    def every(self, operation: str, mishap: Mishap) -> None:
        """Let all calls of an operation go wrong until `heal`."""
        self._lasting[operation] = mishap

    def heal(self) -> None:
        """Let everything go right and be told truly again."""
        self._mishaps.clear()
        self._lasting.clear()
        self._lies.clear()
        self.is_session_alive = True

    def lie(self, book: str, tell: Callable[[Any], Any]) -> None:
        """Change what a book shows: orders, gtts, trades, positions (tuples of rows), quotes (a dict)."""
        self._lies[book] = tell

    def slow(self, call: Call) -> Any:
        """A mishap: acknowledged at once, carried out when the test lets it `arrive`."""
        self._delayed.append(call)

    def late(self, call: Call) -> Any:
        """A mishap: given up by us, still on its way, and taken in when the test lets it `arrive`."""
        self._delayed.append(call)
        raise OutcomeUnknown("time-out waiting for the answer")

    def arrive(self) -> None:
        """Carry out what was slow or late, in order; a refusal reaches nobody any more."""
        delayed, self._delayed = self._delayed, []
        for call in delayed:
            try:
                call()
            except OrderRejected:
                continue

    def count(self, operation: str) -> int:
        return self.calls.count(operation)

    # --- the port

    def place_order(self, order: OrderRequest) -> OrderAck:
        return self._pass(_ROLES[order.tag[8]], lambda: self._broker.place_order(order))

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        self._pass(
            "modify", lambda: self._broker.modify_order(broker_order_id, terms, uses_reserve=uses_reserve)
        )

    def cancel_order(self, broker_order_id: str) -> None:
        self._pass("cancel", lambda: self._broker.cancel_order(broker_order_id))

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return self._pass("place gtt", lambda: self._broker.place_gtt(gtt))

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        self._pass("modify gtt", lambda: self._broker.modify_gtt(trigger_id, gtt))

    def cancel_gtt(self, trigger_id: str) -> None:
        self._pass("cancel gtt", lambda: self._broker.cancel_gtt(trigger_id))

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._read("orders", self._broker.order_book)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read("gtts", self._broker.gtt_book)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read("trades", self._broker.trade_book)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read("positions", self._broker.positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        return self._read("quotes", lambda: self._broker.quotes(symbols))

    def funds(self) -> Funds:
        return self._broker.funds()

    def session_alive(self) -> bool:
        return self.is_session_alive

    def listen(self, wake_up: WakeUp) -> None:
        self._broker.listen(wake_up)

    def close(self) -> None:
        self._broker.close()

    def _pass(self, operation: str, call: Callable[[], Answer]) -> Answer:
        self.calls.append(operation)
        if self._mishaps[operation]:
            return cast("Answer", self._mishaps[operation].popleft()(call))
        if operation in self._lasting:
            return cast("Answer", self._lasting[operation](call))
        return call()

    def _read(self, book: str, call: Callable[[], Answer]) -> Answer:
        shown = self._pass(book, call)
        return cast("Answer", self._lies[book](shown)) if book in self._lies else shown
