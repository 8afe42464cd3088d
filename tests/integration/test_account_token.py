"""What a worker, and the streams of its account, make of a token's death and of a new one."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.base import AccountCredentials, BrokerSettings, PushListener, PushStream
from services.account_messages import TokenDied
from services.account_pushes import AccountPushes
from services.account_streams import AccountStreams
from services.account_worker import AccountWorker
from services.bracket.model import Mode, Overlay
from services.lanes import Call
from tests.desks import RunningDesk, a_running_desk
from tests.serving import until


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path) as desk:
        yield desk


class NoLine:
    """Connections on which nothing is ever called: reads stay out."""

    def write(self, call: Call, *, urgent: bool) -> None: ...
    def read(self, call: Call) -> None: ...
    def close(self) -> None: ...


def a_worker(running: RunningDesk) -> AccountWorker:
    at_work = running.desk.supervisor.start_worker(running.caller.account_id, Mode.LIVE)
    return AccountWorker("idle", at_work._ports, NoLine())


def test_a_new_token_is_not_held_to_be_dead_for_what_was_said_of_the_old_one(running: RunningDesk) -> None:
    worker = a_worker(running)
    worker.turn(TokenDied())
    before = worker.is_token_dead

    worker.renewed()
    at_once = worker.is_token_dead
    worker.turn()

    assert (before, at_once, worker.is_token_dead) == (True, False, False)


def test_until_a_read_came_with_the_new_token_no_entry_is_taken(running: RunningDesk) -> None:
    worker = a_worker(running)
    worker.turn(TokenDied())

    worker.renewed()
    worker.turn()

    assert worker.troubles == {Overlay.BROKER_DOWN}


class Gated:
    """A stream that ends only when it is let."""

    def __init__(self) -> None:
        self.runs = threading.Event()
        self.may_end = threading.Event()

    def run(self, stop: threading.Event, listener: PushListener) -> None:
        listener.on_health(is_up=True)
        self.runs.set()
        stop.wait(10)
        self.may_end.wait(10)
        listener.on_health(is_up=False)


def test_the_old_streams_last_word_comes_before_the_new_ones_first(running: RunningDesk) -> None:
    old, new = Gated(), Gated()
    opened = iter((old, new))

    def open_stream(*_: object) -> PushStream:
        return next(opened)

    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")
    streams = AccountStreams(running.desk.db, settings, open_stream)
    pushes = AccountPushes(on_news=lambda _: None)
    for token in ("k:old", "k:new"):
        streams.start("kite", AccountCredentials(account_id="account", auth_token=token), pushes)
        if token == "k:old":  # no secret
            assert old.runs.wait(10)
    started_early = new.runs.wait(0.2)
    old.may_end.set()

    until(new.runs.is_set, what="the new stream")
    assert (started_early, pushes.is_up) == (False, True)
    new.may_end.set()
    for thread in streams.stop():
        thread.join(timeout=10)
