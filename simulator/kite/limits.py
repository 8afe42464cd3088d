"""Kite's rate limits: what comes too fast is refused with 429, not kept waiting."""

import threading
from collections import deque
from dataclasses import dataclass

from simulator.kite.failures import KiteFailure
from utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` within any `seconds`."""

    calls: int
    seconds: float


ORDERS = (Window(10, 1), Window(400, 60), Window(5000, 24 * 3600))
QUOTES = (Window(1, 1),)
CANDLES = (Window(3, 1),)
OTHERS = (Window(10, 1),)


class Limits:
    """Counts what was let through, per user and kind of call. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._passed: dict[tuple[str, Window, str], deque[float]] = {}

    def count(self, user_id: str, *, method: str, path: str) -> None:
        """Count one call. Raises KiteFailure, and counts nothing, when there were too many."""
        kind, windows = _kind_of(method, path)
        with self._lock:
            now = self._clock.monotonic()
            times = [self._recent((user_id, window, kind), now) for window in windows]
            if any(len(seen) >= window.calls for seen, window in zip(times, windows, strict=True)):
                raise KiteFailure(429, "NetworkException", "Too many requests")
            for seen in times:
                seen.append(now)

    def _recent(self, key: tuple[str, Window, str], now: float) -> deque[float]:
        seen = self._passed.setdefault(key, deque())
        while seen and seen[0] <= now - key[1].seconds:
            seen.popleft()
        return seen


def _kind_of(method: str, path: str) -> tuple[str, tuple[Window, ...]]:
    if method != "GET" and path.startswith(("/orders", "/gtt")):
        return "order", ORDERS
    if path.startswith("/instruments/historical"):
        return "candles", CANDLES
    return ("quote", QUOTES) if path.startswith("/quote") else ("other", OTHERS)
