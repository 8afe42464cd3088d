"""Finding a symbol among 100,000, and listing that many anew. In this process, on a file of its own."""

import random
import statistics
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, islice, product
from time import perf_counter

from bench.report import Figure, Section
from bench.setting import Setting
from database import migrations
from database.session import Database
from database.symbol import Listing, enhanced_search_symbols, replace_instruments
from services.bracket.model import Instrument

ROWS = 100_000
GOAL_MS = 20.0
SHARES = 10_000
SEARCHES = 400
BROKER = "bench"

_LISTED_AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
_NEAREST = date(2026, 11, 24)
_UNDERLYINGS = ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "SBIN", "RELIANCE", "INFY", "TATASTEEL")
_QUERIES = (
    "nifty",
    "NIFTY24NOV2625000CE",
    "nifty 25000 ce",
    "nifty 25000 pe nov",
    "banknifty 24nov 51000 put",
    "nif 250 ce",
    "sbin",
    "share 4711",
    "sh",
    "ce",
    "company number 77",
    "no such thing at all",
)


def measure_symbols(setting: Setting) -> Section:
    """Measure searches of every kind, and one whole new list."""
    url = f"sqlite:///{setting.folder / 'symbols.db'}"
    migrations.upgrade(url)
    db = Database(url)
    try:
        began = perf_counter()
        for exchange, rows in (("NSE", _shares()), ("NFO", _options())):
            replace_instruments(db, rows, broker=BROKER, exchange=exchange, at=_LISTED_AT)
        listed = perf_counter() - began
        return _section(listed, _timed(db))
    finally:
        db.close()


def _section(listed: float, taken: dict[str, list[float]]) -> Section:
    everything = sorted(seconds for times in taken.values() for seconds in times)
    slowest = max(taken, key=lambda query: statistics.median(taken[query]))
    return Section(
        name="symbols",
        figures=[
            Figure(
                name="search, median of all",
                value=statistics.median(everything) * 1000,
                unit="ms",
                limit=GOAL_MS,
                why="the machine was busy",
            ),
            Figure(name="search, 99 of 100", value=everything[int(len(everything) * 0.99)] * 1000, unit="ms"),
            Figure(
                name=f"search, median of the slowest ({slowest!r})",
                value=statistics.median(taken[slowest]) * 1000,
                unit="ms",
            ),
            Figure(name=f"listing {ROWS} instruments", value=listed, unit="s"),
        ],
        notes=[f"{ROWS} instruments, {len(_QUERIES)} kinds of search, {len(everything)} searches in all"],
    )


def _timed(db: Database) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {query: [] for query in _QUERIES}
    order = [query for query in _QUERIES for _ in range(SEARCHES // len(_QUERIES))]
    random.Random(7).shuffle(order)
    for query in order:
        began = perf_counter()
        enhanced_search_symbols(db, query)
        taken[query].append(perf_counter() - began)
    return taken


def _shares() -> Iterator[Listing]:
    for number in range(SHARES):
        yield _listing("NSE", f"SHARE{number}", name=f"COMPANY NUMBER {number} LIMITED", kind="EQ")


def _options() -> Iterator[Listing]:
    weeks = (_NEAREST + timedelta(weeks=week) for week in count())
    every = (
        (expiry, name, strike, kind)
        for expiry in weeks
        for name, strike, kind in product(_UNDERLYINGS, range(20_000, 60_000, 100), ("CE", "PE"))
    )
    for expiry, name, strike, kind in islice(every, ROWS - SHARES):
        symbol = f"{name}{expiry:%y}{expiry.month:X}{expiry:%d}{strike}{kind}"
        yield _listing("NFO", symbol, name=name, kind=kind, expiry=expiry, strike=Decimal(strike))


def _listing(
    exchange: str,
    symbol: str,
    *,
    name: str,
    kind: str,
    expiry: date | None = None,
    strike: Decimal | None = None,
) -> Listing:
    instrument = Instrument(
        exchange=exchange,
        symbol=symbol,
        name=name,
        kind=kind,
        tick_size=Decimal("0.05"),
        lot_size=1,
        expiry=expiry,
        strike=strike,
    )
    return Listing(instrument=instrument, token=symbol)
