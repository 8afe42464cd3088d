"""Which symbols each broker serves, and finding one by what a person types."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, and_, case, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base, Database
from services.bracket.model import Instrument
from utils.clock import Clock
from utils.recent import RecentAnswers

INSTRUMENTS_KEPT = timedelta(minutes=1)  # a sync in another process is seen after this
WRITTEN_AT_ONCE = 5_000  # a broker lists 100,000 and more


class InstrumentRow(Base):
    """One symbol as one broker lists it."""

    __tablename__ = "instruments"

    broker: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    tick_size: Mapped[Decimal]
    lot_size: Mapped[int]
    freeze_quantity: Mapped[int | None]
    expiry: Mapped[date | None] = mapped_column(Date)
    strike: Mapped[Decimal | None]
    token: Mapped[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and the broker's own number for it; empty where the broker goes by symbol."""

    instrument: Instrument
    token: str = ""


class SymbolTable:
    """Instruments of every broker, from memory where they were asked for within a minute."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._monotonic = clock.monotonic
        self._recent: RecentAnswers[tuple[str, str, str], Listing] = RecentAnswers(
            clock.monotonic, kept=INSTRUMENTS_KEPT
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
        asked_at = self._monotonic()
        found = find_listing(self._db, exchange, symbol=symbol, broker=broker)
        if found is not None:
            self._recent.put(key, found, asked_at=asked_at)
        return found

    def replace_instruments(self, rows: Iterable[Listing], *, broker: str, exchange: str) -> int:
        """Replace a broker's list of one exchange, all of it or nothing, and return its length."""
        count = replace_instruments(self._db, rows, broker=broker, exchange=exchange)
        self._recent.forget()
        return count


def replace_instruments(db: Database, rows: Iterable[Listing], *, broker: str, exchange: str) -> int:
    """Replace a broker's list of one exchange in one transaction and return its length.

    Raises ValueError for a row of another exchange and for an empty list: a broken download must
    not delete what we know. Raises NotStored; then the old list still stands.
    """
    new = [_as_row(listing, broker=broker) for listing in rows]
    if not new or any(row["exchange"] != exchange for row in new):
        raise ValueError(f"{len(new)} instruments are not a list of {exchange}")
    with db.write() as connection:
        connection.execute(
            delete(InstrumentRow).where(InstrumentRow.broker == broker, InstrumentRow.exchange == exchange)
        )
        for start in range(0, len(new), WRITTEN_AT_ONCE):
            connection.execute(insert(InstrumentRow), new[start : start + WRITTEN_AT_ONCE])
    return len(new)


def find_listing(db: Database, exchange: str, *, symbol: str, broker: str) -> Listing | None:
    """Return a symbol as a broker lists it, or None, always from the database. Raises NotRead."""
    wanted = select(InstrumentRow.__table__).where(
        InstrumentRow.broker == broker,
        InstrumentRow.exchange == exchange,
        InstrumentRow.symbol == symbol,
    )
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else _as_listing(dict(row._mapping))


def enhanced_search_symbols(
    db: Database, query: str, *, exchange: str | None = None, broker: str | None = None, limit: int = 50
) -> tuple[Instrument, ...]:
    """Return instruments that fit what was typed: exact symbol first, then its beginning, then words.

    Every word must be in the symbol or the name. Each instrument comes once, whoever lists it.
    """
    words = query.upper().split()
    if not words:
        return ()
    wanted = select(InstrumentRow.__table__).where(and_(*(_has_word(word) for word in words)))
    if exchange is not None:
        wanted = wanted.where(InstrumentRow.exchange == exchange)
    if broker is not None:
        wanted = wanted.where(InstrumentRow.broker == broker)
    # Some brokers list the same symbol: read enough rows to fill the answer after they are merged.
    ordered = wanted.order_by(_closeness(words[0]), InstrumentRow.symbol, InstrumentRow.exchange)
    with db.read() as connection:
        rows = connection.execute(ordered.limit(limit * 4)).all()
    found = {(row.exchange, row.symbol): _as_listing(dict(row._mapping)).instrument for row in rows}
    return tuple(found.values())[:limit]


def _has_word(word: str) -> Any:
    return or_(
        InstrumentRow.symbol.contains(word, autoescape=True),
        func.upper(InstrumentRow.name).contains(word, autoescape=True),
    )


def _closeness(word: str) -> Any:
    return case(
        (InstrumentRow.symbol == word, 0),
        (InstrumentRow.symbol.startswith(word, autoescape=True), 1),
        else_=2,
    )


def _as_row(listing: Listing, *, broker: str) -> dict[str, Any]:
    instrument = listing.instrument
    return {
        "broker": broker,
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "name": instrument.name,
        "kind": instrument.kind,
        "tick_size": instrument.tick_size,
        "lot_size": instrument.lot_size,
        "freeze_quantity": instrument.freeze_quantity,
        "expiry": instrument.expiry,
        "strike": instrument.strike,
        "token": listing.token,
    }


def _as_listing(columns: dict[str, Any]) -> Listing:
    token = columns.pop("token")
    del columns["broker"]
    return Listing(instrument=Instrument(**columns), token=token)
