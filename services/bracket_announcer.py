"""Stored events to those who listen. Off the order path: it reads the store, so nothing waits for it.

At least once: after a crash the last few seconds are said again, with the same seq.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from database.account_db import existing_account, list_accounts
from database.account_news import BracketNews, News, PlainNews, news_after
from database.bracket_db import load
from database.plain_order_db import plain_order
from database.session import Database, StorageError
from database.settings import SettingScope, put_settings, setting
from services.announcements import announcement
from services.bracket.model import Bracket
from services.event_codec import decode_event
from services.plain_announcements import plain_announcement
from utils.clock import Clock

logger = logging.getLogger(__name__)

_BATCH = 200
CURSOR = "announced_seq"
_SAVE_CURSOR_EVERY = timedelta(seconds=5)
_LOOK_EVERY_SECONDS = 1.0
_GATHER_SECONDS = 0.05  # a placement is three notices in a few milliseconds, and they are read as one

Emit = Callable[[dict[str, object], str, str], None]  # payload, account id, owner id


class BracketAnnouncer:
    """Follows each account's events and emits what clients hear. `run` is one thread's work."""

    def __init__(
        self, db: Database, clock: Clock, emit: Emit, *, also: Callable[[], None] | None = None
    ) -> None:
        self._db = db
        self._clock = clock
        self._emit = emit
        self._also = also
        self._news: set[str] = set()
        self._lock = threading.Lock()
        self._announcing = threading.Lock()  # two at once would say everything twice
        self._wake = threading.Event()
        self._cursors: dict[str, int] = {}
        self._owners: dict[str, str] = {}  # an account never changes hands
        self._unsaved: set[str] = set()
        self._saved_at = clock.monotonic()

    def notify(self, account_id: str) -> None:
        """Say that events of an account were stored, here and to `also`. Never blocks."""
        with self._lock:
            self._news.add(account_id)
        self.wake()

    def wake(self) -> None:
        """Look at once, for news or for the end, and let `also` do so. Never blocks."""
        self._wake.set()
        if self._also is not None:
            self._also()

    def run(self, stop: threading.Event) -> None:
        """Announce until stop is set."""
        for one in list_accounts(self._db):
            self.notify(one.id)
        while not stop.is_set():
            self._wake.wait(_LOOK_EVERY_SECONDS)
            stop.wait(_GATHER_SECONDS)
            self._wake.clear()
            try:
                self.announce_all()
            except StorageError as exc:
                logger.error("what was stored cannot be announced yet: %s", exc)
        self._save_cursors()

    def announce_all(self) -> None:
        """Announce everything stored so far for the accounts with news.

        Raises NotRead and NotStored; then the next call announces what this one did not.
        """
        with self._announcing:
            self._announce_news()
            if (
                self._unsaved
                and self._clock.monotonic() - self._saved_at >= _SAVE_CURSOR_EVERY.total_seconds()
            ):
                self._save_cursors()

    def _announce_news(self) -> None:
        with self._lock:
            news, self._news = self._news, set()
        try:
            for account_id in news:
                self._announce(account_id)
        except StorageError:
            with self._lock:
                self._news |= news
            raise

    def _announce(self, account_id: str) -> None:
        cursor = self._cursor(account_id)
        while news := news_after(self._db, account_id, cursor, limit=_BATCH):
            for payload in self._payloads(account_id, news):
                self._emit(payload, account_id, self._owner_of(account_id))
            cursor = news[-1].account_seq
            self._cursors[account_id] = cursor
            self._unsaved.add(account_id)

    def missed(
        self, account_id: str, since_seq: int, *, of: type[BracketNews | PlainNews]
    ) -> list[dict[str, object]]:
        """Return the payloads of what was announced of brackets, or of plain orders, after since_seq."""
        missed: list[dict[str, object]] = []
        cursor = since_seq
        while news := news_after(self._db, account_id, cursor, limit=_BATCH):
            missed.extend(self._payloads(account_id, tuple(one for one in news if isinstance(one, of))))
            cursor = news[-1].account_seq
        return missed

    def _payloads(self, account_id: str, news: tuple[News, ...]) -> list[dict[str, object]]:
        """Return what clients hear of stored events, each bracket and order as it is now."""
        brackets: dict[str, Bracket | None] = {}
        said = []
        for one in news:
            if isinstance(one, PlainNews):
                payload = self._of_plain_order(account_id, one)
            else:
                if one.bracket_id not in brackets:
                    brackets[one.bracket_id] = load(self._db, one.bracket_id)
                payload = _of_bracket(one, brackets[one.bracket_id])
            if payload is not None:
                said.append(payload)
        return said

    def _of_plain_order(self, account_id: str, news: PlainNews) -> dict[str, object] | None:
        order = plain_order(self._db, account_id, order_id=news.order_id)
        said = None if order is None else plain_announcement(news, order)
        return None if said is None else said.payload()

    def _owner_of(self, account_id: str) -> str:
        if account_id not in self._owners:
            self._owners[account_id] = existing_account(self._db, account_id).owner_id
        return self._owners[account_id]

    def _cursor(self, account_id: str) -> int:
        if account_id not in self._cursors:
            stored = setting(self._db, SettingScope.ACCOUNT, subject_id=account_id, key=CURSOR)
            # A fresh installation has nothing to say again; one that knew an account goes on from there.
            self._cursors[account_id] = int(stored) if stored is not None else 0
        return self._cursors[account_id]

    def _save_cursors(self) -> None:
        self._saved_at = self._clock.monotonic()
        unsaved, self._unsaved = self._unsaved, set()
        places = {account_id: str(self._cursors[account_id]) for account_id in unsaved}
        try:
            put_settings(self._db, SettingScope.ACCOUNT, key=CURSOR, values=places, at=self._clock.now())
        except StorageError:
            logger.exception("how far events were announced could not be stored; some will be said again")


def _of_bracket(news: BracketNews, bracket: Bracket | None) -> dict[str, object] | None:
    if bracket is None:
        return None
    said = announcement(decode_event(news.kind, news.payload), bracket, seq=news.account_seq, at=news.at)
    return None if said is None else said.payload()
