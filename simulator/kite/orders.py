"""The endpoints of orders and trades."""

from dataclasses import replace

from services.bracket.model import OrderRequest
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import failure_of
from simulator.kite.forms import AFTER_MARKET, changed_terms, check_variety, order_request
from simulator.kite.rows import Row, order_history, order_row, trade_row
from simulator.orders import Order
from simulator.refusals import Refused

_MOST_SLICES = 10


def place(desk: Desk, call: Call) -> Row:
    variety = check_variety(call.path_words["variety"])
    request = order_request(call.form)
    if call.form.get("autoslice") == "true":
        return _place_slices(desk, call, request)
    is_amo = variety == AFTER_MARKET
    return {"order_id": desk.exchange.place(call.user_id, request, after_market=is_amo)}


def _place_slices(desk: Desk, call: Call, request: OrderRequest) -> Row:
    """Place an order above the freeze quantity as several; each says for itself what became of it."""
    children = [_slice(desk, call, part) for part in _slices(desk, request)]
    placed = [child["order_id"] for child in children if "order_id" in child]
    return {"order_id": placed[0] if placed else None, "children": children}


def _slices(desk: Desk, request: OrderRequest) -> list[OrderRequest]:
    instrument = desk.exchange.instruments.get((request.exchange, request.symbol))
    freeze = None if instrument is None else instrument.freeze_quantity
    whole = request.terms.quantity
    if instrument is None or freeze is None or whole <= freeze:
        return [request]
    size = freeze - freeze % instrument.lot_size
    parts = [min(size, whole - begun) for begun in range(0, whole, size)]
    if len(parts) > _MOST_SLICES:
        return [request]  # refused as a whole, for its quantity
    return [replace(request, terms=replace(request.terms, quantity=part)) for part in parts]


def _slice(desk: Desk, call: Call, request: OrderRequest) -> Row:
    try:
        return {"order_id": desk.exchange.place(call.user_id, request)}
    except Refused as refused:
        told = failure_of(refused)
        return {"error": {"code": told.status, "error_type": told.error_type, "message": told.message}}


def modify(desk: Desk, call: Call) -> Row:
    check_variety(call.path_words["variety"])
    order = desk.order(call.user_id, call.path_words["order_id"])
    desk.exchange.modify(call.user_id, order.order_id, terms=changed_terms(call.form, order))
    return {"order_id": order.order_id}


def cancel(desk: Desk, call: Call) -> Row:
    check_variety(call.path_words["variety"])
    order_id = call.path_words["order_id"]
    desk.exchange.cancel(call.user_id, order_id)
    return {"order_id": order_id}


def book(desk: Desk, call: Call) -> list[Row]:
    return [order_row(order, token=_token(desk, order)) for order in desk.exchange.orders(call.user_id)]


def history(desk: Desk, call: Call) -> list[Row]:
    order = desk.order(call.user_id, call.path_words["order_id"])
    return order_history(order, desk.journal.states(order.order_id), token=_token(desk, order))


def trades(desk: Desk, call: Call) -> list[Row]:
    rows = desk.exchange.trade_book(call.user_id)
    return [trade_row(row, token=desk.token_of((row.exchange, row.symbol))) for row in rows]


def trades_of_order(desk: Desk, call: Call) -> list[Row]:
    order = desk.order(call.user_id, call.path_words["order_id"])
    return [row for row in trades(desk, call) if row["order_id"] == order.order_id]


def _token(desk: Desk, order: Order) -> int:
    return desk.token_of(order.key)
