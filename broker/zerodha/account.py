"""One Zerodha account behind the broker port."""

from broker.base import (
    BrokerCapabilities,
    Funds,
    GttRequest,
    GttRow,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    Terms,
    TradeRow,
    WakeUp,
)
from broker.http import BrokerSession
from broker.zerodha.api import order_api
from broker.zerodha.row_memory import RowMemory


class ZerodhaAccount:
    """Binds one session to Kite's calls; see BrokerAccount for what each promises."""

    def __init__(self, session: BrokerSession, capabilities: BrokerCapabilities) -> None:
        self._session = session
        self._rows = RowMemory()
        self.capabilities = capabilities

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
        return order_api.get_order_book(self._session, self._rows)

    def gtt_book(self) -> tuple[GttRow, ...]:
        return order_api.get_gtt_book(self._session)

    def trade_book(self) -> tuple[TradeRow, ...]:
        return order_api.get_trade_book(self._session)

    def positions(self) -> tuple[PositionRow, ...]:
        return order_api.get_positions(self._session)

    def quotes(self, symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        return order_api.get_quotes(symbols, self._session)

    def funds(self) -> Funds:
        return order_api.get_funds(self._session)

    def session_alive(self) -> bool:
        return order_api.session_alive(self._session)

    def listen(self, wake_up: WakeUp) -> None:
        """Do nothing: this adapter has no push stream, as its capabilities say."""

    def close(self) -> None:
        self._session.close()
