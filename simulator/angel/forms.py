"""Request bodies to what the exchange understands. Raises a failure for the rest.

Every number is a text here, as the documentation shows them; the official client sends what it is given.
"""

from decimal import Decimal

import msgspec

from services.bracket.model import OrderRequest, Side, Terms, Validity
from simulator.angel.desk import Desk
from simulator.angel.failures import OUT_OF_RANGE, VARIETY, AngelFailure
from simulator.angel.words import ORDER_TYPE_OF, PRODUCT_OF, STOPS
from simulator.orders import Order
from simulator.wire.calls import Call

_LONGEST_TAG = 19


class Placement(msgspec.Struct):
    variety: str
    tradingsymbol: str
    symboltoken: str
    transactiontype: Side
    exchange: str
    ordertype: str
    producttype: str
    duration: Validity
    quantity: str
    price: str = "0"
    triggerprice: str = "0"
    disclosedquantity: str = "0"
    ordertag: str = ""


class Change(msgspec.Struct):
    variety: str
    orderid: str
    ordertype: str
    producttype: str
    duration: Validity
    price: str
    quantity: str
    tradingsymbol: str
    symboltoken: str
    exchange: str
    triggerprice: str | None = None


class Named(msgspec.Struct):
    variety: str
    orderid: str


def order_request(desk: Desk, call: Call) -> OrderRequest:
    """Return the order that a placement asks for."""
    asked: Placement = call.json(Placement)
    exchange, symbol = desk.key_of(asked.exchange, asked.symboltoken, asked.tradingsymbol)
    terms = _terms(asked.ordertype, asked.quantity, asked.price, asked.triggerprice)
    if asked.variety != ("STOPLOSS" if terms.order_type in STOPS else "NORMAL"):
        raise AngelFailure(VARIETY, "Invalid Order Variety")
    if len(asked.ordertag) > _LONGEST_TAG:
        raise AngelFailure(OUT_OF_RANGE, "ordertag length should be less than 20 characters")
    if asked.producttype not in PRODUCT_OF:
        raise AngelFailure("AB1012", "Invalid Product Type")
    return OrderRequest(
        tag=asked.ordertag,
        exchange=exchange,
        symbol=symbol,
        product=PRODUCT_OF[asked.producttype],
        side=asked.transactiontype,
        terms=terms,
        validity=asked.duration,
        disclosed_quantity=_whole(asked.disclosedquantity),
    )


def named(desk: Desk, call: Call) -> Order:
    """Return the order that a body names, by its own variety."""
    asked: Named = call.json(Named)
    return _of_variety(desk, desk.order(call.user_id, asked.orderid), asked.variety)


def changed(desk: Desk, call: Call) -> tuple[Order, Terms | None]:
    """Return an order and its new terms; None where a stop's change without a trigger price does nothing."""
    asked: Change = call.json(Change)
    order = _of_variety(desk, desk.order(call.user_id, asked.orderid), asked.variety)
    if desk.key_of(asked.exchange, asked.symboltoken, asked.tradingsymbol) != order.key:
        raise AngelFailure(OUT_OF_RANGE, "The order is of another symbol")
    if PRODUCT_OF.get(asked.producttype) is not order.product:
        raise AngelFailure("AB1012", "Invalid Product Type")
    if asked.triggerprice is None and order.order_type in STOPS:
        return order, None
    return order, _terms(asked.ordertype, asked.quantity, asked.price, asked.triggerprice or "0")


def _of_variety(desk: Desk, order: Order, variety: str) -> Order:
    if desk.variety_of(order) != variety:
        raise AngelFailure(VARIETY, "Invalid Order Variety")
    return order


def _terms(order_type: str, quantity: str, price: str, trigger: str) -> Terms:
    if order_type not in ORDER_TYPE_OF:
        raise AngelFailure(OUT_OF_RANGE, f"Invalid ordertype {order_type}")
    return Terms(
        order_type=ORDER_TYPE_OF[order_type],
        quantity=_whole(quantity),
        price=_decimal(price) or None,
        trigger_price=_decimal(trigger) or None,
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise AngelFailure(OUT_OF_RANGE, f"Invalid quantity {text}")
    return int(text)


def _decimal(text: str) -> Decimal:
    if not (text.isascii() and text.replace(".", "", 1).isdigit()):
        raise AngelFailure(OUT_OF_RANGE, f"Invalid price {text}")
    return Decimal(text)
