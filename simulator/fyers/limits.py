"""Fyers' rate limits: every call of a user counts alike, and a day is lost by breaking the minute's often."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from simulator.fyers.failures import FyersFailure
from simulator.wire.limits import SlidingLimits, Window
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

SECOND, MINUTE, DAY = Window(10, 1), Window(200, 60), Window(100_000, 24 * 3600)
_MOST_BREACHES = 3  # of the minute's limit, in a day


@dataclass(slots=True)
class _User:
    passed: dict[Window, deque[float]] = field(
        default_factory=lambda: {window: deque() for window in (SECOND, MINUTE, DAY)}
    )
    day: str = ""
    breaches: int = 0
    breached_at: float = float("-inf")


class Limits(SlidingLimits):
    """Counts what was let through, per user. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, lambda _method, _path: ("any", (SECOND, MINUTE, DAY)))
        self._wall = clock
        self._guard = threading.Lock()
        self._users: dict[str, _User] = {}

    def count(self, user_id: str, *, method: str, path: str) -> None:
        """Count one call. Raises FyersFailure, and counts nothing, when there were too many."""
        with self._guard:
            user, now = self._users.setdefault(user_id, _User()), self._wall.monotonic()
            self._turn_day(user)
            if user.breaches > _MOST_BREACHES:
                raise FyersFailure(429, -429, "You are blocked for the rest of the day")
            for window, passed in user.passed.items():
                self._check(user, window, passed, now)
            for passed in user.passed.values():
                passed.append(now)

    def _check(self, user: _User, window: Window, passed: "deque[float]", now: float) -> None:
        while passed and passed[0] <= now - window.seconds:
            passed.popleft()
        if len(passed) < window.calls:
            return
        if window is MINUTE and now - user.breached_at >= window.seconds:  # each minute breaks it once
            user.breaches, user.breached_at = user.breaches + 1, now
        wait = timedelta(seconds=passed[0] + window.seconds - now)
        raise FyersFailure(429, -429, "request limit reached", wait=wait)

    def _turn_day(self, user: _User) -> None:
        day = self._wall.now().astimezone(EXCHANGE_ZONE).date().isoformat()
        if day != user.day:
            user.day, user.breaches = day, 0
