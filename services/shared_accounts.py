"""How a process shares the accounts with others: what it hears from them, and what it looks for itself.

Hints come by NOTIFY. Everything they could say is also found by looking, a second later at most.
"""

import logging
import threading
from collections.abc import Callable

from database.bracket_db import all_last_seqs, has_open
from database.hearing import Listener
from database.leases import shard_count
from database.notices import Hint, Notice
from database.session import Database, StorageError
from services.account_worker import AccountWorker
from services.bracket.model import Mode
from services.bracket_supervisor import BracketSupervisor
from services.entries import Entries
from services.ownership import Ownership
from services.shard_keeper import ShardKeeper
from utils.clock import Clock

logger = logging.getLogger(__name__)

_HEAR_SECONDS = 0.25  # also how often entries under way are looked at when hints are lost
_LOOK_SECONDS = 1.0
_LET_GO_SECONDS = 0.4


class SharedAccounts:
    """The threads of a process that shares accounts: one hears and looks, one starts and stops workers.

    db is its own: hints are heard on a connection that nobody else waits for.
    """

    def __init__(
        self,
        db: Database,
        supervisor: BracketSupervisor,
        clock: Clock,
        *,
        ownership: Ownership,
        entries: Entries,
        announce: Callable[[str], None],
        works: bool,
    ) -> None:
        self._db = db
        self._supervisor = supervisor
        self._clock = clock
        self._entries = entries
        self._announce = announce
        self._listener = Listener(db)
        self._tend = threading.Event()
        self._told: dict[str, int] = {}
        self.keeper: ShardKeeper | None = None
        self._ownership = ownership
        if works:
            self.keeper = ShardKeeper(db, ownership, clock, let_go=self._let_go, changed=self._tend.set)

    def works(self) -> dict[str, Callable[[threading.Event], None]]:
        """Return the bodies of this process's threads, by their names."""
        if self.keeper is None:
            return {"hints": self.hear}
        return {"hints": self.hear, "leases": self.keeper.run, "shards": self.tend}

    def does_side_jobs(self) -> bool:
        """Whether this process does what one does for all."""
        return self._ownership.has_first()

    def leave(self) -> None:
        """Give back every shard at once. Work on them must have ended."""
        if self.keeper is not None:
            self.keeper.leave()

    def close(self) -> None:
        """Give back the connections; the threads must have ended."""
        self._db.close()

    def hear(self, stop: threading.Event) -> None:
        """Heed hints and look for what they missed until stop is set. One thread's work."""
        looked_at = float("-inf")
        while not stop.is_set():
            self._hear_some(stop)
            now = self._clock.monotonic()
            try:
                self._entries.look()
                if now - looked_at >= _LOOK_SECONDS:
                    looked_at = now
                    self.look()
            except StorageError as exc:
                logger.error("what others stored cannot be looked for: %s", exc)
        self._listener.close()

    def tend(self, stop: threading.Event) -> None:
        """Start and stop workers as shards come and go until stop is set. One thread's work."""
        while not stop.is_set():
            try:
                self._supervisor.tend()
            except StorageError as exc:
                logger.error("the accounts to work cannot be read: %s", exc)
            self._tend.wait(_LOOK_SECONDS)
            self._tend.clear()

    def wake(self) -> None:
        """Let the threads see that they are to end."""
        self._tend.set()
        if self.keeper is not None:
            self.keeper.wake()

    def look(self) -> None:
        """Find everything that was stored by others, heard of or not. Raises NotRead."""
        if self.keeper is None:  # which would learn it at each beat
            self._ownership.learn(shard_count(self._db))
        for account_id, seq in all_last_seqs(self._db).items():
            self._heed_stored(account_id, seq)

    def _hear_some(self, stop: threading.Event) -> None:
        try:
            for hint in self._listener.hear(seconds=_HEAR_SECONDS):
                self._heed(hint)
        except StorageError as exc:
            logger.warning("no hints are heard, everything is found by looking: %s", exc)
            stop.wait(_HEAR_SECONDS)

    def _heed(self, hint: Hint) -> None:
        match hint.notice:
            case Notice.STORED:
                self._heed_stored(hint.account_id, hint.seq)
                self._entries.look()
            case Notice.PUSHED:
                for worker in self._workers_of(hint.account_id):
                    worker.push()
            case Notice.KILL:
                for worker in self._workers_of(hint.account_id):
                    worker.obey_kill_switch()
            case Notice.SHARDS:
                if self.keeper is not None:
                    self.keeper.wake()

    def _heed_stored(self, account_id: str, seq: int) -> None:
        workers = self._workers_of(account_id)
        behind = [worker for worker in workers if seq > worker.known_seq]
        for worker in behind:
            worker.stored_elsewhere()
        if seq > self._told.get(account_id, 0):
            self._announce(account_id)
            if behind or not workers:
                self._start_paper(account_id)
            self._told[account_id] = seq

    def _start_paper(self, account_id: str) -> None:
        """An account's paper worker starts with its first paper bracket."""
        supervisor = self._supervisor
        if not supervisor.works(account_id) or supervisor.running(account_id, Mode.ANALYZE) is not None:
            return
        if has_open(self._db, account_id, Mode.ANALYZE):
            supervisor.start_worker(account_id, Mode.ANALYZE)

    def _workers_of(self, account_id: str) -> list[AccountWorker]:
        found = (self._supervisor.running(account_id, mode) for mode in Mode)
        return [worker for worker in found if worker is not None]

    def _let_go(self, shards: frozenset[int]) -> None:
        self._supervisor.let_go(shards, seconds=_LET_GO_SECONDS)
