"""The server's list of instruments (CSV) into ours. Pure. Its symbols are ours: the format is the same."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from broker.base import ListedInstrument, ReadFailed
from services.bracket.model import Instrument
from services.bracket.model.broker import INDIAN_EXCHANGES

COLUMNS = frozenset(
    {"symbol", "name", "exchange", "expiry", "strike", "lotsize", "instrumenttype", "tick_size"}
)
_CASH = frozenset({"NSE", "BSE"})
_OPTIONS = frozenset({"CE", "PE"})


def instruments(lines: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of a whole file, given line by line, the server's number with each.

    Raises ReadFailed for a file that is not the server's, or breaks off: half a list replaces no whole one.
    """
    try:
        rows = csv.DictReader((line.decode("utf-8") for line in lines), strict=True)
        if not set(rows.fieldnames or ()) >= COLUMNS:
            raise ReadFailed(f"the list of instruments has other columns: {rows.fieldnames}")
        return tuple(_tradable(rows))
    except (UnicodeDecodeError, csv.Error, ValueError, InvalidOperation) as exc:
        raise ReadFailed(f"the list of instruments cannot be read: {exc}") from exc


def _tradable(rows: "csv.DictReader[str]") -> Iterator[ListedInstrument]:
    for row in rows:
        if None in row.values():
            raise ReadFailed(f"the list of instruments breaks off in line {rows.line_num}")
        is_traded = row["exchange"] in INDIAN_EXCHANGES and bool(row["symbol"])
        if is_traded and Decimal(row["tick_size"] or 0) > 0 and Decimal(row["lotsize"] or 0) >= 1:
            yield ListedInstrument(instrument=_instrument(row), token=row.get("token") or "")


def _instrument(row: Mapping[str, str]) -> Instrument:
    kind = _kind(row)
    return Instrument(
        exchange=row["exchange"],
        symbol=row["symbol"],
        name=row["name"],
        kind=kind,
        tick_size=Decimal(row["tick_size"]),
        lot_size=int(Decimal(row["lotsize"])),
        freeze_quantity=int(Decimal(row.get("freeze_qty") or 0)) or None,
        expiry=None if kind == "EQ" else _day(row["expiry"]),
        strike=Decimal(row["strike"]) if kind in _OPTIONS else None,
    )


def _kind(row: Mapping[str, str]) -> str:
    """Return EQ, FUT, CE or PE: brokers name the type each in its own way, the symbol ends alike at all."""
    if row["exchange"] in _CASH:
        return "EQ"
    return next((kind for kind in ("CE", "PE") if row["symbol"].endswith(kind)), "FUT")


def _day(text: str) -> date | None:
    return datetime.strptime(text, "%d-%b-%y").date() if text else None  # noqa: DTZ007  # a date, no time
