"""One Fyers account behind the broker port."""

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
from broker.fyers.api import order_api
from broker.fyers.children import is_childless, with_children
from broker.fyers.session import authorization
from broker.fyers.tickers import Tickers
from broker.http import BrokerSession
from broker.limiter import BudgetUse
from services.bracket.model import GttStatus
from utils.clock import Clock

T = TypeVar("T")

# Shares that trade every day: an app that gets no price of any of them has none to give.
_ALWAYS_QUOTED = frozenset({("NSE", "INFY"), ("NSE", "RELIANCE"), ("NSE", "SBIN")})
_ORDERS_YOUNG = timedelta(seconds=5)  # the look that reads the GTTs has just read the orders


class FyersAccount:
    """Binds one session to Fyers' calls; BrokerAccount, Renewable and TellsUser say what each promises."""

    def __init__(
        self,
        session: BrokerSession,
        capabilities: BrokerCapabilities,
        *,
        tickers: Tickers,
        clock: Clock,
    ) -> None:
        self._session = session
        self._tickers = tickers
        self._clock = clock
        self._logins = 1
        self._orders: tuple[float, tuple[OrderRow, ...]] | None = None  # as last read, and when
        self._searched: frozenset[str] = frozenset()  # fired GTTs whose child a book read for it did not show
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        self._session.authorize(authorization(auth_token))
        self._logins += 1

    def learn(self) -> None:
        self._note_plan(gives_quotes=bool(self._quotes(_ALWAYS_QUOTED)))

    def place_order(self, order: OrderRequest) -> OrderAck:
        return order_api.place_order_api(order, self._session, self._tickers)

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        order_api.modify_order_api(broker_order_id, terms, session=self._session, uses_reserve=uses_reserve)

    def cancel_order(self, broker_order_id: str) -> None:
        order_api.cancel_order_api(broker_order_id, self._session)

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return order_api.place_gtt_order_api(gtt, self._session, self._tickers)

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        order_api.modify_gtt_order_api(trigger_id, gtt, self._session)

    def cancel_gtt(self, trigger_id: str) -> None:
        order_api.cancel_gtt_order_api(trigger_id, self._session)

    def order_book(self) -> tuple[OrderRow, ...]:
        begun = self._clock.monotonic()
        rows = self._read(order_api.get_order_book)
        self._orders = (begun, rows)
        return rows

    def gtt_book(self) -> tuple[GttRow, ...]:
        rows = self._read(order_api.get_gtt_book)
        if not any(row.status is GttStatus.TRIGGERED for row in rows):
            return rows
        found = with_children(rows, self._recent_orders())
        # Fired since the orders were read: worth a call, but not one at each look when it never shows.
        missing = frozenset(row.trigger_id for row in found if is_childless(row))
        if not missing - self._searched:
            return found
        self._searched = missing
        return with_children(rows, self.order_book())

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read(order_api.get_trade_book)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(order_api.get_positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        found = self._quotes(symbols)
        if found is None or found:  # an empty answer may be about a symbol that nobody lists
            self._note_plan(gives_quotes=bool(found))
        return found or {}

    def funds(self) -> Funds:
        return self._read(order_api.get_funds)

    def user_id(self) -> str:
        return self._read(order_api.get_user_id)

    def session_alive(self) -> bool:
        try:
            self.user_id()
        except AuthDead:
            return False
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: pushes come by the account's stream and by postbacks."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of Fyers' rate limits."""
        return self._session.rate_use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago."""
        self._session.count_sent(ages)

    def close(self) -> None:
        self._session.close()

    def _quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote] | None:
        at = self._clock.now()
        return self._read(
            lambda session: order_api.get_quotes(symbols, session, tickers=self._tickers, at=at)
        )

    def _recent_orders(self) -> tuple[OrderRow, ...]:
        known = self._orders
        if known is not None and self._clock.monotonic() - known[0] <= _ORDERS_YOUNG.total_seconds():
            return known[1]
        return self.order_book()

    def _read(self, call: Callable[[BrokerSession], T]) -> T:
        before = self._logins
        try:
            return call(self._session)
        except AuthDead as exc:
            if self._logins == before:
                raise
            # The answer is about the token before: that the new one is dead is not said.
            raise ReadFailed("a new login replaced the token while the call was out") from exc

    def _note_plan(self, *, gives_quotes: bool) -> None:
        if gives_quotes is not self.capabilities.gives_quotes:
            self.capabilities = replace(self.capabilities, gives_quotes=gives_quotes)
