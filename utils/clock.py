"""The only place that asks what time it is."""

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol


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


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self.boot_id = secrets.token_hex(4)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def elapsed_timer() -> float:
    """Return a reading of the finest monotonic timer in seconds, for measuring durations only."""
    return time.perf_counter()
