"""Request bodies to what the exchange understands. Raises a failure, naming the field, for the rest."""

import re
from decimal import Decimal
from typing import Literal

import msgspec

from services.bracket.model import GttRequest, OrderRequest, OrderType, Product, Side, Terms, Validity
from simulator.fyers.desk import Desk
from simulator.fyers.failures import BadParameter
from simulator.gtt import Gtt
from simulator.orders import Key, Order
from simulator.wire.calls import Call

ORDER_TYPES = {1: OrderType.LIMIT, 2: OrderType.MARKET, 3: OrderType.SL_M, 4: OrderType.SL}
PRODUCTS = {"INTRADAY": Product.MIS, "CNC": Product.CNC, "MARGIN": Product.NRML, "MTF": Product.MTF}
SIDES = {1: Side.BUY, -1: Side.SELL}
_GTT_PRODUCTS = ("CNC", "MARGIN", "MTF")
_TAG = re.compile(r"[0-9A-Za-z]{1,30}")


class _Placement(msgspec.Struct, rename="camel"):
    symbol: str
    qty: int
    type: Literal[1, 2, 3, 4]
    side: Literal[1, -1]
    product_type: Literal["INTRADAY", "CNC", "MARGIN", "MTF"]
    validity: Literal["DAY", "IOC"]
    limit_price: Decimal = Decimal(0)
    stop_price: Decimal = Decimal(0)
    disclosed_qty: int = 0
    order_tag: str = ""


class _Change(msgspec.Struct, rename="camel"):
    id: str
    type: Literal[1, 2, 3, 4] | None = None
    qty: int | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class _Named(msgspec.Struct):
    id: str


class _Leg(msgspec.Struct, rename="camel"):
    price: Decimal
    trigger_price: Decimal
    qty: int


class _Legs(msgspec.Struct):
    leg1: _Leg
    leg2: _Leg | None = None


class _GttPlacement(msgspec.Struct, rename="camel"):
    symbol: str
    side: Literal[1, -1]
    product_type: str
    order_info: _Legs
    order_tag: str = ""


class _GttChange(msgspec.Struct, rename="camel"):
    id: str
    order_info: _Legs


def order_request(desk: Desk, call: Call) -> OrderRequest:
    """Return the order a placement asks for."""
    asked: _Placement = call.json(_Placement)
    exchange, symbol = desk.key_of(asked.symbol)
    return OrderRequest(
        tag=_tag(asked.order_tag, call.user_id),
        exchange=exchange,
        symbol=symbol,
        product=PRODUCTS[asked.product_type],
        side=SIDES[asked.side],
        terms=Terms(
            order_type=ORDER_TYPES[asked.type],
            quantity=asked.qty,
            price=asked.limit_price or None,
            trigger_price=asked.stop_price or None,
        ),
        validity=Validity(asked.validity),
        disclosed_quantity=asked.disclosed_qty,
    )


def named(call: Call) -> str:
    """Return the id that a body names."""
    asked: _Named = call.json(_Named)
    return asked.id


def changed_terms(desk: Desk, call: Call) -> tuple[Order, Terms]:
    """Return the order and its terms with the fields of the body in place of its own; qty is the total."""
    asked: _Change = call.json(_Change)
    order = desk.order(call.user_id, asked.id)
    limit, stop = asked.limit_price, asked.stop_price
    terms = Terms(
        order_type=order.order_type if asked.type is None else ORDER_TYPES[asked.type],
        quantity=order.quantity if asked.qty is None else asked.qty,
        price=order.price if limit is None else limit or None,
        trigger_price=order.trigger_price if stop is None else stop or None,
    )
    return order, terms


def gtt_request(desk: Desk, call: Call) -> GttRequest:
    """Return the GTT that a placement asks for."""
    asked: _GttPlacement = call.json(_GttPlacement)
    if asked.product_type not in _GTT_PRODUCTS:
        raise BadParameter("Invalid product type for a GTT")
    key, side = desk.key_of(asked.symbol), SIDES[asked.side]
    return _gtt(
        desk,
        key,
        side=side,
        product=PRODUCTS[asked.product_type],
        legs=asked.order_info,
        tag=_tag(asked.order_tag, call.user_id),
    )


def changed_gtt(desk: Desk, call: Call) -> tuple[Gtt, GttRequest]:
    """Return the GTT and what it is to say from now on."""
    asked: _GttChange = call.json(_GttChange)
    gtt = desk.gtt(call.user_id, asked.id)
    if (asked.order_info.leg2 is None) is not (len(gtt.legs) == 1):
        raise BadParameter("leg2 is required if the order is an OCO, and only then")
    request = _gtt(desk, gtt.key, side=gtt.side, product=gtt.product, legs=asked.order_info, tag=gtt.tag)
    return gtt, request


def _gtt(desk: Desk, key: Key, *, side: Side, product: Product, legs: _Legs, tag: str) -> GttRequest:
    last, first, second = desk.last_of(key), legs.leg1, legs.leg2
    if second is not None:
        _check_oco(first, second, last)
    return GttRequest(
        exchange=key[0],
        symbol=key[1],
        product=product,
        side=side,
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=first.qty,
            trigger_price=first.trigger_price,
            price=first.price,
            target_trigger=None if second is None else second.trigger_price,
            target_price=None if second is None else second.price,
        ),
        last_price=last,
        tag=tag,
    )


def _check_oco(first: _Leg, second: _Leg, last: Decimal) -> None:
    if first.trigger_price <= last:
        raise BadParameter("Leg1 trigger price should be greater than the LTP")
    if second.trigger_price >= last:
        raise BadParameter("Leg2 trigger price should be less than the LTP")
    if first.qty != second.qty:
        raise BadParameter("Legs of different quantities are not simulated")


def _tag(tag: str, user_id: str) -> str:
    if tag and (_TAG.fullmatch(tag) is None or tag in ("Untagged", user_id)):
        raise BadParameter("Invalid order tag")
    return tag
