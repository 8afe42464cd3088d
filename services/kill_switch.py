"""The kill switch of an account, as its worker and its clients ask for it at every order."""

import logging
import threading

from database.account_db import Account
from database.session import Database, StorageError
from database.settings import kill_switch
from services.bracket.model import KillMode
from utils.clock import Clock

logger = logging.getLogger(__name__)

_SECOND = 1.0


class KillSwitch:
    """The account's kill switch as stored, read at most once a second."""

    def __init__(self, db: Database, owner: Account, clock: Clock) -> None:
        self._db = db
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._mode = KillMode.OFF

    def forget(self) -> None:
        """Read it afresh at the next question: it was just set here."""
        with self._lock:
            self._read_at = float("-inf")

    def mode(self) -> KillMode:
        """Return what is in force; while it cannot be read, what was."""
        # Locked while it reads: an older answer that comes late must not cover a newer one.
        with self._lock:
            now = self._clock.monotonic()
            if now - self._read_at >= _SECOND:
                self._read_at = now
                self._mode = self._stored()
            return self._mode

    def _stored(self) -> KillMode:
        try:
            return kill_switch(self._db, self._owner.id, owner_id=self._owner.owner_id)
        except StorageError:
            logger.exception("the kill switch could not be read; it stays %s", self._mode)
            return self._mode
