"""Reads that several ask for at once: one is made, and all of them hear its answer."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from utils.recent import RecentAnswers

Read = Callable[[], object]


@dataclass(slots=True)
class _Asked:
    """A read that is queued or under way."""

    read: Read
    reply: "Future[object]" = field(default_factory=Future)
    waiting: int = 0  # how many wait for it


class SharedReads:
    """At most one read of a name is queued or under way, however many ask. Safe to use from many threads."""

    def __init__(
        self, start: Callable[[Callable[[], None]], None], monotonic: Callable[[], float], *, kept: timedelta
    ) -> None:
        self._start = start
        self._monotonic = monotonic
        self._lock = Lock()
        self._asked: dict[str, _Asked] = {}
        self._recent: RecentAnswers[str, object] = RecentAnswers(monotonic, kept=kept)

    def answer(self, name: str, read: Read, *, wait_seconds: float) -> object:
        """Return what a read of this name gave that began at most `kept` ago, or is still under way.

        Raises what the read raises, and TimeoutError when it takes longer than wait_seconds.
        """
        with self._lock:
            known = self._recent.get(name)
            if known is not None:
                return known
            is_first = name not in self._asked
            asked = self._asked.setdefault(name, _Asked(read))
            asked.waiting += 1
        try:
            if is_first:
                # Outside the lock: where calls are made at once, the read comes back in here.
                self._start(lambda: self._make(name, asked))
            return asked.reply.result(timeout=wait_seconds)
        finally:
            self._leave(name, asked)

    def forget(self) -> None:
        """Answer with none of the reads that have begun, to whoever asks from now on."""
        with self._lock:
            self._recent.forget()
            self._asked.clear()

    def _make(self, name: str, asked: _Asked) -> None:
        if not asked.reply.set_running_or_notify_cancel():
            return
        begun = self._monotonic()
        try:
            found = asked.read()
        except Exception as exc:  # noqa: BLE001  # the askers' to hear, in their own threads
            with self._lock:
                self._drop(name, asked)
            asked.reply.set_exception(exc)
        else:
            with self._lock:
                if self._drop(name, asked):
                    self._recent.put(name, found, asked_at=begun)
            asked.reply.set_result(found)

    def _leave(self, name: str, asked: _Asked) -> None:
        """Take back a read that is still queued when the last who waited for it has given up."""
        with self._lock:
            asked.waiting -= 1
            if asked.waiting == 0 and asked.reply.cancel():
                self._drop(name, asked)

    def _drop(self, name: str, asked: _Asked) -> bool:
        """Let the next who asks start a new read; return whether this one was not forgotten before."""
        is_current = self._asked.get(name) is asked
        if is_current:
            del self._asked[name]
        return is_current
