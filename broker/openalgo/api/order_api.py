"""An OpenAlgo server's calls, one function each: build the body, send it once, read the answer."""

from collections.abc import Iterable
from datetime import datetime

from broker.base import (
    Funds,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
)
from broker.limiter import Lane
from broker.openalgo import mapping
from broker.openalgo.mapping import Place
from broker.openalgo.refusals import is_not_offered
from broker.openalgo.session import OpenalgoSession


def place_order_api(order: OrderRequest, session: OpenalgoSession) -> OrderAck:
    """Place one order. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.order_body(order)
    return mapping.ack(session.write("placeorder", body, lane=_lane(uses_reserve=order.uses_reserve)))


def modify_order_api(
    broker_order_id: str, terms: Terms, *, place: Place, session: OpenalgoSession, uses_reserve: bool
) -> None:
    """Ask for new terms. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.modify_body(broker_order_id, place, terms)
    mapping.ack(session.write("modifyorder", body, lane=_lane(uses_reserve=uses_reserve)))


def cancel_order_api(broker_order_id: str, session: OpenalgoSession) -> None:
    """Ask for a cancel. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    mapping.ack(session.write("cancelorder", mapping.cancel_body(broker_order_id), lane=Lane.EXIT))


def get_order_book(session: OpenalgoSession) -> tuple[OrderRow, ...]:
    """Return the day's orders with what the trades say of them. Raises ReadFailed or AuthDead.

    Two calls, the trades last: a fill between them shows, and is never taken back.
    """
    orders = session.ask("orderbook")
    return mapping.order_rows(orders, session.ask("tradebook"))


def get_trade_book(session: OpenalgoSession, now: datetime) -> tuple[TradeRow, ...]:
    """Return the day's trades. Raises ReadFailed or AuthDead."""
    return mapping.trade_rows(session.ask("tradebook"), now)


def get_positions(session: OpenalgoSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions, holdings = session.ask("positionbook"), session.ask("holdings")
    return mapping.position_rows(positions, None if is_not_offered(holdings) else holdings)


def get_quotes(symbols: Iterable[Symbol], session: OpenalgoSession, *, at: datetime) -> dict[Symbol, Quote]:
    """Return quotes, by a call each. Raises ReadFailed when all failed, AuthDead."""
    found: dict[Symbol, Quote] = {}
    failed: ReadFailed | None = None
    for exchange, symbol in symbols:
        try:
            answer = session.ask("quotes", {"symbol": symbol, "exchange": exchange}, lane=Lane.QUOTE)
            quote = mapping.quote(answer, at)
        except ReadFailed as exc:  # one that its broker does not list is an error to the server
            failed = exc
            continue
        if quote is not None:
            found[exchange, symbol] = quote
    if failed is not None and not found:
        raise failed
    return found


def get_funds(session: OpenalgoSession) -> Funds:
    """Return cash. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.ask("funds"))


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY
