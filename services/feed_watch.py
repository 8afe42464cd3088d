"""Whether prices still come for the symbols whose price decides something."""

from collections.abc import Iterable
from datetime import timedelta

from services.roster import Symbol

SILENCE = timedelta(seconds=5)  # without a usable quote; a single read that failed is no silence


class FeedWatch:
    """Notes since when symbols have had no usable quote. Used by the worker's thread only."""

    def __init__(self) -> None:
        self._since: dict[Symbol, float] = {}  # monotonic seconds
        self.is_silent = False

    def note(self, unquoted: Iterable[Symbol], now: float) -> bool:
        """Take in which symbols lack a usable quote; return whether that changed what is_silent says."""
        self._since = {symbol: self._since.get(symbol, now) for symbol in unquoted}
        was_silent = self.is_silent
        self.is_silent = any(now - since >= SILENCE.total_seconds() for since in self._since.values())
        return self.is_silent is not was_silent
