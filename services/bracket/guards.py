"""What protects each slice right now, where that is held, and in which words. Pure.

`protection.py` tells how a plan's exits are meant to be held; this tells what the books show.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from services.bracket.model import Bracket, Leg, LegKind, Purpose, Role, Slice
from services.bracket.native import exit_for, is_native_exit
from services.bracket.quantities import live_legs, net_of


class Hold(StrEnum):
    """How a slice stands."""

    EMPTY = "empty"  # nothing is held, nothing is to be protected
    STOP = "stop"
    OCO = "oco"
    NATIVE = "native"  # stop and target of the broker's own bracket
    TARGET = "target"
    LEAVING = "leaving"
    UNCONFIRMED = "unconfirmed"  # an exit was sent; no book has shown it working
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One slice: shares held, what guards them, where that rests, and what it leaves open.

    stop_rests, target_rests: whether that one works on while this service is down, as things stand now.
    """

    slice: int
    held: int
    hold: Hold
    quantity: int  # shares the guard covers
    words: str
    where: str
    order_id: str | None = None
    stop_rests: bool = False
    target_rests: bool = False


def guards_of(bracket: Bracket) -> tuple[Guard, ...]:
    """Return what protects each slice, as far as the books have shown it."""
    return tuple(_guard(bracket, part) for part in bracket.slices)


def _guard(bracket: Bracket, part: Slice) -> Guard:
    held, legs = net_of(bracket, part), live_legs(bracket, Role.EXIT, part=part)
    leg = next((one for one in legs if one.is_working), legs[0] if legs else None)
    if leg is None:
        return _bare(part, held)
    if is_native_exit(bracket, leg):
        return _brought(bracket, part, legs)
    hold = _hold(leg)
    return Guard(
        slice=part.index,
        held=held,
        hold=hold,
        quantity=leg.remaining if leg.is_working else 0,
        words=_words(hold, leg),
        where=_where(hold, leg),
        order_id=leg.broker_order_id,
        stop_rests=any(_hold(one) in (Hold.STOP, Hold.OCO) for one in legs),
        target_rests=any(_hold(one) in (Hold.TARGET, Hold.OCO) for one in legs),
    )


def _brought(bracket: Bracket, part: Slice, legs: list[Leg]) -> Guard:
    """The stop guards; the target that the same bracket brought is told beside it."""
    held = net_of(bracket, part)
    brought = [leg for leg in legs if is_native_exit(bracket, leg)]
    stop, target = exit_for(brought, Purpose.STOP), exit_for(brought, Purpose.TARGET)
    if held <= 0:
        hold, words = Hold.EMPTY, "nothing is held yet, the broker's bracket waits for the entry"
    elif stop is None or not stop.is_working:
        hold, words = Hold.UNCONFIRMED, "the stop of the broker's bracket does not work (yet)"
    else:
        beside = "no target" if target is None else f"target {_text(target.terms.price)}"
        hold = Hold.NATIVE
        words = f"stop {_text(stop.terms.trigger_price)} and {beside} for {stop.remaining} in one bracket"
    return Guard(
        slice=part.index,
        held=held,
        hold=hold,
        quantity=stop.remaining if stop is not None and hold is Hold.NATIVE else 0,
        words=words,
        where="at the broker (bracket)",
        order_id=None if stop is None else stop.broker_order_id,
        stop_rests=stop is not None and stop.is_working,
        target_rests=target is not None and target.is_working,
    )


def _bare(part: Slice, held: int) -> Guard:
    if held <= 0:
        words, hold = "nothing is held yet, so there is nothing to protect", Hold.EMPTY
    else:
        words, hold = f"no working stop for {held} shares", Hold.NONE
    return Guard(slice=part.index, held=held, hold=hold, quantity=0, words=words, where="nowhere")


def _hold(leg: Leg) -> Hold:
    if not leg.is_working:
        return Hold.UNCONFIRMED
    if leg.kind is LegKind.GTT:
        return Hold.OCO
    match leg.purpose:
        case Purpose.STOP:
            return Hold.STOP
        case Purpose.TARGET:
            return Hold.TARGET
        case Purpose.MARKETABLE:
            return Hold.LEAVING
        case Purpose.OCO:
            return Hold.OCO
        case Purpose.ENTRY | Purpose.UNWIND:
            raise AssertionError("an exit is neither an entry nor an unwind")
        case _:
            assert_never(leg.purpose)


def _words(hold: Hold, leg: Leg) -> str:
    terms = leg.terms
    match hold:
        case Hold.STOP:
            trigger, limit = _text(terms.trigger_price), _text(terms.price)
            return f"stop for {leg.remaining}: triggers at {trigger}, limit {limit}"
        case Hold.OCO:
            stop, target = _text(terms.trigger_price), _text(terms.target_trigger)
            return f"stop {stop} and target {target} for {leg.remaining} in one trigger"
        case Hold.TARGET:
            return f"target order for {leg.remaining} at {_text(terms.price)}; it turns back into the stop"
        case Hold.LEAVING:
            price = "the market" if terms.price is None else f"a limit of {_text(terms.price)}"
            return f"leaving: {leg.remaining} at {price}"
        case _:
            return f"{leg.purpose} for {leg.remaining} sent, no book shows it working yet"


def _text(price: Decimal | None) -> str:
    """Return a price with two decimals at least; MARKET orders have none."""
    if price is None:
        return "the market"
    return f"{price:f}" if -int(price.as_tuple().exponent) > 2 else f"{price:.2f}"


def _where(hold: Hold, leg: Leg) -> str:
    if hold is Hold.UNCONFIRMED:
        return "on its way"
    return "at the broker (GTT)" if leg.kind is LegKind.GTT else "at the exchange"
