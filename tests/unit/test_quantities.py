"""How many: allocation, the safe quantity, what a slice holds."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.bracket.model import Bracket, LegStatus, Role, Side, Slice, TargetTerms
from services.bracket.quantities import allocate, net, net_of, next_target, orderable_total, safe_total
from services.bracket_change_service import moved_targets
from tests.builders import a_bracket, a_leg, a_plan, rupees
from tests.unit.driver import FILLED, Driver


def slices(*quantities: int) -> tuple[Slice, ...]:
    return tuple(
        Slice(index=index, quantity=quantity, target=rupees("520.00"))
        for index, quantity in enumerate(quantities)
    )


def with_exit(filled: int, *, status: LegStatus, bought: int = 100, external: int = 0) -> Bracket:
    """A bracket of one slice with a full or partial entry and one exit."""
    entry = replace(a_leg(), filled=bought, status=LegStatus.FILLED)
    out = replace(a_leg(), seq=2, role=Role.EXIT, side=Side.SELL, filled=filled, status=status)
    part = replace(slices(100)[0], allocated=bought, external=external)
    return a_bracket(plan=a_plan(), slices=(part,), legs=(entry, out))


def test_r5_the_farthest_target_is_filled_first() -> None:
    assert allocate(slices(30, 70), 50) == (0, 50)
    assert allocate(slices(30, 70), 90) == (20, 70)


def test_an_overfill_goes_to_the_farthest_target() -> None:
    assert allocate(slices(30, 70), 105) == (30, 75)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(0, 3000), st.integers(0, 500))
def test_r5_no_lot_ever_moves_between_slices(quantities: list[int], filled: int, more: int) -> None:
    parts = slices(*quantities)

    before, after = allocate(parts, filled), allocate(parts, filled + more)

    assert sum(before) == filled
    assert all(new >= old for old, new in zip(before, after, strict=True))


def test_safe_quantity_does_not_use_the_live_exits_own_fill() -> None:
    bracket = with_exit(30, status=LegStatus.OPEN)

    assert safe_total(bracket, bracket.slices[0]) == 100
    assert net(bracket) == 70


def test_safe_quantity_takes_off_what_terminal_exits_filled() -> None:
    bracket = with_exit(30, status=LegStatus.CANCELLED)

    assert safe_total(bracket, bracket.slices[0]) == 70


def test_safe_quantity_takes_off_what_others_closed() -> None:
    bracket = with_exit(0, status=LegStatus.OPEN, external=25)

    assert safe_total(bracket, bracket.slices[0]) == 75
    assert net_of(bracket, bracket.slices[0]) == 75


def test_what_an_unwind_bought_counts_as_entry() -> None:
    bracket = with_exit(120, status=LegStatus.FILLED)
    unwind = replace(a_leg(), seq=3, role=Role.UNWIND, filled=20, status=LegStatus.FILLED)

    assert net(bracket) == -20
    assert net(replace(bracket, legs=(*bracket.legs, unwind))) == 0


def test_h59_an_overfill_at_the_freeze_quantity_does_not_ask_for_more_than_one_order_may_carry() -> None:
    bracket = with_exit(0, status=LegStatus.TRIGGER_PENDING, bought=101)
    frozen = replace(bracket.plan.instrument, freeze_quantity=100)
    bracket = replace(bracket, plan=replace(bracket.plan, instrument=frozen))

    assert safe_total(bracket, bracket.slices[0]) == 101
    assert orderable_total(bracket, bracket.slices[0]) == 100


def a_scale_out() -> Driver:
    targets = (
        TargetTerms(price=rupees("510.00"), quantity=60),
        TargetTerms(price=rupees("520.00"), quantity=40),
    )
    return Driver(a_plan(targets=targets))


def test_the_next_target_is_the_first_one_that_was_not_reached() -> None:
    driver = a_scale_out()
    before = next_target(driver.bracket).index
    driver.protect()
    held = next_target(driver.bracket).index
    driver.price("510.00")
    driver.show(2, FILLED, average_price=Decimal("510.00"))
    driver.read(after=0.5)

    assert (before, held, next_target(driver.bracket).index) == (0, 0, 1)
    moved = moved_targets(driver.bracket, Decimal("530.00"))
    assert [one.value for one in moved] == [Decimal("510.00"), Decimal("530.00")]


def test_a_near_target_whose_shares_have_not_filled_yet_is_still_the_next_one() -> None:
    driver = a_scale_out()
    driver.enter(filled=40)  # the farthest target's

    assert next_target(driver.bracket).index == 0
