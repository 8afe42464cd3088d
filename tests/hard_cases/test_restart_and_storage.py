"""The process dies, is not alone, or cannot store what it decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from database.session import NotStored, sqlite_file
from services.bracket.model import LegStatus, Role, RowStatus, State
from services.engine_lock import EngineRunsElsewhere, hold_engine_lock
from tests.hard_cases.line import Killed, killed_after, killed_before
from tests.hard_cases.story import Story

D = Decimal


def test_h65_second_instance_does_not_send(story: Story) -> None:
    """Two instances of the service run on one database.

    Must: let only one work: the second is refused at its start; past that, the store lets one of two win.
    Must never: let both send.
    """
    file = sqlite_file(str(story.db.engine.url))
    assert file is not None
    with hold_engine_lock(file), pytest.raises(EngineRunsElsewhere):
        hold_engine_lock(file)

    story.place()
    paused = story.worker
    story.supervisor.forget_workers()
    story.price("799", after=6)  # both hear of the fill; the other one looks first
    paused.settle()

    assert [row.quantity for row in story.orders(Role.EXIT)] == [10]
    assert story.line.count("place exit") == 1
    assert story.state() is State.PROTECTED


@pytest.mark.parametrize("operation", ["place entry", "place exit"])
def test_h66_order_sent_just_before_a_kill_is_found_by_its_tag(story: Story, operation: str) -> None:
    """The process is killed after an order was sent and before its answer was stored.

    Must: find the intention on disk and the order by its tag.
    Must never: send it again.
    """
    story.line.next(operation, killed_after)
    with pytest.raises(Killed):
        story.ask_to_place()
        story.price("799")
    story.kill()
    story.wait(2)

    story.restart()
    story.price("799", after=8)

    assert story.line.count(operation) == 1
    assert (story.entry().filled, story.exit().quantity) == (10, 10)
    assert story.state() is State.PROTECTED


def test_an_intention_of_a_killed_process_that_was_never_sent_is_proved_absent(story: Story) -> None:
    """The other side of H66: what was stored and never left."""
    story.place()
    story.line.next("place exit", killed_before)
    with pytest.raises(Killed):
        story.price("799")
    story.kill()

    story.restart()
    story.wait(5)
    assert story.line.count("place exit") == 1
    story.wait(10)

    statuses = [leg.status for leg in story.legs(story.bracket)]
    assert statuses == [LegStatus.ABSENT, LegStatus.TRIGGER_PENDING]
    assert story.state() is State.PROTECTED


def test_h67_nothing_is_sent_that_cannot_be_stored(story: Story) -> None:
    """The database is locked, full or read-only.

    Must: send nothing, say so through another channel, go on when it can be written again.
    Must never: send what is not on disk; exits that rest go on resting.
    """
    held = story.hold()
    with read_only(story):
        with pytest.raises(NotStored):
            story.ask_to_place()
        with pytest.raises(NotStored):
            story.modify(held, sl_price=D(792))
        calls = story.line.count("modify")
        story.price("815", after=10)
        assert story.line.count("modify") == calls
        assert (story.exit().status, story.exit().trigger_price) == (RowStatus.TRIGGER_PENDING, D(790))

    story.wait(5)
    assert (story.state(), story.position()) == (State.CLOSED, 0)
    assert len(story.orders(Role.ENTRY)) == 1


@contextmanager
def read_only(story: Story) -> Iterator[None]:
    """Let the database refuse every write, as a full disk does."""
    refuses = True

    def check_out(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        connection.cursor().execute(f"PRAGMA query_only={int(refuses)}")

    event.listen(story.db.engine, "checkout", check_out)
    yield
    refuses = False
