"""The bracket from first to last: one topology, one side, one surprise at a time."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.bracket.events import (
    BracketFinished,
    CancelRequested,
    ChangeIntended,
    ChangeRefused,
    ExitRequested,
    HandedOver,
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegRefused,
    ProtectionCompleted,
    StateChanged,
)
from services.bracket.lifecycle import MOVES, IllegalMove, apply
from services.bracket.model import (
    ChangeKind,
    ExitReason,
    GttStatus,
    IfFilled,
    LegKind,
    OrderType,
    Outcome,
    Product,
    Purpose,
    RefusalKind,
    Role,
    Side,
    State,
    TargetTerms,
    Topology,
)
from tests.builders import a_bracket, a_moment, a_plan, rupees
from tests.unit.driver import (
    CANCELLED,
    FILLED,
    OPEN,
    REJECTED,
    WAITS,
    Driver,
    a_quote,
    a_standing,
    commands,
    only,
)


def a_short() -> Driver:
    plan = a_plan(
        side=Side.SELL,
        stop=rupees("510.00"),
        targets=(TargetTerms(price=rupees("480.00"), quantity=100),),
    )
    return Driver(plan)


def an_overnight() -> Driver:
    return Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))


def test_a_bracket_sends_its_entry_first_and_once() -> None:
    driver = Driver()

    sent = only(driver.look(), LegIntended)

    assert (sent.role, sent.side, sent.terms.quantity) == (Role.ENTRY, Side.BUY, 100)
    assert driver.state is State.ENTRY_PENDING
    assert not commands(driver.look(after=1))


def test_h01_partial_entry_fill_places_a_stop_for_the_filled_quantity_only() -> None:
    driver = Driver()

    stop = only(driver.enter(filled=40), LegIntended)

    assert (stop.role, stop.side, stop.terms.order_type) == (Role.EXIT, Side.SELL, OrderType.SL)
    assert (stop.terms.quantity, stop.terms.trigger_price) == (40, Decimal("490.00"))
    assert driver.state is State.PROTECTING


def test_h02_more_fills_grow_the_same_exit() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)

    grown = only(driver.read(after=0.5), ChangeIntended)

    assert (grown.seq, grown.terms and grown.terms.quantity) == (2, 100)


def test_a_protected_bracket_says_so_once() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    assert driver.state is State.PROTECTED_PARTIAL
    driver.show(1, FILLED)
    driver.read(after=0.5)

    completed = only(driver.changed(2), ProtectionCompleted)

    assert (completed.quantity, driver.state) == (100, State.PROTECTED)
    assert driver.bracket.naked is None


def test_a_stop_that_fills_closes_the_bracket_with_its_loss() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, FILLED, average_price=Decimal("489.50"), order_type=OrderType.LIMIT)

    ended = only(driver.read(after=1), BracketFinished)

    assert driver.state is State.CLOSED
    assert (ended.outcome, ended.profit) == (Outcome.STOP_HIT, Decimal("-1050.00"))


def test_the_target_is_reached_by_turning_the_stop_into_a_limit() -> None:
    driver = Driver()
    driver.protect()

    morph = only(driver.price("520.00"), ChangeIntended)

    assert (morph.seq, morph.purpose) == (2, Purpose.TARGET)
    assert morph.terms is not None
    assert (morph.terms.order_type, morph.terms.price) == (OrderType.LIMIT, Decimal("520.00"))
    driver.show(2, FILLED, average_price=Decimal("520.00"))
    assert only(driver.read(after=1), BracketFinished).outcome is Outcome.TARGET_HIT


@pytest.mark.parametrize(
    ("average_price", "outcome"),
    [("520.05", Outcome.TARGET_HIT), ("520.00", Outcome.TARGET_HIT), ("489.50", Outcome.STOP_HIT)],
)
def test_a_fill_in_a_row_with_the_terms_of_before_is_told_by_its_price(
    average_price: str, outcome: Outcome
) -> None:
    driver = Driver()
    driver.protect()
    stop = driver.leg(2).terms
    driver.price("520.00")

    driver.rows[driver.leg(2).tag] = driver.row(
        driver.leg(2), stop, status=FILLED, filled=100, average_price=Decimal(average_price)
    )

    assert only(driver.read(after=1), BracketFinished).outcome is outcome


def test_r7_without_a_bid_the_target_needs_a_price_two_ticks_through() -> None:
    driver = Driver()
    driver.protect()

    assert not commands(driver.price("520.05", bid=""))
    assert commands(driver.price("520.10", bid=""))


def test_h26_a_target_that_slips_away_becomes_a_stop_for_what_is_left() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00")
    driver.changed(2, OPEN, filled=30)

    back = only(driver.price("519.00", after=1), ChangeIntended)

    assert back.purpose is Purpose.STOP
    assert back.terms is not None
    assert (back.terms.order_type, back.terms.quantity) == (OrderType.SL, 100)


def test_r7_the_stop_becomes_a_target_three_times_at_most_thirty_seconds_apart() -> None:
    driver = Driver()
    driver.protect()
    for _ in range(3):
        assert only(driver.price("520.00", after=31), ChangeIntended).purpose is Purpose.TARGET
        driver.changed(2, OPEN)
        assert only(driver.price("515.00", after=1), ChangeIntended).purpose is Purpose.STOP
        driver.changed(2)
        assert not commands(driver.price("520.00", after=5))

    assert not commands(driver.price("520.00", after=60))


def test_a_refused_morph_leaves_the_stop_a_stop() -> None:

    driver = Driver()
    driver.protect()
    driver.price("520.00")

    driver.answer(ChangeRefused(seq=2, refusal=RefusalKind.UNCLASSIFIED, reason="try later"))

    assert driver.leg(2).purpose is Purpose.STOP
    assert driver.state is State.PROTECTED


def test_a_refused_morph_back_does_not_restart_the_pause_between_morphs() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00", after=31)
    driver.changed(2, OPEN)
    since = driver.leg(2).purpose_since
    driver.price("515.00", after=2)

    driver.answer(ChangeRefused(seq=2, refusal=RefusalKind.UNCLASSIFIED, reason="try later"))

    assert (driver.leg(2).purpose, driver.leg(2).purpose_since) == (Purpose.TARGET, since)


def test_a_morph_lost_in_a_crash_is_asked_for_again_within_seconds() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00")
    driver.restart()
    driver.look()

    looks = [driver.read(after=1) for _ in range(7)]

    again = [command for look in looks for command in commands(look)]
    assert len(again) == 1
    assert driver.leg(2).purpose is Purpose.TARGET


def test_the_mirror_of_a_long_is_a_short() -> None:
    driver = a_short()

    stop = only(driver.enter(), LegIntended)
    driver.accept(2, WAITS)
    morph = only(driver.price("480.00"), ChangeIntended)

    assert (stop.side, stop.terms.trigger_price) == (Side.BUY, Decimal("510.00"))
    assert stop.terms.price is not None
    assert stop.terms.price > Decimal("510.00")
    assert morph.terms is not None
    assert morph.terms.price == Decimal("480.00")


def test_several_targets_are_several_slices_the_farthest_filled_first() -> None:
    targets = (
        TargetTerms(price=rupees("510.00"), quantity=60),
        TargetTerms(price=rupees("520.00"), quantity=40),
    )
    driver = Driver(a_plan(targets=targets))

    placed = [one for one in driver.enter(filled=50) if isinstance(one, LegIntended)]

    assert {(one.slice, one.terms.quantity) for one in placed} == {(0, 10), (1, 40)}


def test_topology_b_holds_a_slice_by_the_brokers_own_oco() -> None:
    driver = an_overnight()

    oco = only(driver.enter(), LegIntended)

    assert (oco.kind, oco.purpose, oco.terms.quantity) == (LegKind.GTT, Purpose.OCO, 100)
    assert (oco.terms.trigger_price, oco.terms.target_trigger) == (Decimal("490.00"), Decimal("520.00"))


def test_h32_a_fired_gtt_is_not_done_its_child_is_watched() -> None:
    driver = an_overnight()
    driver.protect()
    driver.fire(2)
    driver.quote = a_quote("489.00")

    driver.read(after=1)

    child = driver.leg(3)
    assert (child.parent, child.broker_order_id, driver.state) == (2, "C1", State.EXITING)
    driver.show(3, OPEN)
    driver.read(after=0.5)
    climbing = only(driver.look(after=3), ChangeIntended)
    assert (climbing.seq, climbing.purpose) == (3, Purpose.MARKETABLE)


def test_h33_a_gtt_child_refused_by_the_risk_desk_is_an_emergency() -> None:
    driver = an_overnight()
    driver.protect()
    driver.fire(2)
    row = driver.gtts[driver.leg(2).tag]
    legs = (
        replace(row.legs[0], child_order_id=None, child_reason="no TPIN", child_refusal=RefusalKind.RMS),
        row.legs[1],
    )
    driver.gtts[driver.leg(2).tag] = replace(row, legs=legs)
    driver.quote = a_quote("489.00")

    out = only(driver.read(after=1), LegIntended)

    assert out.purpose is Purpose.MARKETABLE
    assert driver.bracket.exit_reason is ExitReason.EMERGENCY


def test_r9_exit_now_deletes_the_gtt_before_it_sends_an_order() -> None:
    driver = an_overnight()
    driver.protect()

    first = only(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user")), ChangeIntended)

    assert (first.kind, first.seq) == (ChangeKind.CANCEL, 2)
    assert not commands(driver.look(after=1))

    driver.show_gtt(2, GttStatus.DELETED)
    assert only(driver.read(after=1), LegIntended).purpose is Purpose.MARKETABLE


def test_r9_too_near_for_a_gtt_a_resting_stop_holds() -> None:
    driver = an_overnight()
    driver.quote = a_quote("490.50")

    stop = only(driver.enter(), LegIntended)

    assert (stop.kind, stop.purpose) == (LegKind.ORDER, Purpose.STOP)


def test_exit_now_turns_the_stop_into_a_marketable_limit() -> None:
    driver = Driver()
    driver.protect()

    out = only(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user")), ChangeIntended)

    assert (out.seq, out.purpose) == (2, Purpose.MARKETABLE)
    assert out.terms is not None
    assert out.terms.price == Decimal("499.50")
    assert driver.state is State.EXITING


def test_the_ladder_climbs_a_rung_every_two_seconds_to_the_edge_of_the_band() -> None:
    driver = Driver()
    driver.protect()
    driver.quote = a_quote("500.00", lower_band=Decimal("450.00"))
    driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))
    prices = []
    for _ in range(4):
        driver.changed(2, OPEN)
        terms = only(driver.look(after=1.5), ChangeIntended).terms
        prices.append(str(terms.price) if terms else "")

    assert prices == ["498.50", "497.00", "495.00", "490.00"]
    driver.changed(2, OPEN)
    edge = only(driver.look(after=1.5), ChangeIntended).terms
    assert edge is not None
    assert edge.price == Decimal("450.00")


def test_h18_at_the_edge_of_the_band_the_exit_rests_alarmed_and_is_not_naked() -> None:
    driver = Driver()
    driver.protect()
    driver.quote = a_quote("450.00", bid="", lower_band=Decimal("450.00"))
    driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user"))

    driver.changed(2, OPEN, price=Decimal("450.00"))

    assert "exiting_at_band" in driver.alarms
    assert driver.bracket.naked is None


def test_h05_a_fill_during_the_cancel_of_the_entry_is_protected() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)
    driver.ask(CancelRequested(if_filled=IfFilled.KEEP_EXITS, by="user"))
    driver.show(1, CANCELLED, filled=30)

    stop = only(driver.read(after=0.5), LegIntended)

    assert stop.terms.quantity == 30
    assert driver.state is State.PROTECTING


def test_h07_an_entry_refused_after_a_part_fill_is_not_rejected() -> None:
    driver = Driver()
    driver.enter(filled=30)

    driver.show(1, REJECTED, filled=30)
    driver.read(after=0.5)

    assert driver.state is State.PROTECTING


def test_h10_an_entry_filled_beyond_its_stop_leaves_at_once() -> None:
    driver = Driver()
    driver.quote = a_quote("489.00")

    out = only(driver.enter(), LegIntended)

    assert out.purpose is Purpose.MARKETABLE
    assert driver.state is State.EMERGENCY


def test_h11_an_entry_filled_beyond_its_target_gets_its_stop_first() -> None:
    driver = Driver()
    driver.quote = a_quote("521.00")

    stop = only(driver.enter(), LegIntended)
    morph = only(driver.accept(2, WAITS), ChangeIntended)

    assert stop.purpose is Purpose.STOP
    assert morph.purpose is Purpose.TARGET


def test_h13_a_stop_refused_for_margin_is_an_emergency_and_ends_the_entry() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.MARGIN, reason="no funds"))

    events = driver.look(after=0.1)

    assert driver.state is State.EMERGENCY
    kinds = {(command.seq, getattr(command, "purpose", None)) for command in commands(events)}
    assert kinds == {(1, None), (3, Purpose.MARKETABLE)}


def test_h14_a_curable_refusal_gets_one_corrected_form_each() -> None:
    driver = Driver()
    driver.enter()
    prices = [driver.leg(2).terms.price]
    for seq in (2, 3):
        driver.answer(LegRefused(seq=seq, refusal=RefusalKind.BAND, reason="too wide"))
        prices.append(only(driver.look(after=3), LegIntended).terms.price)
    driver.answer(LegRefused(seq=4, refusal=RefusalKind.BAND, reason="too wide"))
    driver.look(after=5)

    assert prices == [Decimal("485.10"), Decimal("487.55"), Decimal("489.90")]
    assert driver.bracket.exit_reason is ExitReason.EMERGENCY


def test_an_emergency_exit_refused_again_and_again_keeps_trying_and_calls_a_person() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.MARGIN, reason="no funds"))
    tries = 0
    for _ in range(60):
        for command in commands(driver.look(after=1)):
            tries += 1
            driver.answer(LegRefused(seq=command.seq, refusal=RefusalKind.RMS, reason="blocked"))

    assert 6 <= tries <= 15
    assert driver.needs_attention
    assert "unprotected" in driver.alarms


def test_h17_a_triggered_stop_that_does_not_fill_climbs_on_the_same_order() -> None:
    driver = Driver()
    driver.protect()
    driver.quote = a_quote("480.00")
    driver.show(2, OPEN, order_type=OrderType.LIMIT)
    driver.read(after=0.5)

    climbing = only(driver.look(after=2), ChangeIntended)

    assert (climbing.seq, climbing.purpose) == (2, Purpose.MARKETABLE)


def test_a_fired_stop_shown_as_a_limit_is_not_taken_for_a_persons_change() -> None:
    driver = Driver()
    driver.protect()
    driver.quote = a_quote("480.00")
    driver.show(2, OPEN, order_type=OrderType.LIMIT, trigger_price=None)
    driver.read(after=0.5)

    driver.look(after=2)

    assert driver.bracket.restored == 0
    assert "exit_touched" not in driver.alarms


def test_h37_a_stop_the_broker_does_not_fire_is_turned_marketable() -> None:
    driver = Driver()
    driver.protect()
    assert not commands(driver.price("489.00"))

    out = only(driver.look(after=6), ChangeIntended)

    assert (out.seq, out.purpose) == (2, Purpose.MARKETABLE)


def test_h44_one_stray_print_through_the_stop_closes_nothing() -> None:
    driver = Driver()
    driver.protect()

    driver.price("480.00", bid="500.00", ask="500.05")
    driver.look(after=10)

    assert driver.bracket.exit_reason is None


def test_h25_a_cancelled_exit_that_fills_after_the_end_is_bought_back() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, CANCELLED)
    driver.read(after=1)  # cancelled elsewhere: put back once
    driver.accept(3, FILLED)
    states = [driver.state]
    driver.show(2, FILLED)

    back = only(driver.read(after=5), LegIntended)

    assert (back.role, back.side, back.terms.quantity) == (Role.UNWIND, Side.BUY, 100)
    states.append(driver.state)
    assert {"revived", "unwinding"} <= driver.alarms
    driver.accept(4, FILLED)
    assert [*states, driver.state] == [State.CLOSED, State.UNWINDING, State.CLOSED]


def test_an_unwind_that_overshoots_is_held_by_an_exit_of_its_slice() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, FILLED, filled=120)
    driver.read(after=1)
    driver.accept(3, FILLED, filled=50)

    stop = driver.leg(4)
    assert stop.role is Role.EXIT
    assert stop.terms.quantity == 30


def test_two_live_exits_of_a_slice_become_one() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    for _ in range(4):
        driver.read(after=6)
    assert driver.leg(2).status == "absent"
    driver.accept(3, WAITS)
    driver.show(2, WAITS)  # it had arrived after all

    cancel = only(driver.read(after=1), ChangeIntended)

    assert (cancel.kind, cancel.seq) == (ChangeKind.CANCEL, 3)
    assert "double_exit" in driver.alarms


def test_r6_what_others_closed_shrinks_the_exit_and_closes_the_bracket() -> None:
    driver = Driver()
    driver.protect()

    shrunk = only(driver.read(after=1, standing=a_standing(external=40)), ChangeIntended)
    assert shrunk.terms is not None
    assert shrunk.terms.quantity == 60
    driver.changed(2)
    driver.read(after=1, standing=a_standing(external=100))
    driver.show(2, CANCELLED)
    ended = only(driver.read(after=1, standing=a_standing(external=100)), BracketFinished)

    assert driver.state is State.CLOSED
    assert ended.profit is None


def test_a_stop_that_sold_what_a_hand_had_closed_already_is_bought_back() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, FILLED)
    driver.read(after=1)

    back = only(driver.read(after=5, standing=a_standing(external=40)), LegIntended)

    assert (back.role, back.terms.quantity) == (Role.UNWIND, 40)
    assert driver.state is State.UNWINDING
    assert "unwinding" in driver.alarms


def test_r6_a_smaller_position_without_a_trade_keeps_the_stop_and_calls() -> None:
    driver = Driver()
    driver.protect()

    events = driver.read(after=1, standing=a_standing(shortfall=100, agrees=False))

    assert not commands(events)
    assert driver.needs_attention
    assert driver.state is State.PROTECTED


def test_h20_a_cancelled_exit_is_put_back_once_then_a_person_is_called() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, CANCELLED)
    assert only(driver.read(after=1), LegIntended).purpose is Purpose.STOP
    driver.accept(3, WAITS)
    driver.show(3, CANCELLED)

    events = driver.read(after=1)

    assert not commands(events)
    assert driver.needs_attention
    driver.look(after=30)
    assert driver.bracket.exit_reason is None
    assert "unprotected" in driver.alarms


def test_h56_a_cancel_with_exit_leaves_at_the_market_once_something_filled() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)

    events = driver.ask(CancelRequested(if_filled=IfFilled.EXIT, by="user"))

    kinds = {(command.seq, getattr(command, "kind", None)) for command in commands(events)}
    assert kinds == {(1, ChangeKind.CANCEL), (2, ChangeKind.MODIFY)}
    assert driver.bracket.exit_reason is ExitReason.CANCELLED


def test_a_cancel_with_exit_before_any_fill_ends_cancelled() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)
    driver.ask(CancelRequested(if_filled=IfFilled.EXIT, by="user"))
    driver.show(1, CANCELLED)

    driver.read(after=0.5)

    assert driver.state is State.CANCELLED


def test_h57_exit_now_during_a_morph_waits_for_that_modify() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00")

    assert not commands(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user")))
    out = only(driver.changed(2, OPEN, price=Decimal("520.00")), ChangeIntended)

    assert out.purpose is Purpose.MARKETABLE


@pytest.mark.parametrize("cancel_exits", [True, False])
def test_r14_a_hand_over_leaves_or_cancels_the_exits_as_asked(cancel_exits: bool) -> None:
    driver = Driver()
    driver.protect()

    events = driver.ask(HandedOver(by="user", cancel_exits=cancel_exits))

    assert bool(commands(events)) is cancel_exits
    if cancel_exits:
        driver.show(2, CANCELLED)
        driver.read(after=1)
    assert driver.state is State.HANDED_OVER
    assert driver.bracket.naked is None or not commands(driver.look(after=60))


def test_a_crash_after_the_stop_was_stored_asks_by_tag_and_never_resends() -> None:
    driver = Driver()
    driver.enter()
    driver.restart()

    assert not commands(driver.look())
    assert driver.leg(2).status == "unknown"
    driver.show(2, WAITS)
    driver.read(after=1)
    assert driver.state is State.PROTECTED


def test_exits_outlive_a_restart_and_a_night_without_an_age_limit() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.TICK, reason="tick"))
    driver.restart(after=3600)

    assert only(driver.look(), LegIntended).role is Role.EXIT


def test_a_time_exit_leaves_at_its_minute() -> None:
    plan = a_plan(exit_at=a_moment(60).wall)
    driver = Driver(plan)
    driver.protect()

    assert not commands(driver.look(after=10))
    assert only(driver.look(after=60), ChangeIntended).purpose is Purpose.MARKETABLE
    assert driver.bracket.exit_reason is ExitReason.TIME_EXIT


def test_an_unknown_entry_whose_fill_is_seen_is_protected() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    driver.show(1, OPEN, filled=20)

    stop = only(driver.read(after=0.5), LegIntended)

    assert stop.terms.quantity == 20


def test_the_broker_filling_more_than_was_asked_is_protected_too() -> None:
    driver = Driver()

    stop = only(driver.enter(filled=101), LegIntended)

    assert stop.terms.quantity == 101


def test_apply_refuses_a_move_the_table_does_not_have() -> None:
    bracket = a_bracket(state=State.PROTECTED)

    with pytest.raises(IllegalMove):
        apply(bracket, StateChanged(old=State.PROTECTED, new=State.RECEIVED, on=""), a_moment())


def test_every_state_can_be_reached_and_only_the_end_has_no_way_out() -> None:
    reached = {new for moves in MOVES.values() for new in moves}

    assert reached | {State.RECEIVED} == set(State)
    assert set(MOVES) == set(State)


def test_acks_and_answers_that_come_after_the_book_change_nothing() -> None:
    driver = Driver()
    driver.look()
    driver.show(1, FILLED)
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    driver.read(after=0.5)

    driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))

    assert driver.leg(1).status == "filled"


def test_a_closed_bracket_cannot_be_handed_over() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegRefused(seq=1, refusal=RefusalKind.MARGIN, reason="no funds"))
    driver.look()

    driver.ask(HandedOver(by="user", cancel_exits=False))

    assert driver.state is State.REJECTED
