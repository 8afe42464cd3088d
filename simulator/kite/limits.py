"""Kite's rate limits: what comes too fast is refused with 429, not kept waiting."""

from simulator.kite.failures import kite_failure
from simulator.wire.failures import Complaint
from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

ORDERS = (Window(10, 1), Window(400, 60), Window(5000, 24 * 3600))
QUOTES = (Window(1, 1),)
CANDLES = (Window(3, 1),)
OTHERS = (Window(10, 1),)


class Limits(SlidingLimits):
    """Counts what was let through, per user and kind of call. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, _kind_of)

    def count(self, user_id: str, *, method: str, path: str) -> None:
        """Count one call. Raises KiteFailure, and counts nothing, when there were too many."""
        try:
            super().count(user_id, method=method, path=path)
        except Complaint as exc:
            raise kite_failure(exc) from exc


def _kind_of(method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    if method != "GET" and path.startswith(("/orders", "/gtt")):
        return "order", ORDERS
    if path.startswith("/instruments/historical"):
        return "candles", CANDLES
    return ("quote", QUOTES) if path.startswith("/quote") else ("other", OTHERS)
