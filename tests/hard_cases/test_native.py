"""The hard cases that go another way where the broker brings the exits (one native bracket order).

Each story is told for brokers of different manners: what arms the exits, what one of them does to the other,
what the end of the entry does to both. The position ends protected or flat with every one of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from broker.paper import capabilities
from services.bracket.model import (
    IfFilled,
    LegStatus,
    OrderType,
    Outcome,
    Product,
    Purpose,
    Role,
    RowStatus,
    Side,
    State,
    Topology,
)
from services.bracket.request import TrailRequest
from services.bracket_change_service import cancel_bracket_order, exit_bracket_order
from simulator import ExchangeSettings, NativeSettings
from simulator.settings import SessionHours
from tests.hard_cases.line import Killed, killed_after, killed_before, lost_answer, lost_request
from tests.hard_cases.story import Setting, Story

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

D = Decimal
STOP, TARGET = Purpose.STOP, Purpose.TARGET
MANNERS = {
    "follows each fill": NativeSettings(),
    "waits for the whole entry": NativeSettings(arms_each_fill=False, cancels_both=True, keeps_exits=False),
    "cancels the sibling at once": NativeSettings(reduces_sibling=False, shows_tag=False),
    "keeps exits for a part": NativeSettings(arms_each_fill=False, reduces_sibling=False),
}


def a_setting(manners: NativeSettings) -> Setting:
    """Return a broker whose intraday and delivery orders are native brackets."""
    able = capabilities()
    former = able.topologies
    able = replace(
        able,
        topologies=former | {"MIS": Topology.NATIVE, "CNC:NSE": Topology.NATIVE},
        fallbacks={"MIS": former["MIS"], "CNC:NSE": former["CNC:NSE"]},
        native_entry_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    )
    return Setting(exchange=ExchangeSettings(hours=SessionHours(), native=manners), capabilities=able)


@pytest.fixture(params=list(MANNERS.values()), ids=list(MANNERS))
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path, a_setting(request.param))
    yield told
    told.end()


def working(story: Story) -> list[tuple[Purpose | None, int]]:
    """What the broker's exits cover at the exchange, where they work."""
    return [
        (row.exit_purpose, row.quantity - row.filled)
        for row in story.brought()
        if row.status is not RowStatus.PENDING
    ]


def test_one_order_is_sent_and_brings_both_exits(story: Story) -> None:
    story.hold()
    story.wait(30)

    assert story.line.count("place entry") == 1
    assert story.line.count("place exit") + story.line.count("cancel") + story.line.count("modify") == 0
    assert working(story) == [(STOP, 10), (TARGET, 10)]


def test_native_h01_a_part_fill_is_protected_or_its_rest_is_given_up(story: Story) -> None:
    story.place()

    story.price("799", depth=4, after=9)

    covered = [quantity for purpose, quantity in working(story) if purpose is STOP]
    own = [row.quantity for row in story.exits()]
    assert covered + own == [4]
    assert story.state() in (State.PROTECTED_PARTIAL, State.PROTECTED)
    assert story.position() == 4


def test_native_h02_more_fills_are_the_brokers_to_cover(story: Story) -> None:
    story.place()
    story.price("799", depth=4, after=0.6)

    story.price("799.1", depth=6, after=9)

    assert story.position() == 10
    assert working(story) == [(STOP, 10), (TARGET, 10)]
    assert story.state() is State.PROTECTED


def test_native_h04_an_entrys_time_out_keeps_what_has_filled(story: Story) -> None:
    story.place(entry_expires_in_seconds=5)
    story.price("799", depth=4, after=1)

    story.wait(12)

    covered = [quantity for purpose, quantity in working(story) if purpose is STOP]
    assert covered + [row.quantity for row in story.exits()] == [4]
    assert (story.state(), story.position()) == (State.PROTECTED, 4)


def test_native_h08_an_entry_whose_answer_was_lost_is_found(story: Story) -> None:
    story.line.next("place entry", lost_answer)

    story.place()
    story.price("799", after=6)

    assert story.line.count("place entry") == 1
    assert story.state() is State.PROTECTED


def test_native_h09_an_entry_that_never_arrived_is_proved_absent(story: Story) -> None:
    story.line.next("place entry", lost_request)

    story.place()
    story.wait(20)

    assert story.bracket.entry_ended == "entry_absent"
    assert story.line.count("place entry") == 1


def test_native_h12_exits_are_moved_to_the_average_fill(story: Story) -> None:
    story.hold(sl_price=None, sl_points=D(10), target_price=None, target_points=D(15))

    stop, target = story.brought()
    assert (stop.trigger_price, target.price) == (D(789), D(814))


def test_native_h17_a_gap_through_the_stops_limit_is_followed_down(story: Story) -> None:
    story.hold()

    story.price("770", after=12)

    assert (story.state(), story.position()) == (State.CLOSED, 0)
    assert story.bracket.outcome is Outcome.STOP_HIT


def test_native_h19_a_position_closed_by_hand_takes_the_exits_away(story: Story) -> None:
    story.expect_surplus()
    story.hold()

    story.somebody(Side.SELL, 10)

    assert story.brought() == []
    assert (story.state(), story.position()) == (State.CLOSED, 0)


@pytest.mark.parametrize("purpose", [STOP, TARGET])
def test_native_h20_an_exit_cancelled_by_hand_is_replaced_by_ours(story: Story, purpose: Purpose) -> None:
    story.hold()
    (row,) = [one for one in story.brought() if one.exit_purpose is purpose]

    story.cancel_elsewhere(row, after=15)

    assert story.brought() == []
    assert (story.exit().quantity, story.exit().trigger_price) == (10, D(790))
    assert "exit_touched" in story.alarms()


def test_native_h21_a_part_closed_by_hand_leaves_the_rest_to_ours(story: Story) -> None:
    story.expect_surplus()
    story.hold()

    story.somebody(Side.SELL, 4, after=15)

    assert story.brought() == []
    assert (story.exit().quantity, story.position()) == (6, 6)


def test_native_h26_what_the_target_leaves_is_guarded_when_the_price_turns(story: Story) -> None:
    story.hold()

    story.price("815", depth=4, after=0.5)
    story.price("805", after=12)

    covered = [quantity for purpose, quantity in working(story) if purpose is STOP]
    assert covered + [row.quantity for row in story.exits()] == [6]
    assert (story.state(), story.position()) == (State.PROTECTED, 6)


def test_native_h28_trailing_moves_the_brokers_stop(story: Story) -> None:
    story.hold(trailing_sl=TrailRequest(points=D(10)))

    story.price("805", after=6)

    stop, target = story.brought()
    assert (stop.trigger_price, target.price) == (D(795), D(815))
    assert story.line.count("cancel") == 0


@pytest.mark.parametrize("leaving", ["exit", "time", "cancel"])
def test_native_leaving_takes_both_away_before_the_one_order_out(story: Story, leaving: str) -> None:
    held = story.hold(exit_at="10:05") if leaving == "time" else story.hold()

    if leaving == "exit":
        exit_bracket_order(story.desk, story.caller, held.id)
    elif leaving == "cancel":
        cancel_bracket_order(story.desk, story.caller, held.id, if_filled=IfFilled.EXIT)
    else:
        story.at("10:05")
    story.price("799", after=6)

    assert [row.filled for row in story.orders(Role.EXIT)] == [10]
    assert (story.state(), story.position()) == (State.CLOSED, 0)


@pytest.mark.parametrize("mishap", [killed_before, killed_after])
@pytest.mark.parametrize("operation", ["place entry", "cancel", "place exit"])
def test_native_h66_a_kill_at_any_call_sends_nothing_twice(
    story: Story, operation: str, mishap: object
) -> None:
    story.line.next(operation, mishap)  # type: ignore[arg-type]  # one of the two above
    with pytest.raises(Killed):
        story.ask_to_place()
        story.price("799", after=3)
        exit_bracket_order(story.desk, story.caller, story.bracket.id)
        story.price("799", after=3)
    story.kill()
    story.wait(2)

    story.restart()
    story.price("799", after=25)

    is_lost = operation == "place entry" and mishap is killed_before
    if operation == "place entry" and not is_lost:
        assert (story.state(), story.position()) == (State.PROTECTED, 10)
    else:
        assert (story.state().is_closed, story.position()) == (True, 0)
    assert story.line.count("place entry") == 1
    assert sum(row.filled for row in story.orders(Role.EXIT)) in (0, 10)


def test_native_r2_a_gtt_takes_over_when_the_days_exits_end(story: Story) -> None:
    story.hold(product="CNC")
    assert working(story) == [(STOP, 10), (TARGET, 10)]

    story.evening()
    (gtt,) = story.gtts()
    story.morning()

    assert gtt.legs[0].quantity == 10
    assert (story.position(Product.CNC), story.state()) == (10, State.PROTECTED)


def test_native_r2_a_night_without_the_service_ends_the_same(story: Story) -> None:
    story.hold(product="CNC")
    story.kill()
    story.evening()
    story.exchange.end_of_day()
    story.at("09:20", days=1)

    story.restart()
    story.wait(30)

    assert (story.position(Product.CNC), story.state()) == (10, State.PROTECTED)
    assert len(story.gtts()) + len(story.exits()) == 1


def test_native_exits_that_a_lagging_book_hides_are_waited_for(story: Story) -> None:
    story.line.lie("orders", lambda rows: tuple(row for row in rows if row.parent_order_id is None))
    story.place()
    story.price("799", after=7)

    assert (story.line.count("place exit"), story.state()) == (0, State.PROTECTING)
    story.line.heal()
    story.wait(3)

    assert story.state() is State.PROTECTED


def test_native_exits_that_a_lagging_book_hides_late_are_not_replaced(story: Story) -> None:
    story.hold()
    story.line.lie("orders", lambda rows: tuple(row for row in rows if row.parent_order_id is None))
    story.wait(8)
    story.line.heal()
    story.wait(8)

    assert story.line.count("place exit") + story.line.count("cancel") == 0
    assert {leg.status for leg in story.legs(story.bracket)} == {LegStatus.TRIGGER_PENDING, LegStatus.OPEN}
