"""The endpoints of orders and trades, with what the server says wrongly of them."""

from collections.abc import Sequence
from datetime import timedelta

from services.bracket.model import RowStatus
from simulator.openalgo.failures import failure
from simulator.openalgo.faults import (
    BOOK,
    COMPLETE_TOO_SOON,
    LATE_ROWS,
    NO_AVERAGE,
    NO_TRADED_QUANTITY,
    WRONG_WORD,
)
from simulator.openalgo.forms import Keyed, Named, changed_terms, order_of, order_request
from simulator.openalgo.rows import (
    CANCELLED,
    COMPLETE,
    WORDS,
    Row,
    order_row,
    statistics,
    status_row,
    trade_row,
)
from simulator.orders import Order
from simulator.wire.calls import Call
from simulator.wire.desk import Desk

_LAG = timedelta(seconds=3)


def place(desk: Desk, call: Call) -> Row:
    return {"orderid": desk.exchange.place(call.user_id, order_request(desk, call))}


def modify(desk: Desk, call: Call) -> Row:
    order, terms = changed_terms(desk, call)
    desk.exchange.modify(call.user_id, order.order_id, terms=terms)
    return {"orderid": order.order_id}


def cancel(desk: Desk, call: Call) -> Row:
    asked: Named = call.json(Named)
    order = order_of(desk, call.user_id, asked.orderid)
    desk.exchange.cancel(call.user_id, order.order_id)
    return {"orderid": order.order_id}


def book(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    rows = [order_row(order, word) for order, word in _shown(desk, call)]
    return {"data": {"orders": rows, "statistics": statistics(rows)}}


def status(desk: Desk, call: Call) -> Row:
    asked: Named = call.json(Named)
    has_average = not _strikes(desk, call, NO_AVERAGE.name)
    for order, word in _shown(desk, call):
        if order.order_id == asked.orderid:
            return {"data": status_row(order, word, has_average=has_average)}
    raise failure(404, f"Order {asked.orderid} not found")


def trades(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    has_quantity = not _strikes(desk, call, NO_TRADED_QUANTITY.name)
    rows = desk.exchange.trade_book(call.user_id)
    return {"data": [trade_row(row, has_quantity=has_quantity) for row in rows]}


def _shown(desk: Desk, call: Call) -> list[tuple[Order, str]]:
    """Return the orders that the server lists, each with the word that it has for it."""
    orders: Sequence[Order] = desk.exchange.orders(call.user_id)
    # Every fault is asked for once a read, so that a rule's count is a count of reads.
    struck = _struck(desk, call)
    if struck == LATE_ROWS.name:
        orders = [one for one in orders if desk.sessions.now() - one.placed_at >= _LAG]
    return list(zip(orders, _words(orders, struck), strict=True))


def _words(orders: Sequence[Order], struck: str) -> list[str]:
    words: list[str] = []
    for order in orders:
        if order.status is RowStatus.PENDING and not words:
            raise failure(500, "An unexpected error occurred in the API endpoint")
        word = words[-1] if order.status is RowStatus.PENDING else WORDS[order.status]
        if order.is_live and struck == WRONG_WORD.name:
            word = CANCELLED
        if order.is_live and order.filled and struck == COMPLETE_TOO_SOON.name:
            word = COMPLETE
        words.append(word)
    return words


def _struck(desk: Desk, call: Call) -> str:
    body = call.body.decode("utf-8", "replace")
    return desk.plan.fault_for(BOOK, call.path, body=body, client="").name


def _strikes(desk: Desk, call: Call, name: str) -> bool:
    return _struck(desk, call) == name
