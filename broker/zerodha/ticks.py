"""Kite's binary ticks into prices. Pure.

A frame is a count, then so many packets, each with its length before it; all numbers big-endian. The last
byte of an instrument's number is its segment, which says how many decimals its prices have.
Source: kite.trade/docs/connect/v3/websocket, section "Binary market data".
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_SHORT = struct.Struct(">H")
_HEAD = struct.Struct(">Ii")  # the instrument's number, its last price
_LEVEL = struct.Struct(">iiHxx")  # quantity, price, orders
_LENGTHS = frozenset({8, 28, 32, 44, 184})  # ltp; an index, twice; quote; full, the only one with depth
_FULL = 184
_DEPTH_AT = 64
_LEVELS_OF_A_SIDE = 5

_SEGMENT_BITS = 0xFF
_DECIMALS = {3: 7, 6: 4}  # currency derivatives of NSE and BSE; everything else is quoted in paise
_PAISE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One instrument's prices in rupees; bid and ask are None where the packet has no depth."""

    number: int
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None


def ticks(frame: bytes) -> tuple[Tick, ...]:
    """Return what a binary frame tells; nothing for a heartbeat.

    Raises ValueError for a frame that is not Kite's or breaks off: no part of it is believed.
    """
    if len(frame) < _SHORT.size:
        return ()  # the heartbeat's one byte
    try:
        return tuple(_tick(packet) for packet in _packets(frame))
    except struct.error as exc:
        raise ValueError(f"a frame of {len(frame)} bytes breaks off") from exc


def _packets(frame: bytes) -> Iterator[bytes]:
    (count,) = _SHORT.unpack_from(frame)
    place = _SHORT.size
    for _ in range(count):
        (length,) = _SHORT.unpack_from(frame, place)
        place += _SHORT.size
        packet = frame[place : place + length]
        if length not in _LENGTHS or len(packet) != length:
            raise ValueError(f"a packet of {length} bytes, of which {len(packet)} came")
        yield packet
        place += length
    if place != len(frame):
        raise ValueError(f"{len(frame) - place} bytes more than the packets of the frame")


def _tick(packet: bytes) -> Tick:
    number, last = _HEAD.unpack_from(packet)
    decimals = _DECIMALS.get(number & _SEGMENT_BITS, _PAISE)
    if len(packet) != _FULL:
        return Tick(number=number, last=_rupees(last, decimals))
    return Tick(
        number=number,
        last=_rupees(last, decimals),
        bid=_best(packet, 0, decimals),
        ask=_best(packet, _LEVELS_OF_A_SIDE, decimals),
    )


def _best(packet: bytes, level: int, decimals: int) -> Decimal | None:
    quantity, price, _ = _LEVEL.unpack_from(packet, _DEPTH_AT + level * _LEVEL.size)
    return _rupees(price, decimals) if quantity else None  # an empty level has no quantity


def _rupees(value: int, decimals: int) -> Decimal:
    return Decimal(value).scaleb(-decimals)
