"""Quantities: from a risk, and split over several targets, always in whole lots."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket.sizing import SizingRefused, quantity_from_risk, split

D = Decimal


@pytest.mark.parametrize(
    ("risk", "entry", "stop", "lot", "quantity"),
    [
        ("1000", "100", "95", 1, 200),
        ("1000", "100", "97", 1, 333),
        ("1000", "95", "100", 1, 200),  # a short risks upwards
        ("1000", "100", "95", 75, 150),
        ("375", "100", "95", 75, 75),
    ],
)
def test_risk_buys_whole_lots_between_entry_and_stop(
    risk: str, entry: str, stop: str, lot: int, quantity: int
) -> None:
    assert quantity_from_risk(D(risk), entry=D(entry), stop=D(stop), lot_size=lot) == quantity


def test_a_risk_below_one_lot_is_refused_with_what_a_lot_risks() -> None:
    with pytest.raises(SizingRefused) as refused:
        quantity_from_risk(D(374), entry=D(100), stop=D(95), lot_size=75)

    assert str(refused.value) == (
        "risk_amount 374 is less than one lot of 75 risks: 375 between entry 100 and stop 95"
    )


def test_a_stop_at_the_entry_sizes_nothing() -> None:
    with pytest.raises(SizingRefused, match="needs a stop away from the entry 100"):
        quantity_from_risk(D(374), entry=D(100), stop=D(100), lot_size=1)


@pytest.mark.parametrize(
    ("total", "wanted", "lot", "slices"),
    [
        (100, [None], 1, (100,)),
        (100, [None, None], 1, (50, 50)),
        (100, [None, None, None], 1, (34, 33, 33)),
        (100, [60, 40], 1, (60, 40)),
        (100, [60, None], 1, (60, 40)),
        (100, [None, 30, None], 1, (35, 30, 35)),
        (225, [None, None], 75, (150, 75)),
        (75, [None, None], 75, (75, 0)),  # one lot cannot be shared
        (150, [30, 45, 75], 75, (0, 75, 75)),  # crumbs go to the next
        (150, [75, 45, 30], 75, (75, 0, 75)),
        (150, [105, 45], 75, (150, 0)),  # the last has no next
    ],
)
def test_targets_share_the_quantity_in_whole_lots(
    total: int, wanted: list[int | None], lot: int, slices: tuple[int, ...]
) -> None:
    assert split(total, wanted, lot_size=lot) == slices


@pytest.mark.parametrize(
    ("total", "wanted", "lot", "sentence"),
    [
        (100, [60, 50], 1, "targets of 60 + 50 must add up to quantity 100"),
        (100, [60, 30], 1, "targets of 60 + 30 must add up to quantity 100"),
        (100, [120, None], 1, "targets of 120 + the rest must add up to quantity 100"),
        (100, [-10, 110], 1, "targets of -10 + 110 must add up to quantity 100"),
        (225, [100, 125], 75, "target quantity 100 is not a multiple of the lot size 75"),
    ],
)
def test_targets_that_do_not_add_up_or_fall_on_lots_are_refused(
    total: int, wanted: list[int | None], lot: int, sentence: str
) -> None:
    with pytest.raises(SizingRefused) as refused:
        split(total, wanted, lot_size=lot)

    assert str(refused.value) == sentence


@given(
    lot=st.integers(1, 100),
    lots=st.integers(1, 60),
    wanted=st.lists(st.none() | st.integers(0, 3000), min_size=1, max_size=6),
)
def test_a_split_adds_up_in_whole_lots_or_is_refused(lot: int, lots: int, wanted: list[int | None]) -> None:
    try:
        slices = split(lots * lot, wanted, lot_size=lot)
    except SizingRefused:
        return

    assert sum(slices) == lots * lot
    assert len(slices) == len(wanted)
    assert all(quantity >= 0 and quantity % lot == 0 for quantity in slices)


@given(
    risk=st.decimals(min_value=1, max_value=10**6, places=2),
    entry=st.decimals(min_value=1, max_value=5000, places=2),
    stop=st.decimals(min_value=1, max_value=5000, places=2),
    lot=st.integers(1, 200),
)
def test_the_sized_quantity_never_risks_more_and_one_lot_more_would(
    risk: Decimal, entry: Decimal, stop: Decimal, lot: int
) -> None:
    try:
        quantity = quantity_from_risk(risk, entry=entry, stop=stop, lot_size=lot)
    except SizingRefused:
        return

    assert quantity % lot == 0
    assert quantity * abs(entry - stop) <= risk < (quantity + lot) * abs(entry - stop)
