"""Kite's numbers for instruments: the lower byte says the segment, and so how prices are written."""

import re
from collections.abc import Iterable
from decimal import Decimal

from simulator.instruments import Listing
from simulator.orders import Key

INDICES = 9
_SEGMENTS = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7, "NCO": 12}
# How many of the ticker's units make a rupee.
_UNITS = {3: 10_000_000, 6: 10_000, 12: 10_000}
_USUAL_UNITS = 100
# An index is quoted and never traded: here it stands where the nearest future of its stands.
_INDICES = {
    ("NSE", "NIFTY 50"): ("NFO", "NIFTY"),
    ("NSE", "NIFTY BANK"): ("NFO", "BANKNIFTY"),
    ("BSE", "SENSEX"): ("BFO", "SENSEX"),
}


def token(number: int, exchange: str) -> int:
    return number << 8 | _SEGMENTS[exchange]


def index_token(number: int) -> int:
    return number << 8 | INDICES


def is_index(instrument_token: int) -> bool:
    return instrument_token & 0xFF == INDICES


def units(instrument_token: int, price: Decimal) -> int:
    """Return a price as the ticker writes it."""
    return int(price * _UNITS.get(instrument_token & 0xFF, _USUAL_UNITS))


def indices(listings: Iterable[Listing]) -> dict[Key, Key]:
    """Return each index with the future that it follows, as far as there is one."""
    futures = [listing for listing in listings if listing.instrument.kind == "FUT"]
    found: dict[Key, Key] = {}
    for index, (exchange, name) in _INDICES.items():
        of_index = [
            one.key
            for one in futures
            if one.instrument.exchange == exchange and re.match(rf"{name}\d", one.instrument.symbol)
        ]
        if of_index:
            found[index] = of_index[0]
    return found
