"""Which shards a process takes, keeps and gives back: the table, and what holds for every picture."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.leases import ShardLease
from services.shards import ShardPlan, decide, quota, shard_of

WORKERS = ("a", "b", "c", "d", "e")


def shard(number: int, owner: str | None, *, is_running: bool = True) -> ShardLease:
    return ShardLease(shard=number, owner=owner, epoch=1, is_running=owner is not None and is_running)


def shards_of(*owners: str | None) -> list[ShardLease]:
    return [shard(number, owner) for number, owner in enumerate(owners)]


@pytest.mark.parametrize(
    ("owners", "workers", "plan"),
    [
        ([None, None, None], ["a"], ShardPlan(take=(0, 1, 2))),
        (["a", "a", "a"], ["a"], ShardPlan()),
        (["a", "a", "a", "a"], ["a", "b"], ShardPlan(give_back=(2, 3))),
        (["a", "a", "b", "b"], ["a", "b"], ShardPlan()),
        (["a", "a", "b"], ["a", "b"], ShardPlan()),  # the first of them has the odd one
        (["a", "b", "b"], ["a", "b"], ShardPlan()),  # b gives back first; nothing is torn from it
        ([], ["a"], ShardPlan()),
    ],
)
def test_a_process_takes_what_is_free_up_to_its_quota_and_gives_back_beyond_it(
    owners: list[str | None], workers: list[str], plan: ShardPlan
) -> None:
    decided = decide("a", shards_of(*owners), workers)

    assert (tuple(sorted(decided.take)), decided.give_back) == (plan.take, plan.give_back)


def test_a_lease_that_ran_out_is_free_and_a_running_one_is_not() -> None:
    found = [shard(0, "dead", is_running=False), shard(1, "slow")]

    assert decide("a", found, ["a"]).take == (0,)


def test_a_process_that_is_not_listed_yet_counts_itself() -> None:
    assert decide("a", shards_of(None, None), ["b"]).take in {(0,), (1,)}


owners = st.lists(st.sampled_from((*WORKERS, None)), min_size=1, max_size=70)
live = st.lists(st.sampled_from(WORKERS), min_size=1, unique=True)


@given(workers=live, count=st.integers(1, 500))
def test_quotas_are_even_and_add_up_to_all_shards(workers: list[str], count: int) -> None:
    quotas = [quota(one, workers, count=count) for one in workers]

    assert sum(quotas) == count
    assert max(quotas) - min(quotas) <= 1


@given(owners=owners, workers=live)
def test_nothing_running_of_another_is_taken_and_only_ones_own_is_given_back(
    owners: list[str | None], workers: list[str]
) -> None:
    me, found = workers[0], shards_of(*owners)

    plan = decide(me, found, workers)

    assert all(found[number].owner is None for number in plan.take)
    assert all(found[number].owner == me for number in plan.give_back)
    assert not (plan.take and plan.give_back)


@given(owners=owners, workers=live)
def test_a_few_rounds_bring_every_shard_to_a_live_process_and_everybody_to_its_quota(
    owners: list[str | None], workers: list[str]
) -> None:
    found = [shard(number, owner, is_running=owner in workers) for number, owner in enumerate(owners)]

    for _ in range(3):
        for worker in workers:
            found = _after(worker, found, decide(worker, found, workers))

    held = [sum(1 for one in found if one.owner == worker) for worker in workers]
    assert held == [quota(worker, workers, count=len(found)) for worker in workers]
    assert all(decide(worker, found, workers) == ShardPlan() for worker in workers)


def _after(worker: str, found: Sequence[ShardLease], plan: ShardPlan) -> list[ShardLease]:
    changed = dict.fromkeys(plan.give_back) | dict.fromkeys(plan.take, worker)
    return [shard(one.shard, changed[one.shard]) if one.shard in changed else one for one in found]


@given(account_id=st.text(), count=st.integers(1, 500))
def test_every_account_has_a_shard(account_id: str, count: int) -> None:
    assert 0 <= shard_of(account_id, count=count) < count


def test_the_shard_of_an_account_never_changes_between_versions() -> None:
    found = [shard_of(one, count=64) for one in ("01KACCOUNT0", "01KACCOUNT1", "01KACCOUNT2")]

    assert found == [7, 17, 43]
