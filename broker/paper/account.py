"""One paper account: the port's calls bound to a session."""

from broker.base import Funds, OrderAck, OrderRow, PositionRow, Quote, TradeRow, WakeUp
from broker.paper.api import order_api
from broker.paper.capabilities import capabilities
from broker.paper.session import PaperSession
from services.bracket.model import (
    BrokerCapabilities,
    GttRequest,
    GttRow,
    OrderRequest,
    Terms,
)
from simulator.news import StopListening


class PaperAccount:
    """Satisfies BrokerAccount. Thread-safe, as the exchange is."""

    def __init__(self, session: PaperSession) -> None:
        self.capabilities: BrokerCapabilities = capabilities()
        self._session = session
        self._listening: list[StopListening] = []

    def place_order(self, order: OrderRequest) -> OrderAck:
        return order_api.place_order_api(order, self._session)

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        order_api.modify_order_api(broker_order_id, self._session, terms=terms)

    def cancel_order(self, broker_order_id: str) -> None:
        order_api.cancel_order_api(broker_order_id, self._session)

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        return order_api.place_gtt_order_api(gtt, self._session)

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        order_api.modify_gtt_order_api(trigger_id, self._session, gtt=gtt)

    def cancel_gtt(self, trigger_id: str) -> None:
        order_api.cancel_gtt_order_api(trigger_id, self._session)

    def order_book(self) -> tuple[OrderRow, ...]:
        return order_api.get_order_book(self._session)

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
        return True

    def listen(self, wake_up: WakeUp) -> None:
        """Call wake_up after changes of the account, and of prices it waits for or holds at."""
        exchange, account_id = self._session.exchange, self._session.account_id

        def prices_moved(symbols: frozenset[tuple[str, str]]) -> None:
            if symbols & exchange.interests(account_id):
                wake_up()

        self._listening.append(exchange.listen(account_id, wake_up))
        self._listening.append(exchange.listen_prices(prices_moved))

    def close(self) -> None:
        """Stop listening. The exchange stays: other accounts may use it."""
        while self._listening:
            self._listening.pop()()
