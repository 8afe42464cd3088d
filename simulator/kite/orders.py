"""The endpoints of orders and trades."""

from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.forms import changed_terms, check_variety, order_request
from simulator.kite.rows import Row, order_history, order_row, trade_row
from simulator.orders import Order


def place(desk: Desk, call: Call) -> Row:
    check_variety(call.path_words["variety"])
    return {"order_id": desk.exchange.place(call.user_id, order_request(call.form))}


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
    return order_history(order, token=_token(desk, order))


def trades(desk: Desk, call: Call) -> list[Row]:
    rows = desk.exchange.trade_book(call.user_id)
    return [trade_row(row, token=desk.token_of((row.exchange, row.symbol))) for row in rows]


def trades_of_order(desk: Desk, call: Call) -> list[Row]:
    order = desk.order(call.user_id, call.path_words["order_id"])
    return [row for row in trades(desk, call) if row["order_id"] == order.order_id]


def _token(desk: Desk, order: Order) -> int:
    return desk.token_of(order.key)
