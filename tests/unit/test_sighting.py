"""What rows prove: the row rule, the absence rule, triggers without tags, the end of a day."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.bracket.events import (
    ChangeBecameUnknown,
    ChangeIntended,
    ChangeLapsed,
    FillCorrected,
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegMissed,
    LegNotSent,
    LegProvedAbsent,
    LegSighted,
)
from services.bracket.gtt_rows import gtt_terms
from services.bracket.model import (
    GttLegRow,
    GttStatus,
    LegKind,
    LegStatus,
    Policies,
    Product,
    Role,
    RowStatus,
    Side,
    State,
    Topology,
)
from services.bracket.observation import TradingSession
from services.bracket.quantities import watches_gtts
from tests.builders import a_plan
from tests.unit.driver import (
    CANCELLED,
    FILLED,
    OPEN,
    TOMORROW,
    WAITS,
    Driver,
    a_quote,
    a_standing,
    commands,
    only,
    trade,
)


def with_unknown_stop() -> Driver:
    driver = Driver()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    return driver


def an_oco() -> Driver:
    return Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))


def test_row_rule_a_row_with_a_smaller_fill_is_dropped_whole() -> None:
    driver = Driver()
    driver.enter(filled=60)
    driver.show(1, CANCELLED, filled=40)

    driver.read(after=0.5)

    assert (driver.leg(1).filled, driver.leg(1).status) == (60, LegStatus.OPEN)


def test_row_rule_an_older_row_is_dropped_whole() -> None:
    driver = Driver()
    driver.enter(filled=60)
    driver.show(1, CANCELLED, filled=60, updated_at=driver.now.wall - timedelta(seconds=5))

    driver.read(after=0.5)

    assert driver.leg(1).status is LegStatus.OPEN


def test_a_filled_leg_stays_filled() -> None:
    driver = Driver()
    driver.enter()
    driver.show(1, OPEN, filled=100)

    driver.read(after=0.5)

    assert driver.leg(1).status is LegStatus.FILLED


def test_a_cancelled_leg_seen_live_again_is_live_again() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, CANCELLED)
    states = [driver.state]
    driver.show(1, OPEN)

    driver.read(after=1)

    assert [*states, driver.state] == [State.CANCELLED, State.ENTRY_OPEN]
    assert "revived" in driver.alarms


def test_an_unknown_word_of_the_broker_is_live_and_never_protective() -> None:
    driver = Driver()
    driver.enter()

    driver.accept(2, RowStatus.UNKNOWN)

    assert driver.leg(2).is_live
    assert driver.bracket.naked is not None


def test_an_ack_alone_protects_nothing() -> None:
    driver = Driver()
    driver.enter()

    driver.answer(LegAcknowledged(seq=2, broker_order_id="O2"))
    driver.look(after=0.1)

    assert driver.state is State.PROTECTING


def test_absence_rule_three_reads_after_the_quiescence_with_an_agreeing_position() -> None:
    driver = with_unknown_stop()

    early = [driver.read(after=3) for _ in range(3)]
    late = [driver.read(after=1.5) for _ in range(3)]

    assert not [event for look in early for event in look if isinstance(event, LegMissed)]
    assert [isinstance(look[0], LegMissed) for look in late] == [True, True, True]
    assert only(late[-1], LegProvedAbsent).seq == 2
    assert only(late[-1], LegIntended).seq == 3


def test_absence_rule_begins_anew_after_a_restart_for_the_wall_clock_may_have_been_set_forward() -> None:
    driver = with_unknown_stop()
    driver.set_clock_back(-3600)
    driver.restart()

    soon = [driver.read(after=2) for _ in range(5)]
    driver.seconds += 3
    late = [driver.read(after=1) for _ in range(3)]

    assert not [event for look in soon for event in look if isinstance(event, LegProvedAbsent)]
    assert only(late[-1], LegProvedAbsent).seq == 2
    assert only(late[-1], LegIntended).seq == 3


def test_absence_rule_reads_that_missed_before_a_restart_do_not_count_after_it() -> None:
    driver = with_unknown_stop()
    driver.read(after=12)
    driver.read(after=1)
    driver.restart()

    driver.read(after=1)

    assert driver.leg(2).status is LegStatus.UNKNOWN
    assert driver.leg(2).missed_reads == 1


def test_absence_rule_a_position_that_does_not_agree_proves_nothing() -> None:
    driver = with_unknown_stop()

    for _ in range(10):
        driver.read(after=3, standing=a_standing(agrees=False))

    assert driver.leg(2).status is LegStatus.UNKNOWN
    assert "unknown_leg" in driver.alarms


def test_absence_rule_reads_without_positions_prove_nothing() -> None:
    driver = with_unknown_stop()

    for _ in range(10):
        driver.read(after=3, position_agrees=None)

    assert driver.leg(2).status is LegStatus.UNKNOWN


def test_looks_without_a_read_are_no_evidence() -> None:
    driver = with_unknown_stop()

    for _ in range(20):
        driver.look(after=3)

    assert driver.leg(2).missed_reads == 0


def test_a_leg_that_shows_up_late_is_adopted_by_its_tag() -> None:
    driver = with_unknown_stop()
    driver.read(after=12)
    driver.show(2, WAITS, broker_order_id="LATE")

    driver.read(after=1)

    assert (driver.leg(2).broker_order_id, driver.leg(2).missed_reads) == ("LATE", 0)
    assert driver.state is State.PROTECTED


def test_h70_two_orders_with_one_tag_are_adopted_by_nobody() -> None:
    driver = with_unknown_stop()
    leg = driver.leg(2)
    driver.rows["a"] = driver.row(leg, leg.terms, status=WAITS, broker_order_id="A")
    driver.rows["b"] = driver.row(leg, leg.terms, status=WAITS, broker_order_id="B")

    driver.read(after=1)

    assert driver.leg(2).broker_order_id is None
    assert "ambiguous" in driver.alarms


@pytest.mark.parametrize("status", [OPEN, FILLED, CANCELLED])
def test_a_purchase_under_the_id_of_our_sale_is_neither_its_fill_nor_its_end(status: RowStatus) -> None:
    driver = Driver()
    driver.protect()
    before = driver.leg(2)

    driver.show(2, status, side=Side.BUY)
    decided = driver.read(after=1)

    assert (driver.state, driver.leg(2)) == (State.PROTECTED, before)
    assert not commands(decided)
    assert driver.needs_attention
    assert "contradiction" in driver.alarms


def test_a_gtt_shown_as_the_opposite_of_ours_is_not_believed() -> None:
    driver = an_oco()
    driver.protect()
    gtt = next(leg for leg in driver.bracket.legs if leg.kind is LegKind.GTT)

    driver.show_gtt(gtt.seq, GttStatus.CANCELLED, side=Side.BUY)
    decided = driver.read(after=1)

    assert (driver.state, driver.leg(gtt.seq)) == (State.PROTECTED, gtt)
    assert not commands(decided)
    assert "contradiction" in driver.alarms


def test_h29_a_modify_whose_answer_was_lost_is_asked_again_when_the_book_does_not_show_it() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)
    driver.read(after=0.5)
    driver.answer(ChangeBecameUnknown(seq=2, reason="time-out"))

    quiet = driver.read(after=1)
    again = driver.read(after=4)
    repeated = only(again, ChangeIntended)

    assert not commands(quiet)
    assert only(again, ChangeLapsed).seq == 2
    assert repeated.terms is not None
    assert repeated.terms.quantity == 100


def test_h29_a_modify_whose_answer_was_lost_is_done_when_the_book_shows_it() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)
    driver.read(after=0.5)
    driver.answer(ChangeBecameUnknown(seq=2, reason="time-out"))
    driver.show(2, WAITS)

    driver.read(after=1)

    assert driver.leg(2).change is None
    assert driver.state is State.PROTECTED


def test_h58_a_trade_bust_needs_a_newer_row_and_the_trade_book() -> None:
    driver = Driver()
    driver.enter(filled=60)
    driver.accept(2, WAITS)
    driver.show(1, OPEN, filled=50)

    assert not [e for e in driver.read(after=1) if isinstance(e, FillCorrected)]
    corrected = driver.read(after=1, trades=(trade(driver.leg(1), 50),))

    assert only(corrected, FillCorrected).filled == 50
    assert driver.needs_attention
    shrunk = only(corrected, ChangeIntended)
    assert shrunk.terms is not None
    assert shrunk.terms.quantity == 50


def test_r9_a_gtt_whose_answer_was_lost_is_adopted_by_its_content() -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.show_gtt(2, trigger_id="G9")

    driver.read(after=1)

    assert driver.leg(2).broker_order_id == "G9"
    assert driver.state is State.PROTECTED


def test_r9_a_gtt_that_says_its_tag_is_adopted_by_that_alone() -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="code 201"))
    driver.show_gtt(2, trigger_id="G9", tag=driver.leg(2).tag, legs=_of_other_quantity(driver))

    driver.read(after=1)

    assert driver.leg(2).broker_order_id == "G9"


def test_r9_a_gtt_with_another_tag_is_another_one_though_it_says_the_same() -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="code 201"))
    driver.show_gtt(2, trigger_id="G9", tag="SOMEBODYELSES")

    driver.read(after=1)

    assert driver.leg(2).broker_order_id is None


def _of_other_quantity(driver: Driver) -> tuple[GttLegRow, ...]:
    """Return the legs as a change that overtook the answer would leave them."""
    driver.show_gtt(2, trigger_id="G9")
    return tuple(replace(leg, quantity=99) for leg in driver.gtts[driver.leg(2).tag].legs)


def test_r9_a_gtt_is_not_taken_for_an_older_one_while_the_answer_to_its_twin_is_under_way() -> None:
    twice = Policies(unknown_stop="duplicate_stop")
    driver = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True, policies=twice))
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.look(after=0.1)
    driver.show_gtt(3, trigger_id="G9")

    driver.read(after=1)
    assert driver.leg(2).broker_order_id is None
    assert driver.leg(2).missed_reads == 0
    driver.answer(LegAcknowledged(seq=3, broker_order_id="G9"))
    driver.read(after=1)

    assert driver.leg(2).status is LegStatus.UNKNOWN
    assert (driver.leg(3).broker_order_id, driver.leg(3).status) == ("G9", LegStatus.TRIGGER_PENDING)


@pytest.mark.parametrize(
    "stranger",
    [
        {"created_at_seconds": -60.0},
        {"quantity": 99},
        {"trigger": Decimal("489.95")},
        {"target": Decimal("520.05")},
        {"stop_limit": Decimal("485.05")},
    ],
)
def test_r9_a_gtt_that_is_older_or_says_something_else_is_not_ours(stranger: dict[str, object]) -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.show_gtt(2, trigger_id="G9")
    row = driver.gtts[driver.leg(2).tag]
    stop, target = row.legs
    if "created_at_seconds" in stranger:
        row = replace(row, created_at=row.created_at - timedelta(seconds=60))
    if "quantity" in stranger:
        row = replace(row, legs=(replace(stop, quantity=99), replace(target, quantity=99)))
    if "trigger" in stranger:
        row = replace(row, legs=(replace(stop, trigger_price=Decimal("489.95")), target))
    if "stop_limit" in stranger:
        row = replace(row, legs=(replace(stop, price=Decimal("485.05")), target))
    if "target" in stranger:
        row = replace(row, legs=(stop, replace(target, trigger_price=Decimal("520.05"))))
    driver.gtts[driver.leg(2).tag] = row

    driver.read(after=1)

    assert driver.leg(2).broker_order_id is None


def test_h36_a_gtt_that_fired_before_its_answer_was_known_is_found_with_its_child() -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.show_gtt(2, trigger_id="G9")
    driver.fire(2)
    driver.quote = a_quote("489.00")

    driver.read(after=1)

    assert (driver.leg(2).status, driver.leg(2).broker_order_id) == (LegStatus.TRIGGERED, "G9")
    assert driver.leg(3).parent == 2


def test_h34_a_gtt_that_is_gone_for_the_quiet_time_is_placed_again() -> None:
    driver = an_oco()
    driver.protect()
    driver.gtts.clear()

    looks = [driver.read(after=1) for _ in range(12)]

    assert not commands([event for look in looks[:-1] for event in look])
    assert only(looks[-1], LegIntended).kind == "gtt"
    assert "oco_gone" in driver.alarms


def test_a_list_of_gtts_that_is_empty_for_some_seconds_places_no_second_exit() -> None:
    driver = an_oco()
    driver.protect()
    rows = dict(driver.gtts)
    driver.gtts.clear()
    empty = [driver.read(after=1) for _ in range(8)]
    told = driver.alarms

    driver.gtts.update(rows)
    driver.fire(2)
    driver.quote = a_quote("489.00")
    driver.read(after=1)

    assert not commands([event for look in empty for event in look])
    assert "unknown_leg" in told
    assert driver.leg(3).parent == 2


def test_a_gtt_that_was_given_up_is_looked_for_and_taken_back() -> None:
    driver = an_oco()
    driver.protect()
    rows = dict(driver.gtts)
    driver.gtts.clear()
    for _ in range(12):
        driver.read(after=1)
    given_up = driver.leg(2).status

    driver.gtts.update(rows)
    driver.read(after=1)

    assert given_up is LegStatus.EXPIRED
    assert watches_gtts(driver.bracket)
    assert driver.leg(2).is_live


def test_bad_pages_of_gtts_far_apart_do_not_add_up_to_a_lost_one() -> None:
    driver = an_oco()
    driver.protect()
    rows = dict(driver.gtts)

    looks = []
    for _ in range(3):
        driver.gtts.clear()
        looks.append(driver.read(after=1))
        driver.gtts.update(rows)
        looks.append(driver.read(after=30))

    assert not [event for look in looks for event in commands(look)]
    assert "oco_gone" not in driver.alarms


def test_h34_a_disabled_gtt_guards_nothing_and_is_placed_again() -> None:
    driver = an_oco()
    driver.protect()
    driver.show_gtt(2, GttStatus.DISABLED)

    assert only(driver.read(after=1), LegIntended).seq == 3


def test_a_gtt_that_fired_before_its_answer_came_is_taken_in_with_the_answer() -> None:
    driver = an_oco()
    driver.enter()
    driver.show_gtt(2)
    driver.fire(2)
    driver.read(after=1)
    assert driver.leg(2).status is LegStatus.SENT

    driver.answer(LegAcknowledged(seq=2, broker_order_id="G2"))
    driver.read(after=1)

    assert driver.leg(2).status is LegStatus.TRIGGERED


def test_r9_a_gtt_on_the_wire_takes_none_that_may_be_its_lost_twins() -> None:
    driver = Driver(
        a_plan(
            product=Product.CNC,
            topology=Topology.OCO,
            survives_day=True,
            policies=Policies(unknown_stop="duplicate_stop"),
        )
    )
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.look(after=0.1)
    driver.show_gtt(2, trigger_id="G9")
    driver.read(after=1)

    driver.answer(LegNotSent(seq=3, reason="connection refused"))
    driver.read(after=1)

    assert driver.leg(3).broker_order_id is None
    assert (driver.leg(2).broker_order_id, driver.leg(2).status) == ("G9", LegStatus.TRIGGER_PENDING)


def test_a_gtt_that_another_leg_has_taken_is_not_also_that_of_a_late_answer() -> None:
    driver = an_oco()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.read(after=11)
    driver.read(after=1)
    driver.read(after=1)  # absent: its twin is placed
    driver.answer(LegBecameUnknown(seq=3, reason="time-out"))
    driver.show_gtt(3, trigger_id="G9")
    driver.read(after=1)

    driver.answer(LegAcknowledged(seq=2, broker_order_id="G9"))  # of an engine that stood still

    assert (driver.leg(3).broker_order_id, driver.leg(3).is_working) == ("G9", True)
    assert (driver.leg(2).broker_order_id, driver.leg(2).status) == (None, LegStatus.ABSENT)


def test_an_answer_without_news_does_not_undo_a_proof_of_absence() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    for _ in range(20):
        driver.read(after=1)
    assert driver.leg(1).status is LegStatus.ABSENT

    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))

    assert driver.leg(1).status is LegStatus.ABSENT


def test_h24_both_children_of_an_oco_are_seen_and_what_they_took_twice_is_bought_back() -> None:
    driver = an_oco()
    driver.protect()
    driver.fire(2, stop=True, child="C1")
    driver.fire(2, stop=False, child="C2")
    driver.read(after=1)

    driver.show(3, FILLED, filled=100)
    driver.show(4, FILLED, filled=100)
    out = driver.read(after=0.5)

    assert driver.state is State.UNWINDING
    assert only(out, LegIntended).role is Role.UNWIND
    assert "unwinding" in driver.alarms


def test_a_partly_filled_child_keeps_its_rest_under_watch() -> None:
    driver = an_oco()
    driver.protect()
    driver.fire(2)
    driver.quote = a_quote("489.00")
    driver.read(after=1)
    driver.show(3, OPEN, filled=30)
    driver.read(after=0.5)
    driver.show(3, CANCELLED, filled=30)

    out = only(driver.read(after=0.5), LegIntended)

    assert out.terms.quantity == 70


def test_the_stop_of_a_short_is_the_upper_leg_of_its_gtt() -> None:

    driver = an_oco()
    driver.enter()
    driver.show_gtt(2)
    low = GttLegRow(trigger_price=Decimal(480), price=Decimal(480), quantity=100)
    high = GttLegRow(trigger_price=Decimal(510), price=Decimal(515), quantity=100)
    row = replace(driver.gtts[driver.leg(2).tag], legs=(low, high), side=Side.BUY)

    terms = gtt_terms(row, Side.BUY)

    assert (terms.trigger_price, terms.price, terms.target_trigger) == (
        Decimal(510),
        Decimal(515),
        Decimal(480),
    )


def test_r2_when_the_day_is_gone_a_day_order_is_over_at_its_last_proven_fill() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.rows.clear()
    driver.session = TradingSession(id=TOMORROW, is_open=False)

    assert not [e for e in driver.read(after=60, position_agrees=None) if isinstance(e, LegSighted)]
    driver.read(after=60)

    assert (driver.leg(1).status, driver.leg(1).filled) == (LegStatus.EXPIRED, 40)
    assert driver.leg(2).status is LegStatus.EXPIRED
    assert driver.bracket.session == TOMORROW


def test_r2_an_order_that_was_unknown_when_the_day_ended_is_never_proved_absent_by_the_next_book() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    driver.session = TradingSession(id=TOMORROW)

    for _ in range(15):
        driver.read(after=1)

    assert driver.leg(1).status is LegStatus.EXPIRED
    assert "lost_overnight" in driver.alarms
    assert driver.needs_attention


def test_h58_a_bust_of_the_only_fill_leaves_a_working_entry_open() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))
    driver.show(1, OPEN, filled=30, updated_at=driver.now.wall)
    driver.read(after=1)
    assert driver.bracket.state is State.PROTECTING

    driver.show(1, OPEN, filled=0, updated_at=driver.now.wall + timedelta(seconds=1))
    driver.read(after=2, trades=())

    assert driver.leg(1).filled == 0
    assert "trade_bust" in driver.alarms


def test_r2_nothing_is_decided_before_the_new_days_first_read() -> None:
    driver = an_oco()
    driver.protect()
    driver.session = TradingSession(id=TOMORROW)
    driver.quote = a_quote("480.00")

    assert not commands(driver.look(after=3600))
