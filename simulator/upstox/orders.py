"""The endpoints of orders and trades."""

from simulator.orders import Order
from simulator.upstox.desk import Desk
from simulator.upstox.forms import ChangeForm, OrderForm, changed_terms, order_request
from simulator.upstox.rows import Row, order_row, trade_row
from simulator.wire.calls import Call


def place(desk: Desk, call: Call) -> Row:
    asked: OrderForm = call.json(OrderForm)
    return {"order_ids": [desk.exchange.place(call.user_id, order_request(desk, asked))]}


def modify(desk: Desk, call: Call) -> Row:
    asked: ChangeForm = call.json(ChangeForm)
    order = desk.order(call.user_id, asked.order_id)
    desk.exchange.modify(call.user_id, order.order_id, terms=changed_terms(asked, order))
    return {"order_id": order.order_id}


def cancel(desk: Desk, call: Call) -> Row:
    order = desk.order(call.user_id, "".join(call.query_values("order_id")))
    desk.exchange.cancel(call.user_id, order.order_id)
    return {"order_id": order.order_id}


def book(desk: Desk, call: Call) -> list[Row]:
    desk.gtts.step()
    return [written(desk, order) for order in desk.exchange.orders(call.user_id)]


def details(desk: Desk, call: Call) -> Row:
    return written(desk, desk.order(call.user_id, "".join(call.query_values("order_id"))))


def written(desk: Desk, order: Order) -> Row:
    """Return an order in Upstox's words."""
    reference = desk.gtts.reference(order.order_id)
    return order_row(order, instrument_key=desk.instrument_key(order.key), reference=reference)


def trades(desk: Desk, call: Call) -> list[Row]:
    desk.gtts.step()
    return [
        trade_row(
            trade,
            instrument_key=desk.instrument_key((trade.exchange, trade.symbol)),
            reference=desk.gtts.reference(trade.broker_order_id),
        )
        for trade in desk.exchange.trade_book(call.user_id)
    ]
