"""Super orders: an entry at the exchange, and two exits that the broker holds until one of them is due.

What of the entry has filled is covered; the first exit whose price is there sends an order for it, and takes
the other exit away. A cancelled exit does not come back.
"""

import threading
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import Decimal

from services.bracket.model import OrderRequest, OrderType, Side, Terms
from simulator.dhan.failures import order_failure
from simulator.exchange import SimulatedExchange
from simulator.orders import Key, Order
from simulator.refusals import Refused
from simulator.rounds import Rounds

ENTRY = "ENTRY_LEG"
STOP = "STOP_LOSS_LEG"
TARGET = "TARGET_LEG"
_MOST_CHANGES = 25


@dataclass(slots=True, kw_only=True)
class Leg:
    """One exit. sent counts the shares of the orders that it placed."""

    name: str
    price: Decimal
    status: str = "PENDING"
    children: list[str] = field(default_factory=list)
    sent: int = 0
    changes: int = 0

    @property
    def waits(self) -> bool:
        return self.status == "PENDING"


@dataclass(slots=True, kw_only=True)
class Super:
    """One super order; its id is its entry's."""

    order_id: str
    account_id: str
    request: OrderRequest
    legs: dict[str, Leg]

    @property
    def key(self) -> Key:
        return self.request.exchange, self.request.symbol

    @property
    def sent(self) -> int:
        return sum(leg.sent for leg in self.legs.values())

    @property
    def is_over(self) -> bool:
        return all(leg.status in ("TRADED", "CANCELLED", "REJECTED") for leg in self.legs.values())


class SuperDesk:
    """The day's super orders. Thread-safe; `step` lets happen what a price or a fill has made due."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._lock = threading.RLock()
        self._rounds = Rounds(self._look_at_all, self._lock)
        self._supers: dict[str, Super] = {}
        exchange.listen_prices(lambda _keys: self.step())

    def place(self, account_id: str, request: OrderRequest, *, stop: Decimal, target: Decimal) -> str:
        """Place the entry and return its id. Raises Refused."""
        with self._lock:
            order_id = self._exchange.place(account_id, request)
            legs = {name: Leg(name=name, price=price) for name, price in ((STOP, stop), (TARGET, target))}
            self._supers[order_id] = Super(
                order_id=order_id, account_id=account_id, request=request, legs=legs
            )
            self.step()
            return order_id

    def of(self, account_id: str) -> list[tuple[Super, Order]]:
        """Return a client's super orders of the day, each with its entry as it is now."""
        with self._lock:
            self.step()
            orders = {order.order_id: order for order in self._exchange.orders(account_id)}
            mine = deepcopy(self._mine(account_id))  # as they are now: what follows shows in no half answer
            return [(one, orders[one.order_id]) for one in mine if one.order_id in orders]

    def one(self, account_id: str, order_id: str) -> Super:
        """Return a client's super order. Raises DhanFailure."""
        with self._lock:
            found = self._supers.get(order_id)
        if found is None or found.account_id != account_id:
            raise order_failure("Order not found.")
        return found

    def parts(self, account_id: str) -> dict[str, tuple[str, str]]:
        """Return, for each order of a super order at the exchange, the id and the leg it is shown under."""
        with self._lock:
            mine = self._mine(account_id)
            entries = {one.order_id: (one.order_id, ENTRY) for one in mine}
            exits = {
                child: (one.order_id, leg.name)
                for one in mine
                for leg in one.legs.values()
                for child in leg.children
            }
            return entries | exits

    def move(self, one: Super, name: str, price: Decimal) -> None:
        """Change an exit's price. Raises DhanFailure for one that is sent or gone."""
        with self._lock:
            leg = _waiting(one, name)
            if leg.changes >= _MOST_CHANGES:
                raise order_failure("Maximum modification count reached.")
            leg.price, leg.changes = price, leg.changes + 1
            self.step()

    def cancel(self, one: Super, name: str) -> None:
        """Take an exit away for good; with the entry, whatever is left of everything. Raises DhanFailure."""
        with self._lock:
            if name == ENTRY:
                self._cancel_whole(one)
            else:
                _waiting(one, name).status = "CANCELLED"

    def step(self) -> None:
        """Send what is due, and see what became of what was sent."""
        self._rounds.run()

    def _look_at_all(self) -> None:
        for one in self._supers.values():
            entry = self._order(one.order_id)
            if not one.is_over and entry is not None:
                self._look_at(one, entry)

    def _mine(self, account_id: str) -> list[Super]:
        return [one for one in self._supers.values() if one.account_id == account_id]

    def _cancel_whole(self, one: Super) -> None:
        entry = self._order(one.order_id)
        waiting = [leg for leg in one.legs.values() if leg.waits]
        if entry is not None and entry.is_live:
            self._exchange.cancel(one.account_id, one.order_id)
        elif not waiting:
            raise order_failure("Order is not in a pending state.")
        for leg in waiting:
            leg.status = "CANCELLED"

    def _look_at(self, one: Super, entry: Order) -> None:
        uncovered = entry.filled - one.sent
        if uncovered > 0:
            self._send_due(one, uncovered)
        for leg in one.legs.values():
            if entry.filled == 0 and not entry.is_live:
                leg.status = "CANCELLED"
            elif leg.status == "TRIGGERED" and not entry.is_live and leg.sent == entry.filled:
                self._settle(leg)

    def _send_due(self, one: Super, quantity: int) -> None:
        quote = self._exchange.quote(*one.key)
        for leg in one.legs.values():
            is_due = quote is not None and leg.waits and _is_reached(one, leg, quote.last)
            if is_due or leg.status == "TRIGGERED":
                self._send(one, leg, quantity)
                return

    def _send(self, one: Super, leg: Leg, quantity: int) -> None:
        try:
            child = self._exchange.place(one.account_id, _child(one, leg, quantity))
        except Refused:
            leg.status = "REJECTED"
            return
        leg.status, leg.sent = "TRIGGERED", leg.sent + quantity
        leg.children.append(child)
        for other in one.legs.values():
            if other.waits:
                other.status = "CANCELLED"

    def _settle(self, leg: Leg) -> None:
        orders = [self._order(child) for child in leg.children]
        if all(order is not None and order.remaining == 0 for order in orders):
            leg.status = "TRADED"

    def _order(self, order_id: str) -> Order | None:
        return self._exchange.peek(lambda ledger: ledger.orders.get(order_id))


def _waiting(one: Super, name: str) -> Leg:
    leg = one.legs[name]
    if not leg.waits:
        raise order_failure(f"{name} is already {leg.status.lower()}.")
    return leg


def _is_reached(one: Super, leg: Leg, last: Decimal) -> bool:
    falls = (leg.name == STOP) is (one.request.side is Side.BUY)
    return last <= leg.price if falls else last >= leg.price


def _child(one: Super, leg: Leg, quantity: int) -> OrderRequest:
    asked, is_stop = one.request, leg.name == STOP
    terms = Terms(
        order_type=OrderType.MARKET if is_stop else OrderType.LIMIT,
        quantity=quantity,
        price=None if is_stop else leg.price,
    )
    return OrderRequest(
        tag="",
        exchange=asked.exchange,
        symbol=asked.symbol,
        product=asked.product,
        side=asked.side.opposite,
        terms=terms,
    )
