"""Logs of API calls behind a queue: callers never wait for the disk, one thread writes.

These logs are for people. The truth about orders is in bracket_events, so an entry that finds the
queue full, or a database that cannot store it, is dropped and counted.
"""

import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from database.prepared import Prepared
from database.session import Base, Database, NotStored
from utils.clock import Clock
from utils.log import redact

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000
BATCH = 200
_GATHER_SECONDS = 0.05  # calls that come one upon the other share a commit
_TEXTS = ("request_data", "response_data")


class CallLogRow(Base):
    """The columns of a log of calls; each log has a table of its own."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    api_type: Mapped[str]
    request_data: Mapped[str]
    response_data: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """One logged call, newest ids highest; both texts are JSON without secrets."""

    id: int
    api_type: str
    request_data: str
    response_data: str
    created_at: datetime


class CallLog:
    """Writes calls to one table in batches, in the order they came. No thread runs before `start`."""

    def __init__(
        self, db: Database, clock: Clock, *, table: type[CallLogRow], also: Sequence[str] = ()
    ) -> None:
        """Write to table; also names the columns it has besides those of every log."""
        self.dropped = 0  # entries lost since the start
        self._db = db
        self._clock = clock
        self._table = table
        self._also = tuple(also)
        self._insert = Prepared(
            lambda _: insert(table).values(
                {name: bindparam(name) for name in ("api_type", *_TEXTS, "created_at", *also)}
            )
        )
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Start the writing thread. What was taken before is written then."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name=f"writer of {self._table.__tablename__}")
        self._thread.start()

    def stop(self) -> None:
        """Write what waits and end the thread; returns when it has ended."""
        if self._thread is not None:
            self._ending.set()
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def flush(self) -> None:
        """Wait until everything taken so far is written or dropped. Only while started."""
        self._waiting.join()

    def take(
        self,
        api_type: str,
        *,
        request: Mapping[str, object],
        response: Mapping[str, object],
        also: Mapping[str, str | None] | None = None,
    ) -> None:
        """Take one call, at once and without ever waiting; secrets are struck out before it is written."""
        entry = {
            **dict.fromkeys(self._also),
            **(also or {}),
            "api_type": api_type,
            "request_data": request,
            "response_data": response,
            "created_at": self._clock.now(),
        }
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            self._drop(1, "the queue is full")

    @property
    def waiting(self) -> int:
        """Return how many calls are taken and not yet written."""
        return self._waiting.qsize()

    def calls(self, *, limit: int, before_id: int | None = None) -> tuple[LoggedCall, ...]:
        """Return up to `limit` written calls, newest first, older than before_id. Raises NotRead."""
        wanted = select(self._table.__table__).order_by(self._table.id.desc()).limit(limit)
        if before_id is not None:
            wanted = wanted.where(self._table.id < before_id)
        with self._db.read() as connection:
            return tuple(LoggedCall(**row._mapping) for row in connection.execute(wanted))

    def count(self) -> int:
        """Return how many calls are written. Raises NotRead."""
        with self._db.read() as connection:
            return connection.scalar(select(func.count()).select_from(self._table)) or 0

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = self._next_batch()
            ended = batch[-1] is None
            self._write([_safe(entry) for entry in batch if entry is not None])
            for _ in batch:
                self._waiting.task_done()

    def _next_batch(self) -> list[Mapping[str, Any] | None]:
        # None is the mark that ends the thread; nothing is taken past it.
        batch = [self._waiting.get()]
        if batch[0] is not None:
            self._ending.wait(_GATHER_SECONDS)
        while batch[-1] is not None and len(batch) < BATCH and not self._waiting.empty():
            batch.append(self._waiting.get())  # never waits: this thread is the only one that gets
        return batch

    def _write(self, entries: list[dict[str, Any]]) -> None:
        if not entries:
            return
        try:
            self._db.store(lambda transaction: transaction.run_many(self._insert, entries))
        except NotStored as exc:
            self._drop(len(entries), str(exc))
        except Exception:  # the top of this thread: were it to die, flush would wait for ever
            logger.exception("entries of %s could not be written", self._table.__tablename__)
            self._drop(len(entries), "an error of ours")

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        logger.error("%d entries of %s dropped: %s", count, self._table.__tablename__, reason)


def _safe(entry: Mapping[str, Any]) -> dict[str, Any]:
    # Here and not in `take`: striking secrets out takes longer than an answer should wait for its log.
    texts = {name: _safe_json(entry[name]) for name in _TEXTS}
    return {name: redact(value) for name, value in entry.items() if name not in _TEXTS} | texts


def _safe_json(content: Mapping[str, object]) -> str:
    return msgspec.json.encode(redact(content), enc_hook=str).decode()
