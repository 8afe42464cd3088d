"""Sessions and days: cut-offs, odd hours, the night, and clocks that are wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.bracket.model import (
    ExitReason,
    GttStatus,
    Product,
    RowStatus,
    Side,
    State,
)
from services.errors import BracketDenied
from simulator import ExchangeSettings
from tests.hard_cases.conftest import Tell
from tests.hard_cases.story import A_FUTURE, NIFTY, Setting, Story

D = Decimal
EXPIRY_TEN = datetime(2026, 12, 29, 4, 30, tzinfo=UTC)  # 10:00 in India, the December contract's last day
MUHURAT = datetime(2026, 11, 8, 12, 55, tzinfo=UTC)  # 18:25 in India, a Sunday; the session ends at 19:15


def test_h38_intraday_bracket_leaves_before_the_brokers_square_off(story: Story) -> None:
    """The broker squares intraday positions off at 15:20.

    Must: leave six minutes before that, and take no new intraday entry in the last 30 minutes.
    Must never: race the broker's own square-off.
    """
    story.hold()

    story.at("14:51")
    with pytest.raises(BracketDenied, match="no new entries on NSE after 14:50"):
        story.ask_to_place()
    story.at("15:13")
    assert story.state() is State.PROTECTED
    story.at("15:14")
    story.wait(3)

    assert story.bracket.exit_reason is ExitReason.TIME_EXIT
    assert (story.state(), story.position()) == (State.CLOSED, 0)


def test_h40_intraday_position_carried_overnight_is_never_taken_for_flat_in_silence(story: Story) -> None:
    """The broker did not square an intraday position off: in the morning it is there as delivery.

    Must: see in the morning that the shares are not where they were, and call the user.
    Must never: take them for sold without a word.
    Here: the bracket lets go of them; it does not move to the other product by itself.
    """
    story.hold()
    story.kill()
    story.expect_surplus()
    story.at("15:25")
    story.somebody(Side.SELL, 10, after=0)  # a conversion has no trades; these are gone by the morning
    story.somebody(Side.BUY, 10, product=Product.CNC, after=0)
    story.evening()
    story.morning()

    story.restart()
    story.wait(15)

    assert (story.position(), story.position(Product.CNC)) == (0, 10)
    assert story.needs_attention()
    assert "position_short" in story.alarms()
    assert story.exits() == []


def test_h41_odd_session_moves_the_cut_offs_with_it(tell: Tell) -> None:
    """A holiday, a half day or a special session: the market does not close at 15:30.

    Must: take all times from the exchange's calendar; refuse on a holiday.
    Must never: leave at a fixed 15:14.
    """
    story = tell(Setting(start=MUHURAT, exchange=ExchangeSettings()))
    story.hold()

    story.at("18:58")
    assert story.state() is State.PROTECTED
    story.at("18:59")
    story.wait(3)
    assert (story.state(), story.bracket.exit_reason) == (State.CLOSED, ExitReason.TIME_EXIT)

    story.at("10:00", days=2)  # Diwali Balipratipada
    with pytest.raises(BracketDenied, match="opens at 2026-11-11 09:15"):
        story.ask_to_place()


def test_h62_contract_is_left_on_its_last_day(tell: Tell) -> None:
    """A contract expires; held past its end it may have to be paid for, or delivered, in full.

    Must: leave before the last close, and cancel the OCO that holds it.
    Must never: hold it past that.
    """
    story = tell(Setting(start=EXPIRY_TEN))
    story.place(**A_FUTURE)
    story.price("24985", symbol=NIFTY, after=6)
    assert story.state() is State.PROTECTED

    story.at("14:30")
    story.wait(3)
    assert story.state() is State.PROTECTED
    story.at("15:29")
    story.wait(6)

    assert story.bracket.exit_reason is ExitReason.CONTRACT_EXPIRY
    assert (story.state(), story.position(Product.NRML, NIFTY[1])) == (State.CLOSED, 0)
    assert [gtt.status for gtt in story.gtts()] == [GttStatus.DELETED]


def test_h68_jump_of_the_wall_clock_expires_nothing(story: Story) -> None:
    """The wall clock of the machine jumps by an hour.

    Must: measure waits on a clock that does not jump, leave at the true time, and say that it jumped.
    Must never: expire an entry, or leave, at once.
    Here: the exchange's own time is not asked for; a start takes the wall clock as it is then.
    """
    story.at("14:40")
    story.hold()
    story.place(entry_price=D(780), sl_price=D(770), entry_expires_in_seconds=600)

    story.clock.wrong_by = timedelta(hours=1)
    story.wait(30)
    assert story.state() is State.ENTRY_OPEN
    assert story.exit().status is RowStatus.TRIGGER_PENDING

    story.at("15:14")
    story.wait(3)
    assert story.position() == 0
    assert story.clock.jumped_by == timedelta(hours=1)
