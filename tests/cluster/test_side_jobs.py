"""Side jobs over a real RabbitMQ: told once each, late when it is away, whatever becomes of the messages."""

import json
import os
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from broker.base import BrokerSettings
from database.account_db import Account
from database.outbox_db import Channel, count_waiting
from database.session import Database
from scripts.service_process import PROJECT
from services.bracket.events import BracketFinished, ProtectionCompleted
from services.bracket.model import Outcome
from services.destinations import Switchboard, add_hook
from services.dispatcher import Dispatcher
from services.outbound_http import OutboundHttp
from services.outbox import OutboxFeeder
from services.side_tasks import CLAIM, SideTasks
from services.task_messages import Publish, Task
from services.task_queue import publisher
from services.webhook_messages import webhook_message
from services.webhook_sender import WebhookSender
from tests.builders import StoppedClock
from tests.history import store_history
from tests.rabbit_server import RabbitServer, a_rabbit_server
from tests.receiver import Receiver, a_receiver
from tests.serving import until
from tests.stores import an_account, some_secrets
from utils.clock import SystemClock
from utils.config import OutboundLeave

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CHANNELS = {Channel.WEBHOOK: Task.WEBHOOK}
HERE = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})
PROTECTED = ProtectionCompleted(quantity=10, average_price=None)
FINISHED = BracketFinished(outcome=Outcome.TARGET_HIT, quantity=10, profit=None)


@dataclass
class Office:
    """A database with one account and one hook, a RabbitMQ, and workers of side jobs."""

    folder: Path
    url: str
    db: Database
    account: Account
    rabbit: RabbitServer
    receiver: Receiver
    hook_id: str = ""
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = Switchboard(db=self.db, box=some_secrets().box, clock=SystemClock())
        added = add_hook(parts, self.account, f"{self.receiver.root}/hook", http=OutboundHttp(allow=HERE))
        self.hook_id = added.hook.id
        self.publish: Publish = publisher(self.rabbit.url)
        self.dispatcher = Dispatcher(self.db, SystemClock(), self.publish, self.here, channels=CHANNELS)

    def here(self, task: Task, about: str) -> None:
        """Do what nobody does, as the process of the dispatcher would."""
        db, box, clock = self.db, some_secrets().box, SystemClock()
        tasks = SideTasks(
            db=db,
            box=box,
            clock=clock,
            webhooks=WebhookSender(db, box, clock, OutboundHttp(allow=HERE), claim=CLAIM),
            telegram=None,
            broker_settings=BrokerSettings(api_roots={}, paper_state="", paper_prices=""),
        )
        tasks.do(task, about)

    def start_worker(self) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": self.url,
            "CELERY_BROKER_URL": self.rabbit.url,
            "API_KEY_PEPPER": (b"p" * 32).hex(),
            "ENCRYPTION_KEYS": urlsafe_b64encode(b"k" * 32).decode(),
            "SECRET_KEY": "s" * 40,
            "OUTBOUND_WEBHOOKS_ALLOW": "private,http",
        }
        with (self.folder / "celery.log").open("ab") as log:
            words = [sys.executable, "-m", "celery_worker"]
            self.workers.append(subprocess.Popen(words, env=environ, cwd=PROJECT, stdout=log, stderr=log))

    def store(self) -> None:
        """Let a bracket have a history, and feed the outbox with it."""
        store_history(self.db, self.account, PROTECTED, FINISHED)
        OutboxFeeder(self.db, SystemClock(), {Channel.WEBHOOK: webhook_message}).feed()

    def dispatch_until_all_is_told(self) -> None:
        def is_told() -> bool:
            self.dispatcher.dispatch()
            return not count_waiting(self.db)

        until(is_told, what=f"all told: {(self.folder / 'celery.log').read_text()[-2000:]}", seconds=90)

    def told(self) -> list[int]:
        return sorted(json.loads(one.body)["data"]["seq"] for one in self.receiver.requests)

    def close(self) -> None:
        for one in self.workers:
            one.kill()
            one.wait()
        self.db.close()


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    with a_rabbit_server(tmp_path_factory.mktemp("rabbit")) as server:
        yield server


@pytest.fixture
def office(postgres_url: str, rabbit: RabbitServer, tmp_path: Path) -> Iterator[Office]:
    db = Database(postgres_url)
    with a_receiver() as receiver:
        made = Office(tmp_path, postgres_url, db, an_account(db), rabbit, receiver)
        try:
            yield made
        finally:
            made.close()


def test_each_event_is_told_once_however_often_its_message_comes(office: Office) -> None:
    office.start_worker()
    office.start_worker()
    office.store()

    for _ in range(10):
        office.publish(Task.WEBHOOK, office.hook_id)
    office.dispatch_until_all_is_told()
    office.publish(Task.WEBHOOK, office.hook_id)

    assert office.told() == [1, 2]


def test_what_was_published_to_a_worker_that_died_is_told_by_the_next(office: Office) -> None:
    office.start_worker()
    office.store()
    office.dispatch_until_all_is_told()
    office.workers[0].send_signal(signal.SIGSTOP)
    office.store()
    office.dispatcher.dispatch()
    office.workers[0].send_signal(signal.SIGKILL)

    office.start_worker()
    office.dispatch_until_all_is_told()

    assert office.told() == [1, 2, 3, 4]


def test_without_rabbitmq_the_dispatcher_says_so_soon_and_tells_all_once_it_is_back(office: Office) -> None:
    office.start_worker()
    office.store()
    office.dispatch_until_all_is_told()
    office.rabbit.kill()
    office.store()

    clock = SystemClock()
    began = clock.monotonic()
    was_taken = office.dispatcher.dispatch()
    seconds = clock.monotonic() - began
    waiting = count_waiting(office.db)
    office.rabbit.start()
    office.dispatch_until_all_is_told()

    assert (was_taken, waiting) == (False, {office.hook_id: 2})
    assert seconds < 10
    assert office.told() == [1, 2, 3, 4]


def test_what_no_worker_of_side_jobs_takes_is_told_all_the_same(office: Office) -> None:
    office.store()
    later = StoppedClock(SystemClock().now() + timedelta(seconds=31))
    dispatcher = Dispatcher(office.db, later, office.publish, office.here, channels=CHANNELS)
    office.rabbit.freeze()
    try:
        was_taken = dispatcher.dispatch()
    finally:
        office.rabbit.thaw()

    assert was_taken is False
    assert office.told() == [1, 2]
    assert not count_waiting(office.db)


def test_a_frozen_rabbitmq_does_not_hold_the_dispatcher(office: Office) -> None:
    office.start_worker()
    office.store()
    office.dispatch_until_all_is_told()
    office.store()
    office.rabbit.freeze()
    try:
        was_taken = office.dispatcher.dispatch()
    finally:
        office.rabbit.thaw()
    office.dispatch_until_all_is_told()

    assert was_taken is False
    assert office.told() == [1, 2, 3, 4]
