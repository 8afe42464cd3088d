"""Alpaca's rate limits: 200 calls a minute and account, whatever they are; market data has its own 200."""

from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock

MINUTE = (Window(200, 60),)


def limits(clock: Clock) -> SlidingLimits:
    """Return what counts an account's calls."""
    return SlidingLimits(clock, _kind_of)


def _kind_of(_method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    return ("data" if path.startswith("/v2/stocks/") else "trading"), MINUTE
