"""An order's state as Dhan tells it: on the socket in the names of the feed, in a postback like the book."""

from simulator.dhan.desk import Desk
from simulator.dhan.rows import Row, exchange_time, order_row
from simulator.dhan.words import SEGMENTS, status_of
from simulator.orders import average_price
from simulator.wire.calls import encoded
from simulator.wire.journal import Update
from simulator.wire.postbacks import Letter, Postbacks
from simulator.wire_faults import Fault


def alert(update: Update) -> str:
    """Return a message of the socket: names begin small and states are words with a capital, as they come."""
    order = update.order
    told = {
        "exchange": order.exchange,
        "segment": SEGMENTS[order.exchange],
        "orderNo": order.order_id,
        "txnType": order.side.value[0],
        "quantity": order.quantity,
        "tradedQty": order.filled,
        "avgTradedPrice": average_price(order) or 0,
        "status": status_of(order).title(),
        "symbol": order.symbol,
        "correlationId": order.tag or "",
        "lastUpdatedTime": exchange_time(order.updated_at),
    }
    return encoded({"Data": told, "Type": "order_alert"}).decode()


def postbacks(desk: Desk) -> Postbacks:
    """Return what posts a desk's updates, at work; nothing is signed."""

    def write(update: Update) -> Letter:
        order = update.order
        row = order_row(
            order, number=desk.numbers.number_of(order.key), shown=(order.order_id, None), tag=order.tag
        )
        return Letter(
            status=row["orderStatus"],
            order_id=order.order_id,
            body=lambda _app, fault: encoded(_posted(row, fault)),
        )

    return Postbacks(desk, write)


def _posted(row: Row, fault: Fault) -> Row:
    told = row | {"filled_qty": row["filledQty"]}
    return told | {"orderStatus": "TRADED", "filled_qty": row["quantity"]} if fault.forges else told
