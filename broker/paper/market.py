"""The running paper markets: one exchange for each state file, however many accounts speak to it."""

import logging
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from broker.base import BrokerSettings
from broker.paper.mapping import opening_prices
from simulator import ExchangeSettings, SimulatedExchange, WalkSettings, load_instruments
from utils.clock import Clock, SystemClock

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.25
_FIRST_NUMBER_AT = datetime(2026, 1, 1, tzinfo=UTC)


class PaperMarket:
    """The owner of one exchange, and its heartbeat."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self.exchange = exchange

    def run(self, stop: threading.Event) -> None:
        """Tick about four times a second until stop is set; the body of a thread started elsewhere."""
        while not stop.wait(TICK_SECONDS):
            self._tick()

    def _tick(self) -> None:
        try:
            self.exchange.tick()
        except sqlite3.Error:
            # Nothing is lost: what could not be written is written with the next change.
            logger.exception("the paper exchange could not reach its file")


class PaperMarkets:
    """The open markets by state file; opening one twice gives the same one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, PaperMarket] = {}

    def at(self, settings: BrokerSettings) -> PaperMarket:
        """Return the market of settings.paper_state; an empty path is a market in memory.

        Raises ValueError, naming the part, for paper_prices that cannot be read.
        """
        with self._lock:
            name = _name(settings.paper_state)
            if name not in self._open:
                self._open[name] = PaperMarket(self._exchange(name, settings))
            return self._open[name]

    def close(self, paper_state: str) -> None:
        """Close the market's file and forget it; its accounts cannot be used afterwards."""
        with self._lock:
            market = self._open.pop(_name(paper_state), None)
            if market is not None:
                market.exchange.close()

    def _exchange(self, name: str, settings: BrokerSettings) -> SimulatedExchange:
        listings = load_instruments()
        instruments = {listing.key: listing.instrument for listing in listings}
        return SimulatedExchange(
            self._clock,
            ExchangeSettings(
                walk=WalkSettings(),
                ends_days_by_itself=True,
                first_number=_first_number(self._clock.now()),
            ),
            path=Path(name) if name else None,
            listings=listings,
            opening_prices=opening_prices(settings.paper_prices, instruments),
        )


def _name(paper_state: str) -> str:
    return str(Path(paper_state).resolve()) if paper_state else ""


def _first_number(now: datetime) -> int:
    """Begin a new file's numbers beyond those of any file deleted before it: 100 for each second gone."""
    return int((now - _FIRST_NUMBER_AT).total_seconds()) * 100 + 1


# The one place that knows which files are open: two exchanges on one file would overwrite each other.
_MARKETS = PaperMarkets(SystemClock())


def market_of(settings: BrokerSettings) -> PaperMarket:
    """Return this process's market for the settings' state file, opened when it was not yet."""
    return _MARKETS.at(settings)


def close_market(settings: BrokerSettings) -> None:
    """Close this process's market for the settings' state file, if it is open."""
    _MARKETS.close(settings.paper_state)
