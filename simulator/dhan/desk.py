"""What every endpoint works with: instruments by Dhan's numbers, super orders, the tags of forever orders."""

from collections.abc import Sequence
from dataclasses import replace

from simulator.dhan.failures import bad_input
from simulator.dhan.supers import SuperDesk
from simulator.dhan.words import SEGMENTS
from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.orders import Key, Order
from simulator.wire.desk import Desk as AnyDesk
from simulator.wire.desk import Numbers
from simulator.wire.sessions import Sessions
from simulator.wire_faults import EMPTY_BOOK, FAULTS, GARBLED, TOO_MANY

_BUSY = b'{"errorType":"Rate_Limit","errorCode":"DH-904","errorMessage":"Too many requests"}'
_FAULTS = FAULTS | {
    TOO_MANY.name: replace(TOO_MANY, answers_itself=(429, _BUSY)),
    EMPTY_BOOK.name: replace(EMPTY_BOOK, answers_itself=(200, b"[]")),
    GARBLED.name: replace(GARBLED, answers_instead=(200, b'{"orderId":')),
}


class Desk(AnyDesk):
    """The broker's back office behind the wire."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions, faults=_FAULTS)
        self.numbers = Numbers(listings)
        self.supers = SuperDesk(exchange)
        self.forever_tags: dict[str, str] = {}  # by trigger id

    def key_of(self, segment: str, security_id: str) -> Key:
        """Return an instrument by its segment and number. Raises DhanFailure."""
        key = self.numbers.key_of(int(security_id)) if security_id.isdigit() else None
        if key is None or SEGMENTS[key[0]] != segment:
            raise bad_input(f"Invalid securityId {security_id} for {segment}")
        return key

    def order(self, user_id: str, order_id: str) -> Order | None:
        """Return one order of a client's day."""
        return next((one for one in self.exchange.orders(user_id) if one.order_id == order_id), None)
