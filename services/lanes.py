"""An account's connections: three shared, one kept free for exits, one that only reads.

A call that hangs holds its own connection and nothing else: three hung entries cannot hold a stop.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Protocol

logger = logging.getLogger(__name__)

SHARED_CONNECTIONS = 3
Call = Callable[[], None]


class Connections(Protocol):
    """Where a worker's calls run; results come back through what the calls themselves do."""

    def write(self, call: Call, *, urgent: bool) -> None: ...
    def read(self, call: Call) -> None: ...
    def close(self) -> None: ...


class Lanes:
    """Runs calls on the account's connections. Threads start when first needed."""

    def __init__(self, account_id: str) -> None:
        self._shared = ThreadPoolExecutor(SHARED_CONNECTIONS, thread_name_prefix=f"wire-{account_id}")
        self._reserved = ThreadPoolExecutor(1, thread_name_prefix=f"exit-{account_id}")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix=f"read-{account_id}")
        self._lock = Lock()
        self._busy = 0

    def write(self, call: Call, *, urgent: bool) -> None:
        """Run a call that changes something; an urgent one finds the reserved lane when others are busy."""
        with self._lock:
            use_reserved = urgent and self._busy >= SHARED_CONNECTIONS
            if not use_reserved:
                self._busy += 1
        if use_reserved:
            _watched(self._reserved.submit(call))
        else:
            _watched(self._shared.submit(self._counted, call))

    def read(self, call: Call) -> None:
        """Run a read; reads queue behind each other and never behind a write."""
        _watched(self._reading.submit(call))

    def close(self) -> None:
        """Let running calls finish and take no more."""
        for pool in (self._shared, self._reserved, self._reading):
            pool.shutdown(wait=True, cancel_futures=True)

    def _counted(self, call: Call) -> None:
        try:
            call()
        finally:
            with self._lock:
                self._busy -= 1


def _watched(future: "Future[None]") -> None:
    future.add_done_callback(_complain)


def _complain(future: "Future[None]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.critical("a broker call failed in a way no adapter may", exc_info=error)
