"""The push streams of accounts: one thread each, replaced when a new token comes."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from broker.base import (
    AccountCredentials,
    BrokerSettings,
    InstrumentNumber,
    PushListener,
    PushStream,
)
from broker.registry import import_broker_module
from database.session import Database, StorageError
from database.symbol import find_listing
from services.threads import start_thread

logger = logging.getLogger(__name__)

OpenStream = Callable[[str, AccountCredentials, BrokerSettings, InstrumentNumber], PushStream | None]


def open_broker_stream(
    name: str, credentials: AccountCredentials, settings: BrokerSettings, number_of: InstrumentNumber
) -> PushStream | None:
    """Return an account's stream at the broker of this name, or None where it has none."""
    return import_broker_module(name).open_stream(credentials, settings, number_of)


@dataclass(frozen=True, slots=True)
class _Running:
    thread: threading.Thread
    stop: threading.Event


class AccountStreams:
    """Keeps at most one stream of an account open. Used under the supervisor's lock."""

    def __init__(self, db: Database, settings: BrokerSettings, open_stream: OpenStream) -> None:
        self._db = db
        self._settings = settings
        self._open_stream = open_stream
        self._running: dict[str, _Running] = {}

    def start(self, broker: str, credentials: AccountCredentials, listener: PushListener) -> None:
        """Open the account's stream with this token, in the place of the one before.

        Raises ValueError for a damaged token; the one before goes on.
        """
        stream = self._open_stream(broker, credentials, self._settings, self._numbers_of(broker))
        if stream is None:
            return
        before, stop = self._running.get(credentials.account_id), threading.Event()
        if before is not None:
            before.stop.set()

        def work(stopping: threading.Event) -> None:
            if before is not None:
                before.thread.join()  # its last word, that it is down, must not come after our first
            stream.run(stopping, listener)

        thread = start_thread(f"stream-{credentials.account_id[-6:]}", work, stop)
        self._running[credentials.account_id] = _Running(thread, stop)

    def end(self, account_ids: Iterable[str]) -> list[threading.Thread]:
        """Have the streams of some accounts end; return the threads to be waited for."""
        ended = [self._running.pop(one) for one in account_ids if one in self._running]
        for one in ended:
            one.stop.set()
        return [one.thread for one in ended]

    def stop(self) -> list[threading.Thread]:
        """Have every stream end; return the threads to be waited for."""
        for one in self._running.values():
            one.stop.set()
        return [one.thread for one in self._running.values()]

    def _numbers_of(self, broker: str) -> InstrumentNumber:
        def number_of(exchange: str, symbol: str) -> str | None:
            try:
                found = find_listing(self._db, exchange, symbol=symbol, broker=broker)
            except StorageError:
                logger.exception("the number of %s:%s could not be read", exchange, symbol)
                return None
            return None if found is None else found.token or None

        return number_of
