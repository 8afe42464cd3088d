"""Entries that another process sends, and who waits here to hear what became of them."""

import threading
from concurrent.futures import Future

from database.bracket_db import load
from database.session import Database
from services.bracket.model import Bracket, LegStatus, Role
from services.bracket.quantities import legs_of


class Entries:
    """Entries handed to whoever works their account, and who waits for their outcome. Thread-safe."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._awaited: dict[str, Future[Bracket]] = {}

    def expect(self, bracket: Bracket) -> "Future[Bracket]":
        """Return a future of the bracket once its entry has been answered."""
        reply: Future[Bracket] = Future()
        with self._lock:
            self._awaited[bracket.id] = reply
        self.look()  # its worker may have been faster
        return reply

    def forget(self, bracket_id: str) -> None:
        """Nobody waits for this one any more."""
        with self._lock:
            self._awaited.pop(bracket_id, None)

    def look(self) -> None:
        """Answer those whose entry has been answered. Raises NotRead."""
        with self._lock:
            awaited = dict(self._awaited)
        for bracket_id, reply in awaited.items():
            bracket = load(self._db, bracket_id)
            if bracket is not None and is_entry_answered(bracket):
                self.forget(bracket_id)
                if not reply.done():
                    reply.set_result(bracket)


def is_entry_answered(bracket: Bracket) -> bool:
    """Whether the broker has said something of the entry, or it is over. One that never left is not."""
    entries = legs_of(bracket, Role.ENTRY)
    under_way = (LegStatus.SENT, LegStatus.NOT_SENT)
    return bracket.entry_ended is not None or bool(entries and entries[-1].status not in under_way)
