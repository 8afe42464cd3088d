"""Several threads' writes in one transaction: they share its fsync and its turn at the lock.

Whoever comes while nobody writes writes at once, alone. Whoever comes while somebody writes waits, and all
who waited are written together next. A write is called again, alone, when one of its group fails.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeVar

from database.prepared import Transaction
from utils.metrics import COMMIT_SECONDS, timed

T = TypeVar("T")

Write = Callable[[Transaction], T]
Begin = Callable[[], AbstractContextManager[Transaction]]

_MOST_TOGETHER = 64


class _Request:
    """One thread's write and what came of it."""

    def __init__(self, write: Write[Any], key: str) -> None:
        self.write = write
        self.key = key
        self.woken = threading.Event()
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def finish(self, *, result: Any = None, error: BaseException | None = None) -> None:
        self.result, self.error, self.is_done = result, error, True
        self.woken.set()


class GroupCommit:
    """Runs writes, each in a transaction that it may share with others. Thread-safe."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._waiting: deque[_Request] = deque()
        self._leading = threading.Lock()

    def store(self, write: Write[T], *, key: str = "") -> T:
        """Return what write returned, once it is committed. key: whose rows it locks.

        A group is written in the order of its keys: two processes never wait for each other's rows.
        Raises what write or its commit raised; then nothing of it is stored. write may be called twice,
        the first call's effects rolled back.
        """
        request = _Request(write, key)
        self._waiting.append(request)
        while not request.is_done:
            if self._leading.acquire(blocking=False):
                self._lead()
            else:
                request.woken.wait()
                request.woken.clear()
        if request.error is not None:
            raise request.error
        result: T = request.result
        return result

    def _lead(self) -> None:
        try:
            _write_group(self._begin, self._next_group())
        finally:
            self._leading.release()
            # Only now: who came while we wrote has seen the lock taken and waits for somebody to lead.
            self._wake_next()

    def _next_group(self) -> list[_Request]:
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_TOGETHER))]
        return sorted(group, key=lambda request: request.key)

    def _wake_next(self) -> None:
        with suppress(IndexError):  # nobody waits
            self._waiting[0].woken.set()


def _write_group(begin: Begin, group: list[_Request]) -> None:
    if len(group) > 1 and _written_together(begin, group):
        return
    for request in group:
        _write_alone(begin, request)


def _written_together(begin: Begin, group: list[_Request]) -> bool:
    try:
        with timed(COMMIT_SECONDS.observe), begin() as transaction:
            results = [request.write(transaction) for request in group]
    except Exception:  # noqa: BLE001  # nothing was stored; alone, each gets the error that is its own
        return False
    for request, result in zip(group, results, strict=True):
        request.finish(result=result)
    return True


def _write_alone(begin: Begin, request: _Request) -> None:
    try:
        with timed(COMMIT_SECONDS.observe), begin() as transaction:
            result = request.write(transaction)
    except BaseException as exc:  # noqa: BLE001  # it is raised in the thread that asked
        request.finish(error=exc)
    else:
        request.finish(result=result)
