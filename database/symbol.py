"""Which symbols each broker serves, and on which terms.

A new list is written beside the one in use, some thousand rows at a time, and then takes its place in one
short transaction: orders never wait for it, and nobody ever sees half a list.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text
from ulid import ULID

from database.session import Database, StorageError, insert_for
from database.symbol_search import enhanced_search_symbols
from database.symbol_tables import (
    INSTRUMENT_COLUMNS,
    WORD_INDEX,
    InstrumentListRow,
    InstrumentRow,
    PastTermsRow,
)
from database.symbol_words import words_of
from services.bracket.model import Instrument
from utils.clock import Clock
from utils.recent import RecentAnswers

__all__ = [
    "InstrumentList",
    "Listing",
    "ListingTerms",
    "SymbolTable",
    "enhanced_search_symbols",
    "find_listing",
    "find_symbol",
    "list_instrument_lists",
    "past_terms",
    "replace_instruments",
    "terms_now",
]

INSTRUMENTS_KEPT = timedelta(minutes=1)  # a sync in another process is seen after this
# A number names the same contract all day, and no index finds it: the look-up reads the exchange's list.
NUMBERS_KEPT = timedelta(hours=6)
WRITTEN_AT_ONCE = 2_000  # 60 ms of writing, for which an order may have to wait
_ABANDONED_AFTER = timedelta(hours=1)  # a list written for so long was left by a process that died

Progress = Callable[[int], None]  # rows written so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and the broker's own number for it; empty where the broker goes by symbol."""

    instrument: Instrument
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentList:
    """A broker's list of one exchange as it counts now."""

    broker: str
    exchange: str
    length: int
    listed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingTerms:
    """What orders in a symbol must obey, and from when until when; valid_until is None for the present."""

    tick_size: Decimal
    lot_size: int
    freeze_quantity: int | None
    valid_from: datetime
    valid_until: datetime | None = None

    def says_the_same(self, instrument: Instrument) -> bool:
        mine = (self.tick_size, self.lot_size, self.freeze_quantity)
        return mine == (instrument.tick_size, instrument.lot_size, instrument.freeze_quantity)


class SymbolTable:
    """Instruments of every broker, from memory where they were asked for within a minute."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._recent: RecentAnswers[tuple[str, str, str], Listing] = RecentAnswers(
            clock.monotonic, kept=INSTRUMENTS_KEPT
        )
        self._by_token: RecentAnswers[tuple[str, str, str], str] = RecentAnswers(
            clock.monotonic, kept=NUMBERS_KEPT
        )

    def instrument(self, exchange: str, symbol: str, *, broker: str) -> Instrument | None:
        """Return a symbol as the broker lists it, or None when it does not. Raises NotRead."""
        found = self.listing(exchange, symbol, broker=broker)
        return None if found is None else found.instrument

    def listing(self, exchange: str, symbol: str, *, broker: str) -> Listing | None:
        """Return a symbol with the broker's number for it, or None. Raises NotRead."""
        key = (broker, exchange, symbol)
        known = self._recent.get(key)
        if known is not None:
            return known
        asked_at = self._clock.monotonic()
        found = find_listing(self._db, exchange, symbol=symbol, broker=broker)
        if found is not None:
            self._recent.put(key, found, asked_at=asked_at)
        return found

    def symbol_of(self, exchange: str, token: str, *, broker: str) -> str | None:
        """Return the symbol that a broker lists under a number, or None. Raises NotRead."""
        key = (broker, exchange, token)
        known = self._by_token.get(key)
        if known is not None:
            return known
        asked_at = self._clock.monotonic()
        found = find_symbol(self._db, exchange, token=token, broker=broker)
        if found is not None:
            self._by_token.put(key, found, asked_at=asked_at)
        return found

    def replace_instruments(self, rows: Iterable[Listing], *, broker: str, exchange: str) -> int:
        """Replace a broker's list of one exchange, all of it or nothing, and return its length."""
        count = replace_instruments(self._db, rows, broker=broker, exchange=exchange, at=self._clock.now())
        self._recent.forget()
        self._by_token.forget()
        return count


def replace_instruments(
    db: Database,
    rows: Iterable[Listing],
    *,
    broker: str,
    exchange: str,
    at: datetime,
    progress: Progress = lambda _: None,
) -> int:
    """Replace a broker's list of one exchange, all of it or nothing, and return its length.

    Raises ValueError for a row of another exchange, a symbol that comes twice and an empty list: a broken
    download must not delete what we know. Raises NotStored; then the old list still counts.
    """
    listings = sorted(rows, key=_by_expiry)
    _check(listings, exchange)
    list_id = str(ULID.from_datetime(at))
    _forget_abandoned(db, before=at - _ABANDONED_AFTER)
    try:
        old = _terms_by_symbol(db, broker=broker, exchange=exchange)
        _write_list(db, _as_rows(listings, list_id=list_id, old=old, at=at), progress)
        changed = _changed(listings, old)
        replaced = _take_its_place(db, list_id, changed, key=(broker, exchange), length=len(listings), at=at)
    except StorageError:
        with suppress(StorageError):
            _forget_list(db, list_id)
        raise
    if replaced is not None:
        # The new list counts already: what is left of the old one goes as an abandoned one does.
        with suppress(StorageError):
            _forget_list(db, replaced)
    return len(listings)


def find_listing(db: Database, exchange: str, *, symbol: str, broker: str) -> Listing | None:
    """Return a symbol as a broker lists it, or None, always from the database. Raises NotRead."""
    with db.read() as connection:
        row = connection.execute(_LISTING, {"broker": broker, "exchange": exchange, "symbol": symbol}).first()
    if row is None:
        return None
    columns = dict(row._mapping)
    return Listing(token=columns.pop("token"), instrument=Instrument(**columns))


def find_symbol(db: Database, exchange: str, *, token: str, broker: str) -> str | None:
    """Return the symbol that a broker lists under a number, or None. Raises NotRead."""
    wanted = (
        select(InstrumentRow.symbol)
        .join(InstrumentListRow, InstrumentListRow.list_id == InstrumentRow.list_id)
        .where(
            InstrumentListRow.broker == broker,
            InstrumentListRow.exchange == exchange,
            InstrumentRow.token == token,
        )
        .limit(1)
    )
    with db.read() as connection:
        found: str | None = connection.scalar(wanted)
    return found


def list_instrument_lists(db: Database) -> tuple[InstrumentList, ...]:
    """Return what is listed: broker, exchange, how much and since when. Raises NotRead."""
    names = ("broker", "exchange", "length", "listed_at")
    wanted = select(*(InstrumentListRow.__table__.c[name] for name in names))
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(InstrumentListRow.broker, InstrumentListRow.exchange))
        return tuple(InstrumentList(**row._mapping) for row in rows)


def terms_now(db: Database, exchange: str, *, symbol: str, broker: str) -> ListingTerms | None:
    """Return a symbol's present terms, or None when the broker does not list it. Raises NotRead."""
    wanted = _terms_of_current().where(
        InstrumentListRow.broker == broker,
        InstrumentListRow.exchange == exchange,
        InstrumentRow.symbol == symbol,
    )
    with db.read() as connection:
        row = connection.execute(wanted).mappings().first()
    return None if row is None else _terms(row)


def past_terms(db: Database, exchange: str, *, symbol: str, broker: str) -> tuple[ListingTerms, ...]:
    """Return the terms a symbol had before its present ones, newest first. Raises NotRead."""
    wanted = (
        select(PastTermsRow.__table__)
        .where(
            PastTermsRow.broker == broker, PastTermsRow.exchange == exchange, PastTermsRow.symbol == symbol
        )
        .order_by(PastTermsRow.valid_from.desc())
    )
    with db.read() as connection:
        return tuple(_terms(row) for row in connection.execute(wanted).mappings())


_LISTING = (
    select(*(InstrumentRow.__table__.c[name] for name in (*INSTRUMENT_COLUMNS, "token")))
    .join(InstrumentListRow, InstrumentListRow.list_id == InstrumentRow.list_id)
    .where(
        InstrumentListRow.broker == bindparam("broker"),
        InstrumentListRow.exchange == bindparam("exchange"),
        InstrumentRow.symbol == bindparam("symbol"),
    )
)
# Rows ascending: the index writes out what it has gathered whenever a number falls.
_INDEX_WORDS = text(
    f"INSERT INTO {WORD_INDEX} (rowid, words)"  # noqa: S608
    " SELECT id, words FROM instruments WHERE id > :newest ORDER BY id"
)
_UNINDEX_WORDS = text(
    f"INSERT INTO {WORD_INDEX} ({WORD_INDEX}, rowid, words)"  # noqa: S608
    " SELECT 'delete', id, words FROM instruments WHERE id IN :ids ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
_TERMS = ("tick_size", "lot_size", "freeze_quantity", "valid_from")


def _by_expiry(listing: Listing) -> tuple[date, str]:
    # The order of a search's answer: the nearest expiry first.
    return (listing.instrument.expiry or date.min, listing.instrument.symbol)


def _check(listings: Sequence[Listing], exchange: str) -> None:
    if not listings or any(one.instrument.exchange != exchange for one in listings):
        raise ValueError(f"{len(listings)} instruments are not a list of {exchange}")
    symbols = {one.instrument.symbol for one in listings}
    if len(symbols) != len(listings):
        raise ValueError(f"a list of {exchange} has {len(listings) - len(symbols)} symbols twice")


def _terms_of_current() -> Any:
    wanted = select(InstrumentRow.symbol, *(InstrumentRow.__table__.c[name] for name in _TERMS))
    return wanted.join(InstrumentListRow, InstrumentListRow.list_id == InstrumentRow.list_id)


def _terms_by_symbol(db: Database, *, broker: str, exchange: str) -> dict[str, ListingTerms]:
    wanted = _terms_of_current().where(
        InstrumentListRow.broker == broker, InstrumentListRow.exchange == exchange
    )
    with db.read() as connection:
        return {row["symbol"]: _terms(row) for row in connection.execute(wanted).mappings()}


def _terms(row: Mapping[Any, Any]) -> ListingTerms:
    names = [*_TERMS, *(["valid_until"] if "valid_until" in row else [])]
    return ListingTerms(**{name: row[name] for name in names})


def _as_rows(
    listings: Iterable[Listing], *, list_id: str, old: Mapping[str, ListingTerms], at: datetime
) -> Iterator[dict[str, Any]]:
    for listing in listings:
        instrument = listing.instrument
        before = old.get(instrument.symbol)
        is_same = before is not None and before.says_the_same(instrument)
        yield {
            **{name: getattr(instrument, name) for name in INSTRUMENT_COLUMNS},
            "token": listing.token,
            "list_id": list_id,
            "words": words_of(instrument),
            "valid_from": before.valid_from if before is not None and is_same else at,
        }


def _changed(listings: Iterable[Listing], old: Mapping[str, ListingTerms]) -> dict[str, ListingTerms]:
    before = ((one.instrument, old.get(one.instrument.symbol)) for one in listings)
    return {
        instrument.symbol: terms
        for instrument, terms in before
        if terms is not None and not terms.says_the_same(instrument)
    }


def _write_list(db: Database, rows: Iterator[dict[str, Any]], progress: Progress) -> None:
    written = 0
    while batch := list(islice(rows, WRITTEN_AT_ONCE)):
        with db.write() as connection:
            newest = connection.scalar(select(func.max(InstrumentRow.id))) or 0
            connection.execute(insert(InstrumentRow), batch)
            if connection.dialect.name == "sqlite":
                connection.execute(_INDEX_WORDS, {"newest": newest})
        written += len(batch)
        progress(written)


def _take_its_place(
    db: Database,
    list_id: str,
    changed: Mapping[str, ListingTerms],
    *,
    key: tuple[str, str],
    length: int,
    at: datetime,
) -> str | None:
    """Make a list the one that counts, keep what it changed, and return the id of the one before."""
    broker, exchange = key
    row = {
        "broker": broker,
        "exchange": exchange,
        "list_id": list_id,
        "length": length,
        "listed_at": at,
    }
    statement = insert_for(db.dialect_name, InstrumentListRow)
    names = ("list_id", "length", "listed_at")
    statement = statement.on_conflict_do_update(
        index_elements=["broker", "exchange"],
        set_={name: statement.excluded[name] for name in names},
    )
    with db.write() as connection:
        before = connection.scalar(
            select(InstrumentListRow.list_id).where(
                InstrumentListRow.broker == broker, InstrumentListRow.exchange == exchange
            )
        )
        connection.execute(statement, row)
        if changed:
            connection.execute(
                insert(PastTermsRow), [_past(symbol, terms, key, at) for symbol, terms in changed.items()]
            )
    return before


def _past(symbol: str, terms: ListingTerms, key: tuple[str, str], at: datetime) -> dict[str, Any]:
    names = {name: getattr(terms, name) for name in _TERMS}
    return {"broker": key[0], "exchange": key[1], "symbol": symbol, "valid_until": at, **names}


def _forget_abandoned(db: Database, *, before: datetime) -> None:
    """Delete lists that never came to count: their writer died."""
    oldest = str(ULID.from_datetime(before))
    wanted = (
        select(InstrumentRow.list_id)
        .where(
            InstrumentRow.list_id < oldest, InstrumentRow.list_id.not_in(select(InstrumentListRow.list_id))
        )
        .distinct()
    )
    with db.read() as connection:
        abandoned = list(connection.scalars(wanted))
    for list_id in abandoned:
        _forget_list(db, list_id)


def _forget_list(db: Database, list_id: str) -> None:
    """Delete a list that does not count any more, some rows at a time."""
    wanted = select(InstrumentRow.id).where(InstrumentRow.list_id == list_id).limit(WRITTEN_AT_ONCE)
    ids: list[int] = [0]
    while ids:
        with db.write() as connection:
            ids = list(connection.scalars(wanted))
            if connection.dialect.name == "sqlite":
                connection.execute(_UNINDEX_WORDS, {"ids": ids})
            connection.execute(delete(InstrumentRow).where(InstrumentRow.id.in_(ids)))
