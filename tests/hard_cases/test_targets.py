"""The target and the trailing stop: reached by the same order, and only on prices that can be believed."""

from decimal import Decimal

from services.bracket.model import Outcome, Overlay, Role, RowStatus, State
from services.bracket.request import TrailRequest
from tests.hard_cases.line import read_fails
from tests.hard_cases.story import Story

D = Decimal


def test_h26_target_filled_in_part_becomes_a_stop_again_when_the_price_turns(story: Story) -> None:
    """The target fills in part and the price turns back.

    Must: turn the same order back into the stop, for what is left.
    Must never: leave the rest unprotected.
    """
    story.hold()
    story.price("815", depth=4, after=2)
    assert (story.exit().price, story.exit().filled) == (D(815), 4)

    story.price("812", after=5)

    (stop,) = story.orders(Role.EXIT)
    assert (stop.trigger_price, stop.status) == (D(790), RowStatus.TRIGGER_PENDING)
    assert (stop.quantity - stop.filled, story.position()) == (6, 6)
    assert story.state() is State.PROTECTED


def test_h28_trailing_while_the_entry_fills_is_one_change_at_a_time(story: Story) -> None:
    """The stop has to trail and to grow at the same time.

    Must: carry the new quantity and the new trigger in one change.
    Must never: have two changes of one order on the way.
    """
    story.place(trailing_sl=TrailRequest(points=D(8)))
    story.price("800", bid="799", ask="799", depth=4)
    story.wait(3)
    before = story.line.count("modify")

    story.price("800", bid="806", ask="800", depth=6)

    change = story.events("ChangeIntended")[-1]
    assert story.line.count("modify") == before + 1
    assert (change.terms.quantity, change.terms.trigger_price) == (10, D(798))
    assert (story.exit().quantity, story.exit().trigger_price) == (10, D(798))


def test_h43_silent_feed_suspends_the_target_and_never_the_stop(story: Story) -> None:
    """The price feed falls silent, or the market halts.

    Must: keep the resting stop, suspend the target that needs a price, and alarm.
    Must never: leave, or take the target, on a price that is old.
    """
    story.hold()
    story.line.every("quotes", read_fails)
    story.wait(10)

    story.price("816", after=20)
    assert story.exit().trigger_price == D(790)
    assert Overlay.FEED_STALE in story.bracket.overlays
    assert "feed_stale" in story.alarms()

    story.line.heal()
    story.wait(5)
    assert story.bracket.outcome is Outcome.TARGET_HIT


def test_h44_single_stray_print_moves_nothing_of_ours(story: Story) -> None:
    """One print is far from the quotes around it.

    Must: move the virtual target and the trailing stop by what a buyer bids, not by the last price.
    Must never: take a target, or pull a stop up, on a single print.
    """
    story.hold(trailing_sl=TrailRequest(points=D(8)))
    calls = story.line.count("modify")

    story.price("830", bid="799", ask="799.5", after=5)

    assert story.line.count("modify") == calls
    assert story.exit().trigger_price == D(791)  # 8 below the bid, not below the print
    assert story.state() is State.PROTECTED
