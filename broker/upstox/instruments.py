"""Upstox's files of instruments (gzipped JSON, written anew each morning) into ours. Pure.

Orders go by the instrument_key, `NSE_EQ|INE062A01020`. Contracts are named as everywhere here, by underlying,
expiry and strike; ticks are told in paise, expiries in milliseconds. Source: the documentation's page on
instruments.
"""

import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from broker.base import ListedInstrument, ReadFailed
from broker.listings import first_of_each
from broker.upstox.schemas import Listed
from broker.upstox.words import CASH, EXCHANGE_OF
from services.bracket.model import Instrument
from utils.constants import EXCHANGE_ZONE

FILES = ("NSE", "BSE", "MCX")
MAX_BYTES = 256 * 1024 * 1024

_LISTS = msgspec.json.Decoder(list[Listed])
_GZIP = b"\x1f\x8b"
_PAISE = Decimal("0.01")
_CONTRACTS = frozenset({"FUT", "CE", "PE"})
_NSE_SERIES = frozenset({"EQ", "BE", "BZ", "SM", "ST"})  # shares; others are bonds, funds' units, gold
_BSE_GROUPS = frozenset({"A", "B", "M", "MT", "T", "X", "XT", "Z"})


def instruments(pieces: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of a whole file, given piece by piece, Upstox's key with each.

    Raises ReadFailed for a file that is not Upstox's, or breaks off: half a list must not replace a whole.
    """
    try:
        return tuple(first_of_each(_tradable(_LISTS.decode(_text(pieces)))))
    except (ValueError, ArithmeticError, zlib.error, RecursionError, OSError) as exc:
        raise ReadFailed(f"a file of instruments cannot be read: {exc}") from exc


def _text(pieces: Iterable[bytes]) -> bytearray:
    """Return the JSON; the way here may have unpacked it already, or not."""
    text, unpacking = bytearray(), None
    for count, piece in enumerate(pieces):
        if count == 0 and piece.startswith(_GZIP):
            unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text += piece if unpacking is None else unpacking.decompress(piece, MAX_BYTES - len(text))
        if len(text) >= MAX_BYTES:
            raise ValueError(f"longer than {MAX_BYTES} bytes")
    if unpacking is not None and not unpacking.eof:
        raise ValueError("it breaks off")
    return text


def _tradable(rows: Iterable[Listed]) -> Iterator[ListedInstrument]:
    for row in rows:
        exchange = EXCHANGE_OF.get(row.segment)
        if exchange is not None and row.tick_size > 0 and _is_tradable(row, exchange):
            yield ListedInstrument(instrument=_instrument(row, exchange), token=row.instrument_key)


def _is_tradable(row: Listed, exchange: str) -> bool:
    match exchange:
        case "NSE":
            return row.instrument_type in _NSE_SERIES
        case "BSE":
            return row.instrument_type in _BSE_GROUPS
        case _:
            return row.instrument_type in _CONTRACTS and row.expiry is not None


def _instrument(row: Listed, exchange: str) -> Instrument:
    is_share = exchange in CASH
    expiry = None if is_share or row.expiry is None else _day(row.expiry)
    strike = row.strike_price if row.instrument_type in ("CE", "PE") else None
    return Instrument(
        exchange=exchange,
        symbol=_share(row, exchange) if expiry is None else _contract(row, expiry, strike),
        name=row.name or row.trading_symbol,
        kind="EQ" if is_share else row.instrument_type,
        tick_size=row.tick_size * _PAISE,
        lot_size=row.lot_size,
        freeze_quantity=int(row.freeze_quantity) or None,
        expiry=expiry,
        strike=strike,
    )


def _share(row: Listed, exchange: str) -> str:
    """Return a share's symbol; those of NSE in another series than EQ keep it, as everywhere."""
    is_plain = exchange != "NSE" or row.instrument_type == "EQ"
    return row.trading_symbol if is_plain else f"{row.trading_symbol}-{row.instrument_type}"


def _contract(row: Listed, expiry: date, strike: Decimal | None) -> str:
    level = "" if strike is None else format(strike.normalize(), "f")
    underlying = row.underlying_symbol or row.trading_symbol.partition(" ")[0]
    return f"{underlying}{expiry:%d%b%y}{level}{row.instrument_type}".upper()


def _day(milliseconds: int) -> date:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    return moment.astimezone(EXCHANGE_ZONE).date()
