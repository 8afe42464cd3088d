"""Rate limits in sliding windows: what comes too fast is refused, not kept waiting."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.wire.failures import Complaint, Trouble
from utils.clock import Clock


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` within any `seconds`."""

    calls: int
    seconds: float


KindOfCall = Callable[[str, str], tuple[str, Sequence[Window]]]  # method, path -> kind, its windows


class SlidingLimits:
    """Counts what was let through, per user and kind of call. Thread-safe."""

    def __init__(self, clock: Clock, kind_of: KindOfCall) -> None:
        self._clock = clock
        self._kind_of = kind_of
        self._lock = threading.Lock()
        self._passed: dict[tuple[str, Window, str], deque[float]] = {}

    def count(self, user_id: str, *, method: str, path: str) -> None:
        """Count one call. Raises Complaint, and counts nothing, when there were too many."""
        kind, windows = self._kind_of(method, path)
        with self._lock:
            now = self._clock.monotonic()
            times = [self._recent((user_id, window, kind), now) for window in windows]
            if any(len(seen) >= window.calls for seen, window in zip(times, windows, strict=True)):
                raise Complaint(Trouble.TOO_MANY, "Too many requests")
            for seen in times:
                seen.append(now)

    def _recent(self, key: tuple[str, Window, str], now: float) -> deque[float]:
        seen = self._passed.setdefault(key, deque())
        while seen and seen[0] <= now - key[1].seconds:
            seen.popleft()
        return seen
