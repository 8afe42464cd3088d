"""The tables of instruments: each broker's current list by exchange, and what its terms were before."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, Date, Index, Table, event
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base


class InstrumentListRow(Base):
    """Which list of one broker and exchange counts: a new one is written beside the old, then named here."""

    __tablename__ = "instrument_lists"

    broker: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    list_id: Mapped[str]
    length: Mapped[int]
    listed_at: Mapped[datetime]


class InstrumentRow(Base):
    """One symbol of one list; words is what a search looks through."""

    __tablename__ = "instruments"

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[str]
    exchange: Mapped[str]
    symbol: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    tick_size: Mapped[Decimal]
    lot_size: Mapped[int]
    freeze_quantity: Mapped[int | None]
    expiry: Mapped[date | None] = mapped_column(Date)
    strike: Mapped[Decimal | None]
    token: Mapped[str]
    words: Mapped[str]
    valid_from: Mapped[datetime]  # since when tick, lot and freeze quantity are as they are

    __table_args__ = (Index("ix_instruments_list_symbol", "list_id", "symbol", unique=True),)


class PastTermsRow(Base):
    """Tick, lot and freeze quantity that a symbol had for a time, and has no more."""

    __tablename__ = "instrument_past_terms"

    broker: Mapped[str] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    valid_until: Mapped[datetime]
    tick_size: Mapped[Decimal]
    lot_size: Mapped[int]
    freeze_quantity: Mapped[int | None]


# What makes an Instrument.
INSTRUMENT_COLUMNS = (
    "exchange",
    "symbol",
    "name",
    "kind",
    "tick_size",
    "lot_size",
    "freeze_quantity",
    "expiry",
    "strike",
)

# SQLite's full-text index by runs of three letters: it finds a piece anywhere in a word, and whole words by
# the spaces around them. It keeps no text of its own. Other databases search the column itself.
WORD_INDEX = "instrument_words"
CREATE_WORD_INDEX = (
    f"CREATE VIRTUAL TABLE {WORD_INDEX} USING fts5"
    "(words, content='instruments', content_rowid='id', tokenize='trigram', columnsize=0)"
)

_instruments = InstrumentRow.__table__
assert isinstance(_instruments, Table)  # noqa: S101  # narrows: a mapped class of ours is always a table


@event.listens_for(_instruments, "after_create")
def _create_word_index(_table: object, connection: Connection, **_: object) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(CREATE_WORD_INDEX)
