"""What one process does for all that share the accounts: feeding the outbox, and sending what it holds."""

import threading
from collections.abc import Callable, Mapping

from services.threads import start_thread

_LOOK_SECONDS = 0.5
_END_SECONDS = 2.0

Work = Callable[[threading.Event], None]


class SideJobs:
    """Runs works, each in a thread of its own, while they are this process's to do.

    Two processes may overlap for a moment when one takes over: every work may be repeated.
    """

    def __init__(self, works: Mapping[str, Work], *, is_ours: Callable[[], bool]) -> None:
        self._works = dict(works)
        self._is_ours = is_ours

    def run(self, stop: threading.Event) -> None:
        """Start and end the works until stop is set. One thread's work."""
        running: list[threading.Thread] = []
        ending = threading.Event()
        while not stop.is_set():
            is_ours = self._is_ours()
            if is_ours and not running:
                ending = threading.Event()
                running = [start_thread(name, work, ending) for name, work in self._works.items()]
            elif running and not is_ours:
                running = _ended(running, ending)
            stop.wait(_LOOK_SECONDS)
        _ended(running, ending)


def _ended(threads: list[threading.Thread], ending: threading.Event) -> list[threading.Thread]:
    ending.set()
    for thread in threads:
        thread.join(timeout=_END_SECONDS)
    return []
