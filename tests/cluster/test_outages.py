"""RabbitMQ and Redis away, killed or frozen: words wait; no order and no live update does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import socketio  # type: ignore[import-untyped]

from database.outbox_db import count_waiting
from scripts.service_process import ServiceProcess
from tests.brokers.process import wait_for
from tests.brokers.staging import DONE
from tests.chaos.staging import ChaosAccount
from tests.cluster.staging import SHARDS, SOON, ClusterStage
from tests.postgres_server import PostgresServer
from tests.rabbit_server import RabbitServer, a_rabbit_server
from tests.receiver import Receiver, a_receiver
from tests.redis_server import RedisServer, a_redis_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 15.0  # from the request to a resting stop and to the end, on a busy machine


@dataclass
class Desk:
    stage: ClusterStage
    rabbit: RabbitServer
    redis: RedisServer
    receiver: Receiver

    def trade(self) -> float:
        """Trade a bracket from its request to its target, and return how long that took."""
        account = self.stage.ready()
        began = time.monotonic()
        trade = self.stage.protected(account)
        trade.move("1.021")
        over = trade.until("CLOSED")
        assert (over["outcome"], self.stage.books_of(account)) == ("target_hit", DONE)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def desk(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("outages")
    with a_rabbit_server(tmp_path_factory.mktemp("rabbit")) as rabbit, a_redis_server(folder) as redis:
        more = {"CELERY_BROKER_URL": rabbit.url, "REDIS_URL": redis.url}
        url = postgres.url(postgres.a_database())
        staged = ClusterStage(folder, url, users=9, more=more)
        try:
            with a_receiver() as receiver:
                staged.open()
                staged.worker()
                wait_for(lambda: staged.shares() == [SHARDS], every=SOON, what="a worker with all shards")
                yield Desk(staged, rabbit, redis, receiver)
        finally:
            staged.close()


def test_a_dead_rabbitmq_delays_a_word_and_no_order(desk: Desk) -> None:
    account = desk.stage.name_of(desk.stage.first)
    desk.stage.service.command("hook", "add", "--account", account, "--url", f"{desk.receiver.root}/hook")
    desk.rabbit.kill()

    took = desk.trade()
    desk.stage.protected(desk.stage.first)
    wait_for(lambda: count_waiting(desk.stage.db), what="a word that waits")

    assert took < SECONDS
    assert desk.receiver.requests == []


def test_a_frozen_rabbitmq_delays_no_order(desk: Desk) -> None:
    if desk.rabbit.process is None:
        desk.rabbit.start()
    desk.rabbit.freeze()
    try:
        assert desk.trade() < SECONDS
    finally:
        desk.rabbit.thaw()


@pytest.fixture
def second(desk: Desk, tmp_path: Path) -> Iterator[ServiceProcess]:
    """One more web process, over the same database."""
    own = ("PORT", "PAPER_STATE")
    same = {name: value for name, value in desk.stage.service.environ.items() if name not in own}
    process = ServiceProcess(tmp_path, settings=same)
    process.start()
    yield process
    process.kill()


@pytest.mark.parametrize("has_redis", [True, False])
def test_clients_of_all_web_processes_hear_what_a_worker_did_once_redis_or_not(
    desk: Desk, second: ServiceProcess, has_redis: bool
) -> None:
    """What a message queue between the web processes would give, and more: none is needed for it."""
    account = desk.stage.ready()
    if not has_redis:
        desk.redis.stop()
    try:
        with heard_at(desk.stage.service, account) as here, heard_at(second, account) as there:
            trade = desk.stage.protected(account)
            trade.move("1.021")
            trade.until("CLOSED")
            wait_for(lambda: here and here[-1]["state"] == "CLOSED", what="the end at the first")
            wait_for(lambda: there and there[-1]["state"] == "CLOSED", what="the end at the second")
    finally:
        if not has_redis:
            desk.redis.start()

    assert [one["seq"] for one in here] == [one["seq"] for one in there]
    assert len({one["seq"] for one in here}) == len(here)
    assert {"entry_order_filled", "completed"} <= {one["status"] for one in here}


@contextmanager
def heard_at(service: ServiceProcess, account: ChaosAccount) -> Iterator[list[dict[str, Any]]]:
    """Give what a client of one web process hears of an account's brackets, as it comes."""
    heard: list[dict[str, Any]] = []
    client = socketio.Client(reconnection=False)
    client.on("bracket_order_update", heard.append)
    client.connect(service.url, auth={"apikey": account.key}, transports=["websocket"], wait_timeout=10)
    try:
        yield heard
    finally:
        client.disconnect()
        client.http_session = None


def test_a_frozen_redis_delays_no_order(desk: Desk) -> None:
    desk.redis.freeze()
    try:
        assert desk.trade() < SECONDS
    finally:
        desk.redis.thaw()


def test_a_dead_redis_delays_no_order(desk: Desk) -> None:
    desk.redis.stop()

    assert desk.trade() < SECONDS
