"""Fyers' tickers and numbers for what the exchange lists."""

from collections.abc import Iterable

from simulator.instruments import Listing
from simulator.orders import Key

NUMBERS = {  # exchange, segment
    "NSE": (10, 10),
    "NFO": (10, 11),
    "CDS": (10, 12),
    "MCX": (11, 20),
    "BSE": (12, 10),
    "BFO": (12, 11),
}
_PREFIXES = {"NFO": "NSE", "CDS": "NSE", "BFO": "BSE"}
_SUFFIXES = {"NSE": "-EQ", "BSE": "-A"}


def ticker_of(key: Key) -> str:
    exchange, symbol = key
    return f"{_PREFIXES.get(exchange, exchange)}:{symbol}{_SUFFIXES.get(exchange, '')}"


def by_ticker(listings: Iterable[Listing]) -> dict[str, Key]:
    """Return every listed instrument by its ticker."""
    return {ticker_of(listing.key): listing.key for listing in listings}
