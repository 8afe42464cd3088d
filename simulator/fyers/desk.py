"""What every endpoint works with: the exchange, its instruments by Fyers' tickers, and who is logged in."""

from collections.abc import Sequence

from simulator.exchange import SimulatedExchange
from simulator.fyers.failures import FyersFailure
from simulator.fyers.faults import FYERS_FAULTS
from simulator.fyers.sessions import Sessions
from simulator.fyers.tickers import by_ticker
from simulator.gtt import Gtt
from simulator.instruments import Listing
from simulator.orders import Key, Order
from simulator.wire.desk import Desk as AnyDesk


class Desk(AnyDesk):
    """The broker's back office behind the wire; a user of Fyers' is an account of the exchange."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions, faults=FYERS_FAULTS)
        self.sessions: Sessions = sessions  # with Fyers' login
        self._keys = by_ticker(listings)

    def key_of(self, ticker: str) -> Key:
        """Return the instrument of a ticker. Raises FyersFailure for one that nobody lists."""
        if ticker not in self._keys:
            raise FyersFailure(400, -300, "Invalid symbol provided")
        return self._keys[ticker]

    def order(self, user_id: str, order_id: str) -> Order:
        """Return one order of a user's day. Raises FyersFailure when there is none."""
        for order in self.exchange.orders(user_id):
            if order.order_id == order_id:
                return order
        raise FyersFailure(400, -51, "Invalid order id")

    def gtts(self, user_id: str) -> tuple[Gtt, ...]:
        """Return a user's GTTs with all the exchange knows of them."""
        return self.exchange.peek(
            lambda ledger: tuple(gtt for gtt in ledger.gtts if gtt.account_id == user_id)
        )

    def gtt(self, user_id: str, trigger_id: str) -> Gtt:
        """Return one GTT of a user. Raises FyersFailure when there is none."""
        for gtt in self.gtts(user_id):
            if gtt.trigger_id == trigger_id:
                return gtt
        raise FyersFailure(400, -51, "Invalid order id")
