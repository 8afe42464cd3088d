"""Worker processes that come, leave, are killed and frozen: who has the accounts next, and how soon."""

import signal
import time
from collections.abc import Iterator

import pytest
import requests

from database.bracket_db import load
from scripts.service_process import free_port
from services.bracket.model import LegStatus, Role
from services.bracket.quantities import legs_of
from tests.brokers.process import wait_for
from tests.brokers.staging import DONE
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import Trade
from tests.cluster.staging import SHARDS, SOON, ClusterStage, WorkerProcess
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStage]:
    url = postgres.url(postgres.a_database())
    staged = ClusterStage(tmp_path_factory.mktemp("cluster"), url, users=6)
    try:
        staged.open()
        yield staged
        staged.end_workers()
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()


def alone(stage: ClusterStage, **extra: str) -> WorkerProcess:
    """Return a new worker that has every shard; the others have ended."""
    before = stage.alive()
    fresh = stage.worker(**extra)
    wait_for(lambda: fresh.id() in stage.owners(), every=SOON, what="a part of the new worker's")
    for one in before:
        one.signal(signal.SIGTERM)
    wait_for(lambda: stage.shares() == [SHARDS], every=SOON, what="a worker with all shards")
    assert [one.wait() for one in before] == [0] * len(before)
    return fresh


def exits_placed(stage: ClusterStage, account: ChaosAccount) -> int:
    """Return how many exits the exchange ever took, whatever became of them."""
    orders = stage.process.truth(account.user_id)["orders"]
    return sum(1 for row in orders if row["side"] == "SELL")


def orders_sent(stage: ClusterStage, account: ChaosAccount) -> int:
    """Return how often the broker was asked to change anything."""
    return sum(count for name, count in stage.calls(account).items() if not name.startswith("GET"))


def has_intended_stop(stage: ClusterStage, trade: Trade) -> bool:
    bracket = load(stage.db, trade.bracket_id)
    assert bracket is not None
    return any(leg.status is LegStatus.SENT for leg in legs_of(bracket, Role.EXIT))


def seconds_until_one_has_all(stage: ClusterStage, since: float) -> float:
    wait_for(lambda: stage.shares() == [SHARDS], every=SOON, what="one worker with all shards")
    return time.monotonic() - since


def test_two_workers_share_the_accounts_evenly(stage: ClusterStage) -> None:
    stage.worker()
    wait_for(lambda: stage.shares() == [SHARDS], every=SOON, what="a worker with all shards")

    first, second = stage.pair()

    assert stage.owners() == {first.id(): 32, second.id(): 32}


def test_a_worker_answers_at_its_own_port_which_accounts_it_looks_after(stage: ClusterStage) -> None:
    port = free_port()
    alone(stage, WORKER_PORT=str(port))
    trade = stage.protected(stage.account())

    ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)

    assert (ready.status_code, metrics.status_code) == (200, 200)
    assert 'openbracket_open_brackets{mode="live",state="PROTECTED"} 1.0' in metrics.text
    trade.move("1.021")
    trade.until("CLOSED")


def test_another_works_a_killed_workers_accounts_within_8_seconds(stage: ClusterStage) -> None:
    stage.pair()
    trade = stage.protected(stage.account())

    killed = stage.working(trade.account).signal(signal.SIGKILL)
    took = seconds_until_one_has_all(stage, killed)
    trade.move("1.021")
    over = trade.until("CLOSED")

    assert took < 8
    assert (over["outcome"], stage.books_of(trade.account)) == ("target_hit", DONE)


def test_a_worker_told_to_go_hands_its_accounts_over_in_a_moment(stage: ClusterStage) -> None:
    stage.pair()
    trade = stage.protected(stage.account())
    leaving = stage.working(trade.account)

    took = seconds_until_one_has_all(stage, leaving.signal(signal.SIGTERM))
    trade.move("0.984")
    over = trade.until("CLOSED")

    assert took < 0.6
    assert (over["outcome"], stage.books_of(trade.account)) == ("stop_hit", DONE)
    assert leaving.wait() == 0


def test_a_worker_frozen_before_it_sends_a_stop_sends_nothing_when_it_goes_on(stage: ClusterStage) -> None:
    first = alone(stage, KILL_AT="freeze stored place stop")
    trade = stage.trade(stage.account())
    trade.place()
    trade.move("0.998")
    wait_for(first.is_frozen, what="the frozen worker")
    intended, sent_before = has_intended_stop(stage, trade), exits_placed(stage, trade.account)

    stage.worker()
    trade.until("PROTECTED")
    sent_meanwhile = orders_sent(stage, trade.account)
    first.signal(signal.SIGCONT)
    wait_for(lambda: stage.shares() == [32, 32], every=SOON, what="even parts again")
    wait_for(lambda: "another process's" in first.log(), what="the worker's word that it stepped back")

    assert (intended, sent_before) == (True, 0)
    assert orders_sent(stage, trade.account) == sent_meanwhile
    assert exits_placed(stage, trade.account) == 1
    trade.move("1.021")
    assert trade.until("CLOSED")["outcome"] == "target_hit"
    assert stage.books_of(trade.account) == DONE
