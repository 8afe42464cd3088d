"""Kite's calls, one function each: build the form, send it once, read the answer."""

from decimal import Decimal
from urllib.parse import quote

from broker.base import (
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
    holding_rows,
    last_prices,
    modify_form,
    order_ack,
    order_form,
    order_history,
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


def get_order_history(broker_order_id: str, session: BrokerSession) -> tuple[OrderRow, ...]:
    """Return the states one order of today went through. Raises ReadFailed or AuthDead."""
    return order_history(session.read(f"/orders/{quote(broker_order_id, safe='')}"))


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


def get_holdings(session: BrokerSession) -> tuple[PositionRow, ...]:
    """Return holdings with those of T+1. Raises ReadFailed or AuthDead."""
    return holding_rows(session.read("/portfolio/holdings"))


def get_quotes(
    symbols: frozenset[tuple[str, str]], session: BrokerSession
) -> dict[tuple[str, str], Quote] | None:
    """Return quotes with depth and bands; None when the plan has none. Raises ReadFailed or AuthDead."""
    if not symbols:
        return {}
    answer = session.read("/quote", lane=Lane.QUOTE, params=_instruments(symbols))
    return None if lacks_permission(answer) else quotes(answer)


def get_ltp(
    symbols: frozenset[tuple[str, str]], session: BrokerSession
) -> dict[tuple[str, str], Decimal] | None:
    """Return last prices alone; None when the app's plan has none. Raises ReadFailed or AuthDead."""
    if not symbols:
        return {}
    answer = session.read("/quote/ltp", lane=Lane.QUOTE, params=_instruments(symbols))
    return None if lacks_permission(answer) else last_prices(answer)


def _instruments(symbols: frozenset[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(symbols) > MAX_QUOTES:
        raise ReadFailed(f"{len(symbols)} quotes asked for, zerodha gives {MAX_QUOTES} at once")
    return [("i", f"{exchange}:{symbol}") for exchange, symbol in sorted(symbols)]


def get_funds(session: BrokerSession) -> Funds:
    """Return cash of the equity segment. Raises ReadFailed or AuthDead."""
    return funds(session.read("/user/margins"))


def get_user_id(session: BrokerSession) -> str:
    """Return whose session it is. Raises ReadFailed when Kite did not say, AuthDead for a dead token."""
    return user_id(session.read("/user/profile"))


def _lane(*, uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY


def _order_path(broker_order_id: str) -> str:
    return f"/orders/regular/{quote(broker_order_id, safe='')}"


def _gtt_path(trigger_id: str) -> str:
    return f"/gtt/triggers/{quote(trigger_id, safe='')}"
