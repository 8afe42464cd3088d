"""Which shards of the accounts a process takes, keeps and gives back. Pure: a picture in, a plan out.

Every process decides for itself, from the same picture: quotas add up to all shards, so what one has too
much of another has too little of, and a few rounds bring everybody to their quota.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from database.leases import ShardLease


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """What a process does next about shards. What it takes it may not get: another may be faster."""

    take: tuple[int, ...] = ()
    give_back: tuple[int, ...] = ()


def shard_of(account_id: str, *, count: int) -> int:
    """Return the shard of an account; the same on every machine, as long as there are as many shards."""
    return zlib.crc32(account_id.encode()) % count


def quota(worker: str, workers: Sequence[str], *, count: int) -> int:
    """Return how many of the shards a process should have; those of all workers add up to count."""
    ranked = sorted({*workers, worker})
    share, left_over = divmod(count, len(ranked))
    return share + (ranked.index(worker) < left_over)


def decide(worker: str, shards: Sequence[ShardLease], workers: Sequence[str]) -> ShardPlan:
    """Return what a process takes of what is free, or gives back of what is beyond its quota.

    Nothing is ever taken from a running lease: whoever has too much gives it back by itself.
    """
    mine = [one.shard for one in shards if one.owner == worker]
    free = [one.shard for one in shards if one.owner is None or not one.is_running]
    wanted = quota(worker, workers, count=len(shards)) - len(mine)
    if wanted < 0:
        return ShardPlan(give_back=tuple(sorted(mine)[wanted:]))
    others = [shard for shard in free if shard not in mine]
    return ShardPlan(take=_rotated(others, by=zlib.crc32(worker.encode()))[:wanted])


def _rotated(shards: Sequence[int], *, by: int) -> tuple[int, ...]:
    # Those who look at the same moment begin at different ones, and lock each other out less.
    start = by % len(shards) if shards else 0
    return (*shards[start:], *shards[:start])
