"""What a check of a whole database asks: damage, every bracket's id, what the table of legs says."""

from collections.abc import Iterator

from sqlalchemy import select

from database.bracket_tables import BracketRow, LegRow
from database.session import Database

_BATCH = 1000


def damage(db: Database) -> Iterator[str]:
    """Yield what SQLite finds wrong with its file; other databases look after theirs. Raises NotRead."""
    if db.dialect_name != "sqlite":
        return
    with db.read() as connection:
        for (words,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if words != "ok":
                yield f"the file is damaged: {words}"
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"a row of {row[0]} belongs to one of {row[2]} that is not there"


def bracket_ids(db: Database) -> Iterator[str]:
    """Yield the id of every bracket, oldest first."""
    last = ""
    while True:
        wanted = select(BracketRow.id).where(BracketRow.id > last).order_by(BracketRow.id).limit(_BATCH)
        with db.read() as connection:
            found = connection.scalars(wanted).all()
        if not found:
            return
        yield from found
        last = found[-1]


def legs_in_table(db: Database, bracket_id: str) -> tuple[tuple[int, str, int], ...]:
    """Return number, status and filled quantity of a bracket's legs as their table has them."""
    wanted = select(LegRow.seq, LegRow.status, LegRow.filled).where(LegRow.bracket_id == bracket_id)
    with db.read() as connection:
        return tuple(
            (row.seq, row.status, row.filled) for row in connection.execute(wanted.order_by(LegRow.seq))
        )
