"""Kite's names for the lengths of candles; the prices of the day are those of any simulated broker."""

from simulator.wire.history import Candle, DayPrices, PriceHistory

__all__ = ["INTERVALS", "Candle", "DayPrices", "PriceHistory"]

INTERVALS = {
    "minute": 1,
    "3minute": 3,
    "5minute": 5,
    "10minute": 10,
    "15minute": 15,
    "30minute": 30,
    "60minute": 60,
    "day": 24 * 60,
}
