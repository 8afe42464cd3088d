"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta

# A Monday morning in the market's hours (10:00 IST).
MONDAY_MORNING = datetime(2026, 12, 7, 4, 30, tzinfo=UTC)


class VirtualClock:
    """Satisfies the Clock protocol; time passes only through `advance`."""

    def __init__(self, start: datetime = MONDAY_MORNING, boot_id: str = "virtual") -> None:
        self._start = start
        self._passed = timedelta(0)
        self.boot_id = boot_id

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    def advance(self, duration: timedelta) -> None:
        """Move both clocks forward. Raises ValueError for a negative duration: time does not go back."""
        if duration < timedelta(0):
            raise ValueError(f"the clock cannot go back by {-duration}")
        self._passed += duration
