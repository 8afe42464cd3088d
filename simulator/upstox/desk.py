"""What every endpoint works with: the exchange, its instruments by Upstox's keys, and the GTTs."""

from collections.abc import Sequence
from dataclasses import replace

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.orders import Key, Order
from simulator.upstox.failures import UpstoxFailure, no_order
from simulator.upstox.gtts import GttDesk
from simulator.upstox.sessions import Sessions
from simulator.upstox.words import SEGMENTS
from simulator.wire.desk import Desk as AnyDesk
from simulator.wire.desk import Numbers
from simulator.wire_faults import FAULTS, GARBLED, TOO_MANY

_BUSY = b'{"status":"error","errors":[{"error_code":"UDAPI10005","message":"Too Many Request Sent"}]}'
_FAULTS = FAULTS | {
    TOO_MANY.name: replace(TOO_MANY, answers_itself=(429, _BUSY)),
    GARBLED.name: replace(GARBLED, answers_instead=(200, b'{"status":"success","data":{"order_ids":["')),
}
_CASH = frozenset({"NSE", "BSE"})


class Desk(AnyDesk):
    """The broker's back office behind the wire."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions, faults=_FAULTS)
        self.sessions: Sessions = sessions  # with Upstox's login
        self.gtts = GttDesk(exchange, sessions.now)
        numbers = Numbers(listings)
        self._keys = {one.key: _instrument_key(one.key, numbers.number_of(one.key)) for one in listings}
        self._symbols = {name: key for key, name in self._keys.items()}

    def instrument_key(self, key: Key) -> str:
        return self._keys[key]

    def key_of(self, instrument_key: str) -> Key:
        """Return an instrument by its key. Raises UpstoxFailure."""
        if instrument_key not in self._symbols:
            raise UpstoxFailure(400, "UDAPI100011", "Invalid Instrument key")
        return self._symbols[instrument_key]

    def order(self, user_id: str, order_id: str) -> Order:
        """Return one order of a user's day. Raises UpstoxFailure."""
        for order in self.exchange.orders(user_id):
            if order.order_id == order_id:
                return order
        raise no_order()


def _instrument_key(key: Key, number: int) -> str:
    share = f"INE{number:06d}01{number % 10}"
    return f"{SEGMENTS[key[0]]}|{share if key[0] in _CASH else number}"
