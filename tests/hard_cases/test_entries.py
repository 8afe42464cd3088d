"""The entry: it fills in parts, late, beyond its exits, or its fate is not told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.bracket.model import (
    ExitReason,
    IfFilled,
    LegStatus,
    OrderRow,
    Outcome,
    RefusalKind,
    Role,
    RowStatus,
    State,
)
from services.bracket.request import SlippageRequest
from services.bracket_change_service import cancel_bracket_order
from services.errors import BracketDenied
from simulator import ExchangeSettings
from tests.hard_cases.conftest import Tell
from tests.hard_cases.line import lost_answer, lost_request
from tests.hard_cases.story import NIFTY, Setting, Story

D = Decimal


def test_h01_first_partial_fill_gets_its_stop_at_once(story: Story) -> None:
    """An entry fills in part.

    Must: place the stop for the filled shares at once; the entry goes on working.
    Must never: wait until the entry is complete.
    """
    story.place()

    story.price("799", depth=4)

    stop = story.exit()
    assert (stop.quantity, stop.trigger_price, stop.status) == (4, D(790), RowStatus.TRIGGER_PENDING)
    assert (story.entry().filled, story.entry().status) == (4, RowStatus.OPEN)
    assert story.state() is State.PROTECTED_PARTIAL


def test_h02_more_fills_grow_the_same_stop(story: Story) -> None:
    """The entry fills further.

    Must: raise the quantity of the stop that rests already.
    Must never: place a second exit.
    """
    story.place()
    story.price("799", depth=4)

    story.price("799.05", depth=3)
    story.price("799", after=6)

    assert [row.quantity for row in story.orders(Role.EXIT)] == [10]
    assert story.diary.most_exits == 1
    assert story.state() is State.PROTECTED


def test_h03_fill_below_one_lot_waits_for_the_next(story: Story) -> None:
    """A fill is smaller than a lot, so that no exchange takes a stop for it.

    Must: hold it, alarm, and protect it together with the next fill.
    Must never: forget it, or send an order that is refused for its size again and again.
    Here: exchanges match whole lots, so that only a fault of theirs or a correction can show less.
    """
    story.place(
        symbol="NIFTY29DEC26FUT",
        exchange="NFO",
        quantity=130,
        entry_price=D(24990),
        sl_price=D(24800),
        target_price=D(25400),
    )

    story.price("24985", depth=30, symbol=NIFTY, after=5)
    assert "unprotected" in story.alarms()
    assert not story.orders(Role.EXIT)

    story.price("24984", symbol=NIFTY, after=6)
    assert [row.quantity for row in story.exits()] == [130]
    assert story.state() is State.PROTECTED


def test_h04_entry_time_out_keeps_what_has_filled(story: Story) -> None:
    """The entry's time is over with a part of it filled.

    Must: cancel the rest, wait for the book, and keep the stop at the final fill.
    Must never: call the bracket cancelled or expired while it holds shares.
    """
    story.place(entry_expires_in_seconds=20)
    story.price("799", depth=4)

    story.wait(20)

    assert (story.entry().status, story.entry().filled) == (RowStatus.CANCELLED, 4)
    assert story.exit().quantity == 4
    assert story.state() is State.PROTECTED


def test_h05_fill_during_cancel_wins(story: Story) -> None:
    """The entry fills while its cancel is on the way; the broker has acknowledged the cancel.

    Must: take the fill as true and protect it.
    Must never: believe the acknowledgement of a cancel.
    """
    placed = story.place()
    story.line.next("cancel", story.line.slow)
    cancel_bracket_order(story.desk, story.caller, placed.id, if_filled=IfFilled.KEEP_EXITS)

    story.price("799")
    story.line.arrive()
    story.wait(5)

    assert story.entry().status is RowStatus.FILLED
    assert story.exit().quantity == 10
    assert story.state() is State.PROTECTED
    assert State.CANCELLED not in story.states()


def test_h06_refused_cancel_of_a_complete_entry_is_read_again(story: Story) -> None:
    """The cancel is refused: the order is complete already.

    Must: read the book and treat the entry as filled.
    Must never: send the cancel again and again.
    """
    placed = story.place()
    story.exchange.set_price("NSE", "SBIN", last=D(799))  # fills, and we have not looked yet

    cancel_bracket_order(story.desk, story.caller, placed.id, if_filled=IfFilled.KEEP_EXITS)
    story.wait(10)

    assert story.line.count("cancel") == 1
    assert story.exit().quantity == 10
    assert story.state() is State.PROTECTED


def test_h07_entry_rejected_after_a_part_fill_keeps_the_part(story: Story) -> None:
    """The broker rejects the rest of an entry that has filled in part.

    Must: protect what has filled.
    Must never: call a bracket rejected that holds shares.
    """
    story.place()
    story.price("799", depth=4)

    story.line.lie("orders", lambda rows: tuple(map(_rejected_instead, rows)))
    story.cancel_elsewhere(story.entry())

    assert story.legs(story.bracket, Role.ENTRY)[0].status is LegStatus.REJECTED
    assert story.exit().quantity == 4
    assert story.state() is State.PROTECTED


def _rejected_instead(row: OrderRow) -> OrderRow:
    is_ended = row.status is RowStatus.CANCELLED
    return replace(row, status=RowStatus.REJECTED, refusal=RefusalKind.RMS) if is_ended else row


def test_h08_entry_whose_answer_was_lost_is_found_by_its_tag(story: Story) -> None:
    """The broker takes the entry in, and its answer is lost.

    Must: look for its tag, and protect it when it is found and fills.
    Must never: send it again, or call it rejected.
    """
    story.line.next("place entry", lost_answer)
    story.place()

    story.price("799", after=5)

    assert story.line.count("place entry") == 1
    assert story.entry().status is RowStatus.FILLED
    assert story.state() is State.PROTECTED


def test_h09_entry_that_never_arrived_is_proved_absent(story: Story) -> None:
    """The entry is lost on its way, and nobody tells us.

    Must: prove by reads, after the quiescence, that it is absent, and say so; send nothing by default.
    Must never: send it again before that, or by itself.
    """
    story.line.next("place entry", lost_request)
    placed = story.place()
    story.wait(6)
    assert story.state() is State.ENTRY_PENDING

    story.wait(10)

    assert (story.state(), story.bracket.entry_ended) == (State.EXPIRED, "entry_absent")
    assert "entry_absent" in story.alarms(placed)
    assert story.line.count("place entry") == 1


def test_h10_entry_filled_beyond_its_stop_leaves_at_once(story: Story) -> None:
    """The market falls through entry and stop in one move.

    Must: leave at the market at once.
    Must never: place a stop that would trigger at once, and hope.
    """
    story.place()

    story.price("785", after=5)

    assert story.state() is State.CLOSED
    assert story.bracket.exit_reason is ExitReason.EMERGENCY
    assert [leg.terms.trigger_price for leg in story.legs(story.bracket)] == [None]


def test_h11_entry_filled_beyond_its_target_gets_its_stop_first(tell: Tell) -> None:
    """The market rises past the target before a MARKET entry fills.

    Must: place the stop first, then turn it into the target's limit, which fills at once.
    Must never: leave out the stop.
    """
    story = tell(Setting(exchange=ExchangeSettings(acceptance_delay=timedelta(seconds=1))))
    story.line.next("modify", story.line.slow)
    story.ask_to_place(pricetype="MARKET", entry_price=None)

    story.price("820", after=3)
    stop = story.exit()
    story.line.arrive()
    story.wait(8)

    assert (stop.trigger_price, stop.status) == (D(790), RowStatus.TRIGGER_PENDING)
    assert (len(story.orders(Role.EXIT)), story.bracket.outcome) == (1, Outcome.TARGET_HIT)
    assert story.state() is State.CLOSED


def test_h12_prices_count_from_the_average_fill_and_slippage_has_a_guard(tell: Tell) -> None:
    """A MARKET entry fills far from the price of the signal.

    Must: count stop and target from the average fill; leave when it is beyond `max_slippage`.
    Must never: keep distances from the signal's price without a word.
    Here: it leaves as a whole; it does not shrink the position.
    """
    story = tell(Setting(exchange=ExchangeSettings(acceptance_delay=timedelta(seconds=1))))
    relative = {"sl_price": None, "target_price": None, "sl_percent": D(1), "target_percent": D(2)}
    slipping = {"pricetype": "MARKET", "entry_price": D(802), **relative}
    story.ask_to_place(**slipping)
    story.price("810", after=8)
    assert story.exit().trigger_price == D("801.90")  # 1 % below 810

    story.ask_to_place(**slipping, max_slippage=SlippageRequest(percent=D("0.5")))
    story.price("820", after=8)

    assert story.bracket.exit_reason is ExitReason.SLIPPAGE
    assert story.state() is State.CLOSED


def test_h42_order_outside_the_session_is_refused(story: Story) -> None:
    """An order comes while the market is closed.

    Must: refuse it, and say when the exchange opens.
    Must never: make an after-market order of it in silence.
    Here: orders are not queued for the next session.
    """
    story.at("16:00")

    with pytest.raises(BracketDenied, match="opens at 2026-12-08 09:15"):
        story.ask_to_place()

    assert story.line.count("place entry") == 0


def test_h55_cancelled_before_the_fill_only_when_the_book_says_so(story: Story) -> None:
    """A bracket is cancelled before anything has filled.

    Must: cancel the entry and wait for the book.
    Must never: say cancelled before the broker does.
    """
    placed = story.place()
    story.line.next("cancel", story.line.slow)

    cancel_bracket_order(story.desk, story.caller, placed.id, if_filled=None)
    story.wait(1)
    assert story.state() is State.ENTRY_OPEN
    story.line.arrive()
    story.wait(1)

    assert story.state() is State.CANCELLED
    assert story.entry().status is RowStatus.CANCELLED


def test_h56_cancelling_a_filled_bracket_asks_what_to_do(story: Story) -> None:
    """A bracket that holds shares is cancelled.

    Must: ask for `exit`, `keep_exits` or `hand_over`, and do that.
    Must never: take the stop away by default.
    """
    held = story.hold()

    with pytest.raises(BracketDenied, match="if_filled is required"):
        cancel_bracket_order(story.desk, story.caller, held.id, if_filled=None)
    assert story.exit().status is RowStatus.TRIGGER_PENDING
    cancel_bracket_order(story.desk, story.caller, held.id, if_filled=IfFilled.EXIT)
    story.wait(3)

    assert (story.state(), story.position()) == (State.CLOSED, 0)
