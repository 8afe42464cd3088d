"""Leases of shards in a real PostgreSQL: who gets which, and what an epoch that is over may still write."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from database import bracket_db, leases, postgres
from database.bracket_db import BracketChange, EventRecord
from database.lease_tables import SHARDS
from database.leases import Fence, Superseded
from database.session import Database, NotStored
from services.ownership import Ownership
from services.shard_keeper import ShardKeeper
from tests.builders import a_bracket, a_moment
from tests.serving import until
from utils.clock import SystemClock

EVENT = EventRecord(kind="SomethingHappened", at=a_moment(), payload=b"{}")
LONG, OVER = timedelta(seconds=60), timedelta(seconds=-1)


@pytest.fixture
def db(empty_postgres: Database) -> Database:
    return empty_postgres


def another(db: Database) -> Database:
    """Return the same database as another process has it."""
    return Database(db.engine.url.render_as_string(hide_password=False))


def a_keeper(db: Database, given: list[frozenset[int]] | None = None) -> ShardKeeper:
    ownership = Ownership(SystemClock())
    gone = [] if given is None else given
    return ShardKeeper(db, ownership, SystemClock(), let_go=gone.append, changed=lambda: None)


def held(keeper: ShardKeeper) -> int:
    return len(keeper._ownership.shards())


def owned(db: Database, worker: str) -> list[int]:
    found = leases.renew(db, worker, ttl=LONG).shards
    return [one.shard for one in found if one.owner == worker]


def test_a_free_shard_is_taken_under_a_new_epoch_and_a_running_lease_by_nobody(db: Database) -> None:
    first = leases.take(db, "a", [3, 4], ttl=LONG)
    second = leases.take(db, "b", [4, 5], ttl=LONG)

    assert {(one.shard, one.owner, one.epoch) for one in first} == {(3, "a", 1), (4, "a", 1)}
    assert [(one.shard, one.owner, one.epoch) for one in second] == [(5, "b", 1)]


def test_a_lease_that_ran_out_is_taken_and_its_owner_has_it_no_more(db: Database) -> None:
    leases.take(db, "a", [3], ttl=OVER)

    taken = leases.take(db, "b", [3], ttl=LONG)

    assert taken == (Fence(shard=3, owner="b", epoch=2),)
    assert owned(db, "a") == []


def test_a_lease_that_ran_out_and_that_nobody_took_goes_on_under_its_epoch(db: Database) -> None:
    leases.take(db, "a", [3], ttl=OVER)

    shard = leases.renew(db, "a", ttl=LONG).shards[3]

    assert (shard.owner, shard.epoch, shard.is_running) == ("a", 1, True)


def test_a_row_that_another_is_taking_is_left_out_and_not_waited_for(db: Database) -> None:
    other = another(db)
    with other.write() as connection:
        connection.execute(text("SELECT * FROM account_shards WHERE shard = 3 FOR UPDATE"))
        taken = leases.take(db, "b", [3, 4], ttl=LONG)
    other.close()

    assert [one.shard for one in taken] == [4]


def test_a_write_under_an_epoch_that_is_over_stores_nothing(db: Database) -> None:
    (old,) = leases.take(db, "a", [3], ttl=OVER)
    leases.take(db, "b", [3], ttl=LONG)
    bracket = a_bracket(version=1)
    bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)
    changed = a_bracket(version=2, id=bracket.id)

    with pytest.raises(Superseded):
        bracket_db.save(db, [BracketChange(bracket=changed, events=[EVENT], expected_version=1)], fence=old)

    assert bracket_db.load(db, bracket.id) == bracket


def test_a_write_under_way_holds_off_whoever_would_take_the_shard(db: Database) -> None:
    (mine,) = leases.take(db, "a", [3], ttl=OVER)
    with ThreadPoolExecutor(1) as pool:
        with db.writing() as transaction:
            leases.hold_off_takers(transaction, mine)
            other = another(db)
            during = pool.submit(leases.take, other, "b", [3], ttl=LONG).result(timeout=10)
        after = leases.take(other, "b", [3], ttl=LONG)
        other.close()

    assert (during, after) == ((), (Fence(shard=3, owner="b", epoch=2),))


def test_whoever_is_frozen_in_a_write_loses_it_though_the_server_did_not_notice(db: Database) -> None:
    leases.take(db, "a", [3], ttl=OVER)
    frozen = another(db)
    with pytest.raises(NotStored), frozen.write() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # a Flush does it too
        connection.execute(text("SELECT * FROM account_shards WHERE shard = 3 FOR KEY SHARE"))
        before = leases.take(db, "b", [3], ttl=LONG)
        until(lambda: _renewed_and_taken(db), what="the frozen write's shard")
        connection.execute(text("SELECT 1"))
    frozen.close()

    assert before == ()


def _renewed_and_taken(db: Database) -> bool:
    leases.renew(db, "b", ttl=LONG)
    return leases.take(db, "b", [3], ttl=LONG) != ()


def test_who_works_waits_migrates_or_is_not_ours_is_not_forsaken(db: Database) -> None:
    leases.take(db, "a", [3], ttl=LONG)
    holder, waiter, migrating = another(db), another(db), another(db)
    url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(url, application_name="psql") as person,
        migrating.write() as schema,
    ):
        postgres.prepare_migration(schema)
        person.execute("SELECT 1")
        working = pool.submit(_hold_for_a_second, holder)
        waiting = pool.submit(leases.give_back, waiter, "a", [3])
        while wait([working], timeout=0.1).not_done:
            with db.write() as connection:
                postgres.end_forsaken(connection, longest=0.2)
        alive = schema.scalar(text("SELECT 1")), person.execute("SELECT 1").fetchone()
    for one in (holder, waiter, migrating):
        one.close()

    assert (working.result(), waiting.result()) == (None, None)
    assert alive == (1, (1,))


def _hold_for_a_second(db: Database) -> None:
    with db.write() as connection:
        connection.execute(text("SELECT pg_sleep(1) FROM account_shards WHERE shard = 3 FOR UPDATE"))


def test_what_is_given_back_is_free_at_once(db: Database) -> None:
    leases.take(db, "a", [3, 4], ttl=LONG)

    leases.give_back(db, "a", [3])

    assert [one.shard for one in leases.take(db, "b", [3, 4], ttl=LONG)] == [3]


def test_a_process_that_comes_gets_its_even_part_and_one_that_leaves_gives_all_back(db: Database) -> None:
    given: list[frozenset[int]] = []
    first, second = a_keeper(db, given), a_keeper(db)

    first.beat()
    alone = held(first)
    for _ in range(3):
        second.beat()
        first.beat()
    shared = (held(first), held(second))
    first.leave()
    second.beat()

    assert (alone, shared) == (SHARDS, (SHARDS // 2, SHARDS // 2))
    assert len(frozenset().union(*given)) == SHARDS // 2
    assert (held(first), held(second)) == (0, SHARDS)


def test_the_work_on_a_shard_has_ended_before_others_may_have_it(db: Database) -> None:
    free_when_told: list[tuple[Fence, ...]] = []
    first, second = a_keeper(db), a_keeper(db)
    first._let_go = lambda shards: free_when_told.append(leases.take(db, "c", shards, ttl=LONG))

    first.beat()
    second.beat()
    first.beat()

    assert free_when_told == [()]


def test_a_right_ends_before_the_lease_does_and_a_new_epoch_is_a_new_right() -> None:
    clock = StandingClock()
    ownership = Ownership(clock)
    old, new = (Fence(shard=0, owner="a", epoch=epoch) for epoch in (1, 2))
    ownership.set([old], count=1, ends_at=3.0)
    hold = ownership.hold_of("anybody")
    assert hold is not None

    at = {}
    for clock.now_at in (2.4, 2.6):
        at[clock.now_at] = hold.is_held()
    ownership.set([new], count=1, ends_at=9.0)

    assert at == {2.4: True, 2.6: False}
    assert not hold.is_held()
    assert ownership.is_held(new)


def test_a_database_that_fails_costs_no_shard_before_the_lease_ends(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = a_keeper(db)
    keeper.beat()

    def fails(*_: object, **__: object) -> None:
        raise NotStored("gone")

    monkeypatch.setattr("services.shard_keeper.renew", fails)
    keeper.beat()

    assert held(keeper) == SHARDS


class StandingClock(SystemClock):
    now_at = 0.0

    def monotonic(self) -> float:
        return self.now_at
