"""Fyers' files of symbols (CSV without a line of names, written anew each morning) into ours. Pure.

The columns are those of the documentation of the symbol master: Fytoken, details, instrument type, lot size,
tick size, ISIN, trading session, last update, expiry (seconds since 1970), ticker, exchange, segment, scrip
code, underlying symbol, its scrip code, strike price, option type, underlying Fytoken, and reserved ones.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from broker.base import ListedInstrument, ReadFailed
from broker.fyers.tickers import EXCHANGES, symbol_of
from services.bracket.model import Instrument
from utils.constants import EXCHANGE_ZONE

FILES = ("NSE_CM", "NSE_FO", "NSE_CD", "BSE_CM", "BSE_FO", "MCX_COM")

_DETAILS, _KIND, _LOT, _TICK, _EXPIRY, _TICKER, _EXCHANGE, _SEGMENT = 1, 2, 3, 4, 8, 9, 10, 11
_UNDERLYING, _STRIKE, _OPTION = 13, 15, 16
_LEAST_COLUMNS = 17  # those at the end are reserved, and have grown in number
_SHARES = frozenset(
    {"0", "4", "9", "50"}
)  # equity, miscellaneous, ETF, and BSE's own; not bonds, not indices
_CASH = frozenset({"NSE", "BSE"})
_IN_LOTS = frozenset({"CDS", "MCX"})  # quantities there are numbers of lots, whatever the file says of them
_NO_OPTION = "XX"


def instruments(lines: Iterable[bytes]) -> tuple[ListedInstrument, ...]:
    """Return what can be traded of one file, given line by line, the ticker with each.

    A share of BSE that is in two groups is left out: its symbol would not say which is meant.
    Raises ReadFailed for a file that is not Fyers', or breaks off: half a list must not replace a whole one.
    """
    try:
        found = tuple(_tradable(csv.reader((line.decode("utf-8") for line in lines), strict=True)))
    except (UnicodeDecodeError, csv.Error, ValueError, InvalidOperation) as exc:
        raise ReadFailed(f"a file of symbols cannot be read: {exc}") from exc
    names = Counter((one.instrument.exchange, one.instrument.symbol) for one in found)
    return tuple(one for one in found if names[one.instrument.exchange, one.instrument.symbol] == 1)


def _tradable(rows: Iterable[Sequence[str]]) -> Iterator[ListedInstrument]:
    number = 0
    for number, row in enumerate(rows, start=1):
        if len(row) < _LEAST_COLUMNS:
            raise ReadFailed(f"a file of symbols breaks off in line {number}")
        exchange = EXCHANGES.get((int(row[_EXCHANGE]), int(row[_SEGMENT])))
        if exchange is not None and _is_tradable(row, exchange) and Decimal(row[_TICK]) > 0:
            yield _listed(row, exchange)
    if number == 0:
        raise ReadFailed("a file of symbols is empty")


def _is_tradable(row: Sequence[str], exchange: str) -> bool:
    return row[_KIND] in _SHARES if exchange in _CASH else bool(row[_EXPIRY])


def _listed(row: Sequence[str], exchange: str) -> ListedInstrument:
    strike = Decimal(row[_STRIKE] or "-1")
    instrument = Instrument(
        exchange=exchange,
        symbol=symbol_of(row[_TICKER], exchange),
        name=row[_UNDERLYING] if row[_EXPIRY] else row[_DETAILS],
        kind=_kind(row, exchange),
        tick_size=Decimal(row[_TICK]),
        lot_size=1 if exchange in _IN_LOTS else int(row[_LOT]),
        expiry=_day(row[_EXPIRY]) if row[_EXPIRY] and exchange not in _CASH else None,
        strike=strike if strike > 0 else None,
    )
    return ListedInstrument(instrument=instrument, token=row[_TICKER])


def _kind(row: Sequence[str], exchange: str) -> str:
    if exchange in _CASH:
        return "EQ"
    return "FUT" if row[_OPTION] == _NO_OPTION else row[_OPTION]


def _day(seconds: str) -> date:
    return datetime.fromtimestamp(float(seconds), EXCHANGE_ZONE).date()
