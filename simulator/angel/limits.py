"""Angel One's limits: each page is counted apart, orders together; too many is 403 in plain text."""

from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

ORDERS = (Window(9, 1), Window(500, 60), Window(1000, 3600))
LOOK_UPS = (Window(10, 1), Window(500, 60), Window(5000, 3600))
ONCE = (Window(1, 1),)
_WRITES = ("placeOrder", "modifyOrder", "cancelOrder")
_PAGES = {"getProfile": (Window(3, 1), Window(1000, 3600)), "getRMS": (Window(2, 1),), "getLtpData": LOOK_UPS}


def limits(clock: Clock) -> SlidingLimits:
    """Return what counts a client's calls."""
    return SlidingLimits(clock, _kind_of)


def _kind_of(_method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    if "/details/" in path:
        return "details", LOOK_UPS
    name = path.rstrip("/").rpartition("/")[2]
    if name in _WRITES:
        return "order", ORDERS
    return name, _PAGES.get(name, ONCE)
