"""What every endpoint works with: the exchange, its listings by Kite's numbers, and who is logged in."""

from collections.abc import Sequence
from decimal import Decimal

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.kite.failures import KiteFailure
from simulator.kite.sessions import Sessions
from simulator.orders import Key, Order

_FIRST_TOKEN = 1000


class Desk:
    """The broker's back office behind the wire; a user of Kite's is an account of the exchange."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        self.exchange = exchange
        self.listings = tuple(listings)
        self.sessions = sessions
        # The lower byte of a token is the segment; 256 apart keeps it that way.
        self._tokens = {listing.key: (_FIRST_TOKEN + at) << 8 for at, listing in enumerate(self.listings)}

    def token_of(self, key: Key) -> int:
        """Return an instrument's number; 0 for one that is not listed any more."""
        return self._tokens.get(key, 0)

    def last_of(self, key: Key) -> Decimal:
        """Return the last price, 0 while there is none."""
        quote = self.exchange.quote(*key)
        return Decimal(0) if quote is None else quote.last

    def order(self, user_id: str, order_id: str) -> Order:
        """Return one order of a user's day. Raises KiteFailure when there is none."""
        for order in self.exchange.orders(user_id):
            if order.order_id == order_id:
                return order
        raise KiteFailure(400, "OrderException", "Couldn't find that `order_id`.")
