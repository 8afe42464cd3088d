"""What became of each order, state by state: its history rows, and who is told as it happens."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.bracket.model import RowStatus
from simulator.exchange import SimulatedExchange
from simulator.orders import Order

FOREIGN = ""  # the app of an order that another terminal placed


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One state of an order. before is the state it replaces, api_key the app that placed it, if known."""

    order: Order
    before: Order | None
    api_key: str | None

    @property
    def is_told(self) -> bool:
        """Whether anybody outside hears of it: not while the order is still on its way."""
        return self.order.status is not RowStatus.PENDING

    @property
    def is_same_status(self) -> bool:
        """Whether the order changed or filled in part and lives on: Kite's UPDATE."""
        return self.before is not None and self.order.is_live and self.before.status is self.order.status


class Journal:
    """The states of the day's orders since this process started. Thread-safe.

    A restart forgets the states in between, not the orders. `note` runs under the exchange's lock, so
    listeners may put an update by and do no more.
    """

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, list[Order]] = {}
        self._apps: dict[str, str | None] = {}
        self._acting = threading.local()
        self._listeners: list[Callable[[Update], None]] = []
        self._day = ""
        exchange.listen_orders(self.note)

    def listen(self, callback: Callable[[Update], None]) -> None:
        self._listeners.append(callback)

    def states(self, order_id: str) -> tuple[Order, ...]:
        """Return the states an order went through, the first one first; empty after a restart."""
        with self._lock:
            return tuple(self._states.get(order_id, ()))

    @contextmanager
    def acting(self, api_key: str | None) -> Iterator[None]:
        """Say whose call this thread carries out: orders born in it are that app's."""
        self._acting.api_key = api_key
        try:
            yield
        finally:
            self._acting.api_key = None

    def note(self, order: Order) -> None:
        with self._lock:
            self._turn_day(order)
            states = self._states.setdefault(order.order_id, [])
            before = states[-1] if states else None
            if before is None:
                self._apps[order.order_id] = getattr(self._acting, "api_key", None)
            states.append(order)
            api_key = self._apps.get(order.order_id)
        for callback in self._listeners:
            callback(Update(order=order, before=before, api_key=api_key))

    def _turn_day(self, order: Order) -> None:
        """Forget yesterday's orders, as the order book does: their ids begin with another date."""
        day = order.order_id[:8]
        if day > self._day:
            self._day = day
            self._states = {key: kept for key, kept in self._states.items() if key.startswith(day)}
            self._apps = {key: kept for key, kept in self._apps.items() if key.startswith(day)}
