"""Angel One's calls, one function each: build the body, send it once, read the answer."""

from datetime import date, datetime

import msgspec

from broker.angel import mapping
from broker.angel.notes import OrderNote
from broker.angel.schemas import Order, Placed
from broker.angel.scripts import EXCHANGES, ScriptName, Scripts
from broker.angel.session import HOLDINGS, ORDER_BOOK, POSITIONS, SECURE, TRADE_BOOK, AngelSession
from broker.base import (
    Funds,
    NotSent,
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

MAX_QUOTES = 50  # of one call
_ORDERS = f"{SECURE}/order/v1"


def place_order_api(order: OrderRequest, script: ScriptName, session: AngelSession) -> Placed:
    """Place one order. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.order_body(order, script)
    return _written(session, "placeOrder", body, lane=_lane(uses_reserve=order.uses_reserve))


def modify_order_api(
    broker_order_id: str, terms: Terms, note: OrderNote, *, session: AngelSession, uses_reserve: bool
) -> None:
    """Ask for new terms. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    body = mapping.modify_body(broker_order_id, terms, note)
    _written(session, "modifyOrder", body, lane=_lane(uses_reserve=uses_reserve))


def cancel_order_api(broker_order_id: str, note: OrderNote | None, session: AngelSession) -> None:
    """Ask for a cancel. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    _written(session, "cancelOrder", mapping.cancel_body(broker_order_id, note), lane=Lane.EXIT)


def get_order_book(session: AngelSession) -> tuple[Order, ...]:
    """Return the day's orders in Angel's words. Raises ReadFailed or AuthDead."""
    return mapping.orders(session.read(ORDER_BOOK))


def get_order(unique_id: str, session: AngelSession) -> Order:
    """Return one order by its uniqueorderid. Raises ReadFailed or AuthDead."""
    return mapping.one_order(session.read(f"{_ORDERS}/details/{unique_id}"))


def get_trade_book(session: AngelSession, today: date) -> tuple[TradeRow, ...]:
    """Return the day's trades. Raises ReadFailed or AuthDead."""
    return mapping.trade_rows(session.read(TRADE_BOOK), today)


def get_positions(session: AngelSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions = session.read(POSITIONS)
    return mapping.position_rows(positions, session.read(HOLDINGS))


def get_quotes(
    symbols: frozenset[Symbol], session: AngelSession, *, scripts: Scripts, at: datetime
) -> dict[Symbol, Quote]:
    """Return quotes of what is listed. Raises ReadFailed or AuthDead."""
    asked = _asked(symbols, scripts)
    if not asked:
        return {}
    if len(asked) > MAX_QUOTES:
        raise ReadFailed(f"{len(asked)} quotes asked for, Angel One gives {MAX_QUOTES} at once")
    body = msgspec.json.encode(mapping.quote_body(asked))
    answer = session.wire.ask(f"{SECURE}/market/v1/quote/", lane=Lane.QUOTE, json=body)
    return mapping.quotes(answer, asked, at)


def get_funds(session: AngelSession) -> Funds:
    """Return cash. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.read(f"{SECURE}/user/v1/getRMS"))


def get_client_code(session: AngelSession) -> str:
    """Return whose session it is. Raises ReadFailed when Angel did not say, AuthDead for a dead token."""
    return mapping.client_code(session.read(f"{SECURE}/user/v1/getProfile"))


def _written(session: AngelSession, call: str, body: mapping.Body, *, lane: Lane) -> Placed:
    path = f"{_ORDERS}/{call}"
    return mapping.placed(session.wire.write("POST", path, lane=lane, json=msgspec.json.encode(body)))


def _asked(symbols: frozenset[Symbol], scripts: Scripts) -> dict[tuple[str, str], Symbol]:
    found: dict[tuple[str, str], Symbol] = {}
    for symbol in symbols:
        if symbol[0] not in EXCHANGES:
            continue
        try:
            found[symbol[0], scripts.of(symbol).token] = symbol
        except (OrderRejected, NotSent):
            continue  # what is not listed has no quote
    return found


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY
