"""Prices on the exchange's grid: the right tick, the right side, inside the band."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket.model import Instrument, PriceMode, PriceSpec, Purpose, Quote, Side
from services.bracket.prices import (
    BAND_EDGE_RUNG,
    Band,
    Rounding,
    band_of,
    clip,
    is_on_tick,
    ladder_price,
    neighbours,
    protection_slab,
    resolve,
    round_limit,
    round_stop,
    round_target,
    round_to_tick,
    stop_limit,
    stop_price,
    target_price,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL

ticks = st.sampled_from([D("0.0025"), D("0.01"), D("0.05"), D("0.10"), D("0.5"), D(1), D(5)])
amounts = st.decimals(min_value=D("6"), max_value=D("99999"), places=4)
sides = st.sampled_from([BUY, SELL])
shares = st.decimals(min_value=D("0.001"), max_value=D("0.2"), places=3)
rungs = st.integers(min_value=0, max_value=9)


def share_of(tick: str | Decimal = "0.05", kind: str = "EQ") -> Instrument:
    return Instrument(exchange="NSE", symbol="SBIN", tick_size=D(tick), lot_size=1, kind=kind)


def quote_with_band(lower: str | Decimal, upper: str | Decimal) -> Quote:
    at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    return Quote(last=D(100), at=at, lower_band=D(lower), upper_band=D(upper))


def spec(mode: PriceMode, value: str) -> PriceSpec:
    return PriceSpec(mode=mode, value=D(value))


@pytest.mark.parametrize(
    ("price", "rounding", "expected"),
    [
        ("100.02", Rounding.NEAREST, "100.00"),
        ("100.03", Rounding.NEAREST, "100.05"),
        ("100.025", Rounding.NEAREST, "100.05"),
        ("100.01", Rounding.UP, "100.05"),
        ("100.04", Rounding.DOWN, "100.00"),
        ("100.05", Rounding.UP, "100.05"),
        ("100.05", Rounding.DOWN, "100.05"),
    ],
)
def test_a_price_moves_to_the_tick_its_rounding_names(price: str, rounding: Rounding, expected: str) -> None:
    assert round_to_tick(D(price), D("0.05"), rounding=rounding) == D(expected)


def test_a_tick_of_zero_is_a_bug_in_our_table_and_raises() -> None:
    with pytest.raises(ValueError, match="tick size 0 must be greater than 0"):
        round_to_tick(D(100), D(0))


def test_the_neighbours_of_an_off_tick_price_are_the_ticks_around_it() -> None:
    assert neighbours(D("100.03"), D("0.05")) == (D("100.00"), D("100.05"))


def test_a_price_on_the_grid_is_its_own_neighbour() -> None:
    assert neighbours(D("100.05"), D("0.05")) == (D("100.05"), D("100.05"))


@given(price=amounts, tick=ticks)
def test_the_neighbours_enclose_the_price_and_lie_one_tick_apart(price: Decimal, tick: Decimal) -> None:
    lower, upper = neighbours(price, tick)

    assert lower <= price <= upper
    assert is_on_tick(lower, tick)
    assert is_on_tick(upper, tick)
    assert upper - lower == (0 if is_on_tick(price, tick) else tick)


@pytest.mark.parametrize(
    ("side", "role", "mode", "value", "expected"),
    [
        (BUY, Purpose.STOP, PriceMode.ABSOLUTE, "95", "95"),
        (BUY, Purpose.STOP, PriceMode.POINTS, "5", "195"),
        (BUY, Purpose.STOP, PriceMode.PERCENT, "1.5", "197"),
        (BUY, Purpose.TARGET, PriceMode.POINTS, "5", "205"),
        (BUY, Purpose.TARGET, PriceMode.PERCENT, "1.5", "203"),
        (SELL, Purpose.STOP, PriceMode.POINTS, "5", "205"),
        (SELL, Purpose.STOP, PriceMode.PERCENT, "1.5", "203"),
        (SELL, Purpose.TARGET, PriceMode.POINTS, "5", "195"),
        (SELL, Purpose.TARGET, PriceMode.PERCENT, "1.5", "197"),
    ],
)
def test_points_and_per_cent_count_from_the_reference_away_from_loss_or_gain(
    side: Side, role: Purpose, mode: PriceMode, value: str, expected: str
) -> None:
    assert resolve(spec(mode, value), reference=D(200), side=side, role=role) == D(expected)


def test_only_a_stop_or_a_target_can_be_resolved() -> None:
    with pytest.raises(ValueError, match="entry has no direction"):
        resolve(spec(PriceMode.POINTS, "5"), reference=D(200), side=BUY, role=Purpose.ENTRY)


def test_a_sell_stop_rounds_up_and_a_buy_stop_down() -> None:
    assert round_stop(D("95.02"), side=SELL, tick_size=D("0.05")) == D("95.05")
    assert round_stop(D("95.03"), side=BUY, tick_size=D("0.05")) == D("95.00")


def test_a_target_rounds_to_the_tick_nearer_the_entry() -> None:
    assert round_target(D("105.04"), side=SELL, tick_size=D("0.05")) == D("105.00")
    assert round_target(D("94.96"), side=BUY, tick_size=D("0.05")) == D("95.00")


def test_a_limit_rounds_outward_so_that_it_fills() -> None:
    assert round_limit(D("95.04"), side=SELL, tick_size=D("0.05")) == D("95.00")
    assert round_limit(D("95.01"), side=BUY, tick_size=D("0.05")) == D("95.05")


def test_a_derived_price_never_falls_to_zero() -> None:
    assert round_limit(D("-0.40"), side=SELL, tick_size=D("0.05")) == D("0.05")


@given(reference=amounts, distance=shares, side=sides, tick=ticks)
def test_derived_exits_lie_on_the_grid_and_never_further_than_asked(
    reference: Decimal, distance: Decimal, side: Side, tick: Decimal
) -> None:
    instrument = share_of(tick)
    percent = PriceSpec(mode=PriceMode.PERCENT, value=distance * 100)

    stop = stop_price(percent, reference=reference, side=side, instrument=instrument)
    target = target_price(percent, reference=reference, side=side, instrument=instrument)

    assert is_on_tick(stop, tick)
    assert is_on_tick(target, tick)
    asked = reference * distance
    assert (reference - stop) * side.sign <= asked
    assert (target - reference) * side.sign <= asked or target == tick


@pytest.mark.parametrize(
    ("price", "is_option", "expected"),
    [
        ("99.99", False, "0.02"),
        ("100", False, "0.01"),
        ("500", False, "0.01"),
        ("500.05", False, "0.005"),
        ("9.95", True, "0.05"),
        ("10", True, "0.03"),
        ("99.95", True, "0.03"),
        ("100", True, "0.02"),
        ("500", True, "0.02"),
        ("500.05", True, "0.01"),
    ],
)
def test_the_protection_slab_follows_the_price(price: str, is_option: bool, expected: str) -> None:
    assert protection_slab(D(price), is_option) == D(expected)


@pytest.mark.parametrize(
    ("trigger", "side", "kind", "expected"),
    [
        ("200", SELL, "EQ", "198.00"),  # 1 %
        ("200", BUY, "EQ", "202.00"),
        ("1000", SELL, "FUT", "995.00"),  # 0.5 %
        ("1000.10", SELL, "EQ", "995.05"),  # 995.0995, outward
        ("50", SELL, "CE", "48.50"),  # 3 %
        ("1", SELL, "PE", "0.90"),  # 5 % would be one tick: two ticks win
        ("0.10", SELL, "PE", "0.05"),  # never at zero
    ],
)
def test_the_default_stop_limit_lies_a_slab_or_two_ticks_beyond_the_trigger(
    trigger: str, side: Side, kind: str, expected: str
) -> None:
    limit = stop_limit(D(trigger), side=side, offset=None, instrument=share_of(kind=kind), quote=None)

    assert limit == D(expected)


def test_the_users_own_offset_wins_over_the_default() -> None:
    limit = stop_limit(D(200), side=SELL, offset=D("0.5"), instrument=share_of(), quote=None)

    assert limit == D("199.50")


def test_the_stop_limit_stays_inside_the_price_band() -> None:
    quote = quote_with_band("199.02", "210")

    limit = stop_limit(D(200), side=SELL, offset=D(5), instrument=share_of(), quote=quote)

    assert limit == D("199.05")


def test_a_trigger_outside_the_band_keeps_its_limit_at_the_trigger() -> None:
    quote = quote_with_band("90", "110")

    assert stop_limit(D(80), side=SELL, offset=D(5), instrument=share_of(), quote=quote) == D(80)
    assert stop_limit(D(120), side=BUY, offset=D(5), instrument=share_of(), quote=quote) == D(120)


@given(trigger=amounts, side=sides, tick=ticks, width=shares, kind=st.sampled_from(["EQ", "CE"]))
def test_a_stop_limit_is_on_tick_beyond_its_trigger_and_inside_the_band(
    trigger: Decimal, side: Side, tick: Decimal, width: Decimal, kind: str
) -> None:
    trigger = round_stop(trigger, side=side, tick_size=tick)
    quote = quote_with_band(trigger * (1 - width), trigger * (1 + width))

    limit = stop_limit(trigger, side=side, offset=None, instrument=share_of(tick, kind), quote=quote)

    assert is_on_tick(limit, tick)
    assert limit > 0
    assert (limit - trigger) * side.sign >= 0
    assert trigger * (1 - width) <= limit <= trigger * (1 + width)


@pytest.mark.parametrize(
    ("rung", "sell", "buy"),
    [
        (0, "999.00", "1001.00"),
        (1, "997.00", "1003.00"),
        (2, "994.00", "1006.00"),
        (3, "990.00", "1010.00"),
        (4, "980.00", "1020.00"),
        (5, "900.00", "1100.00"),
        (6, "900.00", "1100.00"),
    ],
)
def test_the_ladder_gives_away_more_at_each_rung_and_ends_at_the_bands_edge(
    rung: int, sell: str, buy: str
) -> None:
    band = Band(lower=D(900), upper=D(1100))

    for side, expected in ((SELL, sell), (BUY, buy)):
        price = ladder_price(D(1000), side=side, rung=rung, instrument=share_of(), band=band)
        assert price == D(expected)


def test_without_a_band_the_ladder_stays_at_its_last_rung() -> None:
    for band in (None, Band()):
        price = ladder_price(D(1000), side=SELL, rung=9, instrument=share_of(), band=band)
        assert price == D("980.00")


def test_a_negative_rung_is_a_bug_and_raises() -> None:
    with pytest.raises(ValueError, match="rung -1 must not be negative"):
        ladder_price(D(1000), side=SELL, rung=-1, instrument=share_of(), band=None)


@given(reference=amounts, side=sides, rung=rungs, tick=ticks)
def test_the_ladder_without_a_band_is_on_tick_and_never_worse_to_fill_than_the_rung_before(
    reference: Decimal, side: Side, rung: int, tick: Decimal
) -> None:
    instrument = share_of(tick)

    price = ladder_price(reference, side=side, rung=rung, instrument=instrument, band=None)
    further = ladder_price(reference, side=side, rung=rung + 1, instrument=instrument, band=None)

    assert is_on_tick(price, tick)
    assert (price - reference) * side.sign > 0
    assert (further - price) * side.sign >= 0


@given(reference=amounts, around=amounts, width=shares, side=sides, rung=rungs)
def test_the_ladder_stays_inside_the_band_wherever_the_reference_is(
    reference: Decimal, around: Decimal, width: Decimal, side: Side, rung: int
) -> None:
    band = Band(lower=around * (1 - width) - 1, upper=around * (1 + width) + 1)
    instrument = share_of("0.05")

    price = ladder_price(reference, side=side, rung=rung, instrument=instrument, band=band)
    further = ladder_price(reference, side=side, rung=rung + 1, instrument=instrument, band=band)

    assert band.lower is not None
    assert band.upper is not None
    assert band.lower <= price <= band.upper
    assert is_on_tick(price, D("0.05"))
    assert (further - price) * side.sign >= 0
    if rung >= BAND_EDGE_RUNG:
        edge = band.lower if side is SELL else band.upper
        assert abs(price - edge) < D("0.05")


def test_a_band_edge_off_the_grid_rounds_inward() -> None:
    band = Band(lower=D("90.02"), upper=D("109.98"))

    assert clip(D(80), band, tick_size=D("0.05")) == D("90.05")
    assert clip(D(120), band, tick_size=D("0.05")) == D("109.95")


def test_without_a_quote_the_band_is_open() -> None:
    assert band_of(None) == Band()
    assert band_of(quote_with_band("90", "110")) == Band(lower=D(90), upper=D(110))
