"""What the exchange's books have shown to rest: all that a belief in protection may stand on."""

from collections import defaultdict
from decimal import Decimal

from services.bracket.model import Leg, LegKind, RowStatus
from simulator import SimulatedExchange
from simulator.orders import Order

_RESTS = frozenset({RowStatus.TRIGGER_PENDING, RowStatus.OPEN})


class Resting:
    """Remembers for how many shares, and at what price, each order ever rested; an answer is no evidence."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._shown: dict[str, set[tuple[int, Decimal | None]]] = defaultdict(set)
        exchange.listen_orders(self._note)

    def _note(self, order: Order) -> None:
        if order.status in _RESTS:
            self._shown[order.order_id].add((order.quantity, order.price or None))

    def has_shown(self, leg: Leg) -> bool:
        """Whether some book, however old by now, shows the order working as the leg is believed to."""
        if leg.kind is not LegKind.ORDER or not leg.is_working or leg.broker_order_id is None:
            return True
        return (leg.terms.quantity, leg.terms.price) in self._shown.get(leg.broker_order_id, ())
