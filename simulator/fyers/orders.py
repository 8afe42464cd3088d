"""The endpoints of orders and trades."""

from simulator.fyers.desk import Desk
from simulator.fyers.forms import changed_terms, named, order_request
from simulator.fyers.rows import Row, order_row, tag_of, trade_row
from simulator.wire.calls import Call


def place(desk: Desk, call: Call) -> Row:
    order_id = desk.exchange.place(call.user_id, order_request(desk, call))
    return {"code": 1101, "message": "Successfully placed order", "id": order_id}


def modify(desk: Desk, call: Call) -> Row:
    order, terms = changed_terms(desk, call)
    desk.exchange.modify(call.user_id, order.order_id, terms=terms)
    return {"code": 1102, "message": "Successfully modified order", "id": order.order_id}


def cancel(desk: Desk, call: Call) -> Row:
    order = desk.order(call.user_id, named(call))
    desk.exchange.cancel(call.user_id, order.order_id)
    return {"code": 1103, "message": "Successfully cancelled order", "id": order.order_id}


def book(desk: Desk, call: Call) -> Row:
    tags = _tags(desk, call.user_id)
    rows = [
        order_row(
            order,
            tag=tags[order.order_id],
            last=desk.last_of(order.key),
            states=desk.journal.states(order.order_id),
        )
        for order in desk.exchange.orders(call.user_id)
    ]
    ids = [one for text in call.query_values("id") for one in text.split(",")]
    return {"orderBook": [row for row in _tagged(call, rows) if not ids or row["id"] in ids]}


def trades(desk: Desk, call: Call) -> Row:
    tags = _tags(desk, call.user_id)
    orders = {order.order_id: order for order in desk.exchange.orders(call.user_id)}
    rows = [
        trade_row(trade, order=orders[trade.broker_order_id], tag=tags[trade.broker_order_id])
        for trade in desk.exchange.trade_book(call.user_id)
    ]
    return {"tradeBook": _tagged(call, rows)}


def _tagged(call: Call, rows: list[Row]) -> list[Row]:
    asked = call.query_values("order_tag")
    return [row for row in rows if not asked or row["orderTag"] in asked]


def _tags(desk: Desk, user_id: str) -> dict[str, str]:
    """Return each order's tag; one that a GTT placed carries its GTT's."""
    tags = {order.order_id: tag_of(order.tag) for order in desk.exchange.orders(user_id)}
    return tags | {
        leg.child_order_id: tag_of(gtt.tag, prefix="GTT")
        for gtt in desk.gtts(user_id)
        for leg in gtt.legs
        if leg.child_order_id is not None
    }
