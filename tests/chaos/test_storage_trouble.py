"""A disk without room, a database that somebody else has locked: nothing is sent that is not stored."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.wire_faults import Fault, Rule
from tests.chaos.disks import Disk, a_disk
from tests.chaos.staging import Books, Stage
from tests.chaos.trade import CLOSED, QUANTITY, Trade

pytestmark = pytest.mark.slow

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
_MANY = 400  # orders that fill what the write-ahead log had room for


class Troubled:
    """A protected bracket in one account, another account to place in, and a count of what is sent."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sent = Rule(fault=Fault(name="counted"), method="POST|PUT|DELETE", path="^/(orders|gtt)")
        stage.plan.add(self.sent)
        stage.service.start()
        self.trade = Trade(stage.service, stage.kite, stage.accounts[0])
        self.other = Trade(stage.service, stage.kite, stage.accounts[1])
        self.trade.place()
        self.trade.until("ENTRY_OPEN")
        self.trade.move("0.998")
        self.trade.until("PROTECTED")

    def place_until_refused(self) -> dict[str, Any]:
        """Place until the service says that it cannot store, and return that answer."""
        for number in range(_MANY):
            answer = self.other.place(client_order_id=f"order-{number}", quantity=1)
            if answer["status"] == "error":
                return answer
        raise AssertionError("every order was taken")

    def finish(self) -> None:
        """The trouble is over: the first bracket must reach its target, the other account take orders."""
        again = self.other.place(client_order_id="after", quantity=1)
        assert again["status"] == "success", again
        self.trade.move("1.021")
        assert self.trade.until(*CLOSED)["outcome"] == "target_hit"
        self.stage.service.stop()
        assert self.stage.books_of(self.stage.accounts[0]) == DONE
        self.stage.replay_all()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with a_disk(tmp_path / "disk") as found:
        yield found


@pytest.mark.timeout(120)
def test_a_full_disk_refuses_entries_with_503_sends_nothing_and_heals_by_itself(
    tmp_path: Path, disk: Disk
) -> None:
    stage = Stage(tmp_path, count=2, database_folder=disk.folder)
    try:
        troubled = Troubled(stage)
        pid = stage.service.pid
        disk.fill(pid)
        refused = troubled.place_until_refused()
        sent = troubled.sent.fired
        again = troubled.other.place(client_order_id="in-vain", quantity=1)

        assert (refused["code"], again["code"]) == ("not_stored", "not_stored")
        assert troubled.sent.fired == sent, "something was sent that could not be stored"
        disk.free(pid)
        troubled.finish()
    finally:
        stage.close()


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the database as another program would that writes and does not end."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@pytest.mark.timeout(120)
def test_a_locked_database_refuses_entries_with_503_and_sends_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=2)
    try:
        troubled = Troubled(stage)
        sent = troubled.sent.fired
        with locked(stage.database_file):
            refused = troubled.other.place(client_order_id="locked-out", quantity=1)
            unsent = troubled.sent.fired

        assert (refused["status"], refused["code"]) == ("error", "not_stored")
        assert unsent == sent
        troubled.finish()
    finally:
        stage.close()


@pytest.mark.timeout(120)
def test_a_fill_while_the_database_is_locked_gets_its_stop_as_soon_as_it_is_free(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=2)
    try:
        stage.service.start()
        trade = Trade(stage.service, stage.kite, stage.accounts[0])
        trade.place()
        trade.until("ENTRY_OPEN")
        with locked(stage.database_file):
            trade.move("0.998")
            threading.Event().wait(7)  # longer than SQLite waits for a lock: what is decided is not stored
        protected = trade.until("PROTECTED")
        trade.move("1.021")
        over = trade.until(*CLOSED)
        stage.service.stop()

        assert protected["state"] == "PROTECTED"
        assert 5 < over["naked_seconds"] < 15
        assert "AlarmRaised" in [moment["kind"] for moment in over["timeline"]]
        assert stage.books_of(stage.accounts[0]) == DONE
    finally:
        stage.close()
