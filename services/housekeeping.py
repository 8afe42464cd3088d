"""What is tidied up now and then: idempotency keys past their time, uses of keys, and chores of others."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from database.auth_db import Secrets, record_key_use
from database.bracket_db import forget_claims
from database.exit_claim_db import forget_exit_claims
from database.plain_order_db import free_client_order_ids
from database.session import Database, StorageError
from utils.clock import Clock

logger = logging.getLogger(__name__)

CLAIMS_KEPT = timedelta(days=7)
_ROUND_SECONDS = 60.0
_CLAIMS_SECONDS = 3600.0


class Housekeeper:
    """Tidies up once a minute, claims once an hour. `run` is one thread's work."""

    def __init__(
        self, db: Database, clock: Clock, secrets: Secrets, *, chores: Sequence[Callable[[], None]] = ()
    ) -> None:
        self._db = db
        self._clock = clock
        self._secrets = secrets
        self._chores = tuple(chores)
        self._next_claims = clock.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Tidy up until stop is set, and once more then."""
        while not stop.is_set():
            stop.wait(_ROUND_SECONDS)
            self.tidy()

    def tidy(self) -> None:
        """Do one round. What cannot be stored is left: claims to a later round, uses are forgotten."""
        try:
            self._note_uses()
            self._forget_claims()
            for chore in self._chores:
                chore()
        except StorageError:
            logger.exception("the housekeeping could not be stored; it is tried again")

    def _forget_claims(self) -> None:
        # It looks at every claim while orders wait for the database: once an hour is often enough.
        now = self._clock.monotonic()
        if now >= self._next_claims:
            self._next_claims = now + _CLAIMS_SECONDS
            long_ago = self._clock.now() - CLAIMS_KEPT
            forget_claims(self._db, long_ago)
            forget_exit_claims(self._db, long_ago)
            free_client_order_ids(self._db, long_ago)

    def _note_uses(self) -> None:
        used = self._secrets.take_used()
        if used:
            record_key_use(self._db, used, at=self._clock.now())
