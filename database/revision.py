"""Which form of the tables this code needs, told without Alembic: importing it takes longer than asking."""

from functools import cache
from pathlib import Path

from sqlalchemy import Column, MetaData, String, Table, inspect, select

from database.session import Database

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32)))  # Alembic's own


def is_current(db: Database) -> bool:
    """Return whether the tables have the form this code needs. Raises NotRead."""
    with db.read() as connection:
        if not inspect(connection).has_table(_alembic_version.name):
            return False
        return connection.scalars(select(_alembic_version.c.version_num)).all() == [newest_revision()]


@cache
def newest_revision() -> str:
    """Return the last migration's revision, which its file's name begins with; a test asks Alembic."""
    return max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py"))
