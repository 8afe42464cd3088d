"""One Alpaca account behind the broker port."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from broker.alpaca.api import order_api
from broker.alpaca.api.auth_api import get_user_id
from broker.alpaca.api.market_api import get_quotes
from broker.alpaca.book import OrderBook
from broker.alpaca.session import AlpacaSession, Keys, home_of, keys_of
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
from broker.limiter import BudgetUse
from utils.clock import Clock

T = TypeVar("T")

_ALWAYS_QUOTED = frozenset({("US", "AAPL"), ("US", "MSFT"), ("US", "SPY")})


class AlpacaAccount:
    """Binds one session to Alpaca's calls; BrokerAccount, Renewable and TellsUser say what each promises."""

    def __init__(
        self, session: AlpacaSession, keys: Keys, *, capabilities: BrokerCapabilities, clock: Clock
    ) -> None:
        self._session = session
        self._keys = keys
        self._book = OrderBook(order_api.OrderPages(session), clock)
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        keys = keys_of(auth_token)
        if home_of(keys) != home_of(self._keys):
            raise ValueError("keys of another kind of account: paper and live are two accounts")
        self._session.identify(keys)
        self._keys = keys

    def learn(self) -> None:
        self._note_plan(
            gives_quotes=self._read(lambda: get_quotes(_ALWAYS_QUOTED, self._session)) is not None
        )

    def place_order(self, order: OrderRequest) -> OrderAck:
        return self._write(lambda: order_api.place_order_api(order, self._session))

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        self._write(
            lambda: order_api.modify_order_api(
                broker_order_id, terms, session=self._session, book=self._book, uses_reserve=uses_reserve
            )
        )

    def cancel_order(self, broker_order_id: str) -> None:
        self._write(
            lambda: order_api.cancel_order_api(broker_order_id, session=self._session, book=self._book)
        )

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return self._write(lambda: order_api.place_gtt_order_api(gtt, self._session))

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        self._write(
            lambda: order_api.modify_gtt_order_api(trigger_id, gtt, session=self._session, book=self._book)
        )

    def cancel_gtt(self, trigger_id: str) -> None:
        self._write(
            lambda: order_api.cancel_gtt_order_api(trigger_id, session=self._session, book=self._book)
        )

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._read(lambda: order_api.get_order_book(self._book))

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read(lambda: order_api.get_gtt_book(self._book))

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read(lambda: order_api.get_trade_book(self._session, self._book))

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(lambda: order_api.get_positions(self._session, self._book))

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        found = self._read(lambda: get_quotes(symbols, self._session))
        if found is None or found:  # an empty answer may be about a symbol that has not traded
            self._note_plan(gives_quotes=bool(found))
        return found or {}

    def funds(self) -> Funds:
        return self._read(lambda: order_api.get_funds(self._session))

    def user_id(self) -> str:
        return self._read(lambda: get_user_id(self._session))

    def session_alive(self) -> bool:
        try:
            self.user_id()
        except AuthDead:
            return False
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: pushes come by the account's stream."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of Alpaca's rate limits."""
        return self._session.rate_use()

    def close(self) -> None:
        self._session.close()

    def _write(self, call: Callable[[], T]) -> T:
        try:
            return call()
        finally:
            self._book.touch()  # what was read before does not show it, whatever became of it

    def _read(self, call: Callable[[], T]) -> T:
        before = self._keys
        try:
            return call()
        except AuthDead as exc:
            if self._keys is before:
                raise
            # The answer is about the keys before: that the new ones are dead is not said.
            raise ReadFailed("new keys came while the call was out") from exc

    def _note_plan(self, *, gives_quotes: bool) -> None:
        if gives_quotes is not self.capabilities.gives_quotes:
            self.capabilities = replace(self.capabilities, gives_quotes=gives_quotes)
