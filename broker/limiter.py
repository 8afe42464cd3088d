"""The account's outbound rate limit, with a share that only the way out may use."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from threading import Lock
from typing import Protocol, assert_never, runtime_checkable

from broker.base import RateLimited
from utils.clock import Clock

RESERVED_PERCENT = 30
_ROUNDING = timedelta(microseconds=1)


class Lane(StrEnum):
    """What a call is for; decides which budget it draws on."""

    ENTRY = "entry"
    EXIT = "exit"  # exits, cancels, unwinds, GTTs of brackets: whatever protects or ends a position
    READ = "read"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` in any stretch of `length`."""

    calls: int
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """How much of one window's calls is used up. `reserved` of them are for the way out only."""

    budget: str
    used: int
    calls: int
    reserved: int
    length: timedelta


@runtime_checkable
class Metered(Protocol):
    """A broker's account whose calls are counted against rate limits; the paper market's are not."""

    def rate_use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of each limit, now."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A broker's account that can be told what went out before this process counted."""

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders, changes and cancels that went out so long ago."""
        ...


class AccountLimiter:
    """All budgets of one account. Thread-safe; never sleeps: the caller decides whether to wait."""

    def __init__(
        self,
        clock: Clock,
        *,
        orders: tuple[Window, ...],
        reads: tuple[Window, ...],
        quotes: tuple[Window, ...],
    ) -> None:
        self._clock = clock
        self._held_until = 0.0  # monotonic
        self._orders = SlidingLimit(clock, orders, reserved_percent=RESERVED_PERCENT)
        self._reads = SlidingLimit(clock, reads)
        self._quotes = SlidingLimit(clock, quotes)

    def acquire(self, lane: Lane) -> None:
        """Take one call of the lane's budget.

        Raises RateLimited when there is none, saying after how long there will be; nothing is taken.
        """
        self._respect_pause()
        match lane:
            case Lane.ENTRY:
                self._orders.acquire()
            case Lane.EXIT:
                self._orders.acquire(with_reserve=True)
            case Lane.READ:
                self._reads.acquire()
            case Lane.QUOTE:
                self._quotes.acquire()
            case _:
                assert_never(lane)

    def hold(self, wait: timedelta) -> None:
        """Let nothing through for so long, exits neither: the broker said when it will listen again."""
        self._held_until = max(self._held_until, self._clock.monotonic() + wait.total_seconds())

    def _respect_pause(self) -> None:
        if not self._held_until:
            return
        left = self._held_until - self._clock.monotonic()
        if left > 0:
            raise RateLimited(f"the broker asked for a pause; it ends in {left:.3f} s", _rounded_up(left))

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        """Count orders that went out so long ago, by whichever process: the broker has not forgotten them."""
        self._orders.count(ages)

    def use(self) -> tuple[BudgetUse, ...]:
        """Return what is used of every window, now."""
        budgets = {"orders": self._orders, "reads": self._reads, "quotes": self._quotes}
        return tuple(one for name, limit in budgets.items() for one in limit.use(name))


class SlidingLimit:
    """Several sliding windows at once; every call counts in all of them.

    A call without the reserve is let through only while the whole reserve stays free after it. So an
    exit burst stops the entries first, and entries alone can never stop an exit.
    """

    def __init__(self, clock: Clock, windows: tuple[Window, ...], *, reserved_percent: int = 0) -> None:
        self._clock = clock
        self._logs = tuple(_CallLog(window, reserved_percent) for window in windows)
        self._lock = Lock()

    def acquire(self, *, with_reserve: bool = False) -> None:
        """Count one call in every window. Raises RateLimited, and counts nothing, when one is full."""
        with self._lock:
            now = self._clock.monotonic()
            wait = max(log.seconds_until_room(now, with_reserve=with_reserve) for log in self._logs)
            if wait > 0:
                raise RateLimited(f"rate limit reached; room in {wait:.3f} s", _rounded_up(wait))
            for log in self._logs:
                log.add(now)

    def count(self, ages: Sequence[timedelta]) -> None:
        """Count calls of so long ago in every window, beside those that are counted."""
        with self._lock:
            now = self._clock.monotonic()
            for log in self._logs:
                log.add_earlier([now - max(0.0, age.total_seconds()) for age in ages])

    def use(self, budget: str) -> tuple[BudgetUse, ...]:
        """Return what is used of each window; budget is how people call them together."""
        with self._lock:
            now = self._clock.monotonic()
            return tuple(log.use(budget, now) for log in self._logs)


class _CallLog:
    def __init__(self, window: Window, reserved_percent: int) -> None:
        reserve = -(-window.calls * reserved_percent // 100)
        self._room = window.calls - reserve
        self._room_with_reserve = window.calls
        self._seconds = window.length.total_seconds()
        self._times: deque[float] = deque()

    def seconds_until_room(self, now: float, *, with_reserve: bool) -> float:
        self._forget_before(now)
        room = self._room_with_reserve if with_reserve else self._room
        if len(self._times) < room:
            return 0.0
        return max(self._times[len(self._times) - room] + self._seconds - now, 1e-6)

    def add(self, now: float) -> None:
        self._times.append(now)

    def add_earlier(self, times: list[float]) -> None:
        self._times = deque(sorted([*times, *self._times]))

    def use(self, budget: str, now: float) -> BudgetUse:
        self._forget_before(now)
        return BudgetUse(
            budget=budget,
            used=len(self._times),
            calls=self._room_with_reserve,
            reserved=self._room_with_reserve - self._room,
            length=timedelta(seconds=self._seconds),
        )

    def _forget_before(self, now: float) -> None:
        while self._times and now - self._times[0] >= self._seconds:
            self._times.popleft()


def _rounded_up(seconds: float) -> timedelta:
    return timedelta(seconds=seconds) + _ROUNDING
