"""Which messages go to the task queue, and how often."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from database.account_db import Account
from database.outbox_db import (
    Channel,
    Destination,
    NewMessage,
    add_destination,
    begin_attempt,
    destination,
    enqueue,
    waiting,
)
from database.session import Database
from services.daily_jobs import note_done
from services.dispatcher import DailyJob, Dispatcher
from services.task_messages import NotPublished, Task
from tests.builders import StoppedClock
from tests.stores import a_database, an_account

MORNING = datetime(2026, 11, 27, 3, 30, tzinfo=UTC)  # nine at the exchange
CHANNELS = {Channel.WEBHOOK: Task.WEBHOOK, Channel.TELEGRAM: Task.CHAT}


@dataclass
class Desk:
    db: Database
    account: Account
    clock: StoppedClock = field(default_factory=lambda: StoppedClock(MORNING))
    sent: list[tuple[Task, str]] = field(default_factory=list)
    done_here: list[tuple[Task, str]] = field(default_factory=list)
    is_down: bool = False

    def publish(self, task: Task, about: str) -> None:
        if self.is_down:
            raise NotPublished("away")
        if task is not Task.TIDY:
            self.sent.append((task, about))

    def dispatcher(self, *daily: DailyJob) -> Dispatcher:
        return Dispatcher(self.db, self.clock, self.publish, self.do_here, channels=CHANNELS, daily=daily)

    def do_here(self, task: Task, about: str) -> None:
        self.done_here.append((task, about))

    def add(self, id: str, channel: Channel, *, address: str = "7") -> None:
        at = self.clock.now()
        made = Destination(id=id, account_id=self.account.id, channel=channel, address=address, created_at=at)
        add_destination(self.db, made, secret=None)
        message = NewMessage(key="seq-1", seq=1, urgent=True, body="{}")
        enqueue(self.db, made, [message], at=at)

    def begin(self, id: str, *, pause: timedelta) -> bool:
        found = waiting(self.db, [id], limit=1)
        now = self.clock.now()
        return begin_attempt(self.db, [one.id for one in found], now=now, next_at=now + pause)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    db = a_database(tmp_path)
    yield Desk(db, an_account(db, broker="zerodha"))
    db.close()


def test_each_destination_with_something_due_is_one_message(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)
    desk.add("hook-2", Channel.WEBHOOK)
    desk.add("link-1", Channel.TELEGRAM, address="77")
    dispatcher = desk.dispatcher()

    told = dispatcher.dispatch()
    dispatcher.dispatch()

    assert told
    assert desk.sent == [(Task.WEBHOOK, "hook-1"), (Task.WEBHOOK, "hook-2"), (Task.CHAT, "77")]


def test_a_message_that_led_to_nothing_is_sent_again_after_ten_seconds(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)
    dispatcher = desk.dispatcher()

    counts = []
    for seconds in (0, 9, 1, 1):
        desk.clock.seconds += seconds
        dispatcher.dispatch()
        counts.append(len(desk.sent))

    assert counts == [1, 1, 2, 2]


def test_what_is_due_anew_after_an_attempt_does_not_wait_for_ten_seconds(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)
    dispatcher = desk.dispatcher()
    dispatcher.dispatch()
    assert desk.begin("hook-1", pause=timedelta(seconds=2))

    counts = []
    for seconds in (1, 1):
        desk.clock.seconds += seconds
        dispatcher.dispatch()
        counts.append(len(desk.sent))

    assert counts == [1, 2]


def test_two_senders_do_not_begin_with_the_same_message(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)

    begun = [desk.begin("hook-1", pause=timedelta(seconds=5)) for _ in range(2)]
    desk.clock.seconds += 5
    begun.append(desk.begin("hook-1", pause=timedelta(seconds=5)))

    assert begun == [True, False, True]
    assert destination(desk.db, "hook-1") is not None
    assert [one.attempts for one in waiting(desk.db, ["hook-1"], limit=1)] == [2]


def test_what_could_not_be_published_is_published_at_the_next_look(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)
    dispatcher = desk.dispatcher()

    desk.is_down = True
    was_taken = [dispatcher.dispatch()]
    desk.is_down = False
    was_taken.append(dispatcher.dispatch())

    assert was_taken == [False, True]
    assert desk.sent == [(Task.WEBHOOK, "hook-1")]


@pytest.mark.parametrize("is_down", [True, False])
def test_what_nobody_takes_for_half_a_minute_is_sent_from_here(desk: Desk, is_down: bool) -> None:
    desk.is_down = is_down
    desk.add("hook-1", Channel.WEBHOOK)
    desk.add("link-1", Channel.TELEGRAM, address="77")
    dispatcher = desk.dispatcher()

    counts = []
    for seconds in (0, 29, 1):
        desk.clock.seconds += seconds
        dispatcher.dispatch()
        counts.append(len(desk.done_here))

    assert counts == [0, 0, 2]
    assert desk.done_here == [(Task.WEBHOOK, "hook-1"), (Task.CHAT, "77")]


def test_what_a_sender_has_begun_with_is_left_to_it(desk: Desk) -> None:
    desk.add("hook-1", Channel.WEBHOOK)
    dispatcher = desk.dispatcher()
    desk.clock.seconds += 20
    assert desk.begin("hook-1", pause=timedelta(seconds=30))

    counts = []
    for seconds in (30, 29, 1):
        desk.clock.seconds += seconds
        dispatcher.dispatch()
        counts.append(len(desk.done_here))

    assert counts == [0, 0, 1]


@pytest.mark.parametrize(
    ("due_at", "about", "wanted"),
    [
        (time(9, 0), "zerodha", [(Task.INSTRUMENTS, "zerodha")]),
        (time(9, 1), "zerodha", []),  # not yet
        (time(8, 0), "dhan", []),  # no account is there
        (time(8, 0), "", [(Task.INSTRUMENTS, "2026-11-27")]),
    ],
)
def test_a_daily_job_is_asked_for_from_its_time_on(
    desk: Desk, due_at: time, about: str, wanted: list[tuple[Task, str]]
) -> None:
    desk.dispatcher(DailyJob(task=Task.INSTRUMENTS, due_at=due_at, about=about)).dispatch()

    assert desk.sent == wanted


def test_a_daily_job_is_asked_for_until_it_is_done_by_anybody(desk: Desk) -> None:
    job = DailyJob(task=Task.INSTRUMENTS, due_at=time(8, 0), about="zerodha")
    dispatcher = desk.dispatcher(job)

    counts = []
    for _ in range(3):
        dispatcher.dispatch()
        counts.append(len(desk.sent))
        desk.clock.seconds += 120
    note_done(desk.db, job.task, job.about, day=MORNING.date(), at=MORNING)
    for wait in (120, 86_400):
        desk.clock.seconds += wait
        dispatcher.dispatch()
        counts.append(len(desk.sent))

    assert counts == [1, 2, 3, 3, 4]
