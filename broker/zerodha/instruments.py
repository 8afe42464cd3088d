"""Kite's file of instruments (CSV, written anew each morning) into ours. Pure."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from broker.base import ListedInstrument, ReadFailed
from services.bracket.model import Instrument

COLUMNS = frozenset(
    (
        "instrument_token",
        "tradingsymbol",
        "name",
        "expiry",
        "strike",
        "tick_size",
        "lot_size",
        "instrument_type",
        "segment",
        "exchange",
    )
)
EXCHANGES = frozenset(("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"))
KINDS = frozenset(("EQ", "FUT", "CE", "PE"))
_INDICES = "INDICES"  # quoted, never traded


def instruments(lines: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of a whole file, given line by line, the broker's token with each.

    Raises ReadFailed for a file that is not Kite's, or breaks off: half a list must not replace a whole one.
    """
    try:
        rows = csv.DictReader((line.decode("utf-8") for line in lines), strict=True)
        if not set(rows.fieldnames or ()) >= COLUMNS:
            raise ReadFailed(f"the instruments file has other columns: {rows.fieldnames}")
        return tuple(_tradable(rows))
    except (UnicodeDecodeError, csv.Error, ValueError, InvalidOperation, TypeError) as exc:
        raise ReadFailed(f"the instruments file cannot be read: {exc}") from exc


def _tradable(rows: "csv.DictReader[str]") -> Iterator[ListedInstrument]:
    for row in rows:
        if row["segment"] is None:
            raise ReadFailed(f"the instruments file breaks off in line {rows.line_num}")
        is_traded = row["segment"] != _INDICES and row["exchange"] in EXCHANGES
        if is_traded and row["instrument_type"] in KINDS and Decimal(row["tick_size"]) > 0:
            yield _listed(row)


def _listed(row: Mapping[str, str]) -> ListedInstrument:
    strike = Decimal(row["strike"])
    instrument = Instrument(
        exchange=row["exchange"],
        symbol=row["tradingsymbol"],
        name=row["name"],
        kind=row["instrument_type"],
        tick_size=Decimal(row["tick_size"]),
        lot_size=int(row["lot_size"]),
        expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
        strike=strike if strike > 0 else None,
    )
    return ListedInstrument(instrument=instrument, token=row["instrument_token"])
