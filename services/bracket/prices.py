"""Prices on the exchange's grid: what a stop, a target or a marketable limit becomes in rupees.

In `resolve`, `stop_price` and `target_price` the side is the bracket's (that of its entry). Everywhere
else it is the side of the order that carries the price: the stop of a BUY bracket is a SELL.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import assert_never

from services.bracket.model import Instrument, PriceMode, PriceSpec, Purpose, Quote, Side

HUNDRED = Decimal(100)

# Share of the reference given away at each step of the ladder, before the edge of the price band.
LADDER = (Decimal("0.001"), Decimal("0.003"), Decimal("0.006"), Decimal("0.01"), Decimal("0.02"))
BAND_EDGE_RUNG = len(LADDER)

# Zerodha's market-protection slabs (support.zerodha.com, read 2026-11): price below -> share of it.
_PROTECTION = (
    (Decimal(100), Decimal("0.02")),
    (Decimal("500.01"), Decimal("0.01")),  # 500 itself still belongs to this slab
)
_PROTECTION_ABOVE = Decimal("0.005")
_OPTION_PROTECTION = (
    (Decimal(10), Decimal("0.05")),
    (Decimal(100), Decimal("0.03")),
    (Decimal("500.01"), Decimal("0.02")),
)
_OPTION_PROTECTION_ABOVE = Decimal("0.01")


class Rounding(StrEnum):
    UP = ROUND_CEILING
    DOWN = ROUND_FLOOR
    NEAREST = ROUND_HALF_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The prices an exchange accepts today, in rupees; an edge nobody told us is None."""

    lower: Decimal | None = None
    upper: Decimal | None = None


def band_of(quote: Quote | None) -> Band:
    """Return the price band a quote tells of; an open one without a quote."""
    return Band() if quote is None else Band(lower=quote.lower_band, upper=quote.upper_band)


def round_to_tick(price: Decimal, tick_size: Decimal, *, rounding: Rounding = Rounding.NEAREST) -> Decimal:
    """Return price moved to a multiple of tick_size; both in rupees.

    Raises ValueError when tick_size is not positive: a bug in our symbol table, not bad input.
    """
    if tick_size <= 0:
        raise ValueError(f"tick size {tick_size} must be greater than 0")
    return (price / tick_size).to_integral_value(rounding=rounding.value) * tick_size


def is_on_tick(price: Decimal, tick_size: Decimal) -> bool:
    """Return whether the exchange's grid has this price; both in rupees."""
    return round_to_tick(price, tick_size) == price


def neighbours(price: Decimal, tick_size: Decimal) -> tuple[Decimal, Decimal]:
    """Return the ticks just below and just above price; price twice when it is on the grid."""
    return (
        round_to_tick(price, tick_size, rounding=Rounding.DOWN),
        round_to_tick(price, tick_size, rounding=Rounding.UP),
    )


def resolve(spec: PriceSpec, *, reference: Decimal, side: Side, role: Purpose) -> Decimal:
    """Return what a stop or target (role) of a bracket of this side means in rupees; not rounded.

    Points and per cent count from reference: down for the stop of a BUY and the target of a SELL, up
    for the other two. Raises ValueError for any other role: only these two have a direction.
    """
    direction = _direction(side, role)
    match spec.mode:
        case PriceMode.ABSOLUTE:
            return spec.value
        case PriceMode.POINTS:
            return reference + direction * spec.value
        case PriceMode.PERCENT:
            return reference + direction * reference * spec.value / HUNDRED
        case _:
            assert_never(spec.mode)


def stop_price(spec: PriceSpec, *, reference: Decimal, side: Side, instrument: Instrument) -> Decimal:
    """Return the stop's trigger on the grid, in rupees, for a bracket of this side."""
    price = resolve(spec, reference=reference, side=side, role=Purpose.STOP)
    return round_stop(price, side=side.opposite, tick_size=instrument.tick_size)


def target_price(spec: PriceSpec, *, reference: Decimal, side: Side, instrument: Instrument) -> Decimal:
    """Return the target on the grid, in rupees, for a bracket of this side."""
    price = resolve(spec, reference=reference, side=side, role=Purpose.TARGET)
    return round_target(price, side=side.opposite, tick_size=instrument.tick_size)


def round_stop(price: Decimal, *, side: Side, tick_size: Decimal) -> Decimal:
    """Return a stop's trigger on the grid: a SELL stop rounds up, a BUY stop down (towards safety)."""
    rounding = Rounding.UP if side is Side.SELL else Rounding.DOWN
    return _at_least_one_tick(round_to_tick(price, tick_size, rounding=rounding), tick_size)


def round_target(price: Decimal, *, side: Side, tick_size: Decimal) -> Decimal:
    """Return a target on the tick nearer the entry: down for a SELL (above it), up for a BUY."""
    return round_limit(price, side=side, tick_size=tick_size)


def round_limit(price: Decimal, *, side: Side, tick_size: Decimal) -> Decimal:
    """Return a limit rounded outward, so that it fills: down for a SELL, up for a BUY."""
    rounding = Rounding.DOWN if side is Side.SELL else Rounding.UP
    return _at_least_one_tick(round_to_tick(price, tick_size, rounding=rounding), tick_size)


def stop_limit(
    trigger: Decimal,
    *,
    side: Side,
    offset: Decimal | None,
    instrument: Instrument,
    quote: Quote | None,
) -> Decimal:
    """Return the limit of a stop-limit order beyond its trigger, inside the band; all in rupees.

    Without an offset of the user's own: the larger of two ticks and the market-protection slab. A
    trigger that is itself outside the band gets itself: the exchange refuses a limit before it.
    """
    if offset is None:
        offset = default_stop_offset(trigger, instrument)
    limit = round_limit(trigger + side.sign * offset, side=side, tick_size=instrument.tick_size)
    limit = clip(limit, band_of(quote), tick_size=instrument.tick_size)
    return min(limit, trigger) if side is Side.SELL else max(limit, trigger)


def default_stop_offset(trigger: Decimal, instrument: Instrument) -> Decimal:
    """Return how far a stop's limit lies beyond its trigger when nobody said, in rupees."""
    slab = protection_slab(trigger, instrument.is_option)
    return max(2 * instrument.tick_size, trigger * slab)


def protection_slab(price: Decimal, is_option: bool) -> Decimal:
    """Return the market-protection share of a price in rupees: 0.02 means two per cent of it."""
    slabs = _OPTION_PROTECTION if is_option else _PROTECTION
    above = _OPTION_PROTECTION_ABOVE if is_option else _PROTECTION_ABOVE
    return next((share for below, share in slabs if price < below), above)


def ladder_price(
    reference: Decimal, *, side: Side, rung: int, instrument: Instrument, band: Band | None = None
) -> Decimal:
    """Return the price of a marketable limit on a step of the ladder, in rupees, inside the band.

    Rung 0 gives away 0.1 % of reference (the other side's best price, else the last); from rung 5 it is
    the band's edge, or 2 % while nobody told us the band. Raises ValueError for a negative rung.
    """
    if rung < 0:
        raise ValueError(f"rung {rung} must not be negative")
    band = Band() if band is None else band
    share = LADDER[min(rung, BAND_EDGE_RUNG - 1)]
    price = reference + side.sign * reference * share
    edge = band.lower if side is Side.SELL else band.upper
    if rung >= BAND_EDGE_RUNG and edge is not None:
        price = edge
    price = round_limit(price, side=side, tick_size=instrument.tick_size)
    return clip(price, band, tick_size=instrument.tick_size)


def clip(price: Decimal, band: Band, *, tick_size: Decimal) -> Decimal:
    """Return price moved into the band, on the grid; a band's edge off the grid rounds inward."""
    if band.upper is not None:
        price = min(price, round_to_tick(band.upper, tick_size, rounding=Rounding.DOWN))
    if band.lower is not None:
        price = max(price, round_to_tick(band.lower, tick_size, rounding=Rounding.UP))
    return price


def _direction(side: Side, role: Purpose) -> int:
    if role is Purpose.STOP:
        return -side.sign
    if role is Purpose.TARGET:
        return side.sign
    raise ValueError(f"a {role} has no direction from the entry, only a stop or a target")


def _at_least_one_tick(price: Decimal, tick_size: Decimal) -> Decimal:
    # A deep offset on an option of a few paise ends at or below zero; no exchange takes that.
    return max(price, tick_size)
