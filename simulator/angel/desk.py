"""What every endpoint works with: instruments by Angel's names and numbers, orders, and the faults."""

import uuid
from collections.abc import Sequence
from dataclasses import replace

from simulator.angel.failures import BUSY, NOT_FOUND, SYMBOL, AngelFailure
from simulator.angel.words import STOPS, trading_symbol
from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.orders import Key, Order
from simulator.wire.desk import Desk as AnyDesk
from simulator.wire.desk import Numbers
from simulator.wire.sessions import Sessions
from simulator.wire_faults import EMPTY_BOOK, FAULTS, GARBLED, TOO_MANY, Fault

_UNSURE = b'{"status":false,"message":"Something Went Wrong","errorcode":"AB1004","data":null}'
_HALF = b'{"status":true,"message":"SUCCESS","errorcode":"","data":{"orderid":"26'
_EMPTY = b'{"status":true,"message":"SUCCESS","errorcode":"","data":null}'
# "Something went wrong": it may have arrived, or not.
UNSURE_AFTER = Fault(name="AB1004 after acceptance", answers_instead=(200, _UNSURE))
UNSURE_BEFORE = Fault(name="AB1004 before acceptance", answers_itself=(200, _UNSURE))
ANGEL_FAULTS = FAULTS | {
    fault.name: fault
    for fault in (
        UNSURE_AFTER,
        UNSURE_BEFORE,
        replace(TOO_MANY, answers_itself=(403, BUSY.encode())),
        replace(GARBLED, answers_instead=(200, _HALF)),
        replace(EMPTY_BOOK, answers_itself=(200, _EMPTY)),
    )
}
_NAMES = uuid.UUID("a1b2c3d4-0000-4000-8000-000000000000")


class Desk(AnyDesk):
    """The broker's back office behind the wire."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions, faults=ANGEL_FAULTS)
        self.numbers = Numbers(listings)

    def key_of(self, exchange: str, token: str, name: str | None = None) -> Key:
        """Return an instrument by exchange and number; the name must fit. Raises AngelFailure."""
        key = self.numbers.key_of(int(token)) if token.isdigit() else None
        if key is None or key[0] != exchange or name not in (None, trading_symbol(key)):
            raise AngelFailure(SYMBOL, "Symbol Not Found")
        return key

    def order(self, user_id: str, order_id: str) -> Order:
        """Return one order of a client's day. Raises AngelFailure when there is none."""
        for order in self.exchange.orders(user_id):
            if order.order_id == order_id:
                return order
        raise AngelFailure(NOT_FOUND, "Order not found")

    def variety_of(self, order: Order) -> str:
        """Return what an order was placed as, whatever it has become."""
        first = next(iter(self.journal.states(order.order_id)), order)
        return "STOPLOSS" if first.order_type in STOPS else "NORMAL"


def unique_id(order_id: str) -> str:
    """Return the second id of an order."""
    return str(uuid.uuid5(_NAMES, order_id))
