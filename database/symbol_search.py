"""Finding instruments by what a person types; all that only one database understands of it is in here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, column, select, table, text

from database.session import Database
from database.symbol_tables import INSTRUMENT_COLUMNS, WORD_INDEX, InstrumentListRow, InstrumentRow
from services.bracket.model import Instrument

MOST_WORDS = 8
LONGEST_WORD = 32
_TRIGRAM = 3
# Some brokers list the same symbol: enough rows of each kind to fill the answer after they are merged.
_SPARE = 4

_BEYOND = chr(0x10FFFF)  # sorts after every letter
_INSTRUMENT = select(*(InstrumentRow.__table__.c[name] for name in ("id", *INSTRUMENT_COLUMNS)))

_WORDS = table(WORD_INDEX, column("rowid"))
_IS_SOUGHT = text(f"{WORD_INDEX} MATCH :sought")
_BEGINNING = (
    _INSTRUMENT.where(
        and_(
            InstrumentRow.list_id == bindparam("list_id"),
            InstrumentRow.symbol >= bindparam("first"),
            InstrumentRow.symbol < bindparam("beyond"),
        )
    )
    .order_by(InstrumentRow.symbol)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class _Asked:
    words: list[str]
    list_ids: list[str]
    exchange: str | None
    limit: int

    @property
    def most(self) -> int:
        return self.limit * _SPARE


def enhanced_search_symbols(
    db: Database, query: str, exchange: str | None = None, *, broker: str | None = None, limit: int = 50
) -> tuple[Instrument, ...]:
    """Return instruments that fit what was typed, the closest first.

    The exact symbol ("sbin", "nifty 24nov 25000 ce"), then symbols that begin so, then those of which every
    word is a whole word of symbol, name, strike, expiry or kind ("nifty 25000 ce"), nearest expiry first,
    then those that have every word somewhere. Each instrument comes once, whoever lists it. Raises NotRead.
    """
    words = [word[:LONGEST_WORD] for word in query.upper().replace("\0", " ").split()[:MOST_WORDS]]
    if not words:
        return ()
    found: dict[tuple[str, str], Instrument] = {}
    with db.read() as connection:
        list_ids = _current_lists(connection, exchange=exchange, broker=broker)
        asked = _Asked(words, list_ids, exchange, limit)
        for row in _closest_first(connection, asked):
            found.setdefault((row["exchange"], row["symbol"]), _instrument(row))
            if len(found) == limit:
                break
    return tuple(found.values())


def _current_lists(connection: Connection, *, exchange: str | None, broker: str | None) -> list[str]:
    wanted = select(InstrumentListRow.list_id).order_by(InstrumentListRow.exchange, InstrumentListRow.broker)
    if exchange is not None:
        wanted = wanted.where(InstrumentListRow.exchange == exchange)
    if broker is not None:
        wanted = wanted.where(InstrumentListRow.broker == broker)
    return list(connection.scalars(wanted))


def _closest_first(connection: Connection, asked: _Asked) -> Iterator[RowMapping]:
    yield from _beginning_so(connection, asked)
    if connection.dialect.name == "sqlite":
        yield from _by_index(connection, asked, [f" {word} " for word in asked.words])
        yield from _by_index(connection, asked, asked.words)
    else:
        yield from _by_column(connection, asked, [f" {word} " for word in asked.words])
        yield from _by_column(connection, asked, asked.words)


def _beginning_so(connection: Connection, asked: _Asked) -> Iterator[RowMapping]:
    # Apart and together: indices are called NIFTY 50, options NIFTY24NOV25000CE.
    beginnings = dict.fromkeys((" ".join(asked.words), "".join(asked.words)))
    rows = [
        row
        for beginning in beginnings
        for list_id in asked.list_ids
        for row in connection.execute(_BEGINNING, _range(beginning, list_id, asked.limit)).mappings()
    ]
    return iter(sorted(rows, key=lambda row: (row["symbol"] not in beginnings, row["symbol"])))


def _range(beginning: str, list_id: str, most: int) -> dict[str, object]:
    return {"list_id": list_id, "first": beginning, "beyond": beginning + _BEYOND, "most": most}


def _by_index(connection: Connection, asked: _Asked, pieces: Sequence[str]) -> Sequence[RowMapping]:
    """Return rows that have every piece; the index knows those of three letters and more."""
    indexed = [piece for piece in pieces if len(piece) >= _TRIGRAM]
    if not indexed or not asked.list_ids:
        return ()
    if asked.exchange is not None:
        indexed = [*indexed, f" {asked.exchange} "]
    # Without an order the index gives rows as they were written, which is by expiry, and stops when it has
    # enough of them: sorting every option of an index would take longer than all the rest.
    wanted = (
        _INSTRUMENT.join_from(_WORDS, InstrumentRow, InstrumentRow.id == _WORDS.c.rowid)
        .where(_IS_SOUGHT, InstrumentRow.list_id.in_(asked.list_ids))
        .where(*(_has(piece) for piece in pieces if len(piece) < _TRIGRAM))
        .limit(asked.most)
    )
    sought = " AND ".join(_quoted(piece) for piece in indexed)
    rows = connection.execute(wanted, {"sought": sought}).mappings().all()
    return sorted(rows, key=_nearest_expiry)


def _by_column(connection: Connection, asked: _Asked, pieces: Sequence[str]) -> Sequence[RowMapping]:
    """Return rows that have every piece, the first written first: that is by expiry."""
    wanted = _INSTRUMENT.where(InstrumentRow.list_id.in_(asked.list_ids)).where(
        *(_has(piece) for piece in pieces)
    )
    rows = connection.execute(wanted.order_by(InstrumentRow.id).limit(asked.most)).mappings().all()
    return sorted(rows, key=_nearest_expiry)


def _has(piece: str) -> Any:
    return InstrumentRow.words.contains(piece, autoescape=True)


def _quoted(piece: str) -> str:
    return '"' + piece.replace('"', '""') + '"'


def _nearest_expiry(row: RowMapping) -> tuple[bool, Any, str]:
    return (row["expiry"] is not None, row["expiry"], row["symbol"])


def _instrument(row: RowMapping) -> Instrument:
    return Instrument(**{name: row[name] for name in INSTRUMENT_COLUMNS})
