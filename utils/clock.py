"""The only place that asks what time it is."""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

logger = logging.getLogger(__name__)

_TOLERANCE = timedelta(seconds=2)


class Clock(Protocol):
    """Where time comes from: the machine in production, a number in tests."""

    @property
    def boot_id(self) -> str:
        """Name of the run whose monotonic readings may be compared with each other."""
        ...

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back while boot_id stays the same."""
        ...


# Goes on while the machine sleeps, where there is such a clock: an order of before is too old then.
_STEADY: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady_seconds() -> float:
    return time.clock_gettime(_STEADY)


def _wall() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """The machine's clocks. A wall clock that is set to another time meanwhile is reported, not followed.

    Cut-offs and days are told by the wall clock: one hour too many would leave every position at once.
    A start of the service takes the wall clock as it is then.
    """

    def __init__(
        self, wall: Callable[[], datetime] = _wall, monotonic: Callable[[], float] = _steady_seconds
    ) -> None:
        self.boot_id = secrets.token_hex(4)
        self._wall = wall
        self._monotonic = monotonic
        self._began = wall() - timedelta(seconds=monotonic())
        self.jumped_by = timedelta(0)

    def now(self) -> datetime:
        wall, steady = self._wall(), self._began + timedelta(seconds=self._monotonic())
        jump = wall - steady
        if abs(jump) <= _TOLERANCE:
            self.jumped_by = timedelta(0)
            self._began += jump  # what was followed is remembered: many small corrections are no jump
            return wall
        if abs(jump - self.jumped_by) > _TOLERANCE:
            self.jumped_by = jump
            logger.error("the wall clock jumped by %s; it is not followed before a restart", jump)
        return steady

    def monotonic(self) -> float:
        return self._monotonic()


def elapsed_timer() -> float:
    """Return a reading of the finest monotonic timer in seconds, for measuring durations only."""
    return time.perf_counter()
