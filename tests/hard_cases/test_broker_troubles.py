"""The broker: its session dies, it refuses to be asked, is down, or shows a book that is not whole."""

from datetime import timedelta
from decimal import Decimal

import pytest

from broker.limiter import AccountLimiter, Lane, Window
from services.bracket.model import OrderRow, Overlay, Role, State
from services.errors import BrokerUnavailable
from tests.hard_cases.line import (
    dead_token,
    lost_request,
    no_connection,
    read_fails,
    throttled,
    too_many_requests,
)
from tests.hard_cases.story import Story

D = Decimal


def test_h45_dead_session_proves_nothing_and_nothing_is_forgotten(story: Story) -> None:
    """The broker's session expires while an order is on its way; then the books come back empty.

    Must: flag it, keep every intention, refuse new entries, and go on once somebody has logged in.
    Must never: take an empty book for flat, or an order without an answer for refused.
    """
    story.place()
    story.line.next("place exit", dead_token)
    story.price("799", after=0)
    story.line.lie("orders", lambda _rows: ())
    story.line.is_session_alive = False
    story.wait(30)

    assert Overlay.AUTH_DEAD in story.bracket.overlays
    assert (story.state(), "unprotected" in story.alarms()) == (State.PROTECTING, True)
    with pytest.raises(BrokerUnavailable, match="cannot be read"):
        story.ask_to_place()

    story.line.heal()
    story.wait(30)
    assert [row.quantity for row in story.exits()] == [10]
    assert story.state() is State.PROTECTED


def test_h46_rate_limit_holds_entries_back_and_never_exits(story: Story) -> None:
    """The broker answers 429, or our own limit of orders a second is reached.

    Must: keep a share of it for exits, and hold entries and reads back.
    Must never: drop an exit, or send a POST blindly again.
    """
    limiter = AccountLimiter(story.clock, orders=(Window(5, timedelta(minutes=5)),), reads=(), quotes=())
    story.line.every("place entry", throttled(limiter, Lane.ENTRY))
    story.line.every("place exit", throttled(limiter, Lane.EXIT))

    story.place()
    story.place()
    story.place(entry_price=D(795))
    with pytest.raises(BrokerUnavailable):
        story.ask_to_place()
    story.line.next("place exit", too_many_requests)
    story.line.next("orders", read_fails)
    story.price("799", after=8)

    assert len(story.orders(Role.ENTRY)) == 3
    assert [row.quantity for row in story.exits()] == [10, 10]


def test_h47_broker_that_is_down_gets_no_entries_and_exits_keep_trying(story: Story) -> None:
    """The broker is down: every call fails for a minute.

    Must: take no new entries; go on trying exits at a bounded pace, and prove absence where unsure.
    Must never: treat silence as a refusal.
    """
    story.place()
    story.line.next("place exit", lost_request)
    story.line.every("place exit", no_connection)
    story.price("799", after=2)
    story.line.every("orders", read_fails)
    story.wait(30)
    assert Overlay.BROKER_DOWN in story.bracket.overlays
    with pytest.raises(BrokerUnavailable, match="cannot be read"):
        story.ask_to_place()
    assert story.line.count("place exit") == 1  # the first may have arrived: not before it is proved absent

    story.line.heal()
    story.line.next("place exit", no_connection, no_connection)
    story.wait(30)

    assert story.line.count("place exit") == 4
    assert len(story.orders(Role.EXIT)) == 1
    assert (story.state(), story.position()) == (State.CLOSED, 0)  # without a stop for longer than T2


def test_h48_book_that_is_old_or_not_whole_is_not_acted_on(story: Story) -> None:
    """A read shows an old book, or lacks an order that was live.

    Must: throw the read away, or the row that is older than what is known.
    Must never: act on it.
    """
    story.place()
    story.price("799", depth=4, after=6)
    old = story.line.order_book()
    story.price("799", after=6)
    before = story.bracket

    story.line.lie("orders", lambda _rows: old)
    story.wait(70)
    assert (story.bracket.legs, story.exit().quantity) == (before.legs, 10)

    story.line.lie("orders", _without_exits)
    story.wait(70)
    assert story.bracket.legs == before.legs
    assert Overlay.BROKER_DOWN in story.bracket.overlays
    assert len(story.orders(Role.EXIT)) == 1


def _without_exits(rows: tuple[OrderRow, ...]) -> tuple[OrderRow, ...]:
    return tuple(row for row in rows if row.tag is None or row.tag[8] != "X")
