"""Virtual time: what happens when, and calls that wait in it without threads.

A call of the worker runs in a greenlet. When it waits for the network, its greenlet steps aside and the
agenda resumes it later; between two entries of the agenda nothing else runs, so a run repeats exactly.
"""

import heapq
import math
from collections.abc import Callable
from datetime import datetime, timedelta

from greenlet import getcurrent, greenlet

from simulator import VirtualClock


class Agenda:
    """Entries by their time, then by the order they were made in."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0
        self._hub = getcurrent()
        self._runners: list[greenlet] = []

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    @property
    def next_at(self) -> float:
        return self._entries[0][0] if self._entries else float("inf")

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self._made += 1
        heapq.heappush(self._entries, (self.now + seconds, self._made, what))

    def run_next(self) -> None:
        """Let time pass to the next entry and carry it out."""
        at, _, what = heapq.heappop(self._entries)
        self.pass_to(at)
        what()

    def pass_to(self, at: float) -> None:
        if at > self.now:
            # Rounded up: the clock counts microseconds, and time that does not pass never ends.
            self.clock.advance(timedelta(microseconds=math.ceil((at - self.now) * 1e6)))

    def spawn(self, call: Callable[[], None], *, is_alive: Callable[[], bool], seconds: float = 0.0) -> None:
        """Run a call in a greenlet of its own, as long as its process lives."""
        runner = greenlet(call, self._hub)
        self._runners.append(runner)
        self.after(seconds, lambda: _resume(runner, is_alive))

    def sleep(self, seconds: float, *, is_alive: Callable[[], bool]) -> None:
        """Step aside until the seconds have passed; for ever when the process dies meanwhile."""
        me = getcurrent()
        self.after(seconds, lambda: _resume(me, is_alive))
        self._hub.switch()

    def close(self) -> None:
        """End the calls that stepped aside for good: each would keep its whole world in memory."""
        for runner in self._runners:
            runner.throw()
        self._runners.clear()

    @property
    def is_in_call(self) -> bool:
        return getcurrent() is not self._hub

    def step_aside_for_ever(self) -> None:
        """End the present call without its coming back: its process is dead."""
        self._hub.switch()


def _resume(runner: greenlet, is_alive: Callable[[], bool]) -> None:
    if is_alive():
        runner.switch()


class HostClock:
    """The clocks of one life of the process: its own boot, and a wall clock that may be set wrongly."""

    def __init__(self, true: VirtualClock, boot_id: str, *, error: timedelta = timedelta(0)) -> None:
        self.boot_id = boot_id
        self.error = error
        self._true = true

    def now(self) -> datetime:
        return self._true.now() + self.error

    def monotonic(self) -> float:
        return self._true.monotonic()
