"""Keeps this process's leases: prolongs them, takes what is free, gives back what others lack."""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

from ulid import ULID

from database.leases import Fence, Picture, ShardLease, give_back, leave, renew, take
from database.session import Database, StorageError
from services.ownership import Ownership
from services.shards import decide
from utils.clock import Clock

logger = logging.getLogger(__name__)

TTL = timedelta(seconds=3)
BEAT_SECONDS = TTL.total_seconds() / 6


class ShardKeeper:
    """The body of one thread. `let_go` stops the work on shards, in a fraction of a lease's time.

    db is the keeper's own: a renewal must not queue behind a write that waits for a row.
    """

    def __init__(
        self,
        db: Database,
        ownership: Ownership,
        clock: Clock,
        *,
        let_go: Callable[[frozenset[int]], None],
        changed: Callable[[], None],
    ) -> None:
        self.worker = str(ULID())
        self._db = db
        self._ownership = ownership
        self._clock = clock
        self._let_go = let_go
        self._changed = changed
        self._woken = threading.Event()
        self._beating = threading.Lock()
        self._has_left = False

    def wake(self) -> None:
        """Look now: somebody has given back shards. Never blocks."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Beat until stop is set."""
        while not stop.is_set():
            self.beat()
            self._woken.wait(BEAT_SECONDS)
            self._woken.clear()

    def leave(self) -> None:
        """Give everything back at once and keep nothing from here on. Work on it must have ended."""
        with self._beating:
            self._has_left = True
            self._ownership.drop(self._ownership.shards())
            try:
                leave(self._db, self.worker)
            except StorageError:
                logger.exception("the shards could not be given back; they are free when their leases end")
        self._woken.set()

    def beat(self) -> None:
        """Renew, look, and do what follows. A database that fails is asked again at the next beat."""
        with self._beating:
            if self._has_left:
                return
            try:
                self._beat()
            except StorageError as exc:
                logger.error("the leases could not be renewed: %s", exc)

    def _beat(self) -> None:
        before = self._ownership.shards()
        picture = self._renewed()
        plan = decide(self.worker, picture.shards, picture.workers)
        if plan.give_back:
            self._give_back(plan.give_back)
        if plan.take:
            self._take(plan.take)
        if self._ownership.shards() != before:
            held, count = len(self._ownership.shards()), len(picture.shards)
            logger.info("this process, %s, works %d of %d shards", self.worker, held, count)
            self._changed()

    def _renewed(self) -> Picture:
        ends_at = self._clock.monotonic() + TTL.total_seconds()  # before the server begins to count
        picture = renew(self._db, self.worker, ttl=TTL)
        self._ownership.set(_fences(self.worker, picture.shards), count=len(picture.shards), ends_at=ends_at)
        return picture

    def _give_back(self, shards: Iterable[int]) -> None:
        given = frozenset(shards)
        self._ownership.drop(given)  # no act on them is begun from here on
        self._let_go(given)
        give_back(self._db, self.worker, given)

    def _take(self, shards: tuple[int, ...]) -> None:
        # Their leases end later than those renewed before: together they end with the first.
        self._ownership.add(take(self._db, self.worker, shards, ttl=TTL))


def _fences(worker: str, shards: Iterable[ShardLease]) -> list[Fence]:
    return [Fence(shard=one.shard, owner=worker, epoch=one.epoch) for one in shards if one.owner == worker]
