"""The endpoints of orders and trades, and what is posted of orders."""

from simulator.angel.desk import Desk, unique_id
from simulator.angel.failures import NOT_FOUND, AngelFailure
from simulator.angel.forms import changed, named, order_request
from simulator.angel.rows import Row, order_row, trade_row
from simulator.orders import Order
from simulator.wire.calls import Call, encoded
from simulator.wire.journal import Update
from simulator.wire.postbacks import Letter, Postbacks


def place(desk: Desk, call: Call) -> Row:
    request = order_request(desk, call)
    order_id = desk.exchange.place(call.user_id, request)
    return {"script": request.symbol, **ids(order_id)}


def modify(desk: Desk, call: Call) -> Row:
    order, terms = changed(desk, call)
    if terms is not None:
        desk.exchange.modify(call.user_id, order.order_id, terms=terms)
    return ids(order.order_id)


def cancel(desk: Desk, call: Call) -> Row:
    order = named(desk, call)
    desk.exchange.cancel(call.user_id, order.order_id)
    return ids(order.order_id)


def ids(order_id: str) -> Row:
    return {"orderid": order_id, "uniqueorderid": unique_id(order_id)}


def book(desk: Desk, call: Call) -> list[Row] | None:
    return [_row(desk, order) for order in desk.exchange.orders(call.user_id)] or None


def one(desk: Desk, call: Call) -> Row:
    for order in desk.exchange.orders(call.user_id):
        if unique_id(order.order_id) == call.path_words["unique_id"]:
            return _row(desk, order)
    raise AngelFailure(NOT_FOUND, "Order not found")


def trades(desk: Desk, call: Call) -> list[Row] | None:
    return [trade_row(trade) for trade in desk.exchange.trade_book(call.user_id)] or None


def postbacks(desk: Desk) -> Postbacks:
    """Return what posts the orders' states, unsigned."""

    def letter(update: Update) -> Letter:
        # The journal is in the middle of noting this order: what it was placed as is not asked for.
        row = order_row(update.order, number=desk.numbers.number_of(update.order.key), variety="NORMAL")
        told = row | {"clientcode": update.order.account_id}
        return Letter(
            status=row["orderstatus"], order_id=row["orderid"], body=lambda _app, _fault: encoded(told)
        )

    return Postbacks(desk, letter)


def _row(desk: Desk, order: Order) -> Row:
    return order_row(order, number=desk.numbers.number_of(order.key), variety=desk.variety_of(order))
