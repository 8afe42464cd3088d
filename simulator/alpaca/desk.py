"""What every endpoint works with: orders by Alpaca's ids, and what only Alpaca remembers of them."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from simulator.alpaca.failures import not_found, unprocessable
from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.orders import Order
from simulator.wire.desk import Desk as AnyDesk
from simulator.wire.sessions import Sessions
from simulator.wire_faults import EMPTY_BOOK, FAULTS, GARBLED, TOO_MANY

EXCHANGE = "US"
_NAMESPACE = uuid.UUID("5f0c7be2-9a3e-4f57-8d0e-4a1a55a6b9c1")
_MOST_LETTERS = 128
_TAG_LETTERS = 20  # of the exchange
_BUSY = b'{"code":42910000,"message":"rate limit exceeded"}'
_FAULTS = FAULTS | {
    TOO_MANY.name: replace(TOO_MANY, answers_itself=(429, _BUSY)),
    EMPTY_BOOK.name: replace(EMPTY_BOOK, answers_itself=(200, b"[]")),
    GARBLED.name: replace(GARBLED, answers_instead=(200, b'{"id":')),
}


def wire_id(order_id: str, generation: int) -> str:
    """Return the id that an order of the exchange goes by after so many replacements."""
    return str(uuid.uuid5(_NAMESPACE, f"{order_id}:{generation}"))


class Desk(AnyDesk):
    """The broker's back office behind the wire."""

    def __init__(
        self, exchange: SimulatedExchange, *, listings: Sequence[Listing], sessions: Sessions
    ) -> None:
        super().__init__(exchange, listings=listings, sessions=sessions, faults=_FAULTS)
        self.replaced: dict[str, dict[str, Any]] = {}  # what a replaced order said, by its id
        self.unlisted: set[str] = set()  # refused as they came: the exchange knows them, nobody is shown them
        self._long_ids: dict[str, str] = {}

    def orders(self, user_id: str) -> list[Order]:
        """Return the account's orders, oldest first."""
        return [one for one in self.exchange.orders(user_id) if one.order_id not in self.unlisted]

    def found(self, user_id: str, asked: str) -> tuple[Order, int]:
        """Return the order that an id names, and after how many replacements it had it."""
        for order in self.orders(user_id):
            for generation in range(order.modifications + 1):
                if wire_id(order.order_id, generation) == asked:
                    return order, generation
        raise not_found(f"order not found for {asked}")

    def tag_of(self, client_order_id: str) -> str:
        """Return the tag an order of this client id has at the exchange. Raises AlpacaFailure."""
        if len(client_order_id) > _MOST_LETTERS:
            raise unprocessable(f"client_order_id must be no more than {_MOST_LETTERS} characters", 40010001)
        if len(client_order_id) <= _TAG_LETTERS:
            return client_order_id
        tag = hashlib.sha256(client_order_id.encode()).hexdigest()[:_TAG_LETTERS]
        self._long_ids[tag] = client_order_id
        return tag

    def client_id_of(self, order: Order, generation: int) -> str:
        """Return an order's client id: its own at first, a new one with each replacement."""
        if order.tag and generation == 0 and order.parent_id is None:
            return self._long_ids.get(order.tag, order.tag)
        return str(uuid.uuid5(_NAMESPACE, f"client:{order.order_id}:{generation}"))
