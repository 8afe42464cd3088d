"""The prices of the day: open, high, low and close, and the candles of each minute since the start."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.exchange import SimulatedExchange
from simulator.market import Market
from simulator.orders import Key
from utils.constants import EXCHANGE_ZONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """begins is in exchange time."""

    begins: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    def joined(self, later: "Candle") -> "Candle":
        return replace(self, high=max(self.high, later.high), low=min(self.low, later.low), close=later.close)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPrices:
    """A day so far; close is the day before's last price."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


class PriceHistory:
    """Every price seen since this process started. Thread-safe."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._lock = threading.Lock()
        self._minutes: dict[Key, list[Candle]] = {}
        for market in exchange.peek(lambda ledger: tuple(ledger.markets)):
            self._note(market)
        exchange.listen_prices(self._moved)

    def day(self, key: Key, last: Decimal) -> DayPrices:
        """Return a symbol's day; last stands in for what was never seen."""
        with self._lock:
            minutes = list(self._minutes.get(key, ()))
        if not minutes:
            return DayPrices(open=last, high=last, low=last, close=last)
        today = minutes[-1].begins.date()
        candles = [minute for minute in minutes if minute.begins.date() == today]
        before = [minute for minute in minutes if minute.begins.date() < today]
        whole = _joined(candles)
        close = before[-1].close if before else whole.open
        return DayPrices(open=whole.open, high=whole.high, low=whole.low, close=close)

    def candles(self, key: Key, minutes: int, *, start: datetime, end: datetime) -> list[Candle]:
        """Return the candles of so many minutes each that begin between two moments."""
        with self._lock:
            seen = list(self._minutes.get(key, ()))
        groups: dict[datetime, list[Candle]] = {}
        for candle in seen:
            groups.setdefault(_floored(candle.begins, minutes), []).append(candle)
        wanted = [begins for begins in groups if start <= begins <= end]
        return [replace(_joined(groups[begins]), begins=begins) for begins in wanted]

    def _moved(self, keys: frozenset[Key]) -> None:
        markets = self._exchange.peek(lambda ledger: [ledger.market(key) for key in keys])
        for market in markets:
            if market is not None:
                self._note(market)

    def _note(self, market: Market) -> None:
        begins = _floored(market.at.astimezone(EXCHANGE_ZONE), 1)
        last = market.last
        fresh = Candle(begins=begins, open=last, high=last, low=last, close=last)
        with self._lock:
            minutes = self._minutes.setdefault(market.key, [])
            if minutes and minutes[-1].begins >= begins:
                minutes[-1] = minutes[-1].joined(fresh)
            else:
                minutes.append(fresh)


def _joined(candles: Sequence[Candle]) -> Candle:
    whole = candles[0]
    for candle in candles[1:]:
        whole = whole.joined(candle)
    return whole


def _floored(moment: datetime, minutes: int) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((moment - midnight).total_seconds() // 60)
    return midnight + timedelta(minutes=passed - passed % minutes)
