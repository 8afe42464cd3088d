"""One Dhan account behind the broker port."""

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
from broker.dhan.api import order_api
from broker.dhan.session import TOKEN_HEADER, DhanSession, token_parts
from broker.limiter import BudgetUse
from utils.clock import Clock

T = TypeVar("T")

_SUBSCRIBED = "Active"


class DhanAccount:
    """Binds one session to Dhan's calls; BrokerAccount, Renewable and TellsUser say what each promises."""

    def __init__(self, session: DhanSession, capabilities: BrokerCapabilities, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._tokens = 1
        self.capabilities = capabilities

    def renew(self, auth_token: str) -> None:
        client_id, access_token = token_parts(auth_token)
        if client_id != self._session.client_id:
            raise ValueError("a dhan token of another client")
        self._session.wire.authorize(access_token, header=TOKEN_HEADER)
        self._tokens += 1

    def learn(self) -> None:
        found = self._read(order_api.get_profile)
        self._note_plan(gives_quotes=found.dataPlan == _SUBSCRIBED)

    def place_order(self, order: OrderRequest) -> OrderAck:
        return order_api.place_order_api(order, self._session)

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        order_api.modify_order_api(broker_order_id, terms, session=self._session, uses_reserve=uses_reserve)

    def cancel_order(self, broker_order_id: str) -> None:
        order_api.cancel_order_api(broker_order_id, self._session)

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return order_api.place_gtt_order_api(gtt, self._session)

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        order_api.modify_gtt_order_api(trigger_id, gtt, session=self._session)

    def cancel_gtt(self, trigger_id: str) -> None:
        order_api.cancel_gtt_order_api(trigger_id, self._session)

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._read(order_api.get_order_book)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return self._read(order_api.get_gtt_book)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return self._read(order_api.get_trade_book)

    def positions(self) -> tuple[PositionRow, ...]:
        return self._read(order_api.get_positions)

    def quotes(self, symbols: frozenset[Symbol]) -> dict[Symbol, Quote]:
        found = self._read(lambda session: order_api.get_quotes(symbols, session, at=self._clock.now()))
        if found is None or found:  # an empty answer may be about a symbol that has not traded
            self._note_plan(gives_quotes=bool(found))
        return found or {}

    def funds(self) -> Funds:
        return self._read(order_api.get_funds)

    def user_id(self) -> str:
        return self._read(order_api.get_profile).dhanClientId

    def session_alive(self) -> bool:
        try:
            self.user_id()
        except AuthDead:
            return False
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: pushes come by the account's stream and by postbacks."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of Dhan's rate limits."""
        return self._session.wire.rate_use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago."""
        self._session.wire.count_sent(ages)

    def close(self) -> None:
        self._session.wire.close()

    def _read(self, call: Callable[[DhanSession], T]) -> T:
        before = self._tokens
        try:
            return call(self._session)
        except AuthDead as exc:
            if self._tokens == before:
                raise
            # The answer is about the token before: that the new one is dead is not said.
            raise ReadFailed("a new login replaced the token while the call was out") from exc

    def _note_plan(self, *, gives_quotes: bool) -> None:
        if gives_quotes is not self.capabilities.gives_quotes:
            self.capabilities = replace(self.capabilities, gives_quotes=gives_quotes)
