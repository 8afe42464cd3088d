"""Upstox's rate limits: those of orders count together, every other endpoint for itself."""

from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

ORDERS = (Window(10, 1), Window(500, 60), Window(2000, 1800))
OTHERS = (Window(50, 1), Window(500, 60), Window(2000, 1800))


def limits(clock: Clock) -> SlidingLimits:
    """Return what counts a user's calls."""
    return SlidingLimits(clock, _kind_of)


def _kind_of(method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    is_order = method != "GET" and "/order/" in path
    return ("order", ORDERS) if is_order else (path, OTHERS)
