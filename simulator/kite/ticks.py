"""The ticker's binary messages. Pure: what a symbol looks like goes in, bytes come out.

A message is the number of its packets, then each packet behind its length, all big-endian. A packet has
8 bytes (last price), 44 (quote) or 184 (full: with times, open interest and five levels of depth); an
index, which has no orders, 28 or 32. One byte alone is a heartbeat.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from simulator.kite.history import DayPrices
from simulator.kite.segments import is_index, units

HEARTBEAT = b"\x00"
_LEVELS = 5


class TickMode(StrEnum):
    LTP = "ltp"
    QUOTE = "quote"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A symbol at one instant; a side that is None is empty."""

    token: int
    last: Decimal
    day: DayPrices
    at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_quantity: int = 0
    ask_quantity: int = 0
    lower_band: Decimal | None = None
    upper_band: Decimal | None = None


def message(packets: Sequence[bytes]) -> bytes:
    """Return packets as one message."""
    parts = [struct.pack(">H", len(packets))]
    for packet in packets:
        parts += [struct.pack(">H", len(packet)), packet]
    return b"".join(parts)


def packet(picture: Picture, mode: TickMode) -> bytes:
    """Return a symbol as a subscriber of this mode gets it."""
    head = _words(picture.token, units(picture.token, picture.last))
    if mode is TickMode.LTP:
        return head
    if is_index(picture.token):
        return head + _index(picture, mode)
    quote = head + _quote(picture)
    return quote if mode is TickMode.QUOTE else quote + _rest(picture)


def _index(picture: Picture, mode: TickMode) -> bytes:
    day, own = picture.day, picture.token
    prices = _words(*(units(own, price) for price in (day.high, day.low, day.open, day.close)))
    change = struct.pack(">i", units(own, picture.last - day.close))
    return prices + change + (_words(_seconds(picture.at)) if mode is TickMode.FULL else b"")


def _quote(picture: Picture) -> bytes:
    """Nobody but the simulated accounts trades here: volume and last quantity are 0, the average the last."""
    day, own = picture.day, picture.token
    prices = [units(own, price) for price in (day.open, day.high, day.low, day.close)]
    return _words(0, units(own, picture.last), 0, picture.bid_quantity, picture.ask_quantity, *prices)


def _rest(picture: Picture) -> bytes:
    at = _seconds(picture.at)
    buys = _side(picture.token, picture.bid, quantity=picture.bid_quantity)
    sells = _side(picture.token, picture.ask, quantity=picture.ask_quantity)
    return _words(at, 0, 0, 0, at) + buys + sells


def _side(token: int, price: Decimal | None, *, quantity: int) -> bytes:
    best = b"" if price is None else struct.pack(">IIHH", quantity, units(token, price), 1, 0)
    return best.ljust(12 * _LEVELS, b"\x00")


def _words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
