"""Whether prices still come for the symbols whose price decides something."""

from collections.abc import Iterable
from datetime import timedelta

from services.roster import Symbol

SILENCE = timedelta(seconds=5)  # without a usable quote; a single read that failed is no silence


class FeedWatch:
    """Notes since when symbols have had no usable quote. Used by the worker's thread only."""

    def __init__(self) -> None:
        self._since: dict[Symbol, float] = {}  # monotonic seconds
        self._silent: frozenset[Symbol] = frozenset()

    @property
    def is_silent(self) -> bool:
        """Whether any symbol has gone without a usable quote for too long."""
        return bool(self._silent)

    def note(self, unquoted: Iterable[Symbol], now: float) -> bool:
        """Take in which symbols lack a usable quote; return whether other symbols are silent than before."""
        self._since = {symbol: self._since.get(symbol, now) for symbol in unquoted}
        before = self._silent
        self._silent = frozenset(
            symbol for symbol, since in self._since.items() if now - since >= SILENCE.total_seconds()
        )
        return self._silent != before
