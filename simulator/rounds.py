"""Work in rounds: what a round does may call for another, which follows it instead of running inside it."""

import threading
from collections.abc import Callable


class Rounds:
    """Runs one kind of work, a round at a time, under a lock that its owner uses too.

    A price that moves while a round sends an order calls for a round from within the first, in the same
    thread, so that no lock holds it off: run inside, it would send that order a second time.
    """

    def __init__(self, work: Callable[[], None], lock: threading.RLock) -> None:
        self._work = work
        self._lock = lock
        self._is_wanted = False
        self._is_running = False

    def run(self) -> None:
        """Work until no round is called for any more; from within a round, only call for the next."""
        with self._lock:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
            try:
                while self._is_wanted:
                    self._is_wanted = False
                    self._work()
            finally:
                self._is_running = False
