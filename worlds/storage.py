"""The real database, whose commits can fail or be the last thing a process does."""

import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from database.prepared import Transaction
from database.schema import metadata
from database.session import Database, NotStored

_TABLES = ("bracket_events", "legs", "idempotency_keys", "brackets", "account_sequences", "settings")


class Killed(BaseException):
    """The process dies here: nothing may catch it."""


class WorldDatabase(Database):
    """Asks before and after each commit what the world has in store for it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.before_commit: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None

    @contextmanager
    def write(self) -> Generator[Connection]:
        with super().write() as connection:
            yield connection
            self.before_commit()  # what it raises rolls everything back, as death would
        self.after_commit()

    @contextmanager
    def writing(self) -> Generator[Transaction]:
        with super().writing() as transaction:
            yield transaction
            self.before_commit()
        self.after_commit()


class Store:
    """One database file for all the worlds of this process, emptied between them."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")  # noqa: S108  # memory, when there is: worlds need no disk
        self._folder = tempfile.TemporaryDirectory(
            prefix="worlds-", dir=shared if shared.is_dir() else None, ignore_cleanup_errors=True
        )
        file = Path(self._folder.name) / "world.db"
        self.db = WorldDatabase(f"sqlite:///{file}")
        with self.db.write() as connection:
            metadata.create_all(connection)
        self.peer = sqlite3.connect(file, isolation_level=None)  # sees what is committed, nothing else
        self._tables = [name for name in _TABLES if self._exists(name)]

    def empty(self) -> None:
        """Make room for the next world."""
        self.db.before_commit = self.db.after_commit = lambda: None
        with self.db.write() as connection:
            for table in self._tables:
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608  # our own names

    def close(self) -> None:
        self.peer.close()
        self.db.close()
        self._folder.cleanup()

    def has_tag(self, tag: str) -> bool:
        """Whether an order with this tag is on disk."""
        return self.peer.execute("SELECT 1 FROM legs WHERE tag = ?", (tag,)).fetchone() is not None

    def count_events(self, bracket_id: str, kind: str) -> int:
        row = self.peer.execute(
            "SELECT count(*) FROM bracket_events WHERE bracket_id = ? AND kind = ?", (bracket_id, kind)
        ).fetchone()
        return int(row[0])

    def version_of(self, bracket_id: str) -> int:
        row = self.peer.execute("SELECT version FROM brackets WHERE id = ?", (bracket_id,)).fetchone()
        return 0 if row is None else int(row[0])

    def _exists(self, table: str) -> bool:
        row = self.peer.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        return row is not None


def not_stored(why: str) -> NotStored:
    return NotStored(f"database error: {why}")
