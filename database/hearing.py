"""Hearing what other processes hint at, by PostgreSQL's LISTEN; what is said is in `notices`.

Apart from saying it, because the driver is imported with it, and a service on a file needs none.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from database.notices import CHANNEL, Hint, hint_of
from database.session import Database, NotRead


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
                hint = hint_of(said.payload)
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
        driver.execute(f"LISTEN {CHANNEL}")
        return connection


def _driver_of(connection: PoolProxiedConnection) -> "psycopg.Connection[Any]":
    found: object = connection.dbapi_connection
    if not isinstance(found, psycopg.Connection):
        raise TypeError(f"{type(found).__name__} cannot listen")
    return found
