"""The way to the database: engine, transactions, column types, and what its failures mean.

Everything that only one database understands is in this module.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Engine,
    Integer,
    MetaData,
    PoolProxiedConnection,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from database.group_commit import GroupCommit, Write
from database.postgres import postgres_engine
from database.prepared import Transaction

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL loses the last commits on a power cut; FULL costs 0.3 ms
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
)

# These say that we asked for something wrong, not that the database could not do it.
_OUR_MISTAKES = (IntegrityError, ProgrammingError, DataError, NotSupportedError)

_IS_WRITE = "openbracket_write"

T = TypeVar("T")
Insert = sqlite.Insert | postgresql.Insert


class StorageError(Exception):
    """The database could not do what was asked."""


class NotStored(StorageError):
    """Nothing of this transaction was stored: answer 503 and send nothing to a broker."""


class MaybeStored(StorageError):
    """The connection was lost while it committed: look whether it is there, or store it again.

    SQLite has no such moment.
    """


class NotRead(StorageError):
    """The database gave no answer: nothing is known, least of all that there is nothing."""


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal kept as text, digit for digit; SQLite's own Numeric goes through a float.

    Text does not order as numbers do: never compare or sort by such a column in SQL.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else decimal_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time kept as ISO text in UTC with microseconds, so text order is time order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Base(DeclarativeBase):
    """Every table of ours hangs on this metadata."""

    # A constraint without a name cannot be changed by a later migration.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # SQLite's integers are wide by themselves, and only one called INTEGER counts up by itself.
    type_annotation_map = {  # noqa: RUF012
        Decimal: ExactDecimal,
        datetime: UtcDateTime,
        str: Text,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


def decimal_text(value: Decimal) -> str:
    """Return value as plain digits, trailing zeros kept.

    Raises TypeError for anything but a Decimal and ValueError for NaN and infinities: our bug.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"{value!r} is {type(value).__name__}, must be Decimal")
    if not value.is_finite():
        raise ValueError(f"{value} is not a number that can be stored")
    return format(value, "f")


def utc_text(value: datetime) -> str:
    """Return an aware time as sortable ISO text in UTC. Raises ValueError without a zone: our bug."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


class Database:
    """One database: many readers, one writer at a time in this process.

    SQLite's own waiting is unfair (p99 of 79 ms against 15 ms with the lock), so writers queue on a
    lock before they ask for a connection.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(make_url(url))
        self._reading = self.engine
        if self.engine.dialect.name == "postgresql":  # elsewhere each transaction sees one state anyway
            self._reading = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self._writing = self.engine.execution_options(**{_IS_WRITE: True})
        self._one_writer = threading.Lock()
        self._group = GroupCommit(self.writing)
        self._driver = self.engine.dialect.loaded_dbapi
        self._is_sqlite = self.engine.dialect.name == "sqlite"

    @property
    def dialect_name(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Give a connection in a read transaction: one consistent view. Raises NotRead."""
        with _translated(NotRead, self._driver), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Connection]:
        """Give a connection in a write transaction, committed at the end of the block.

        Any error rolls back all of it. Raises NotStored when the database could not store it.
        """
        with self._one_writer, _translated(NotStored, self._driver), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Give a read transaction on the driver itself, for what each order asks. Raises NotRead."""
        with _translated(NotRead, self._driver), self._on_driver("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Generator[Transaction]:
        """Give a write transaction on the driver itself, else as `write`. Raises NotStored."""
        with (
            self._one_writer,
            _translated(NotStored, self._driver),
            self._on_driver("BEGIN IMMEDIATE") as transaction,
        ):
            yield transaction

    @contextmanager
    def _on_driver(self, begin: str) -> Generator[Transaction]:
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            if self._is_sqlite:  # any other driver begins by itself
                cursor.execute(begin)
            yield Transaction(cursor, self.engine.dialect)
            self._commit(connection)
        except BaseException:
            self._undo(connection)
            raise
        finally:
            connection.close()  # back to the pool

    def _commit(self, connection: PoolProxiedConnection) -> None:
        try:
            connection.commit()
        except self._driver.Error as exc:
            if self._is_lost(connection, exc):
                raise MaybeStored(f"the connection was lost while it committed: {exc}") from exc
            raise

    def _undo(self, connection: PoolProxiedConnection) -> None:
        try:
            connection.rollback()
        except self._driver.Error:
            connection.invalidate()  # it is lost, and the server undoes by itself

    def _is_lost(self, connection: PoolProxiedConnection, error: Any) -> bool:
        dialect, driver_connection = self.engine.dialect, connection.dbapi_connection
        return driver_connection is not None and dialect.is_disconnect(error, driver_connection, None)

    def store(self, write: Write[T], *, key: str = "") -> T:
        """Return what write returned, once committed, maybe together with others' writes.

        For what many threads write at once. Raises NotStored, and what write raises; then nothing of it
        is stored; and MaybeStored. key names the account whose rows it locks. write may be called twice
        and must leave no trace but in the transaction.
        """
        return self._group.store(write, key=key)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def insert_for(dialect_name: str, table: type[Base]) -> Insert:
    """Return an insert that knows ON CONFLICT in the named dialect."""
    target = table.__table__
    assert isinstance(target, Table)  # noqa: S101  # narrows: a mapped class of ours is always a table
    return postgresql.insert(target) if dialect_name == "postgresql" else sqlite.insert(target)


@contextmanager
def _translated(meaning: type[StorageError], driver: Any) -> Generator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout, driver.Error) as exc:
        if isinstance(exc, (*_OUR_MISTAKES, *(getattr(driver, one.__name__) for one in _OUR_MISTAKES))):
            raise
        reason = "no free connection" if isinstance(exc, PoolTimeout) else getattr(exc, "orig", exc)
        raise meaning(f"database error: {reason}") from exc


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        return postgres_engine(url)
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file: one in memory cannot be shared between threads")
    engine = create_engine(url, pool_size=16, max_overflow=48)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions by itself: it would begin them as readers, and a reader
    # that turns writer fails at once when somebody else has written, whatever the time-out.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_IS_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def sqlite_file(url: str) -> Path | None:
    """Return the path of the SQLite file that url names, or None for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)
