"""Which shards this process works, under which epochs, and until when it may believe that."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from database.leases import Fence
from services.shards import shard_of
from utils.clock import Clock

# An act begun in the last moments of a lease would reach the broker after it.
MARGIN_SECONDS = 0.5


class Hold(Protocol):
    """A worker's right to its account."""

    @property
    def fence(self) -> Fence | None:
        """What its writes are held against; None where nobody else could write."""
        ...

    def is_held(self) -> bool:
        """Whether an act may be begun now."""
        ...


class SoleHold:
    """The right of the only process there is."""

    @property
    def fence(self) -> Fence | None:
        return None

    def is_held(self) -> bool:
        return True


class Ownership:
    """The shards of this process. The keeper says what it has; workers ask. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._fences: Mapping[int, Fence] = {}
        self._count = 0
        self._ends_at = float("-inf")  # monotonic

    def set(self, fences: Iterable[Fence], *, count: int, ends_at: float) -> None:
        """Take what is owned from now on, of how many, and the monotonic second at which it ends."""
        with self._lock:
            self._fences = {fence.shard: fence for fence in fences}
            self._count, self._ends_at = count, ends_at

    def learn(self, count: int) -> None:
        """Know how many shards there are, without owning any."""
        with self._lock:
            self._count = count

    def add(self, fences: Iterable[Fence]) -> None:
        """Own these as well."""
        with self._lock:
            self._fences = {**self._fences, **{fence.shard: fence for fence in fences}}

    def drop(self, shards: Iterable[int]) -> None:
        """Own these no more."""
        gone = set(shards)
        with self._lock:
            self._fences = {shard: fence for shard, fence in self._fences.items() if shard not in gone}

    def shards(self) -> frozenset[int]:
        return frozenset(self._fences)

    def has_first(self) -> bool:
        """Whether the first shard is ours: its owner does what one process does for all."""
        with self._lock:
            fence = self._fences.get(0)
        return fence is not None and self.is_held(fence)

    def shard_of(self, account_id: str) -> int | None:
        """Return an account's shard; None while nobody has looked how many there are."""
        return shard_of(account_id, count=self._count) if self._count else None

    def hold_of(self, account_id: str) -> "ShardHold | None":
        """Return the right to work an account, or None when it is another process's."""
        with self._lock:
            shard = self.shard_of(account_id)
            fence = None if shard is None else self._fences.get(shard)
        return None if fence is None else ShardHold(self, fence)

    def is_held(self, fence: Fence) -> bool:
        """Whether the shard is still ours under this very epoch, and for a moment longer."""
        with self._lock:
            is_ours = self._fences.get(fence.shard) == fence
            return is_ours and self._clock.monotonic() < self._ends_at - MARGIN_SECONDS


@dataclass(frozen=True, slots=True)
class ShardHold:
    """The right to an account under one epoch. Once lost it never comes back: a new epoch is a new right."""

    ownership: Ownership
    fence: Fence

    def is_held(self) -> bool:
        return self.ownership.is_held(self.fence)
