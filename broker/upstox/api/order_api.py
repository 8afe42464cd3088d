"""Upstox's calls, one function each: build the body, send it once, read the answer."""

from datetime import datetime
from urllib.parse import urlencode

from broker.base import (
    Funds,
    GttRow,
    NotSent,
    OrderAck,
    OrderRejected,
    OrderRequest,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
)
from broker.limiter import Lane
from broker.upstox import brackets, mapping
from broker.upstox.brackets import Book, Known
from broker.upstox.mapping import encode
from broker.upstox.rules import ENTRY, Part, change_body, gtt_body, part_id, part_of, rule_of
from broker.upstox.schemas import Gtt, Order
from broker.upstox.session import UpstoxSession
from services.bracket.model import RefusalKind, RowStatus

MAX_QUOTES = 500  # of one call
GTTS = "/v3/order/gtt"
_SENT = frozenset({"PENDING", "TRIGGERED", "OPEN"})  # an exit whose order is, or may be, on its way


def place_order_api(order: OrderRequest, session: UpstoxSession) -> OrderAck:
    """Place one order, as a GTT when it brings its exits. The failures of a write."""
    key = session.instrument_key((order.exchange, order.symbol))
    lane = _lane(uses_reserve=order.uses_reserve)
    if order.terms.is_native:
        return OrderAck(broker_order_id=part_id(place_gtt_order_api(order, key, session), ENTRY))
    body = encode(mapping.order_body(order, key))
    return mapping.ack(session.orders.write("POST", "/v3/order/place", lane=lane, json=body))


def place_gtt_order_api(order: OrderRequest, instrument_key: str, session: UpstoxSession) -> str:
    """Place an entry with its exits as one GTT and return its id. The failures of a write."""
    body, lane = encode(gtt_body(order, instrument_key)), _lane(uses_reserve=order.uses_reserve)
    return mapping.gtt_ack(session.wire.write("POST", f"{GTTS}/place", lane=lane, json=body))


def modify_order_api(
    broker_order_id: str, terms: Terms, *, session: UpstoxSession, uses_reserve: bool
) -> None:
    """Ask for new terms of an order, or of one rule of a GTT. The failures of a write."""
    part, lane = part_of(broker_order_id), _lane(uses_reserve=uses_reserve)
    if part is None:
        body = encode(mapping.modify_body(broker_order_id, terms))
        answer = session.orders.write("PUT", "/v3/order/modify", lane=lane, json=body)
        mapping.changed(answer, broker_order_id)
        return
    gtt = _found(part, _listed(session))
    body = encode(change_body(gtt, part.strategy, terms))
    answer = session.wire.write("PUT", f"{GTTS}/modify", lane=lane, json=body)
    mapping.gtt_changed(answer, part.gtt_id)


def cancel_order_api(broker_order_id: str, session: UpstoxSession) -> str | None:
    """Ask for a cancel of an order, or of one rule of a GTT. The failures of a write.

    A rule with an order at the exchange is cancelled by that order; one without by its whole GTT, whose id is
    then returned: Upstox takes no single rule away.
    """
    part = part_of(broker_order_id)
    if part is None:
        _cancel(broker_order_id, session)
        return None
    order_id = _order_of(part, session)
    if order_id is not None:
        _cancel(order_id, session)
        return None
    cancel_gtt_order_api(part.gtt_id, session)
    return part.gtt_id


def cancel_gtt_order_api(gtt_id: str, session: UpstoxSession) -> None:
    """Ask for the end of a GTT with all its rules. The failures of a write."""
    body = encode({"gtt_order_id": gtt_id})
    answer = session.wire.write("DELETE", f"{GTTS}/cancel", lane=Lane.EXIT, json=body)
    mapping.gtt_changed(answer, gtt_id)


def _cancel(order_id: str, session: UpstoxSession) -> None:
    path = f"/v3/order/cancel?{urlencode({'order_id': order_id})}"
    mapping.changed(session.orders.write("DELETE", path, lane=Lane.EXIT), order_id)


def _order_of(part: Part, session: UpstoxSession) -> str | None:
    """Return the live order that a rule has at the exchange, None where the GTT itself is to be cancelled."""
    listed = _listed(session)
    found = brackets.book(_orders(session), listed, Known())
    one = next((bracket for bracket in found.brackets if bracket.gtt_id == part.gtt_id), None)
    child = None if one is None else one.children.get(part.strategy)
    if child is not None and mapping.row_status(child) in mapping.LIVE_STATUSES | {RowStatus.UNKNOWN}:
        return child.order_id
    if one is None or not one.is_listed:
        raise OrderRejected(f"Upstox lists no GTT {part.gtt_id}", RefusalKind.NOT_FOUND)
    return None


def _found(part: Part, listed: tuple[Gtt, ...]) -> Gtt:
    for gtt in listed:
        if gtt.gtt_order_id == part.gtt_id:
            if rule_of(gtt, part.strategy).status in _SENT and part.strategy != ENTRY:
                raise OrderRejected(f"{part.strategy} of {part.gtt_id} is sent", RefusalKind.ALREADY_DONE)
            return gtt
    raise OrderRejected(f"Upstox lists no GTT {part.gtt_id}", RefusalKind.NOT_FOUND)


def _listed(session: UpstoxSession) -> tuple[Gtt, ...]:
    try:
        return get_gtts(session)
    except ReadFailed as exc:
        raise NotSent(f"the rules to be changed could not be read: {exc}") from exc


def _orders(session: UpstoxSession) -> tuple[Order, ...]:
    try:
        return get_orders(session)
    except ReadFailed as exc:
        raise NotSent(f"the order to be cancelled could not be read: {exc}") from exc


def get_order_book(session: UpstoxSession, known: Known) -> Book:
    """Return the day's orders with the GTTs they belong to. Two calls. Raises ReadFailed or AuthDead."""
    listed = get_gtts(session)  # first: an order that a rule tells of is in the book by then
    return brackets.book(get_orders(session), listed, known)


def get_orders(session: UpstoxSession) -> tuple[Order, ...]:
    """Return the day's orders as Upstox has them. Raises ReadFailed or AuthDead."""
    return mapping.orders(session.wire.read("/v2/order/retrieve-all"))


def get_gtts(session: UpstoxSession) -> tuple[Gtt, ...]:
    """Return the GTTs that are not over, as Upstox has them. Raises ReadFailed or AuthDead."""
    return mapping.gtts(session.wire.read(GTTS))


def get_gtt_book(session: UpstoxSession) -> tuple[GttRow, ...]:
    """Return the GTTs of one rule. Raises ReadFailed or AuthDead."""
    return brackets.gtt_rows(get_gtts(session), session.names)


def get_trade_book(session: UpstoxSession, parts: dict[str, str]) -> tuple[TradeRow, ...]:
    """Return the day's trades; parts are the ids that orders of GTTs go by. Raises ReadFailed or AuthDead."""
    answer = session.wire.read("/v2/order/trades/get-trades-for-day")
    return mapping.trade_rows(answer, session.names, parts)


def get_positions(session: UpstoxSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions = session.wire.read("/v2/portfolio/short-term-positions")
    holdings = session.wire.read("/v2/portfolio/long-term-holdings")
    return mapping.position_rows(positions, holdings, session.names)


def get_quotes(symbols: frozenset[Symbol], session: UpstoxSession, *, at: datetime) -> dict[Symbol, Quote]:
    """Return quotes with depth and bands. Raises ReadFailed or AuthDead."""
    asked = mapping.keys_asked(symbols, session.names)
    if len(asked) > MAX_QUOTES:
        raise ReadFailed(f"{len(asked)} quotes asked for, upstox gives {MAX_QUOTES} at once")
    if not asked:
        return {}
    params = [("instrument_key", ",".join(asked))]
    answer = session.wire.read("/v2/market-quote/quotes", lane=Lane.QUOTE, params=params)
    return mapping.quotes(answer, asked, at=at)


def get_funds(session: UpstoxSession) -> Funds:
    """Return cash in rupees. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.wire.read("/v2/user/get-funds-and-margin"))


def get_user_id(session: UpstoxSession) -> str:
    """Return whose session it is. Raises ReadFailed when Upstox did not say, AuthDead for a dead token."""
    return mapping.user_id(session.wire.read("/v2/user/profile"))


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY
