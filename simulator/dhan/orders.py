"""The endpoints of orders and trades."""

from simulator.dhan.desk import Desk
from simulator.dhan.failures import order_failure
from simulator.dhan.forms import ChangeForm, OrderForm, changed_terms, order_request
from simulator.dhan.rows import Row, order_row, trade_row
from simulator.dhan.words import status_of
from simulator.orders import Order
from simulator.wire.calls import Call, Reply

PROCESSING = Reply(202, b"")  # taken for processing: Dhan says no more


def place(desk: Desk, call: Call) -> Row:
    order_id = desk.exchange.place(call.user_id, order_request(desk, call.json(OrderForm)))
    return said(desk, call, order_id)


def said(desk: Desk, call: Call, order_id: str) -> Row:
    """Return what a write is answered with."""
    order = desk.order(call.user_id, order_id)
    return {"orderId": order_id, "orderStatus": "TRANSIT" if order is None else status_of(order)}


def modify(desk: Desk, call: Call) -> Row:
    order = existing(desk, call)
    desk.exchange.modify(call.user_id, order.order_id, terms=changed_terms(call.json(ChangeForm), order))
    return said(desk, call, order.order_id)


def cancel(desk: Desk, call: Call) -> Reply:
    desk.exchange.cancel(call.user_id, existing(desk, call).order_id)
    return PROCESSING


def existing(desk: Desk, call: Call) -> Order:
    """Return the order that a path names. Raises DhanFailure."""
    order = desk.order(call.user_id, call.path_words["order_id"])
    if order is None:
        raise order_failure("Order not found.")
    return order


def book(desk: Desk, call: Call) -> list[Row]:
    desk.supers.step()
    parts, tags = desk.supers.parts(call.user_id), _child_tags(desk, call.user_id)
    return [
        order_row(
            order,
            number=desk.numbers.number_of(order.key),
            shown=parts.get(order.order_id, (order.order_id, None)),
            tag=order.tag or tags.get(order.order_id),
        )
        for order in desk.exchange.orders(call.user_id)
    ]


def _child_tags(desk: Desk, user_id: str) -> dict[str, str]:
    """Return the tag of each order that a forever order placed: the forever order's own."""
    return {
        leg.child_order_id: desk.forever_tags[gtt.trigger_id]
        for gtt in desk.exchange.gtt_book(user_id)
        for leg in gtt.legs
        if leg.child_order_id is not None and gtt.trigger_id in desk.forever_tags
    }


def one(desk: Desk, call: Call) -> Row:
    return _found(desk, call, "orderId", call.path_words["order_id"])


def by_correlation(desk: Desk, call: Call) -> Row:
    return _found(desk, call, "correlationId", call.path_words["correlation_id"])


def _found(desk: Desk, call: Call, name: str, value: str) -> Row:
    for row in book(desk, call):
        if row[name] == value:
            return row
    raise order_failure("Order not found.")


def trades(desk: Desk, call: Call) -> list[Row]:
    parts = desk.supers.parts(call.user_id)
    return [
        trade_row(
            row,
            number=desk.numbers.number_of((row.exchange, row.symbol)),
            order_id=parts.get(row.broker_order_id, (row.broker_order_id, ""))[0],
            user_id=call.user_id,
        )
        for row in desk.exchange.trade_book(call.user_id)
    ]


def trades_of_order(desk: Desk, call: Call) -> list[Row]:
    return [row for row in trades(desk, call) if row["orderId"] == call.path_words["order_id"]]
