"""The entry: sent once, while fresh; ended by the first sign of an exit."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.bracket.events import (
    BracketModified,
    CancelRequested,
    ChangeIntended,
    ChangeRefused,
    EntryEnded,
    ExitRequested,
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegNotSent,
    LegRefused,
)
from services.bracket.model import (
    ChangeKind,
    EntryTerms,
    ExitReason,
    KillMode,
    OrderType,
    RefusalKind,
    RowStatus,
    State,
)
from services.bracket.observation import TradingSession
from tests.builders import a_plan, rupees
from tests.unit.driver import CANCELLED, FILLED, OPEN, TODAY, WAITS, Driver, commands, only

LIMIT = EntryTerms(order_type=OrderType.LIMIT, price=Decimal("500.00"))


def an_entry(**overrides: object) -> Driver:
    return Driver(a_plan(entry=replace(LIMIT, **overrides)))  # type: ignore[arg-type]  # fields by name


def test_r1_an_entry_older_than_its_age_is_never_sent() -> None:
    driver = Driver()

    ended = only(driver.look(after=10), EntryEnded)

    assert ended.code == "entry_stale"
    assert driver.state is State.EXPIRED
    assert "entry_stale" in driver.alarms


def test_r1_after_a_restart_the_wall_clock_makes_an_entry_stale() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegNotSent(seq=1, reason="refused connection"))
    driver.restart(after=60)

    driver.look()

    assert driver.bracket.entry_ended == "entry_stale"


def test_an_entry_that_provably_never_left_is_sent_again_while_fresh() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegNotSent(seq=1, reason="refused connection"))

    assert not commands(driver.look(after=0.1))
    again = only(driver.look(after=0.2), LegIntended)

    assert (again.seq, again.tag != driver.leg(1).tag) == (2, True)


def test_h09_an_absent_entry_is_not_sent_again_unless_asked() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))

    for _ in range(4):
        driver.read(after=6)

    assert driver.bracket.entry_ended == "entry_absent"
    assert driver.state is State.EXPIRED
    assert len(driver.bracket.legs) == 1


def test_a_refused_entry_ends_rejected() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegRefused(seq=1, refusal=RefusalKind.MARGIN, reason="no funds"))

    driver.look()

    assert driver.state is State.REJECTED


def test_no_entry_outside_the_session() -> None:
    driver = Driver()
    driver.session = TradingSession(id=TODAY, is_open=False)

    assert not commands(driver.look())


def test_h04_a_part_filled_entry_that_expires_is_cancelled_and_its_fill_protected() -> None:
    driver = an_entry(expires_in=timedelta(seconds=5))
    driver.enter(filled=40)
    driver.accept(2, WAITS)

    cancel = only(driver.look(after=5), ChangeIntended)
    driver.show(1, CANCELLED, filled=55)
    grown = only(driver.read(after=0.5), ChangeIntended)

    assert (cancel.seq, cancel.kind) == (1, ChangeKind.CANCEL)
    assert grown.terms is not None
    assert grown.terms.quantity == 55


def test_r4_a_morph_to_the_target_ends_the_entry_in_the_same_look() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)

    events = driver.price("520.00")

    assert {command.seq for command in commands(events)} == {1, 2}
    assert driver.bracket.entry_ended == "exit_began"


def test_r4_a_price_through_the_stop_ends_the_entry() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)

    assert only(driver.price("489.00"), ChangeIntended).seq == 1


def test_r4_fills_during_that_cancel_leave_through_the_same_exit() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.price("520.00")
    driver.show(2, FILLED, filled=40)
    driver.show(1, OPEN, filled=40)
    driver.read(after=0.5)
    assert driver.state is State.EXITING  # flat, with the entry still live
    driver.show(1, CANCELLED, filled=50)

    stop = only(driver.read(after=0.5), LegIntended)

    assert stop.terms.quantity == 10


def test_h55_a_cancel_before_any_fill_waits_for_the_book() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)

    driver.ask(CancelRequested(if_filled=None, by="user"))
    assert driver.bracket.state is State.ENTRY_OPEN
    driver.show(1, CANCELLED)
    driver.read(after=0.5)

    assert driver.bracket.state.value == "CANCELLED"


def test_h06_a_cancel_refused_because_it_is_done_reads_again() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)
    driver.ask(CancelRequested(if_filled=None, by="user"))
    driver.answer(ChangeRefused(seq=1, refusal=RefusalKind.ALREADY_DONE, reason="complete"))
    driver.show(1, FILLED)

    assert only(driver.read(after=0.1), LegIntended).terms.quantity == 100


def test_a_new_entry_price_is_carried_to_the_order_until_it_fills() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)

    moved = only(driver.ask(BracketModified(by="user", entry_price=Decimal("499.00"))), ChangeIntended)
    driver.changed(1, OPEN)

    assert moved.terms is not None
    assert moved.terms.price == Decimal("499.00")
    assert not commands(driver.look(after=5))


def test_a_cancel_during_a_modify_of_the_entry_follows_once_the_modify_is_settled() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)
    driver.ask(BracketModified(by="user", entry_price=Decimal("499.00")))

    assert not commands(driver.ask(CancelRequested(if_filled=None, by="user")))
    cancel = only(driver.changed(1, OPEN), ChangeIntended)

    assert cancel.kind is ChangeKind.CANCEL


@pytest.mark.parametrize("mode", [KillMode.BLOCK_ENTRIES, KillMode.FLATTEN])
def test_i11_the_kill_switch_sends_no_entry(mode: KillMode) -> None:
    driver = Driver()
    driver.kill = mode

    assert not commands(driver.look())


def test_r14_blocking_entries_cancels_a_working_one_and_keeps_the_stop() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.kill = KillMode.BLOCK_ENTRIES

    only_one = only(driver.look(after=0.1), ChangeIntended)

    assert (only_one.seq, only_one.kind) == (1, ChangeKind.CANCEL)
    assert driver.bracket.exit_reason is None


def test_flattening_with_an_unknown_entry_waits_for_it_and_sells_what_it_bought() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    driver.kill = KillMode.FLATTEN
    assert not commands(driver.look(after=1))
    driver.show(1, OPEN, filled=30)

    events = driver.read(after=1)

    placed = only(events, LegIntended)
    assert (placed.purpose, placed.terms.quantity) == ("marketable", 30)
    assert only(events, ChangeIntended).kind is ChangeKind.CANCEL


def test_h12_an_entry_that_slips_too_far_leaves() -> None:
    driver = an_entry(max_slippage=rupees("1.00"))

    driver.look()
    driver.accept(1, FILLED, average_price=Decimal("501.05"))

    assert driver.bracket.exit_reason is ExitReason.SLIPPAGE


def test_an_exit_asked_for_before_any_fill_ends_the_entry() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN)

    cancel = only(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user")), ChangeIntended)

    assert cancel.kind is ChangeKind.CANCEL


def test_an_entry_still_on_its_way_is_cancelled_once_it_has_an_id() -> None:
    driver = Driver()
    driver.look()
    assert not commands(driver.ask(CancelRequested(if_filled=None, by="user")))
    driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))

    assert only(driver.look(), ChangeIntended).kind is ChangeKind.CANCEL


def test_an_entry_rejected_late_by_the_risk_desk_ends_rejected() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, RowStatus.PENDING)

    driver.show(1, RowStatus.REJECTED)
    driver.read(after=0.5)

    assert driver.state is State.REJECTED
