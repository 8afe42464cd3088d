"""The one exit of a slice: trailing, resizing, rotating, restoring, and never more than is held."""

from decimal import Decimal
from typing import Any

from services.bracket.events import (
    BracketModified,
    ChangeIntended,
    ChangeRefused,
    ExitRequested,
    LegBecameUnknown,
    LegIntended,
    LegNotSent,
    TrailMoved,
)
from services.bracket.model import (
    ChangeKind,
    EntryTerms,
    ExitReason,
    OrderType,
    Policies,
    PriceMode,
    PriceSpec,
    Purpose,
    RefusalKind,
    Side,
    TargetTerms,
    Trail,
)
from tests.builders import a_plan, capabilities, rupees
from tests.unit.driver import CANCELLED, FILLED, OPEN, WAITS, Driver, a_quote, a_standing, commands, only


def a_trailing(distance: str = "10.00", *, side: Side = Side.BUY, **more: Decimal) -> Driver:
    stop, target = ("490.00", "600.00") if side is Side.BUY else ("510.00", "400.00")
    plan = a_plan(
        side=side,
        stop=rupees(stop),
        targets=(TargetTerms(price=rupees(target), quantity=100),),
        trail=Trail(distance=rupees(distance), **more),
    )
    driver = Driver(plan)
    driver.protect()
    return driver


def test_i9_a_trailing_stop_follows_the_price_up_and_never_down() -> None:
    driver = a_trailing()

    assert only(driver.price("505.00", after=3), TrailMoved).stop == Decimal("495.00")
    driver.changed(2)
    assert not driver.price("497.00", after=3)
    assert driver.leg(2).terms.trigger_price == Decimal("495.00")


def test_i9_a_short_trails_downwards() -> None:
    driver = a_trailing(side=Side.SELL)

    assert only(driver.price("495.00", after=3), TrailMoved).stop == Decimal("505.00")
    driver.changed(2)
    assert not driver.price("499.00", after=3)


def test_r7_trailing_moves_in_steps_of_a_twentieth_of_its_distance() -> None:
    driver = a_trailing()

    assert not driver.price("500.45", after=3)
    assert driver.price("500.50", after=3)


def test_trailing_waits_for_its_activation() -> None:
    driver = a_trailing(activate_at=Decimal("510.00"))

    assert not driver.price("509.95", after=3)
    assert only(driver.price("510.00", after=3), TrailMoved).stop == Decimal("500.00")


def test_break_even_moves_the_stop_to_the_average_fill_once() -> None:
    plan = a_plan(trail=Trail(breakeven_at=Decimal("508.00")))
    driver = Driver(plan)
    driver.protect()

    assert only(driver.price("508.00", after=3), TrailMoved).stop == Decimal("500.00")
    driver.changed(2)
    assert not driver.price("515.00", after=3)


def test_h28_trailing_while_the_entry_fills_is_one_modify_with_both() -> None:
    plan = a_plan(trail=Trail(distance=rupees("10.00")))
    driver = Driver(plan)
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)
    driver.quote = a_quote("505.00")

    change = only(driver.read(after=3), ChangeIntended)

    assert change.terms is not None
    assert (change.terms.quantity, change.terms.trigger_price) == (100, Decimal("495.00"))


def test_a_persons_tighter_stop_replaces_what_trailing_had_reached() -> None:
    driver = a_trailing()
    driver.price("505.00", after=3)
    driver.changed(2)

    change = only(driver.ask(BracketModified(by="user", stop=rupees("499.00"))), ChangeIntended)

    assert change.terms is not None
    assert change.terms.trigger_price == Decimal("499.00")


def test_a_stop_loosened_while_trailing_is_trailed_again_at_once() -> None:
    driver = a_trailing()
    driver.price("505.00", after=3)
    driver.changed(2)

    driver.ask(BracketModified(by="user", stop=rupees("480.00")))

    assert driver.bracket.trail_stop == Decimal("495.00")


def test_h30_near_the_modification_cap_a_calm_trailing_stop_is_replaced() -> None:
    driver = a_trailing()
    moves = 0
    last = Decimal(500)
    while driver.leg(2).modifications < 15:
        last += 1
        driver.price(str(last), after=3)
        driver.changed(2)
        moves += 1

    cancel = only(driver.price(str(last + 5), after=3), ChangeIntended)
    driver.show(2, CANCELLED)
    placed = only(driver.read(after=0.5), LegIntended)

    assert cancel.kind is ChangeKind.CANCEL
    assert "rotating" in driver.alarms
    assert placed.purpose is Purpose.STOP


def test_h30_at_the_cap_an_exit_is_replaced_rather_than_modified() -> None:
    driver = Driver(a_plan(capabilities=capabilities(modifications_per_order=0)))
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)

    assert only(driver.read(after=0.5), ChangeIntended).kind is ChangeKind.CANCEL


def test_a_broker_that_cannot_modify_after_a_part_fill_gets_a_cancel_first() -> None:
    driver = Driver(a_plan(capabilities=capabilities(modify_after_part_fill=False)))
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(2, OPEN, filled=10, order_type="LIMIT")
    driver.quote = a_quote("489.00")
    driver.read(after=0.5)

    cancels = [c for c in commands(driver.look(after=3)) if c.seq == 2]

    assert [c.kind for c in cancels] == [ChangeKind.CANCEL]


def test_h20_a_stop_re_priced_elsewhere_is_put_back_once() -> None:
    driver = Driver()
    driver.protect()
    driver.show(2, WAITS, trigger_price=Decimal("470.00"))

    restored = only(driver.read(after=1), ChangeIntended)
    driver.changed(2)
    driver.show(2, WAITS, trigger_price=Decimal("470.00"))

    assert restored.terms is not None
    assert restored.terms.trigger_price == Decimal("490.00")
    assert not commands(driver.read(after=1))
    assert driver.needs_attention


def test_h20_a_stop_touched_twice_still_leaves_when_it_has_to() -> None:
    driver = Driver()
    driver.protect()
    for _ in range(2):
        driver.show(2, WAITS, trigger_price=Decimal("470.00"))
        driver.read(after=1)
        driver.changed(2)
        driver.show(2, WAITS, trigger_price=Decimal("470.00"))
        driver.read(after=1)

    out = driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="a person"))

    assert only(out, ChangeIntended).purpose is Purpose.MARKETABLE


def test_h20_with_respect_a_cancelled_exit_stays_cancelled() -> None:
    driver = Driver(a_plan(policies=Policies(on_manual_change="respect")))
    driver.protect()
    driver.show(2, CANCELLED)

    assert not commands(driver.read(after=1))
    assert driver.needs_attention
    assert not commands(driver.look(after=60))


def test_our_own_cancel_is_not_taken_for_a_persons() -> None:
    driver = a_trailing()
    driver.price("505.00", after=3)
    driver.changed(2)

    assert driver.bracket.restored == 0


def test_several_slices_each_have_one_exit_and_shrink_nearest_first() -> None:
    targets = (
        TargetTerms(price=rupees("510.00"), quantity=60),
        TargetTerms(price=rupees("520.00"), quantity=40),
    )
    driver = Driver(a_plan(targets=targets))
    driver.protect()

    changes = commands(driver.read(after=1, standing=a_standing(external=70)))

    kinds = {(c.seq, str(c.kind), c.terms.quantity if c.terms else None) for c in changes}
    assert kinds == {(2, ChangeKind.CANCEL, None), (3, ChangeKind.MODIFY, 30)}


def test_a_target_of_one_slice_leaves_the_other_protected() -> None:
    targets = (
        TargetTerms(price=rupees("510.00"), quantity=60),
        TargetTerms(price=rupees("520.00"), quantity=40),
    )
    driver = Driver(a_plan(targets=targets))
    driver.protect()

    assert only(driver.price("510.00"), ChangeIntended).seq == 2
    driver.show(2, FILLED, average_price=Decimal("510.00"))
    driver.read(after=0.5)

    assert driver.bracket.state == "PROTECTED"


def test_nothing_else_is_sent_for_a_slice_while_its_exit_is_unknown() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.show(1, FILLED)

    assert not commands(driver.read(after=0.5))
    assert not commands(driver.price("520.00"))


def test_duplicate_stop_accepts_a_moment_with_two_stops_and_ends_with_one() -> None:
    driver = Driver(a_plan(policies=Policies(unknown_stop="duplicate_stop")))
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))

    second = only(driver.look(after=0.1), LegIntended)
    driver.show(2, WAITS)
    events = driver.accept(3, WAITS)

    assert second.seq == 3
    assert only(events, ChangeIntended).kind is ChangeKind.CANCEL


def test_a_stop_that_never_left_is_sent_again_without_an_emergency() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegNotSent(seq=2, reason="refused connection"))

    assert only(driver.look(after=0.1), LegIntended).purpose is Purpose.STOP


def test_a_change_that_is_refused_again_and_again_is_paced_and_calls_a_person() -> None:
    driver = Driver()
    driver.enter(filled=40)
    driver.accept(2, WAITS)
    driver.show(1, FILLED)
    changes = commands(driver.read(after=0.5))
    for _ in range(40):
        if changes:
            driver.answer(ChangeRefused(seq=2, refusal=RefusalKind.RMS, reason="blocked"))
        changes = commands(driver.look(after=1)) if driver.bracket.exit_reason is None else []

    assert driver.leg(2).modifications < 15
    assert driver.bracket.naked is not None


def test_without_a_price_of_its_fill_a_relative_stop_waits_and_alarms() -> None:
    percent = PriceSpec(mode=PriceMode.PERCENT, value=Decimal(2))
    plan = a_plan(stop=percent, entry=EntryTerms(order_type=OrderType.MARKET))
    driver = Driver(plan)
    driver.look()

    assert not commands(driver.accept(1, FILLED, average_price=None))
    driver.look(after=4)
    assert "unprotected" in driver.alarms
    stop = only(driver.accept(1, FILLED, average_price=Decimal("500.00")), LegIntended)
    assert stop.terms.trigger_price == Decimal("490.00")


def test_exits_without_a_quote_go_to_the_market() -> None:
    driver = Driver()
    driver.protect()
    driver.quote = None

    out = only(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="user")), ChangeIntended)

    assert out.terms is not None
    assert out.terms.order_type is OrderType.MARKET


# A broker that changes no order's type


def a_rigid_driver(**plan: Any) -> Driver:
    """Return a protected bracket at a broker where a stop never becomes a limit, nor a limit a stop."""
    rigid = capabilities(sl_to_limit=False, limit_to_sl=False)
    driver = Driver(a_plan(capabilities=rigid, **plan))
    driver.protect()
    return driver


def test_where_a_stop_cannot_become_the_target_it_goes_before_the_target_is_placed() -> None:
    driver = a_rigid_driver()

    gives_way = only(driver.price("520.00", bid="520.00", ask="520.10"), ChangeIntended)
    nothing = commands(driver.price("520.00", bid="520.00", ask="520.10"))
    driver.show(2, CANCELLED)
    target = only(driver.read(after=1), LegIntended)

    assert (gives_way.kind, gives_way.seq) == (ChangeKind.CANCEL, 2)
    assert nothing == []  # until the cancel is seen
    assert (target.purpose, target.terms.order_type) == (Purpose.TARGET, OrderType.LIMIT)
    assert target.terms.price == Decimal("520.00")


def test_where_a_stop_cannot_become_a_limit_leaving_takes_another_order() -> None:
    driver = a_rigid_driver()

    out = only(driver.ask(ExitRequested(reason=ExitReason.EXIT_NOW, by="a person")), ChangeIntended)
    driver.show(2, CANCELLED)
    placed = only(driver.read(after=1), LegIntended)

    assert out.kind is ChangeKind.CANCEL
    assert placed.purpose is Purpose.MARKETABLE
