"""Quantities and distances said in other units, put into shares and points before anything is checked.

Lots, a value in rupees, a stop or target as rupees of profit or loss, a target as a multiple of the risk.
Pure. Each has one plain way to say the same; what cannot be put into it is a fault of the request.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from services.bracket import terms
from services.bracket.model import Instrument, PriceMode, Purpose, Quote
from services.bracket.prices import resolve
from services.bracket.request import BracketOrderRequest
from services.bracket.sizing import SizingRefused, quantity_from_risk, quantity_from_value
from services.bracket.violations import Violation, invalid

SIZES = ("quantity", "lots", "order_value", "risk_amount")
STOPS = ("sl_price", "sl_points", "sl_percent", "sl_amount")
TARGETS = ("target_price", "target_points", "target_percent", "target_amount", "target_r", "targets")
_OURS = frozenset({"lots", "order_value", "sl_amount", "target_amount", "target_r"})
_FINEST = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A request in shares, prices, points and per cent, and the faults of what could not be put so."""

    request: BracketOrderRequest
    faults: list[Violation]


class _Unsaid(ValueError):
    """A unit lacks what it is measured by; the message is the sentence for the caller."""


def settle(request: BracketOrderRequest, *, instrument: Instrument | None, quote: Quote | None) -> Settled:
    """Return the request without units of its own; a field at fault stays as it is."""
    faults = [
        *_said_twice(request, SIZES),
        *_said_twice(request, STOPS),
        *_said_twice(request, TARGETS),
        *_not_positive(request),
    ]
    if faults or instrument is None:
        return Settled(request=request, faults=faults)
    for step in (_lots, _value, _stop_amount, _target_amount, _target_multiple):
        try:
            request = step(request, instrument, quote)
        except (_Unsaid, SizingRefused) as refused:
            faults.append(invalid(_FIELDS[step], str(refused)))
    return Settled(request=request, faults=faults)


def _said_twice(request: BracketOrderRequest, ways: tuple[str, ...]) -> list[Violation]:
    """Return a fault for two ways of which one is a unit of ours; the other pairs have rules already."""
    said = [name for name in ways if getattr(request, name) is not None]
    if len(said) < 2 or not _OURS.intersection(said):
        return []
    field = next(name for name in said if name in _OURS)
    return [invalid(field, f"{' and '.join(said)} exclude each other: send one")]


def _not_positive(request: BracketOrderRequest) -> list[Violation]:
    values = {name: getattr(request, name) for name in sorted(_OURS)}
    return [
        invalid(name, f"{name} {value} must be greater than 0")
        for name, value in values.items()
        if value is not None and value <= 0
    ]


def _lots(request: BracketOrderRequest, instrument: Instrument, _: Quote | None) -> BracketOrderRequest:
    if request.lots is None:
        return request
    return replace(request, lots=None, quantity=request.lots * instrument.lot_size)


def _value(request: BracketOrderRequest, instrument: Instrument, quote: Quote | None) -> BracketOrderRequest:
    if request.order_value is None:
        return request
    price = terms.entry_reference(request, quote)
    if price is None:
        raise _Unsaid(f"order_value {request.order_value} needs an entry price: there is no quote")
    quantity = quantity_from_value(request.order_value, price=price, lot_size=instrument.lot_size)
    return replace(request, order_value=None, quantity=quantity)


def _stop_amount(request: BracketOrderRequest, _: Instrument, __: Quote | None) -> BracketOrderRequest:
    if request.sl_amount is None:
        return request
    if not request.quantity or request.quantity < 0:
        raise _Unsaid("sl_amount needs a quantity: with risk_amount send sl_price, sl_points or sl_percent")
    # Down: what is lost at the stop is never more than was said.
    points = (request.sl_amount / request.quantity).quantize(_FINEST, ROUND_DOWN)
    return replace(request, sl_amount=None, sl_points=points)


def _target_amount(
    request: BracketOrderRequest, instrument: Instrument, quote: Quote | None
) -> BracketOrderRequest:
    if request.target_amount is None:
        return request
    quantity = request.quantity or _from_risk(request, instrument, quote)
    if quantity is None or quantity <= 0:
        raise _Unsaid(f"target_amount {request.target_amount} needs a quantity")
    points = (request.target_amount / quantity).quantize(_FINEST, ROUND_HALF_UP)
    return replace(request, target_amount=None, target_points=points)


def _from_risk(request: BracketOrderRequest, instrument: Instrument, quote: Quote | None) -> int | None:
    entry, risk = terms.entry_reference(request, quote), request.risk_amount
    stop = None if entry is None else _stop_price(request, entry)
    if risk is None or risk <= 0 or entry is None or stop is None:
        return None
    return quantity_from_risk(risk, entry=entry, stop=stop, lot_size=instrument.lot_size)


def _target_multiple(request: BracketOrderRequest, _: Instrument, quote: Quote | None) -> BracketOrderRequest:
    """A multiple of a relative stop stays relative: it counts from the actual average fill like the stop."""
    if request.target_r is None:
        return request
    multiple, stop = request.target_r, terms.only_usable(terms.stop_specs(request))
    if stop is None:
        raise _Unsaid(f"target_r {multiple} needs one stop to be a multiple of")
    match stop.mode:
        case PriceMode.POINTS:
            return replace(request, target_r=None, target_points=_times(stop.value, multiple))
        case PriceMode.PERCENT:
            return replace(request, target_r=None, target_percent=_times(stop.value, multiple))
        case PriceMode.ABSOLUTE:
            entry = terms.entry_reference(request, quote)
            if entry is None:
                raise _Unsaid(f"target_r {multiple} needs an entry price, or sl_points or sl_percent")
            return replace(request, target_r=None, target_points=_times(abs(entry - stop.value), multiple))


def _times(distance: Decimal, multiple: Decimal) -> Decimal:
    return (distance * multiple).quantize(_FINEST, ROUND_HALF_UP)


def _stop_price(request: BracketOrderRequest, entry: Decimal) -> Decimal | None:
    stop, side = terms.only_usable(terms.stop_specs(request)), terms.side_of(request)
    if stop is None or side is None:
        return None
    return resolve(stop, reference=entry, side=side, role=Purpose.STOP)


_FIELDS = {
    _lots: "lots",
    _value: "order_value",
    _stop_amount: "sl_amount",
    _target_amount: "target_amount",
    _target_multiple: "target_r",
}
