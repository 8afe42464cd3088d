"""A broker account whose calls are timed for /metrics, whatever the adapter, and which may claim less.

Nothing else is changed.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

from broker.base import (
    AuthDead,
    BrokerAccount,
    BrokerCapabilities,
    FollowsGtts,
    Funds,
    GttRequest,
    GttRow,
    NotSent,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    OutcomeUnknown,
    OwnedIds,
    PlacedGtt,
    PositionRow,
    Quote,
    RateLimited,
    ReadFailed,
    Renewable,
    Terms,
    TradeRow,
    WakeUp,
)
from broker.limiter import BudgetUse, Counting, Metered
from utils.clock import elapsed_timer
from utils.metrics import BROKER_CALL_SECONDS

T = TypeVar("T")
Narrow = Callable[[BrokerCapabilities], BrokerCapabilities]

# Narrow before wide: a RateLimited is a NotSent.
_OUTCOMES = (
    (OrderRejected, "rejected"),
    (RateLimited, "rate_limited"),
    (NotSent, "not_sent"),
    (OutcomeUnknown, "unknown"),
    (AuthDead, "auth_dead"),
    (ReadFailed, "read_failed"),
)


class MeasuredAccount:
    """Passes every call on and notes how long it took and how it ended."""

    def __init__(self, broker: str, account: BrokerAccount, *, narrow: Narrow = lambda can: can) -> None:
        """broker is the name of its adapter; narrow returns what is left of its capabilities."""
        self._broker = broker
        self._account = account
        self._narrow = narrow

    @property
    def capabilities(self) -> BrokerCapabilities:
        return self._narrow(self._account.capabilities)

    def place_order(self, order: OrderRequest) -> OrderAck:
        return self._timed("place_order", lambda: self._account.place_order(order))

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        self._timed(
            "modify_order",
            lambda: self._account.modify_order(broker_order_id, terms, uses_reserve=uses_reserve),
        )

    def cancel_order(self, broker_order_id: str) -> None:
        self._timed("cancel_order", lambda: self._account.cancel_order(broker_order_id))

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return self._timed("place_gtt", lambda: self._account.place_gtt(gtt))

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        self._timed("modify_gtt", lambda: self._account.modify_gtt(trigger_id, gtt))

    def cancel_gtt(self, trigger_id: str) -> None:
        self._timed("cancel_gtt", lambda: self._account.cancel_gtt(trigger_id))

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._timed("order_book", self._account.order_book)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._timed("gtt_book", self._account.gtt_book)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._timed("trade_book", self._account.trade_book)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._timed("positions", self._account.positions)

    def quotes(self, symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        return self._timed("quotes", lambda: self._account.quotes(symbols))

    def funds(self) -> Funds:
        return self._timed("funds", self._account.funds)

    def session_alive(self) -> bool:
        return self._timed("session_alive", self._account.session_alive)

    def listen(self, wake_up: WakeUp) -> None:
        self._account.listen(wake_up)

    def close(self) -> None:
        self._account.close()

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of each limit; nothing where calls are not counted."""
        return self._account.rate_use() if isinstance(self._account, Metered) else ()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Have orders that went out so long ago counted, where calls are."""
        if isinstance(self._account, Counting):
            self._account.count_sent(ages)

    def follow(self, placed: Callable[[], Iterable[PlacedGtt]], owned: OwnedIds) -> None:
        """Tell an account of our GTTs that has to know them."""
        if isinstance(self._account, FollowsGtts):
            self._account.follow(placed, owned)

    def renew(self, auth_token: str) -> None:
        """Pass a new token on to an account that takes one. Raises ValueError for a damaged token."""
        if isinstance(self._account, Renewable):
            self._account.renew(auth_token)

    def learn(self) -> None:
        """Have the account find out what its session may do. Raises ReadFailed or AuthDead."""
        if isinstance(self._account, Renewable):
            self._timed("learn", self._account.learn)

    def _timed(self, operation: str, call: Callable[[], T]) -> T:
        outcome, began = "broken", elapsed_timer()  # what no adapter may raise
        try:
            answer = call()
            outcome = "ok"
        except tuple(kind for kind, _ in _OUTCOMES) as exc:
            outcome = next(word for kind, word in _OUTCOMES if isinstance(exc, kind))
            raise
        finally:
            BROKER_CALL_SECONDS.labels(self._broker, operation, outcome).observe(elapsed_timer() - began)
        return answer
