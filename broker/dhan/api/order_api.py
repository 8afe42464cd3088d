"""Dhan's calls, one function each: build the body, send it once, read the answer."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from broker.base import (
    AuthDead,
    Funds,
    GttRequest,
    GttRow,
    NotSent,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    OutcomeUnknown,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
)
from broker.dhan import mapping, supers
from broker.dhan.forevers import changes, forever_body, forevers, gtt_rows, has_fired
from broker.dhan.mapping import Body, encode, order_ack, order_body, super_body, taken
from broker.dhan.refusals import lacks_data_plan
from broker.dhan.schemas import Order, Profile, SuperOrder
from broker.dhan.session import DhanSession
from broker.http import Answer
from broker.limiter import Lane
from services.bracket.model import RefusalKind

MAX_QUOTES = 1000  # of one call

Rows = TypeVar("Rows")


def place_order_api(order: OrderRequest, session: DhanSession) -> OrderAck:
    """Place one order, a super order when it brings its exits. The failures of a write.

    An answer that says nothing is asked about once, by the order's tag: only an order that is found counts.
    """
    security_id = session.security_id(order.exchange, order.symbol)
    lane = _lane(uses_reserve=order.uses_reserve)
    if order.terms.is_native:
        body = super_body(order, client_id=session.client_id, security_id=security_id)
        ack = _placed("/v2/super/orders", body, order.tag, lane, session)
        return OrderAck(broker_order_id=supers.part_id(ack.broker_order_id, supers.ENTRY))
    body = order_body(order, client_id=session.client_id, security_id=security_id)
    return _placed("/v2/orders", body, order.tag, lane, session)


def _placed(path: str, body: Body, tag: str, lane: Lane, session: DhanSession) -> OrderAck:
    try:
        return order_ack(session.wire.write("POST", path, lane=lane, json=encode(body)))
    except OutcomeUnknown:
        found = find_order(tag, session)
        if found is None:
            raise
        return OrderAck(broker_order_id=found.orderId)


def find_order(tag: str, session: DhanSession) -> Order | None:
    """Return the order that carries a tag, None when Dhan shows none: which proves nothing."""
    if not tag:
        return None
    try:
        found = mapping.one_order(session.wire.read(f"/v2/orders/external/{quote(tag, safe='')}"))
    except (ReadFailed, AuthDead):
        return None
    return found if found.correlationId == tag else None


def modify_order_api(broker_order_id: str, terms: Terms, *, session: DhanSession, uses_reserve: bool) -> None:
    """Ask for new terms of an order, or of one leg of a super order. The failures of a write."""
    part = supers.part_of(broker_order_id)
    if part is None:
        path = _order_path(broker_order_id)
        body = mapping.modify_body(broker_order_id, terms, client_id=session.client_id)
    else:
        path = f"/v2/super/orders/{quote(part.order_id, safe='')}"
        body = supers.leg_body(part, terms, client_id=session.client_id)
    lane = _lane(uses_reserve=uses_reserve)
    taken(session.wire.write("PUT", path, lane=lane, json=encode(body)))


def cancel_order_api(broker_order_id: str, session: DhanSession) -> None:
    """Ask for a cancel of an order, or of one leg of a super order. The failures of a write."""
    part = supers.part_of(broker_order_id)
    path = _order_path(broker_order_id)
    if part is not None:
        path = f"/v2/super/orders/{quote(part.order_id, safe='')}/{part.leg}"
    taken(session.wire.write("DELETE", path, lane=Lane.EXIT))


def place_gtt_order_api(gtt: GttRequest, session: DhanSession) -> OrderAck:
    """Place one forever order, OCO when there is a target. The failures of a write."""
    security_id = session.security_id(gtt.exchange, gtt.symbol)
    body = forever_body(gtt, client_id=session.client_id, security_id=security_id)
    lane = _lane(uses_reserve=gtt.uses_reserve)
    return order_ack(session.wire.write("POST", "/v2/forever/orders", lane=lane, json=encode(body)))


def modify_gtt_order_api(trigger_id: str, gtt: GttRequest, *, session: DhanSession) -> None:
    """Bring a forever order to new terms, leg by leg; their names are read first. The failures of a write.

    Dhan changes one leg at a time. Refused at the second, the first has changed: unknown, not refused.
    """
    lane = _lane(uses_reserve=gtt.uses_reserve)
    for count, body in enumerate(_gtt_changes(trigger_id, gtt, session)):
        try:
            taken(session.wire.write("PUT", _gtt_path(trigger_id), lane=lane, json=encode(body)))
        except (OrderRejected, NotSent) as exc:
            if count == 0:
                raise
            raise OutcomeUnknown(f"one leg of forever order {trigger_id} changed, then: {exc}") from exc


def _gtt_changes(trigger_id: str, gtt: GttRequest, session: DhanSession) -> list[Body]:
    try:
        found = forevers(session.wire.read("/v2/forever/orders"))
    except ReadFailed as exc:
        raise NotSent(f"the legs of forever order {trigger_id} could not be read: {exc}") from exc
    legs = [row for row in found if row.orderId == trigger_id]
    if not legs:
        raise OrderRejected(f"Dhan shows no forever order {trigger_id}", RefusalKind.NOT_FOUND)
    return changes(trigger_id, legs, gtt.terms, client_id=session.client_id)


def cancel_gtt_order_api(trigger_id: str, session: DhanSession) -> None:
    """Delete a forever order with all its legs. The failures of a write."""
    taken(session.wire.write("DELETE", _gtt_path(trigger_id), lane=Lane.EXIT))


def get_order_book(session: DhanSession) -> tuple[OrderRow, ...]:
    """Return the day's orders, super orders leg by leg. Two calls. Raises ReadFailed or AuthDead."""
    brackets = get_super_orders(session)
    found = mapping.orders(session.wire.read("/v2/orders"))
    return _possible(lambda: supers.book(found, brackets, session.names))


def get_super_orders(session: DhanSession) -> tuple[SuperOrder, ...]:
    """Return the day's super orders as Dhan has them. Raises ReadFailed or AuthDead."""
    return supers.supers(session.wire.read("/v2/super/orders"))


def get_gtt_book(session: DhanSession) -> tuple[GttRow, ...]:
    """Return the forever orders, with what became of those that fired. Raises ReadFailed or AuthDead."""
    found = forevers(session.wire.read("/v2/forever/orders"))
    children: dict[str, Order] = {}
    if any(map(has_fired, found)):
        rows = mapping.orders(session.wire.read("/v2/orders"))
        children = {row.correlationId: row for row in rows if row.correlationId}
    return _possible(lambda: gtt_rows(found, children, session.names))


def get_trade_book(session: DhanSession) -> tuple[TradeRow, ...]:
    """Return the day's trades. Two calls. Raises ReadFailed or AuthDead."""
    found = mapping.trades(session.wire.read("/v2/trades"))
    brackets = get_super_orders(session) if found else ()
    return _possible(lambda: supers.trade_rows(found, brackets, session.names))


def get_positions(session: DhanSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions = session.wire.read("/v2/positions")
    return mapping.position_rows(positions, session.wire.read("/v2/holdings"), session.names)


def get_quotes(
    symbols: frozenset[Symbol], session: DhanSession, *, at: datetime
) -> dict[Symbol, Quote] | None:
    """Return quotes with depth and bands; None without the data plan. Raises ReadFailed or AuthDead."""
    asked = mapping.numbers_asked(symbols, session.names)
    if len(asked) > MAX_QUOTES:
        raise ReadFailed(f"{len(asked)} quotes asked for, dhan gives {MAX_QUOTES} at once")
    if not asked:
        return {}
    answer = session.wire.ask("/v2/marketfeed/quote", lane=Lane.QUOTE, json=_by_segment(asked))
    return None if lacks_data_plan(answer) else mapping.quotes(answer, asked, at=at)


def _by_segment(asked: dict[tuple[str, str], Symbol]) -> bytes:
    wanted: dict[str, list[int]] = {}
    for segment, number in asked:
        wanted.setdefault(segment, []).append(int(number))
    return encode(wanted)


def get_funds(session: DhanSession) -> Funds:
    """Return cash in rupees. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.wire.read("/v2/fundlimit"))


def get_profile(session: DhanSession) -> Profile:
    """Return whose session it is and whether it has market data. Raises ReadFailed or AuthDead."""
    answer: Answer = session.wire.read("/v2/profile")
    return mapping.profile(answer)


def _possible(make: Callable[[], Rows]) -> Rows:
    try:
        return make()
    except ValueError as exc:
        raise ReadFailed(f"a book of Dhan's has an impossible row: {exc}") from exc


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY


def _order_path(broker_order_id: str) -> str:
    return f"/v2/orders/{quote(broker_order_id, safe='')}"


def _gtt_path(trigger_id: str) -> str:
    return f"/v2/forever/orders/{quote(trigger_id, safe='')}"
