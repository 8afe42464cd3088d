"""The stop: refused, jumped over, locked in, asked to change while nobody can say what it is."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.bracket.model import (
    ExitReason,
    Outcome,
    Overlay,
    Quote,
    RefusalKind,
    Role,
    RowStatus,
    State,
)
from services.bracket.request import TrailRequest
from services.bracket_change_service import exit_bracket_order
from services.errors import BracketDenied
from tests.hard_cases.line import lost_answer, lost_request, refused
from tests.hard_cases.story import SBIN, Story, Symbol

D = Decimal


def test_h13_stop_refused_for_margin_leaves_at_once(story: Story) -> None:
    """The stop is refused: there is no margin for it.

    Must: leave at the market and cancel the rest of the entry.
    Must never: ask for the same stop again and again.
    """
    story.line.next("place exit", refused(RefusalKind.MARGIN, "Insufficient funds"))
    story.place()

    story.price("799", depth=4)
    story.price("799", after=3)

    assert story.bracket.exit_reason is ExitReason.EMERGENCY
    assert (story.entry().status, story.entry().filled) == (RowStatus.CANCELLED, 4)
    assert [row.trigger_price for row in story.orders(Role.EXIT)] == [None]
    assert (story.state(), story.position()) == (State.CLOSED, 0)


@pytest.mark.parametrize("kind", [RefusalKind.TICK, RefusalKind.BAND, RefusalKind.PROTECTION_MISSING])
def test_h14_refusal_that_can_be_cured_is_answered_once_in_another_form(
    story: Story, kind: RefusalKind
) -> None:
    """The stop is refused for its tick, its limit or the protection it lacks.

    Must: send one corrected form for each such refusal.
    Must never: send the same request again.
    """
    story.line.next("place exit", refused(kind, "not in this form"))

    story.hold()

    first, second = (leg.terms for leg in story.legs(story.bracket))
    assert second != first
    assert second.trigger_price == first.trigger_price
    assert story.exit().price == second.price


def test_h15_stop_whose_trigger_is_crossed_is_not_widened(story: Story) -> None:
    """The stop is refused: the market is through its trigger already.

    Must: leave at the market.
    Must never: place a wider stop instead.
    """
    story.line.next("place exit", refused(RefusalKind.TRIGGER_CROSSED, "below the last traded price"))
    story.place()

    story.price("799", after=3)

    assert story.bracket.exit_reason is ExitReason.EMERGENCY
    assert [row.trigger_price for row in story.orders(Role.EXIT)] == [None]
    assert (story.state(), story.position()) == (State.CLOSED, 0)


def test_h16_stop_always_has_a_limit_and_a_known_tick(story: Story) -> None:
    """SL-M is not taken on this exchange (BSE), or for options.

    Must: send SL with a limit beyond the trigger, on the tick; refuse a symbol whose tick is not known.
    Must never: send SL-M.
    """
    wanted = {"pricetype": "SL-M", "entry_price": None, "trigger_price": D(805)}
    story.place(exchange="BSE", **wanted)
    story.price("805", symbol=("BSE", "SBIN"), after=3)

    rows = [story.entry(), story.exit()]
    assert [str(row.order_type) for row in rows] == ["LIMIT", "SL"]  # the entry's SL has triggered
    assert story.exit().price == D("786.05")
    with pytest.raises(BracketDenied, match="UNLISTED"):
        story.ask_to_place(symbol="UNLISTED", exchange="BSE", **wanted)


def test_h17_gap_through_the_stops_limit_is_followed_down(story: Story) -> None:
    """The market gaps through the stop's limit: it triggers and does not fill.

    Must: follow with the same order, rung by rung, to the edge of the price band.
    Must never: leave it resting above the market.
    """
    story.hold()

    story.price("775", depth=0, after=3)
    story.price("770", after=3)

    (exit_order,) = story.orders(Role.EXIT)
    assert exit_order.status is RowStatus.FILLED
    assert exit_order.price is not None
    assert exit_order.price <= D(775)
    assert story.bracket.outcome is Outcome.STOP_HIT


def test_h18_locked_market_is_waited_out_at_the_edge_of_the_band(story: Story) -> None:
    """The market is locked at its lower circuit: nobody buys.

    Must: rest at the edge of the band, alarm, and go on when the lock opens.
    Must never: call the bracket closed.
    """
    story.hold()
    story.exchange.set_band(*SBIN, lower=D(770), upper=D(830))

    story.price("770", after=20)
    assert story.exit().price == D(770)
    assert Overlay.EXITING_AT_BAND in story.bracket.overlays
    assert (story.state(), "exiting_at_band" in story.alarms()) == (State.EXITING, True)

    story.price("771", after=3)
    assert (story.state(), story.position()) == (State.CLOSED, 0)


def test_h27_stop_filled_in_part_is_worked_by_the_same_order(story: Story) -> None:
    """The stop triggers, fills in part, and then nothing comes.

    Must: let the same order follow the market for the rest.
    Must never: cancel it and place another.
    """
    story.hold()

    story.price("789", depth=4)
    story.price("780", after=5)

    (exit_order,) = story.orders(Role.EXIT)
    assert (exit_order.status, exit_order.filled) == (RowStatus.FILLED, 10)
    assert story.line.count("cancel") == 0
    assert story.bracket.outcome is Outcome.STOP_HIT


def test_h29_change_without_an_answer_is_read_and_compared(story: Story) -> None:
    """A change of the stop gets no answer; once it was carried out, once it was lost.

    Must: read the order, compare its terms with the wanted ones, and ask again only where they differ.
    Must never: count the change as done.
    """
    held = story.hold()

    story.line.next("modify", lost_answer)
    story.modify(held, sl_price=D(792))
    story.wait(8)
    assert (story.exit().trigger_price, story.line.count("modify")) == (D(792), 1)

    story.line.next("modify", lost_request)
    story.modify(held, sl_price=D(793))
    story.wait(8)
    assert (story.exit().trigger_price, story.line.count("modify")) == (D(793), 3)


def test_h30_order_near_its_modification_cap_is_replaced_in_calm(story: Story) -> None:
    """Trailing uses up the changes that the broker allows for one order (25).

    Must: replace the order by cancel, confirm and place, at a calm time, and say so.
    Must never: reach the cap when a change is needed to get out.
    """
    story.hold(target_price=D(2000), trailing_sl=TrailRequest(points=D(8)), confirm_prices=True)

    for step in range(1, 21):
        story.price(str(800 + 2 * step), after=4)

    first, second = story.orders(Role.EXIT)
    assert (first.status, second.status) == (RowStatus.CANCELLED, RowStatus.TRIGGER_PENDING)
    assert second.trigger_price == D(832)
    assert "rotating" in story.alarms()
    assert max(leg.modifications for leg in story.legs(story.bracket)) < 20


def test_h31_exit_that_fills_while_it_is_changed_is_read_again(story: Story) -> None:
    """An exit fills while a change of it is on the way; the change is refused.

    Must: read the book and see that it is filled.
    Must never: tell the user of an error.
    """
    held = story.hold()
    story.exchange.set_price(*SBIN, last=D(789))  # the stop fires and fills, and we have not looked yet

    story.modify(held, sl_price=D(788))
    story.wait(3)

    assert story.bracket.outcome is Outcome.STOP_HIT
    assert [row.status for row in story.orders(Role.EXIT)] == [RowStatus.FILLED]
    assert not story.needs_attention()


def test_h57_exit_asked_for_while_the_target_is_being_placed_waits_for_it(story: Story) -> None:
    """Somebody asks to leave now while the stop is just being turned into the target's limit.

    Must: wait until that change is read, then make the same order marketable.
    Must never: place a second order.
    """
    held = story.hold()
    story.line.next("modify", story.line.slow)
    story.price("815", depth=0)

    exit_bracket_order(story.desk, story.caller, held.id)
    assert story.line.count("modify") == 1
    story.line.arrive()
    story.price("814", after=5)

    (exit_order,) = story.orders(Role.EXIT)
    assert (exit_order.status, exit_order.average_price) == (RowStatus.FILLED, D(814))
    assert (story.state(), story.position()) == (State.CLOSED, 0)


def test_h59_quantity_above_the_freeze_is_refused_before_the_entry(story: Story) -> None:
    """An order is larger than the exchange takes in one piece (the freeze quantity).

    Must: find out before the entry: such a request is refused, to be sent as several brackets.
    Must never: learn it when the exit is refused.
    Here: a bracket is one entry order; it is not cut into pieces.
    """
    future = {"symbol": "NIFTY29DEC26FUT", "exchange": "NFO", "entry_price": D(24990)}
    exits = {"sl_price": D(24800), "target_price": D(25400)}

    with pytest.raises(BracketDenied, match="1800"):
        story.ask_to_place(**future, **exits, quantity=1820)

    assert story.line.count("place entry") == 0


def test_h60_market_without_a_bid_is_never_met_by_a_bare_market_order(story: Story) -> None:
    """Nobody bids when the bracket has to leave.

    Must: follow the last price with a limit, rung by rung, to the edge of the band, and alarm.
    Must never: send a MARKET order without protection.
    """
    held = story.hold()
    story.line.lie("quotes", _without_a_bid)
    story.exchange.set_price(*SBIN, last=D(799), depth=0)

    exit_bracket_order(story.desk, story.caller, held.id)
    story.wait(14)

    exit_order = story.exit()
    assert exit_order.price == D("641.60")  # the edge of the band
    assert str(exit_order.order_type) == "LIMIT"
    assert "exiting_at_band" in story.alarms()


def _without_a_bid(quotes: dict[Symbol, Quote]) -> dict[Symbol, Quote]:
    return {symbol: replace(quote, bid=None) for symbol, quote in quotes.items()}


def test_h61_exit_refused_as_a_self_trade_takes_the_other_side_away_first(story: Story) -> None:
    """The exchange refuses the stop: it would trade with an order of the same client.

    Must: cancel what it would meet, our own entry, and leave at another price.
    Must never: send the same order again.
    """
    story.line.next("place exit", refused(RefusalKind.SELF_TRADE, "self trade prevention"))
    story.place()

    story.price("799", depth=4)
    story.price("799", after=3)

    first, second = (leg.terms for leg in story.legs(story.bracket))
    assert story.entry().status is RowStatus.CANCELLED
    assert first != second
    assert (story.state(), story.position()) == (State.CLOSED, 0)


def test_h63_stop_beyond_the_market_is_not_sent(story: Story) -> None:
    """A user moves the stop to the wrong side of the market.

    Must: refuse it, saying that it would trigger now and how to leave instead.
    Must never: send it.
    """
    held = story.hold()

    with pytest.raises(BracketDenied, match=r"would trigger now.*use exitbracketorder"):
        story.modify(held, sl_price=D(801))

    assert story.exit().trigger_price == D(790)
    assert story.line.count("modify") == 0
