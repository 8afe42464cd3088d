"""Dhan's detailed file of instruments (CSV, written anew each morning) into ours. Pure.

Its own symbols differ by segment; ours are made of underlying, expiry and strike, as everywhere here. Ticks
are told in paise. Source: dhanhq.co/docs/v2/instruments.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from broker.base import ListedInstrument, ReadFailed
from broker.listings import first_of_each
from services.bracket.model import Instrument

COLUMNS = frozenset(
    (
        "EXCH_ID",
        "SEGMENT",
        "SECURITY_ID",
        "INSTRUMENT",
        "UNDERLYING_SYMBOL",
        "SYMBOL_NAME",
        "DISPLAY_NAME",
        "SERIES",
        "LOT_SIZE",
        "SM_EXPIRY_DATE",
        "STRIKE_PRICE",
        "OPTION_TYPE",
        "TICK_SIZE",
    )
)
FREEZE = "SM_FREEZE_QTY"
EXCHANGES = {
    ("NSE", "E"): "NSE",
    ("BSE", "E"): "BSE",
    ("NSE", "D"): "NFO",
    ("BSE", "D"): "BFO",
    ("NSE", "C"): "CDS",
    ("BSE", "C"): "BCD",
    ("MCX", "M"): "MCX",
}
_SHARES = frozenset({"EQUITY"})
_FUTURES = frozenset({"FUTIDX", "FUTSTK", "FUTCUR", "FUTCOM"})
_OPTIONS = frozenset({"OPTIDX", "OPTSTK", "OPTCUR", "OPTFUT"})
_PAISE = Decimal("0.01")


def instruments(lines: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of a whole file, given line by line, Dhan's number with each.

    Raises ReadFailed for a file that is not Dhan's, or breaks off: half a list must not replace a whole one.
    """
    try:
        rows = csv.DictReader((line.decode("utf-8") for line in lines), strict=True)
        if not set(rows.fieldnames or ()) >= COLUMNS:
            raise ReadFailed(f"the instruments file has other columns: {rows.fieldnames}")
        return tuple(first_of_each(_tradable(rows)))
    except (UnicodeDecodeError, csv.Error, ValueError, InvalidOperation, TypeError) as exc:
        raise ReadFailed(f"the instruments file cannot be read: {exc}") from exc


def _tradable(rows: "csv.DictReader[str]") -> Iterator[ListedInstrument]:
    for row in rows:
        if row["TICK_SIZE"] is None:
            raise ReadFailed(f"the instruments file breaks off in line {rows.line_num}")
        exchange, kind = EXCHANGES.get((row["EXCH_ID"], row["SEGMENT"])), _kind(row)
        if exchange is not None and kind is not None and Decimal(row["TICK_SIZE"] or 0) > 0:
            yield ListedInstrument(instrument=_instrument(row, exchange, kind), token=row["SECURITY_ID"])


def _kind(row: Mapping[str, str]) -> str | None:
    if row["INSTRUMENT"] in _SHARES:
        return "EQ"
    if row["INSTRUMENT"] in _FUTURES:
        return "FUT"
    is_option = row["INSTRUMENT"] in _OPTIONS and row["OPTION_TYPE"] in ("CE", "PE")
    return row["OPTION_TYPE"] if is_option else None


def _instrument(row: Mapping[str, str], exchange: str, kind: str) -> Instrument:
    expiry = None if kind == "EQ" else date.fromisoformat(row["SM_EXPIRY_DATE"][:10])
    strike = Decimal(row["STRIKE_PRICE"]) if kind in ("CE", "PE") else None
    return Instrument(
        exchange=exchange,
        symbol=_symbol(row["UNDERLYING_SYMBOL"] or row["SYMBOL_NAME"], expiry, strike, kind),
        name=row["DISPLAY_NAME"],
        kind=kind,
        tick_size=Decimal(row["TICK_SIZE"]) * _PAISE,
        lot_size=int(Decimal(row["LOT_SIZE"])),
        freeze_quantity=_freeze(row.get(FREEZE)),
        expiry=expiry,
        strike=strike,
    )


def _symbol(underlying: str, expiry: date | None, strike: Decimal | None, kind: str) -> str:
    if expiry is None:
        return underlying
    level = "" if strike is None else format(strike.normalize(), "f")
    return f"{underlying}{expiry:%d%b%y}{level}{kind}".upper()


def _freeze(text: str | None) -> int | None:
    """Return the largest quantity of one order: Dhan tells the smallest that is frozen, 0 or 1 for none."""
    frozen = int(Decimal(text)) if text else 0
    return frozen - 1 if frozen > 1 else None
