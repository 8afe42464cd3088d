"""Kite's calls, one function each: build the form, send it once, read the answer."""

from urllib.parse import quote

from broker.base import (
    AuthDead,
    Funds,
    GttRequest,
    GttRow,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    ReadFailed,
    Terms,
    TradeRow,
)
from broker.http import BrokerSession
from broker.limiter import Lane
from broker.zerodha.mapping import (
    funds,
    gtt_ack,
    gtt_form,
    gtt_rows,
    modify_form,
    order_ack,
    order_form,
    order_rows,
    position_rows,
    quotes,
    trade_rows,
    user_id,
)
from broker.zerodha.refusals import lacks_permission
from broker.zerodha.row_memory import RowMemory

MAX_QUOTES = 500  # of one /quote call


def place_order_api(order: OrderRequest, session: BrokerSession) -> OrderAck:
    """Place one regular order. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    lane = _lane(uses_reserve=order.uses_reserve)
    form = order_form(order)
    return order_ack(session.write("POST", "/orders/regular", lane=lane, form=form))


def modify_order_api(
    broker_order_id: str, terms: Terms, *, session: BrokerSession, uses_reserve: bool
) -> None:
    """Ask for new terms. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    form = modify_form(broker_order_id, terms)
    lane = _lane(uses_reserve=uses_reserve)
    order_ack(session.write("PUT", _order_path(broker_order_id), lane=lane, form=form))


def cancel_order_api(broker_order_id: str, session: BrokerSession) -> None:
    """Ask for a cancel. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    order_ack(session.write("DELETE", _order_path(broker_order_id), lane=Lane.EXIT))


def place_gtt_order_api(gtt: GttRequest, session: BrokerSession) -> OrderAck:
    """Place one GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    form = gtt_form(gtt)
    lane = _lane(uses_reserve=gtt.uses_reserve)
    return gtt_ack(session.write("POST", "/gtt/triggers", lane=lane, form=form))


def modify_gtt_order_api(trigger_id: str, gtt: GttRequest, *, session: BrokerSession) -> None:
    """Replace the whole GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    form = gtt_form(gtt)
    lane = _lane(uses_reserve=gtt.uses_reserve)
    gtt_ack(session.write("PUT", _gtt_path(trigger_id), lane=lane, form=form))


def cancel_gtt_order_api(trigger_id: str, session: BrokerSession) -> None:
    """Delete the GTT. Raises OrderRejected, NotSent, OutcomeUnknown or AuthDead."""
    gtt_ack(session.write("DELETE", _gtt_path(trigger_id), lane=Lane.EXIT))


def get_order_book(session: BrokerSession, memory: RowMemory | None = None) -> tuple[OrderRow, ...]:
    """Return the day's orders; memory spares reading unchanged rows again. Raises ReadFailed or AuthDead."""
    return order_rows(session.read("/orders"), memory)


def get_gtt_book(session: BrokerSession) -> tuple[GttRow, ...]:
    """Return the active GTTs, and the others of the last seven days. Raises ReadFailed or AuthDead."""
    return gtt_rows(session.read("/gtt/triggers"))


def get_trade_book(session: BrokerSession) -> tuple[TradeRow, ...]:
    """Return the day's trades. Raises ReadFailed or AuthDead."""
    return trade_rows(session.read("/trades"))


def get_positions(session: BrokerSession) -> tuple[PositionRow, ...]:
    """Return net positions with holdings. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    positions = session.read("/portfolio/positions")
    return position_rows(positions, session.read("/portfolio/holdings"))


def get_quotes(symbols: frozenset[tuple[str, str]], session: BrokerSession) -> dict[tuple[str, str], Quote]:
    """Return quotes with depth and bands; none at all on the free plan. Raises ReadFailed or AuthDead."""
    if not symbols:
        return {}
    if len(symbols) > MAX_QUOTES:
        raise ReadFailed(f"{len(symbols)} quotes asked for, zerodha gives {MAX_QUOTES} at once")
    params = [("i", f"{exchange}:{symbol}") for exchange, symbol in sorted(symbols)]
    answer = session.read("/quote", lane=Lane.QUOTE, params=params)
    return {} if lacks_permission(answer) else quotes(answer)


def get_funds(session: BrokerSession) -> Funds:
    """Return cash of the equity segment. Raises ReadFailed or AuthDead."""
    return funds(session.read("/user/margins"))


def session_alive(session: BrokerSession) -> bool:
    """Say whether the token still works. Raises ReadFailed when Kite did not say."""
    try:
        user_id(session.read("/user/profile"))
    except AuthDead:
        return False
    return True


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY


def _order_path(broker_order_id: str) -> str:
    return f"/orders/regular/{quote(broker_order_id, safe='')}"


def _gtt_path(trigger_id: str) -> str:
    return f"/gtt/triggers/{quote(trigger_id, safe='')}"
