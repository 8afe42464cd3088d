"""Hints between processes, by PostgreSQL's NOTIFY. One that is lost costs the wait until the next look."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy import Connection, PoolProxiedConnection, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from database.prepared import Prepared, Transaction
from database.session import Database, NotRead

_CHANNEL = "openbracket"


class Notice(StrEnum):
    """What a hint is about."""

    STORED = "stored"  # events of an account
    PUSHED = "pushed"  # a broker says that there is news of an account
    KILL = "kill"  # the kill switch of an account was set
    SHARDS = "shards"  # some were given back


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint. account_id is empty where it concerns none; seq is the account's newest event's."""

    notice: Notice
    account_id: str
    seq: int


def notify(db: Database, notice: Notice, account_id: str = "") -> None:
    """Tell every process that listens. Raises NotStored."""
    with db.write() as connection:
        notify_in(connection, notice, account_id)


def notify_in(connection: Connection, notice: Notice, account_id: str = "") -> None:
    """Tell it when the transaction has been committed, and only then."""
    connection.execute(select(func.pg_notify(_CHANNEL, _payload(notice, account_id, 0))))


def notify_stored(transaction: Transaction, account_id: str, *, seq: int) -> None:
    """Tell, once this is committed, that events of an account were stored; where there is whom to tell."""
    if transaction.is_shared:
        payload = _payload(Notice.STORED, account_id, seq)
        transaction.all(_NOTIFY, {"channel": _CHANNEL, "word": payload})


_NOTIFY = Prepared(lambda _: select(func.pg_notify(bindparam("channel"), bindparam("word"))))


class Listener:
    """One connection that hears hints. Not thread-safe."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: PoolProxiedConnection | None = None

    def hear(self, *, seconds: float) -> Iterator[Hint]:
        """Give the hints that come within some seconds. Raises NotRead when the connection is lost.

        The next call connects again; what was said in between is not heard.
        """
        try:
            self._connection = self._connection or self._connected()
            for said in _driver_of(self._connection).notifies(timeout=seconds):
                hint = _hint(said.payload)
                if hint is not None:
                    yield hint
        except (psycopg.Error, SQLAlchemyError) as exc:
            self.close()
            raise NotRead(f"hints cannot be heard: {exc}") from exc

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> PoolProxiedConnection:
        connection = self._db.engine.raw_connection()
        connection.detach()  # it is the listener's from here on, and never goes back to the pool
        driver = _driver_of(connection)
        driver.rollback()
        driver.autocommit = True
        driver.execute(f"LISTEN {_CHANNEL}")
        return connection


def _driver_of(connection: PoolProxiedConnection) -> "psycopg.Connection[Any]":
    found: object = connection.dbapi_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError(f"{type(found).__name__} cannot listen")
    return found


def _payload(notice: Notice, account_id: str, seq: int) -> str:
    return f"{notice} {account_id} {seq}"


def _hint(payload: str) -> Hint | None:
    parts = payload.split(" ")
    # A newer version beside this one may say what we do not know: a hint that is lost is only late.
    if len(parts) != 3 or parts[0] not in set(Notice) or not parts[2].isdigit():
        return None
    return Hint(Notice(parts[0]), parts[1], int(parts[2]))
