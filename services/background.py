"""What works beside the requests, started and stopped together."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from broker.base import BrokerSettings
from broker.paper import close_market, market_of
from database.restore_db import hold_of
from services.desk import Desk
from services.housekeeping import Housekeeper
from services.login_watch import LoginWatch
from services.plain.finder import PlainOrderFinder
from services.restored import RestoredWatch
from services.side_jobs import SideJobs, Work
from services.threads import start_thread
from utils.clock import elapsed_timer

if TYPE_CHECKING:  # a service on a file shares nothing, and imports no driver for it
    from services.shared_accounts import SharedAccounts

logger = logging.getLogger(__name__)

_JOIN_SECONDS = 2.0  # for all together: one may be in the middle of a slow answer from outside


class Background:
    """The service's threads: the paper market, the announcer, the logs' writers, the account workers.

    `senders` are the outbox and the ways out of it, by the names of their threads; `chores` are done with
    the housekeeping, once a minute. With `shared`, other processes work some of the accounts, or all of them,
    and one process sends for all.
    """

    def __init__(
        self,
        desk: Desk,
        settings: BrokerSettings,
        *,
        senders: Mapping[str, Work] | None = None,
        chores: Sequence[Callable[[], None]] = (),
        shared: "SharedAccounts | None" = None,
    ) -> None:
        self._desk = desk
        self._shared = shared
        self._settings = settings
        self._senders = dict(senders or {})
        self._chores = tuple(chores)
        self._stop = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    @property
    def is_stopping(self) -> bool:
        """Whether new entries are refused because the end has come."""
        return self._stopping.is_set()

    def refuse_entries(self) -> None:
        """Take no new entries from here on. Safe to call from a signal handler."""
        self._stopping.set()

    def pause(self, seconds: float) -> None:
        """Wait; shorter when the service is stopping."""
        self._stopping.wait(seconds)

    def start(self) -> None:
        """Start everything. Workers come last: what they say finds its listeners ready."""
        desk = self._desk
        desk.order_log.start()
        desk.analyzer_log.start()
        desk.signal_log.start()
        self._threads.append(start_thread("paper-market", market_of(self._settings).run, self._stop))
        self._threads.append(start_thread("announcer", desk.announcer.run, self._stop))
        housekeeper = Housekeeper(desk.db, desk.clock, desk.secrets, chores=self._chores)
        self._threads.append(start_thread("housekeeping", housekeeper.run, self._stop))
        self._start_works(self._sending())
        hold = hold_of(desk.db)
        if hold is None:
            self._work()
        else:
            desk.supervisor.hold()
            watch = RestoredWatch(desk, hold, self._work)
            self._threads.append(start_thread("restored", watch.run, self._stop))

    def _work(self) -> None:
        """Start what acts at brokers."""
        desk = self._desk
        with self._lock:
            if self._stop.is_set():
                return
            if self._shared is None:
                desk.supervisor.start()
            else:
                desk.supervisor.release()
                self._start_works(self._shared.works())
            self._start_works({"logins": LoginWatch(desk).run, "plain-orders": PlainOrderFinder(desk).run})

    def stop(self) -> None:
        """Stop everything; stops resting at brokers stay there. A second call does nothing."""
        self.refuse_entries()
        with self._lock:
            if self._stop.is_set():
                return
            shared = self._shared
            self._desk.supervisor.stop(give_back=None if shared is None else shared.leave)
            self._stop.set()
            if shared is not None:
                shared.wake()
            self._desk.plain_order_lost.set()
            self._desk.announcer.wake()  # which wakes the outbox, and that the ways out of it
        ends = elapsed_timer() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(ends - elapsed_timer(), 0))
        self._desk.order_log.stop()
        self._desk.analyzer_log.stop()
        self._desk.signal_log.stop()
        close_market(self._settings)
        if self._shared is not None:
            self._shared.close()
        self._desk.db.close()
        logger.info("everything has stopped; what rests at brokers goes on resting")

    def _sending(self) -> Mapping[str, Work]:
        if self._shared is None:
            return self._senders
        return {"side-jobs": SideJobs(self._senders, is_ours=self._shared.does_side_jobs).run}

    def _start_works(self, works: Mapping[str, Work]) -> None:
        for name, work in works.items():
            self._threads.append(start_thread(name, work, self._stop))
