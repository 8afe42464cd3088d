"""Two clocks: the world's, which only moves on, and ours, which may be wrong and starts anew after a kill."""

from datetime import UTC, datetime, timedelta

from utils.clock import SystemClock

# A Monday, 10:00 in India, on which the exchanges trade from 09:15 to 15:30.
MONDAY_TEN = datetime(2026, 12, 7, 4, 30, tzinfo=UTC)


class WorldClock:
    """The exchange's time. Satisfies the Clock protocol."""

    boot_id = "world"

    def __init__(self, start: datetime = MONDAY_TEN) -> None:
        self._start = start
        self._passed = timedelta(0)

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    def advance(self, seconds: float) -> None:
        self._passed += timedelta(seconds=seconds)


class OurClock(SystemClock):
    """The service's clock on a machine whose wall clock may be wrong."""

    def __init__(self, world: WorldClock) -> None:
        self._world = world
        self._boots = 0
        self.wrong_by = timedelta(0)
        self.boot()

    def boot(self) -> None:
        """Start anew, with another origin: readings of two boots mean nothing to each other."""
        self._boots += 1
        origin = 1000.0 * self._boots
        super().__init__(
            wall=lambda: self._world.now() + self.wrong_by,
            monotonic=lambda: self._world.monotonic() + origin,
        )
        self.boot_id = f"boot{self._boots}"
