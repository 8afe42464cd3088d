"""A native bracket: its exits are the broker's, followed while right and replaced when they are not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.account_picture import is_evidence
from services.bracket.events import (
    BracketModified,
    CancelRequested,
    ChangeAcknowledged,
    ChangeIntended,
    EntryEnded,
    Event,
    ExitAdopted,
    ExitBegan,
    ExitRequested,
    ExitRestored,
    ExitsProvedAbsent,
    HandedOver,
    LegAcknowledged,
    LegBecameUnknown,
    LegExpired,
    LegIntended,
    LegMissed,
    TrailMoved,
)
from services.bracket.lifecycle import reconcile
from services.bracket.model import (
    ChangeKind,
    EntryTerms,
    ExitReason,
    IfFilled,
    LegKind,
    LegStatus,
    OrderType,
    Outcome,
    Policies,
    PriceMode,
    PriceSpec,
    Product,
    Purpose,
    Role,
    Side,
    State,
    TargetTerms,
    Topology,
    Trail,
)
from services.bracket.observation import Read, Seen, Timing, TradingSession
from services.bracket.quantities import net
from services.bracket.quiet import quiet_band
from services.cadence import Urgency, needs_of
from tests.builders import capabilities, rupees
from tests.unit.driver import CANCELLED, FILLED, OPEN, REJECTED, TOMORROW, a_quote, a_standing, commands, only
from tests.unit.native_broker import HELD, STOP, TARGET, NativeBroker

D = Decimal


def cancels(events: Iterable[Event]) -> set[int]:
    """Return the legs that are asked to be cancelled."""
    kinds = [event for event in events if isinstance(event, ChangeIntended)]
    return {event.seq for event in kinds if event.kind is ChangeKind.CANCEL}


def bare_read(broker: NativeBroker) -> list[Event]:
    """Look at the order book alone: trades and positions were not read."""
    driver = broker.driver
    driver.seconds += 0.5
    return driver.look(read=Read(started=driver.now, orders=tuple(driver.rows.values())))


def gone(broker: NativeBroker, *purposes: Purpose) -> list[Event]:
    """Let the book show exits as cancelled, and look."""
    for purpose in purposes:
        broker.show(purpose, CANCELLED)
    return broker.driver.read(after=0.5)


# --- the entry, and what it brings


def test_the_entry_carries_its_stop_and_its_target() -> None:
    broker = NativeBroker()

    entry = only(broker.driver.look(), LegIntended)

    assert (entry.role, entry.terms.is_native) == (Role.ENTRY, True)
    assert (entry.terms.stop_trigger, entry.terms.stop_limit) == (D("490.00"), D("485.10"))
    assert entry.terms.target_price == D("520.00")


def test_a_market_entry_counts_its_exits_from_the_price_it_is_expected_to_fill_at() -> None:
    broker = NativeBroker(
        entry=EntryTerms(order_type=OrderType.MARKET, expected_price=D("501.00")),
        stop=PriceSpec(mode=PriceMode.POINTS, value=D(10)),
        targets=(TargetTerms(price=PriceSpec(mode=PriceMode.PERCENT, value=D(4)), quantity=100),),
    )

    terms = only(broker.driver.look(), LegIntended).terms

    assert (terms.stop_trigger, terms.target_price) == (D("491.00"), D("521.00"))


def test_exits_become_legs_when_the_book_first_shows_them() -> None:
    broker = NativeBroker()

    events = broker.enter()

    adopted = [event for event in events if isinstance(event, ExitAdopted)]
    assert [(one.parent, one.purpose) for one in adopted] == [(1, STOP), (1, TARGET)]
    assert not commands(events)
    assert broker.driver.state is State.PROTECTED


def test_exits_that_wait_for_the_entry_are_neither_stuck_nor_evidence() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.show_both(HELD)
    broker.driver.accept(1)
    broker.driver.read(after=30)

    assert broker.driver.state is State.ENTRY_OPEN
    bracket = broker.driver.bracket
    read = Read(started=broker.driver.now, position_agrees=True)
    assert "unknown_leg" not in broker.driver.alarms
    assert not needs_of(bracket).evidence
    assert not is_evidence(bracket, read, None, timing=Timing())


def test_the_target_alone_protects_nothing() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.show(TARGET)
    broker.show(STOP, HELD)
    broker.driver.accept(1, FILLED)
    broker.driver.quote = None

    broker.driver.read(after=3)

    assert broker.driver.state is State.PROTECTING
    assert "unprotected" in broker.driver.alarms


def test_two_exits_at_work_cover_what_one_of_them_covers() -> None:
    broker = NativeBroker()
    broker.driver.quote = a_quote("520.00")
    broker.enter(quantity=60)

    assert broker.driver.bracket.naked is not None
    assert broker.driver.bracket.naked.quantity == 40


def test_a_resting_target_is_no_exit_that_began() -> None:
    broker = NativeBroker()

    events = broker.enter(filled=40)

    assert not commands(events)
    assert broker.driver.state is State.PROTECTED_PARTIAL


def test_a_protected_native_bracket_waits_in_calm() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.driver.read(after=3)
    bracket = broker.driver.bracket
    band = quiet_band(bracket)

    assert needs_of(bracket).urgency is Urgency.CALM
    assert not needs_of(bracket).price
    assert band is not None
    assert (band.low, band.high) == (D("490.00"), D("520.00"))
    seen = Seen(session=broker.driver.session, quote=broker.driver.quote)
    assert reconcile(bracket, seen, broker.driver.now, timing=Timing()).next_look is None


def test_before_the_average_price_is_told_no_band_is_quiet() -> None:
    broker = NativeBroker(
        entry=EntryTerms(order_type=OrderType.MARKET, expected_price=D("500.00")),
        stop=PriceSpec(mode=PriceMode.POINTS, value=D(10)),
        targets=(TargetTerms(price=PriceSpec(mode=PriceMode.POINTS, value=D(20)), quantity=100),),
    )
    broker.driver.look()
    broker.show_both()

    broker.driver.accept(1, FILLED, average_price=None)

    assert broker.driver.state is State.PROTECTED
    assert quiet_band(broker.driver.bracket) is None


# --- the entry fills in parts


def test_exits_held_back_end_the_entry_after_three_seconds() -> None:
    broker = NativeBroker()
    broker.enter(filled=40, held=True)
    assert not commands(broker.driver.read(after=2))

    events = broker.driver.read(after=1.5)

    assert only(events, EntryEnded).code == "exits_held_back"
    assert cancels(events) == {1}
    assert "exits_held_back" in broker.driver.alarms


def test_exits_that_the_broker_arms_for_what_filled_protect_it() -> None:
    broker = NativeBroker()
    broker.enter(filled=40, held=True)
    broker.driver.read(after=3.5)
    broker.driver.show(1, CANCELLED, filled=40)
    broker.show_both(quantity=40)

    events = broker.driver.read(after=0.5) + broker.later()

    assert not commands(events)
    assert broker.driver.state is State.PROTECTED


def test_exits_still_held_when_the_entry_is_over_give_way_to_a_stop_of_ours() -> None:
    broker = NativeBroker()
    broker.enter(filled=40, held=True)
    broker.driver.read(after=3.5)
    broker.driver.show(1, CANCELLED, filled=40)
    assert not commands(broker.driver.read(after=0.5))

    assert cancels(broker.later()) == {2, 3}
    stop = only(gone(broker, STOP, TARGET), LegIntended)

    assert (stop.purpose, stop.terms.quantity, stop.terms.trigger_price) == (STOP, 40, D("490.00"))


@pytest.mark.parametrize("word", ["restore", "respect"])
def test_exits_that_died_with_the_entrys_rest_are_replaced_at_once(word: str) -> None:
    """It was us who ended the entry: nobody's hand is in it, and nothing has to be accounted for."""
    broker = NativeBroker(policies=Policies(on_manual_change=word))
    broker.enter(filled=40, held=True)
    broker.driver.read(after=3.5)
    broker.driver.show(1, CANCELLED, filled=40)
    for purpose in (STOP, TARGET):
        broker.show(purpose, CANCELLED)

    stop = only(bare_read(broker), LegIntended)

    assert (stop.purpose, stop.terms.quantity) == (STOP, 40)


def test_exits_that_went_at_somebodys_hand_are_replaced_once_the_shares_are_accounted_for() -> None:
    broker = NativeBroker()
    broker.enter()
    for purpose in (STOP, TARGET):
        broker.show(purpose, CANCELLED)

    assert not commands(bare_read(broker))
    assert only(broker.driver.read(after=1), LegIntended).purpose is STOP


def test_a_stop_that_takes_over_has_t2_to_itself() -> None:
    broker = NativeBroker()
    broker.enter(held=True)
    broker.later()
    broker.driver.read(after=6)
    stop = only(gone(broker, STOP, TARGET), LegIntended)
    broker.driver.answer(LegAcknowledged(seq=stop.seq, broker_order_id="O4"))

    broker.driver.look(after=3)
    early = broker.driver.state
    broker.driver.look(after=7.5)

    assert (early, broker.driver.state) == (State.PROTECTING, State.EMERGENCY)


def test_t2_still_ends_what_stays_unprotected() -> None:
    broker = NativeBroker()
    broker.enter(held=True)

    broker.driver.look(after=10.5)

    assert broker.driver.state is State.EMERGENCY


def test_exits_go_with_an_entry_that_ended_unfilled() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.show_both(HELD)
    broker.driver.accept(1)
    broker.driver.ask(CancelRequested(if_filled=None, by="user"))
    broker.driver.show(1, CANCELLED)

    assert cancels(broker.driver.read(after=0.5)) == {2, 3}
    gone(broker, STOP, TARGET)

    assert broker.driver.state is State.CANCELLED


# --- levels


def test_exits_are_moved_to_the_average_fill() -> None:
    broker = NativeBroker(stop=PriceSpec(mode=PriceMode.POINTS, value=D(10)))

    broker.driver.look()
    broker.show_both()
    events = broker.driver.accept(1, FILLED, average_price=D("499.00"))

    change = only(events, ChangeIntended)
    assert change.terms is not None
    assert (change.seq, change.terms.trigger_price) == (2, D("489.00"))


def test_the_brokers_new_quantity_is_no_persons_change() -> None:
    broker = NativeBroker(stop=PriceSpec(mode=PriceMode.POINTS, value=D(10)))
    broker.enter(filled=40)
    broker.driver.show(1, OPEN, filled=60, average_price=D("499.00"))
    broker.show_both(quantity=60)

    change = only(broker.driver.read(after=0.5), ChangeIntended)

    assert change.terms is not None
    assert (change.terms.trigger_price, change.terms.quantity) == (D("489.00"), 60)
    assert "exit_touched" not in broker.driver.alarms


def test_trailing_moves_the_stop_and_leaves_the_target() -> None:
    broker = NativeBroker(trail=Trail(distance=rupees("10.00")))
    broker.enter()
    broker.driver.read(after=3)

    events = broker.driver.price("505.00", after=3)
    only(events, TrailMoved)
    change = only(events, ChangeIntended)
    broker.driver.answer(ChangeAcknowledged(seq=change.seq))
    broker.show(STOP)
    broker.driver.read(after=0.5)

    assert change.terms is not None
    assert (change.seq, change.terms.trigger_price) == (2, D("495.00"))
    assert broker.leg(STOP).change is None


def test_a_change_is_done_whatever_quantity_the_broker_shows_beside_it() -> None:
    broker = NativeBroker()
    broker.enter(filled=40)
    broker.driver.ask(BracketModified(by="user", stop=rupees("492.00")))
    broker.driver.answer(ChangeAcknowledged(seq=2))
    broker.driver.show(1, OPEN, filled=60)
    broker.show_both(quantity=60)

    broker.driver.read(after=0.5)

    assert broker.leg(STOP).change is None


def test_a_persons_new_target_moves_the_target_alone() -> None:
    broker = NativeBroker()
    broker.enter()

    change = only(
        broker.driver.ask(BracketModified(by="user", targets=(rupees("515.00"),))),
        ChangeIntended,
    )

    assert change.terms is not None
    assert (change.seq, change.terms.price) == (3, D("515.00"))


def test_a_stop_without_a_limit_is_moved_by_its_trigger() -> None:
    broker = NativeBroker()
    broker.enter(price=None)

    change = only(broker.driver.ask(BracketModified(by="user", stop=rupees("492.00"))), ChangeIntended)

    assert change.terms is not None
    assert (change.terms.trigger_price, change.terms.price) == (D("492.00"), None)


def test_near_the_modification_cap_the_pair_gives_way_to_a_stop_of_ours() -> None:
    broker = NativeBroker(trail=Trail(distance=rupees("2.00")))
    broker.enter()
    broker.driver.read(after=3)
    level = 500
    while broker.leg(STOP).modifications < 15:
        level += 1
        broker.driver.price(f"{level}.00", after=3)
        while broker.leg(STOP).change is not None:
            broker.driver.answer(ChangeAcknowledged(seq=2))
            broker.show(STOP)
            broker.driver.read(after=0.5)

    events = broker.driver.price(f"{level + 2}.00", after=3)

    assert cancels(events) == {2, 3}
    assert "rotating" in broker.driver.alarms


# --- other hands


def test_h20_a_persons_change_is_put_back_once() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(STOP, trigger_price=D("470.00"), price=D("465.00"))
    change = only(broker.driver.read(after=0.5), ChangeIntended)
    broker.driver.answer(ChangeAcknowledged(seq=2))
    broker.show(STOP)
    broker.driver.read(after=0.5)
    broker.show(STOP, trigger_price=D("470.00"), price=D("465.00"))

    again = broker.driver.read(after=0.5)

    assert change.terms is not None
    assert change.terms.trigger_price == D("490.00")
    assert not commands(again)
    assert broker.driver.needs_attention


@pytest.mark.parametrize("purpose", [STOP, TARGET])
def test_h20_a_persons_cancel_is_answered_by_a_stop_of_ours(purpose: Purpose) -> None:
    broker = NativeBroker()
    broker.enter()
    assert not commands(gone(broker, purpose))

    events = broker.later()
    other = TARGET if purpose is STOP else STOP

    assert only(events, ExitRestored).seq == broker.leg(purpose).seq
    assert cancels(events) == {broker.leg(other).seq}
    assert only(gone(broker, other), LegIntended).purpose is STOP


def test_h20_a_cancel_of_both_is_answered_by_a_stop_of_ours() -> None:
    broker = NativeBroker()
    broker.enter()

    events = gone(broker, STOP, TARGET)

    only(events, ExitRestored)
    assert only(events, LegIntended).purpose is STOP


def test_h20_a_persons_cancel_is_respected_where_asked() -> None:
    broker = NativeBroker(policies=Policies(on_manual_change="respect"))
    broker.enter()
    gone(broker, STOP)

    events = [*broker.later(), *broker.driver.read(after=15)]

    assert not commands(events)
    assert broker.driver.needs_attention
    assert broker.driver.bracket.exit_reason is None
    assert not needs_of(broker.driver.bracket).evidence or broker.driver.state is State.PROTECTING


def test_h19_shares_closed_by_hand_take_the_exits_with_them() -> None:
    broker = NativeBroker()
    broker.enter()

    events = broker.driver.read(after=3, standing=a_standing(external=100))
    gone(broker, STOP, TARGET)

    assert cancels(events) == {2, 3}
    assert broker.driver.state is State.CLOSED


def test_h21_shares_closed_in_part_are_held_by_a_stop_of_ours() -> None:
    broker = NativeBroker()
    broker.enter()

    assert cancels(broker.driver.read(after=3, standing=a_standing(external=30))) == {2, 3}
    stop = only(gone(broker, STOP, TARGET), LegIntended)

    assert (stop.purpose, stop.terms.quantity) == (STOP, 70)


# --- what the broker does with them


def test_a_dead_exit_takes_the_other_with_it() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(STOP, REJECTED, reason="margin")
    assert not commands(broker.driver.read(after=0.5))

    assert cancels(broker.later()) == {3}
    stop = only(gone(broker, TARGET), LegIntended)

    assert (stop.purpose, stop.terms.quantity) == (STOP, 100)
    assert broker.driver.bracket.exit_reason is None


def test_exits_that_cover_too_little_are_replaced_when_a_later_read_says_so_too() -> None:
    broker = NativeBroker()
    broker.enter(quantity=60)

    assert not commands(broker.driver.read(after=1))
    assert cancels(broker.later()) == {2, 3}


def test_exits_that_cover_too_much_are_looked_at_again_soon() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.driver.read(after=3)
    calm = needs_of(broker.driver.bracket).urgency
    broker.show_both(quantity=110)
    broker.driver.read(after=0.5)

    assert (calm, needs_of(broker.driver.bracket).urgency) == (Urgency.CALM, Urgency.UNSETTLED)


def test_exits_put_right_by_the_next_read_stay() -> None:
    broker = NativeBroker()
    broker.enter(quantity=60)
    broker.show_both(quantity=100)

    assert not commands([*broker.driver.read(after=1), *broker.later()])
    assert broker.driver.state is State.PROTECTED


def test_no_exit_of_ours_before_both_are_gone() -> None:
    broker = NativeBroker()
    broker.enter(quantity=60)
    broker.later()

    assert not commands(gone(broker, STOP))
    assert only(gone(broker, TARGET), LegIntended).purpose is STOP


def test_the_targets_part_fill_leaves_the_rest_to_the_stop_that_was_reduced() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(TARGET, OPEN, filled=40)
    broker.show(STOP, quantity=60)

    events = [*broker.driver.read(after=0.5), *broker.later()]

    assert not commands(events)
    assert (broker.driver.state, net(broker.driver.bracket)) == (State.PROTECTED, 60)


@pytest.mark.parametrize("word", ["restore", "respect"])
def test_a_stop_that_was_cancelled_by_the_targets_part_fill_is_replaced(word: str) -> None:
    broker = NativeBroker(policies=Policies(on_manual_change=word))
    broker.enter()
    broker.show(TARGET, OPEN, filled=40)
    gone(broker, STOP)

    assert cancels(broker.later()) == {3}
    broker.show(TARGET, CANCELLED, filled=40)
    stop = only(broker.driver.read(after=0.5), LegIntended)

    assert (stop.purpose, stop.terms.quantity) == (STOP, 60)


def test_the_target_fills_and_the_stop_goes() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(TARGET, FILLED)

    assert not commands(gone(broker, STOP))
    assert (broker.driver.state, broker.driver.bracket.outcome) == (State.CLOSED, Outcome.TARGET_HIT)


def test_the_stop_fills_and_the_target_goes() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(STOP, FILLED)

    gone(broker, TARGET)

    assert (broker.driver.state, broker.driver.bracket.outcome) == (State.CLOSED, Outcome.STOP_HIT)


def test_h24_both_filled_is_bought_back() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.show(STOP, FILLED)
    broker.show(TARGET, FILLED)

    unwind = only(broker.driver.read(after=0.5), LegIntended)

    assert (unwind.role, unwind.side, unwind.terms.quantity) == (Role.UNWIND, Side.BUY, 100)
    assert broker.driver.state is State.UNWINDING
    assert "unwinding" in broker.driver.alarms


# --- leaving


def test_leaving_takes_both_away_and_then_sends_one_marketable_order() -> None:
    broker = NativeBroker()
    broker.enter()

    events = broker.driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))
    assert cancels(events) == {2, 3}
    assert not commands(gone(broker, TARGET))
    out = only(gone(broker, STOP), LegIntended)

    assert (out.purpose, out.terms.quantity) == (Purpose.MARKETABLE, 100)


def test_h32_a_stop_that_fires_and_does_not_fill_is_followed_by_the_ladder() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.driver.quote = a_quote("489.00", bid="")
    broker.show(STOP, OPEN)
    fired = broker.driver.read(after=0.5)
    assert only(fired, ExitBegan).reason is ExitReason.STOP_HIT
    assert not commands(fired)

    assert cancels(broker.driver.read(after=2.5)) == {2, 3}
    out = only(gone(broker, STOP, TARGET), LegIntended)

    assert (out.purpose, broker.driver.state) == (Purpose.MARKETABLE, State.EXITING)


def test_h37_a_stop_that_the_broker_does_not_fire_is_replaced() -> None:
    broker = NativeBroker()
    broker.enter()
    broker.driver.price("489.00")

    events = broker.driver.look(after=5.5)

    assert only(events, ExitBegan).reason is ExitReason.STOP_HIT
    assert cancels(events) == {2, 3}


@pytest.mark.parametrize("takes_exits", [True, False])
def test_a_hand_over_takes_the_exits_away_only_when_asked(takes_exits: bool) -> None:
    broker = NativeBroker()
    broker.enter()

    events = broker.driver.ask(HandedOver(by="user", cancel_exits=takes_exits))
    if takes_exits:
        gone(broker, STOP, TARGET)

    assert cancels(events) == ({2, 3} if takes_exits else set())
    assert broker.driver.state is State.HANDED_OVER


def test_a_cancel_that_keeps_exits_keeps_those_of_the_broker() -> None:
    broker = NativeBroker()
    broker.enter(filled=40)

    assert cancels(broker.driver.ask(CancelRequested(if_filled=IfFilled.KEEP_EXITS, by="user"))) == {1}
    broker.driver.show(1, CANCELLED, filled=40)
    broker.driver.read(after=0.5)

    assert broker.driver.state is State.PROTECTED


# --- what no book shows


def test_exits_that_nobody_sees_are_not_replaced_before_their_absence_is_proved() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.accept(1, FILLED)
    for _ in range(4):
        assert not commands(broker.driver.read(after=2))

    events = [event for _ in range(4) for event in broker.driver.read(after=1.5)]

    only(events, ExitsProvedAbsent)
    assert only(events, LegIntended).purpose is STOP


def test_h10_a_market_through_a_stop_that_nobody_sees_is_left_to_the_broker_at_first() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.quote = a_quote("489.00")

    broker.driver.accept(1, FILLED)

    assert broker.driver.bracket.exit_reason is None


def test_a_hand_over_waits_for_exits_that_nobody_sees() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.accept(1, FILLED)
    broker.driver.ask(HandedOver(by="user", cancel_exits=True))
    waiting = broker.driver.state
    broker.show_both()

    assert cancels(broker.driver.read(after=0.5)) == {2, 3}
    gone(broker, STOP, TARGET)

    assert (waiting, broker.driver.state) == (State.EXITING, State.HANDED_OVER)


def test_exits_that_nobody_sees_are_not_proved_absent_while_the_position_does_not_agree() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.accept(1, FILLED)

    events = [
        event for _ in range(9) for event in broker.driver.read(after=2, standing=a_standing(agrees=False))
    ]

    assert not [event for event in events if isinstance(event, ExitsProvedAbsent | LegIntended)]


def test_r2_exits_that_nobody_saw_are_over_with_their_day() -> None:
    broker = NativeBroker(product=Product.NRML)
    broker.driver.look()
    broker.driver.accept(1, FILLED)
    broker.driver.rows.clear()
    broker.driver.session = TradingSession(id=TOMORROW)

    events = broker.driver.read(after=60)

    only(events, ExitsProvedAbsent)
    assert only(events, LegIntended).purpose is STOP


def test_r2_exits_that_may_outlive_the_day_are_believed_gone_only_slowly() -> None:
    broker = NativeBroker(product=Product.NRML, survives_day=True)
    broker.enter()
    broker.driver.rows.clear()
    broker.driver.session = TradingSession(id=TOMORROW)

    events = broker.driver.read(after=60)

    assert not [event for event in events if isinstance(event, LegExpired | LegIntended)]


def test_an_exit_that_shows_up_beside_ours_is_taken_away() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.accept(1, FILLED)
    for _ in range(9):
        broker.driver.read(after=1.5)
    broker.show(STOP)

    events = broker.driver.read(after=0.5)

    assert cancels(events) == {3}
    assert "double_exit" in broker.driver.alarms


def test_an_exit_that_vanishes_from_the_list_is_believed_gone_only_slowly() -> None:
    broker = NativeBroker()
    broker.enter()
    del broker.driver.rows["O1-stop"]

    early = [event for _ in range(4) for event in broker.driver.read(after=2)]
    late = [event for _ in range(3) for event in broker.driver.read(after=2)]

    assert len([event for event in early if isinstance(event, LegMissed)]) == 4
    assert not commands(early)
    assert only(late, LegExpired).seq == 2


def test_an_exit_that_was_shown_again_is_missed_no_more() -> None:
    broker = NativeBroker()
    broker.enter()
    row = broker.driver.rows.pop("O1-stop")
    broker.driver.read(after=2)
    broker.driver.read(after=2)
    broker.driver.rows["O1-stop"] = row
    broker.driver.read(after=2)

    assert (broker.leg(STOP).missed_reads, broker.leg(STOP).missed_since) == (0, None)


def test_an_entry_without_an_answer_is_found_by_its_tag_with_its_exits() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both()
    broker.driver.show(1, FILLED)

    broker.driver.read(after=0.5)

    assert broker.driver.state is State.PROTECTED


def test_an_entry_that_the_broker_does_not_tag_is_found_by_its_content() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both()
    broker.driver.show(1, FILLED, tag=None)

    broker.driver.read(after=0.5)

    assert broker.driver.leg(1).broker_order_id == "O1"
    assert broker.driver.state is State.PROTECTED


def test_two_bracket_orders_that_may_be_ours_are_left_to_a_person_and_neither_is_absent() -> None:
    broker = NativeBroker()
    driver = broker.driver
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both(HELD)
    driver.show(1, OPEN, tag=None)
    for key, row in tuple(driver.rows.items()):
        parent = None if row.parent_order_id is None else "P1"
        name = "P" + row.broker_order_id[1:]
        driver.rows[f"twin {key}"] = replace(row, broker_order_id=name, parent_order_id=parent)

    for _ in range(8):
        driver.read(after=4)

    assert driver.leg(1).status is LegStatus.UNKNOWN
    assert driver.needs_attention


@pytest.mark.parametrize(("field", "value"), [("quantity", 90), ("price", D("499.00"))])
def test_a_bracket_order_that_says_something_else_is_not_ours(field: str, value: object) -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both(HELD)
    broker.driver.show(1, OPEN, **{"tag": None, field: value})

    broker.driver.read(after=0.5)

    assert broker.driver.leg(1).broker_order_id is None


@pytest.mark.parametrize(("purpose", "field"), [(STOP, "trigger_price"), (TARGET, "price")])
def test_a_bracket_order_with_another_exit_is_not_ours(purpose: Purpose, field: str) -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both(HELD)
    broker.show(purpose, HELD, **{field: D("495.00")})
    broker.driver.show(1, OPEN, tag=None)

    broker.driver.read(after=0.5)

    assert broker.driver.leg(1).broker_order_id is None


def test_a_bracket_order_older_than_ours_is_not_ours() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    broker.show_both(HELD)
    broker.driver.show(1, OPEN, tag=None, updated_at=broker.driver.now.wall - timedelta(seconds=6))

    broker.driver.read(after=0.5)

    assert broker.driver.leg(1).broker_order_id is None


# --- days and deaths


def test_r2_in_the_morning_a_stop_of_ours_holds_what_the_days_exits_held() -> None:
    broker = NativeBroker(product=Product.NRML)
    broker.enter()
    broker.driver.rows.clear()
    broker.driver.session = TradingSession(id=TOMORROW)

    events = broker.driver.read(after=60)

    assert {event.seq for event in events if isinstance(event, LegExpired)} == {2, 3}
    assert only(events, LegIntended).purpose is STOP


def test_r2_where_the_second_choice_is_a_gtt_it_holds_after_the_close() -> None:
    able = capabilities(
        topologies={"CNC": Topology.NATIVE},
        fallbacks={"CNC": Topology.OCO},
        native_entry_types=frozenset({OrderType.LIMIT}),
    )
    broker = NativeBroker(product=Product.CNC, survives_day=True, capabilities=able)
    broker.enter()
    broker.driver.session = TradingSession(id=broker.driver.session.id, is_open=False)
    for purpose in (STOP, TARGET):
        broker.show(purpose, CANCELLED)

    intended = only(broker.driver.read(after=0.5), LegIntended)

    assert (intended.kind, intended.purpose) == (LegKind.GTT, Purpose.OCO)


@pytest.mark.parametrize("at", ["sent", "acked", "filled", "leaving", "gone"])
def test_f65_a_death_at_any_point_ends_the_same(at: str) -> None:
    broker = NativeBroker()
    driver = broker.driver
    driver.look()
    if at == "sent":
        driver.restart()
    else:
        driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))
    if at == "acked":
        driver.restart()
    broker.show_both()
    driver.show(1, FILLED)
    driver.read(after=0.5)
    if at == "filled":
        driver.restart()
        driver.read(after=0.5)
    assert driver.state is State.PROTECTED
    driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))
    if at == "leaving":
        driver.restart()
    first = gone(broker, STOP, TARGET)
    if at == "gone":
        driver.restart()
        driver.read(after=0.5)

    placed = [event for event, _ in driver.log if isinstance(event, LegIntended)]
    assert [one.purpose for one in placed] == [Purpose.ENTRY, Purpose.MARKETABLE]
    assert commands(first)
