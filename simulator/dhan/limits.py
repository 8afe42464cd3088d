"""Dhan's rate limits: what comes too fast is refused with 429 and DH-904."""

from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

ORDERS = (Window(10, 1), Window(250, 60), Window(1000, 3600), Window(7000, 24 * 3600))
QUOTES = (Window(1, 1),)
OTHERS = (Window(20, 1),)


def limits(clock: Clock) -> SlidingLimits:
    """Return what counts a client's calls."""
    return SlidingLimits(clock, _kind_of)


def _kind_of(method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    if path.startswith("/v2/marketfeed"):
        return "quote", QUOTES
    is_order = path.startswith(("/v2/orders", "/v2/super", "/v2/forever"))
    return ("order", ORDERS) if is_order and method != "GET" else ("other", OTHERS)
