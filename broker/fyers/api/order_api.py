"""Fyers' calls, one function each: build the body, send it once, read the answer."""

from datetime import datetime

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
from broker.fyers import mapping
from broker.fyers.refusals import lacks_permission
from broker.fyers.session import API
from broker.fyers.tickers import Tickers
from broker.http import BrokerSession
from broker.limiter import Lane

MAX_QUOTES = 50  # of one call
ORDERS = f"{API}/orders/sync"
GTTS = f"{API}/gtt/orders/sync"


def place_order_api(order: OrderRequest, session: BrokerSession, tickers: Tickers) -> OrderAck:
    """Place one order. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.order_body(order, tickers)
    answer = session.write("POST", ORDERS, lane=_lane(uses_reserve=order.uses_reserve), json=body)
    if mapping.is_in_transit(answer):
        return _placed_after_all(order.tag, session)
    return mapping.ack(answer, mapping.PLACED)


def modify_order_api(
    broker_order_id: str, terms: Terms, *, session: BrokerSession, uses_reserve: bool
) -> None:
    """Ask for new terms. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.modify_body(broker_order_id, terms)
    answer = session.write("PATCH", ORDERS, lane=_lane(uses_reserve=uses_reserve), json=body)
    mapping.ack(answer, mapping.MODIFIED)


def cancel_order_api(broker_order_id: str, session: BrokerSession) -> None:
    """Ask for a cancel. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.id_body(broker_order_id)
    mapping.ack(session.write("DELETE", ORDERS, lane=Lane.EXIT, json=body), mapping.CANCELLED)


def place_gtt_order_api(gtt: GttRequest, session: BrokerSession, tickers: Tickers) -> OrderAck:
    """Place one GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.gtt_body(gtt, tickers)
    answer = session.write("POST", GTTS, lane=_lane(uses_reserve=gtt.uses_reserve), json=body)
    return mapping.ack(answer, mapping.PLACED)


def modify_gtt_order_api(trigger_id: str, gtt: GttRequest, session: BrokerSession) -> None:
    """Give the GTT new legs. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.gtt_change_body(trigger_id, gtt)
    answer = session.write("PATCH", GTTS, lane=_lane(uses_reserve=gtt.uses_reserve), json=body)
    mapping.ack(answer, mapping.MODIFIED)


def cancel_gtt_order_api(trigger_id: str, session: BrokerSession) -> None:
    """Ask for the GTT's end. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.id_body(trigger_id)
    mapping.ack(session.write("DELETE", GTTS, lane=Lane.EXIT, json=body), mapping.CANCELLED)


def get_order_book(session: BrokerSession) -> tuple[OrderRow, ...]:
    """Return the day's orders. Raises ReadFailed or AuthDead."""
    return mapping.order_rows(session.read(f"{API}/orders"))


def get_orders_by_tag(tag: str, session: BrokerSession) -> tuple[OrderRow, ...]:
    """Return the day's orders that carry a tag of ours. Raises ReadFailed or AuthDead."""
    return mapping.order_rows(session.read(f"{API}/orders", params=[("order_tag", f"1:{tag}")]))


def get_gtt_book(session: BrokerSession) -> tuple[GttRow, ...]:
    """Return the GTTs that wait and those that ended lately. Raises ReadFailed or AuthDead."""
    return mapping.gtt_rows(session.read(f"{API}/gtt/orders"))


def get_trade_book(session: BrokerSession) -> tuple[TradeRow, ...]:
    """Return the day's trades. Raises ReadFailed or AuthDead."""
    return mapping.trade_rows(session.read(f"{API}/tradebook"))


def get_positions(session: BrokerSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions = session.read(f"{API}/positions")
    return mapping.position_rows(positions, session.read(f"{API}/holdings"))


def get_quotes(
    symbols: frozenset[Symbol], session: BrokerSession, *, tickers: Tickers, at: datetime
) -> dict[Symbol, Quote] | None:
    """Return quotes; None when the app may not have any. Raises ReadFailed or AuthDead."""
    asked = _asked(symbols, tickers)
    if not asked:
        return {}
    if len(asked) > MAX_QUOTES:
        raise ReadFailed(f"{len(asked)} quotes asked for, fyers gives {MAX_QUOTES} at once")
    params = [("symbols", ",".join(sorted(asked)))]
    answer = session.read("/data/quotes", lane=Lane.QUOTE, params=params)
    return None if lacks_permission(answer) else mapping.quotes(answer, asked, at)


def get_funds(session: BrokerSession) -> Funds:
    """Return cash of the equity segment. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.read(f"{API}/funds"))


def get_user_id(session: BrokerSession) -> str:
    """Return whose session it is. Raises ReadFailed when Fyers did not say, AuthDead for a dead token."""
    return mapping.user_id(session.read(f"{API}/profile"))


def _placed_after_all(tag: str, session: BrokerSession) -> OrderAck:
    """Return the order that nobody answered for, if the book shows it by now.

    That it does not show it proves nothing: it may still come.
    """
    unknown = OutcomeUnknown("the order was sent on, and nobody has answered for it yet")
    if not tag:
        raise unknown
    try:
        rows = get_orders_by_tag(tag, session)
    except (ReadFailed, AuthDead) as exc:
        raise unknown from exc
    if len(rows) != 1 or rows[0].tag != tag:
        raise unknown
    return OrderAck(broker_order_id=rows[0].broker_order_id)


def _asked(symbols: frozenset[Symbol], tickers: Tickers) -> dict[str, Symbol]:
    found: dict[str, Symbol] = {}
    for symbol in symbols:
        try:
            found[tickers.of(symbol)] = symbol
        except (OrderRejected, NotSent):
            continue  # a symbol without a ticker has no quote
    return found


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY
