"""Where an account's push stream leaves what it hears, until the account's worker takes it.

The stream's thread writes, the worker's reads. Prices that come faster than the worker works replace
each other: only the newest of a symbol counts, and one notice stands for all that wait.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from services.account_messages import Message, PricesPushed, Pushed
from services.bracket.model import Quote
from services.roster import Symbol


class AccountPushes:
    """Satisfies PushListener. Nothing here blocks: the stream must not miss a heartbeat."""

    def __init__(self, on_news: Callable[[Message], None]) -> None:
        self._on_news = on_news
        self._lock = threading.Lock()
        self._quotes: dict[Symbol, Quote] = {}
        self._came_at: dict[Symbol, datetime] = {}
        self._wanted: frozenset[Symbol] = frozenset()
        self.is_up = False

    # --- from the stream's thread

    def on_orders(self) -> None:
        self._on_news(Pushed())

    def on_quotes(self, quotes: Mapping[Symbol, Quote]) -> None:
        with self._lock:
            is_waiting = bool(self._quotes)
            self._quotes.update(quotes)
            self._came_at.update({symbol: quote.at for symbol, quote in quotes.items()})
        if not is_waiting:
            self._on_news(PricesPushed())

    def on_health(self, *, is_up: bool) -> None:
        if is_up is self.is_up:
            return
        self.is_up = is_up
        with self._lock:
            self._came_at = {}  # what comes after a gap must prove itself fresh
        self._on_news(Pushed())  # the worker looks now, and plans its next read by the new pace

    def wanted(self) -> frozenset[Symbol]:
        return self._wanted

    # --- from the worker's thread

    def want(self, symbols: frozenset[Symbol]) -> None:
        """Say whose prices the stream is to bring."""
        self._wanted = symbols

    def take_quotes(self) -> dict[Symbol, Quote]:
        """Return the newest price of each symbol since the last call."""
        with self._lock:
            quotes, self._quotes = self._quotes, {}
            return quotes

    def is_fresh(self, symbol: Symbol, now: datetime, most: timedelta) -> bool:
        """Whether a price of the symbol was pushed within `most`."""
        with self._lock:
            came_at = self._came_at.get(symbol)
        return came_at is not None and now - came_at <= most
