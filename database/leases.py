"""Leases of shards: who works which accounts, decided by PostgreSQL's row locks and by its clock alone.

A shard's epoch rises whenever somebody takes it. Whoever writes as a shard's owner names its epoch, and the
row lock of the check holds off any taker until that write is over: R13.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, text, true, update
from sqlalchemy.dialects import postgresql

from database.lease_tables import ShardRow, WorkerRow
from database.notices import Notice, notify_in
from database.postgres import end_forsaken
from database.prepared import Prepared, Transaction
from database.session import Database, NotStored, insert_for


class Superseded(NotStored):
    """Another process works the account by now. Nothing was stored, and nothing may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What a write of a shard's owner is held against."""

    shard: int
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLease:
    """One shard as it stands. A lease that has run out may be taken by anybody."""

    shard: int
    owner: str | None
    epoch: int
    is_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All shards, and the processes that work them and say so in time."""

    shards: tuple[ShardLease, ...]
    workers: tuple[str, ...]


def renew(db: Database, worker: str, *, ttl: timedelta) -> Picture:
    """Say that a process lives, prolong every lease it still has, and return all there is.

    Who stands still in the middle of a write loses it here, so that its shards can be taken.

    A lease that has run out and that nobody took is prolonged too: it is the same epoch. Raises NotStored.
    """
    alive = insert_for(db.dialect_name, WorkerRow).values(id=worker, alive_until=_until(ttl))
    alive = alive.on_conflict_do_update(
        index_elements=["id"], set_={"alive_until": alive.excluded.alive_until}
    )
    with db.write() as connection:
        connection.execute(alive)
        connection.execute(update(ShardRow).where(ShardRow.owner == worker).values(lease_until=_until(ttl)))
        end_forsaken(connection)
        return _picture(connection)


def take(db: Database, worker: str, shards: Collection[int], *, ttl: timedelta) -> tuple[Fence, ...]:
    """Take those of the shards that nobody has a running lease of; return them with their new epochs.

    One whose row is locked is left out: another takes it, or its owner is in the middle of a write.
    """
    is_free = or_(ShardRow.owner.is_(None), ShardRow.lease_until <= func.clock_timestamp())
    free = (
        select(ShardRow.shard)
        .where(ShardRow.shard.in_(list(shards)), is_free)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(ShardRow)
        .where(ShardRow.shard.in_(free))
        .values(owner=worker, epoch=ShardRow.epoch + 1, lease_until=_until(ttl))
        .returning(ShardRow.shard, ShardRow.epoch)
    )
    with db.write() as connection:
        rows = connection.execute(taken).all()
    return tuple(Fence(shard=row.shard, owner=worker, epoch=row.epoch) for row in rows)


def give_back(db: Database, worker: str, shards: Iterable[int]) -> None:
    """Let others take shards at once, and tell them. Their accounts must not be worked here any more."""
    given = (ShardRow.owner == worker) & ShardRow.shard.in_(list(shards))
    with db.write() as connection:
        connection.execute(update(ShardRow).where(given).values(owner=None, lease_until=None))
        notify_in(connection, Notice.SHARDS)


def leave(db: Database, worker: str) -> None:
    """Give back all shards of a process and forget it, and those that have been dead for a day."""
    is_gone = or_(WorkerRow.id == worker, WorkerRow.alive_until < func.clock_timestamp() - timedelta(days=1))
    with db.write() as connection:
        mine = update(ShardRow).where(ShardRow.owner == worker)
        connection.execute(mine.values(owner=None, lease_until=None))
        connection.execute(delete(WorkerRow).where(is_gone))
        notify_in(connection, Notice.SHARDS)


def shard_count(db: Database) -> int:
    """Return how many shards there are. Raises NotRead."""
    with db.read() as connection:
        return connection.scalar(select(func.count()).select_from(ShardRow)) or 0


def is_worked(db: Database, shard: int) -> bool:
    """Whether some process has a running lease of a shard. Raises NotRead."""
    running = select(true()).where(ShardRow.shard == shard, ShardRow.lease_until > func.clock_timestamp())
    with db.read() as connection:
        return connection.scalar(running) is not None


def hold_off_takers(transaction: Transaction, fence: Fence) -> None:
    """Make sure that the fence's epoch counts until this transaction has ended. Raises Superseded."""
    values = {"shard": fence.shard, "owner": fence.owner, "epoch": fence.epoch}
    if transaction.one(_IS_OWNER, values) is None:
        raise Superseded(f"shard {fence.shard} is not worked under epoch {fence.epoch} any more")


# KEY SHARE: it bars the taker's FOR UPDATE, and lets the owner's own renewals pass.
_IS_OWNER = Prepared(
    lambda _: (
        select(ShardRow.epoch)
        .where(
            ShardRow.shard == bindparam("shard"),
            ShardRow.owner == bindparam("owner"),
            ShardRow.epoch == bindparam("epoch"),
        )
        .with_for_update(read=True, key_share=True)
    )
)


def _picture(connection: Connection) -> Picture:
    is_running = func.coalesce(ShardRow.lease_until > func.clock_timestamp(), text("false"))
    shards = connection.execute(
        select(ShardRow.shard, ShardRow.owner, ShardRow.epoch, is_running.label("is_running")).order_by(
            ShardRow.shard
        )
    )
    alive = select(WorkerRow.id).where(WorkerRow.alive_until > func.clock_timestamp())
    return Picture(
        shards=tuple(ShardLease(**row._mapping) for row in shards),
        workers=tuple(connection.scalars(alive.order_by(WorkerRow.id))),
    )


def _until(ttl: timedelta) -> Any:
    return func.clock_timestamp() + bindparam(None, ttl, type_=postgresql.INTERVAL())
