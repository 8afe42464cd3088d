"""Orders that no book shows, told as rows of a book: as far as the store knows them."""

from datetime import datetime

from database.plain_order_db import PlainOrder, PlainStatus
from restx_api.openalgo.shapes import Shape, exchange_time, number
from services.bracket.model import Bracket, Leg, LegStatus, State
from services.plain.evidence import day_has_ended, is_of_an_earlier_day
from services.plain.status import BracketsOrder

_OPEN, _UNKNOWN = "open", "unknown"

_PLAIN = {
    PlainStatus.SENT: _OPEN,
    PlainStatus.UNKNOWN: _UNKNOWN,
    PlainStatus.ACCEPTED: _OPEN,
    PlainStatus.REJECTED: "rejected",
    PlainStatus.NOT_SENT: "rejected",
    PlainStatus.ABSENT: "rejected",
    PlainStatus.UNRESOLVED: _UNKNOWN,
}
_LEG = {
    LegStatus.SENT: _OPEN,
    LegStatus.UNKNOWN: _UNKNOWN,
    LegStatus.ACKED: _OPEN,
    LegStatus.PENDING: _OPEN,
    LegStatus.TRIGGER_PENDING: "trigger pending",
    LegStatus.OPEN: _OPEN,
    LegStatus.TRIGGERED: "complete",
    LegStatus.FILLED: "complete",
    LegStatus.CANCELLED: "cancelled",
    LegStatus.REJECTED: "rejected",
    LegStatus.EXPIRED: "expired",
    LegStatus.ABSENT: "rejected",
    LegStatus.NOT_SENT: "rejected",
}
_NO_ENTRY = {State.CANCELLED: "cancelled", State.REJECTED: "rejected", State.EXPIRED: "expired"}


def plain_order_shape(order: PlainOrder, now: datetime) -> Shape:
    """Return a plain order; what its book of another day said of it nobody can say any more."""
    status = _PLAIN[order.status]
    return {
        "action": str(order.side),
        "symbol": order.symbol,
        "exchange": order.exchange,
        "orderid": order.broker_order_id or order.id,
        "product": str(order.product),
        "quantity": order.terms.quantity,
        "filled_quantity": 0,
        "price": number(order.terms.price),
        "pricetype": str(order.terms.order_type),
        "order_status": _UNKNOWN if status == _OPEN and day_has_ended(order, now) else status,
        "trigger_price": number(order.terms.trigger_price),
        "average_price": 0.0,
        "timestamp": exchange_time(order.sent_at),
        "rejection_reason": order.reason,
    }


def brackets_order_shape(order: BracketsOrder, now: datetime) -> Shape:
    """Return an order of a bracket; its entry as planned while there is none."""
    bracket, leg = order.bracket, order.leg
    return _planned(bracket) if leg is None else {**_planned(bracket), **_sent(bracket, leg, now)}


def _planned(bracket: Bracket) -> Shape:
    plan = bracket.plan
    return {
        "action": str(plan.side),
        "symbol": plan.instrument.symbol,
        "exchange": plan.instrument.exchange,
        "orderid": bracket.id,
        "product": str(plan.product),
        "quantity": plan.quantity,
        "filled_quantity": 0,
        "price": number(plan.entry.price),
        "pricetype": str(plan.entry.order_type),
        "order_status": _NO_ENTRY.get(bracket.state, _OPEN),
        "trigger_price": number(plan.entry.trigger_price),
        "average_price": 0.0,
        "timestamp": exchange_time(bracket.received.wall),
        "rejection_reason": bracket.entry_ended,
    }


def _sent(bracket: Bracket, leg: Leg, now: datetime) -> Shape:
    return {
        "action": str(leg.side),
        "orderid": leg.broker_order_id or bracket.id,
        "quantity": leg.terms.quantity,
        "filled_quantity": leg.filled,
        "price": number(leg.terms.price),
        "pricetype": str(leg.terms.order_type),
        "order_status": _status_of(bracket, leg, now),
        "trigger_price": number(leg.terms.trigger_price),
        "average_price": number(leg.average_price),
        "timestamp": exchange_time(leg.sent_at.wall),
        "rejection_reason": leg.reason,
    }


def _status_of(bracket: Bracket, leg: Leg, now: datetime) -> str:
    if leg.is_live and is_of_an_earlier_day(leg.sent_at.wall, now):
        return _UNKNOWN
    # An entry that did not arrive may be sent again until the bracket says that it is over.
    may_still_come = leg.status in (LegStatus.NOT_SENT, LegStatus.ABSENT) and bracket.entry_ended is None
    return _OPEN if may_still_come else _LEG[leg.status]
