"""What every endpoint works with: the exchange, its listings by Kite's numbers, and who is logged in."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from services.bracket.model import Quote
from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.kite import segments
from simulator.kite.failures import KiteFailure
from simulator.kite.sessions import Sessions
from simulator.kite.ticks import Picture
from simulator.orders import Key, Order
from simulator.wire.desk import Desk as AnyDesk

_FIRST_TOKEN = 1000
_ANY_NUMBER = 1_000_000  # shown where the market has no limit


class Desk(AnyDesk):
    """The broker's back office behind the wire; a user of Kite's is an account of the exchange."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions)
        self.sessions: Sessions = sessions  # with Kite's login
        self.indices = segments.indices(listings)
        self._tokens = {
            listing.key: segments.token(_FIRST_TOKEN + at, listing.key[0])
            for at, listing in enumerate(self.listings)
        } | {key: segments.index_token(at + 1) for at, key in enumerate(self.indices)}
        self._keys = {token: key for key, token in self._tokens.items()}

    def token_of(self, key: Key) -> int:
        """Return an instrument's number; 0 for one that is not listed any more."""
        return self._tokens.get(key, 0)

    def key_of(self, token: int) -> Key | None:
        """Return the instrument of a number."""
        return self._keys.get(token)

    def followers(self, key: Key) -> tuple[Key, ...]:
        """Return the indices that move when this symbol moves."""
        return tuple(index for index, future in self.indices.items() if future == key)

    def picture(self, key: Key) -> Picture | None:
        """Return a symbol's market, None for one without a price. What is looked at keeps moving."""
        source = self.indices.get(key, key)
        quote = self.exchange.quote(*source)
        if quote is None:
            return None
        day = self.history.day(source, quote.last)
        bare = Picture(token=self.token_of(key), last=quote.last, day=day, at=quote.at)
        return bare if key in self.indices else self._with_book(bare, quote, key)

    def order(self, user_id: str, order_id: str) -> Order:
        """Return one order of a user's day. Raises KiteFailure when there is none."""
        for order in self.exchange.orders(user_id):
            if order.order_id == order_id:
                return order
        raise KiteFailure(400, "OrderException", "Couldn't find that `order_id`.")

    def _with_book(self, picture: Picture, quote: Quote, key: Key) -> Picture:
        market = self.exchange.peek(lambda ledger: ledger.market(key))
        return replace(
            picture,
            bid=quote.bid,
            ask=quote.ask,
            bid_quantity=_shown(quote.bid, None if market is None else market.bid_left),
            ask_quantity=_shown(quote.ask, None if market is None else market.ask_left),
            lower_band=quote.lower_band,
            upper_band=quote.upper_band,
        )


def _shown(price: Decimal | None, left: int | None) -> int:
    if price is None:
        return 0
    return _ANY_NUMBER if left is None else left
