"""The broker's OCO (a two-leg GTT): it fires, half fires, does not fire, is refused, switched off or gone."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from services.bracket.model import (
    GttRow,
    GttStatus,
    LegKind,
    Outcome,
    Product,
    Quote,
    Role,
    RowStatus,
    Side,
    State,
)
from simulator import ExchangeSettings
from tests.hard_cases.conftest import Tell
from tests.hard_cases.story import A_FUTURE, NIFTY, Setting, Story, Symbol

D = Decimal
CNC, NRML = Product.CNC, Product.NRML


def a_held_oco(story: Story) -> GttRow:
    """Hold 10 shares for delivery at 799 with an OCO of stop 790 and target 815."""
    story.hold(product="CNC")
    (gtt,) = story.gtts()
    assert (gtt.status, gtt.legs[0].quantity) == (GttStatus.ACTIVE, 10)
    return gtt


def test_h24_both_children_of_an_oco_fill_and_are_bought_back(story: Story) -> None:
    """Both legs of the broker's OCO fill, although one should cancel the other.

    Must: buy back what was sold too much, in one order, with a critical alarm.
    Must never: close it as a success.
    Here: for delivery the broker's own check of holdings already refuses the second sale.
    """
    story.place(**A_FUTURE)
    story.price("24985", symbol=NIFTY, after=6)
    story.expect_surplus()
    story.exchange.set_price(*NIFTY, last=D(25400))  # the target's child fills
    second = story.somebody(Side.SELL, 65, product=NRML, symbol=NIFTY, after=0)  # and so does the stop's

    story.line.lie("gtts", _with_both_fired(second))
    story.wait(8)

    assert [row.filled for row in story.orders(Role.UNWIND)] == [65]
    assert "unwinding" in story.alarms()
    assert (story.position(NRML, NIFTY[1]), story.state()) == (0, State.CLOSED)


def _with_both_fired(child: str) -> Callable[[tuple[GttRow, ...]], tuple[GttRow, ...]]:
    def tell(rows: tuple[GttRow, ...]) -> tuple[GttRow, ...]:
        return tuple(
            replace(row, legs=(replace(row.legs[0], child_order_id=child), *row.legs[1:])) for row in rows
        )

    return tell


def test_h32_child_of_a_fired_oco_is_followed_until_it_fills(story: Story) -> None:
    """The GTT's stop fires, and the order it places does not fill.

    Must: watch that order and let it follow the market.
    Must never: take "triggered" for done.
    """
    a_held_oco(story)

    story.price("780", depth=0, after=4)
    assert (story.state(), story.position(CNC)) == (State.EXITING, 10)

    story.price("779", after=3)
    assert (story.state(), story.position(CNC)) == (State.CLOSED, 0)
    assert story.bracket.outcome is Outcome.STOP_HIT
    assert story.orders(Role.EXIT) == []  # the child is the only exit there ever was


def test_h33_refused_child_is_alarmed_and_tried_again_when_authorised(tell: Tell) -> None:
    """The order that the GTT places is refused: the sale is not authorised at the depository (TPIN).

    Must: say aloud what is missing, go on trying, and leave once it is authorised.
    Must never: be silent about it.
    Here: the link to authorise sales is the broker's; the alarm carries the broker's words.
    """
    story = tell(Setting(exchange=ExchangeSettings(demat_authorised=False)))
    bought = story.place(product="CNC")
    story.price("799", after=6)
    story.night()

    story.price("789", after=30)
    texts = " ".join(alarm.text for alarm in story.bracket.alarms)
    assert "TPIN" in texts
    assert story.needs_attention()
    assert story.position(CNC) == 10

    story.exchange.authorise_sales(story.account.id)
    story.wait(20)
    assert (story.again(bought).state, story.position(CNC)) == (State.CLOSED, 0)


@pytest.mark.parametrize("ending", [GttStatus.DISABLED, GttStatus.CANCELLED])
def test_h34_switched_off_oco_is_placed_again_as_it_was(story: Story, ending: GttStatus) -> None:
    """The broker disables or cancels the GTT (a corporate action, a price too near).

    Must: place it again with the plan's own prices where that is valid, and alarm.
    Must never: adjust prices in silence.
    """
    first = a_held_oco(story)

    story.exchange.cancel_gtt(story.account.id, first.trigger_id)
    story.line.lie("gtts", lambda rows: tuple(_ended(row, ending) for row in rows))
    story.wait(12)

    _, second = story.gtts()
    assert (second.status, second.legs) == (GttStatus.ACTIVE, first.legs)
    assert "oco_gone" in story.alarms()
    assert story.state() is State.PROTECTED


def _ended(row: GttRow, ending: GttStatus) -> GttRow:
    return replace(row, status=ending) if row.status is GttStatus.DELETED else row


def test_h35_oco_is_renewed_before_it_runs_out(story: Story) -> None:
    """A GTT expires, as it does after a year.

    Must: place it anew 30 days before, after a close and one at a time, and say so.
    Must never: learn of it by finding it gone.
    """
    first = a_held_oco(story)
    assert first.expires_at is not None

    story.evening()
    story.at("16:00", days=(first.expires_at - story.world.now()).days - 31)
    story.exchange.end_of_day()
    story.wait(30)
    assert [gtt.status for gtt in story.gtts()] == [GttStatus.ACTIVE]
    story.at("16:00", days=2)
    story.wait(30)

    old, new = story.gtts()
    assert (old.status, new.status, new.legs) == (GttStatus.DELETED, GttStatus.ACTIVE, first.legs)
    assert "oco_renewed" in story.alarms()
    assert story.state() is State.PROTECTED


def test_h36_oco_that_fired_while_we_were_down_is_found_first(story: Story) -> None:
    """The GTT fires while the service is down.

    Must: find the order it placed by the trigger's id before anything else.
    Must never: place another exit.
    """
    a_held_oco(story)
    story.kill()

    story.price("789", after=60)
    story.restart()
    story.wait(5)

    assert (story.state(), story.bracket.outcome) == (State.CLOSED, Outcome.STOP_HIT)
    assert story.orders(Role.EXIT) == []
    assert len(story.gtts()) == 1


def test_h37_trigger_that_the_broker_missed_is_deleted_first_and_left_by_hand(story: Story) -> None:
    """The price is beyond the GTT's trigger for seconds, and the GTT is still active.

    Must: delete it, wait until that is confirmed, then leave at the market.
    Must never: wait for it.
    """
    a_held_oco(story)
    story.line.lie("quotes", _fallen_to("788"))
    story.price("800", after=15)

    (gtt,) = story.gtts()
    (exit_order,) = story.orders(Role.EXIT)
    assert (gtt.status, exit_order.status) == (GttStatus.DELETED, RowStatus.FILLED)
    assert story.diary.most_exits == 1
    assert [leg.kind for leg in story.legs(story.bracket)] == [LegKind.GTT, LegKind.ORDER]
    assert (story.state(), story.position(CNC)) == (State.CLOSED, 0)


def _fallen_to(last: str) -> Callable[[dict[Symbol, Quote]], dict[Symbol, Quote]]:
    price = D(last)

    def tell(quotes: dict[Symbol, Quote]) -> dict[Symbol, Quote]:
        return {key: replace(quote, last=price, bid=price, ask=price) for key, quote in quotes.items()}

    return tell
