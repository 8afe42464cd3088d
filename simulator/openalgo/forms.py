"""Request bodies to what the exchange understands; every field of an order is a text or a number."""

from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from services.bracket.model import GttRequest, OrderRequest, OrderType, Product, Side, Terms
from simulator.openalgo.failures import failure
from simulator.orders import Order
from simulator.wire.calls import Call
from simulator.wire.desk import Desk

PRICE_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "SL": OrderType.SL,
    "SL-M": OrderType.SL_M,
}
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
Amount = str | int | float


class Keyed(msgspec.Struct, forbid_unknown_fields=True):
    apikey: str


class Placement(Keyed, kw_only=True):
    strategy: str
    symbol: str
    exchange: str
    action: Literal["BUY", "SELL", "buy", "sell"]
    quantity: Amount
    pricetype: Literal["MARKET", "LIMIT", "SL", "SL-M"] = "MARKET"
    product: Literal["MIS", "CNC", "NRML"] = "MIS"
    price: Amount = 0
    trigger_price: Amount = 0
    disclosed_quantity: Amount = 0


class Change(Placement, kw_only=True):
    orderid: str


class Named(Keyed, kw_only=True):
    strategy: str
    orderid: str


class GttPlacement(msgspec.Struct, kw_only=True):
    """What a GTT is placed with; fields that nobody knows are ignored here, and only here."""

    apikey: str
    strategy: str
    trigger_type: Literal["SINGLE", "OCO"]
    exchange: str
    symbol: str
    action: Literal["BUY", "SELL", "buy", "sell"]
    product: Literal["CNC", "NRML", "MIS"]
    quantity: Amount
    pricetype: Literal["MARKET", "LIMIT"] = "LIMIT"
    price: Amount = 0
    triggerprice_sl: Amount | None = 0
    triggerprice_tg: Amount | None = 0
    stoploss: Amount | None = None
    target: Amount | None = None


class GttChange(GttPlacement, kw_only=True):
    trigger_id: str


class GttNamed(Keyed, kw_only=True):
    strategy: str
    trigger_id: str


class OfSymbol(Keyed, kw_only=True):
    symbol: str
    exchange: str
    strategy: str = ""
    product: str = ""


class Query(Keyed, kw_only=True):
    query: str
    exchange: str = ""


def order_request(desk: Desk, call: Call) -> OrderRequest:
    """Return the order a placement asks for. The strategy is kept as its tag, which no book shows."""
    asked: Placement = call.json(Placement)
    return OrderRequest(
        tag=asked.strategy,
        exchange=asked.exchange,
        symbol=asked.symbol,
        product=Product(asked.product),
        side=Side(asked.action.upper()),
        terms=_terms(asked),
        disclosed_quantity=int(number(asked.disclosed_quantity)),
    )


def changed_terms(desk: Desk, call: Call) -> tuple[Order, Terms]:
    """Return the order and its terms from now on: a change says the whole order again."""
    asked: Change = call.json(Change)
    order = order_of(desk, call.user_id, asked.orderid)
    said = (asked.exchange, asked.symbol, asked.product, asked.action.upper())
    if said != (order.exchange, order.symbol, order.product.value, order.side.value):
        raise failure(400, "symbol, exchange, product and action are the order's own")
    return order, _terms(asked)


def gtt_request(desk: Desk, asked: GttPlacement) -> GttRequest:
    """Return the GTT that a placement asks for: its legs are told apart by where their triggers are."""
    if asked.product == "MIS":
        raise failure(
            400,
            "GTT supports only CNC (delivery) or NRML (overnight F&O); MIS is intraday-only.",
        )
    return GttRequest(
        tag=asked.strategy,
        exchange=asked.exchange,
        symbol=asked.symbol,
        product=Product(asked.product),
        side=Side(asked.action.upper()),
        terms=_oco_terms(asked) if asked.trigger_type == "OCO" else _single_terms(asked),
        last_price=desk.last_of((asked.exchange, asked.symbol)),
    )


def _oco_terms(asked: GttPlacement) -> Terms:
    lower, upper = number(asked.triggerprice_sl or 0), number(asked.triggerprice_tg or 0)
    first, second = number(asked.stoploss or 0), number(asked.target or 0)
    if not (lower and upper and first and second):
        raise failure(400, "OCO needs triggerprice_sl, stoploss, triggerprice_tg and target.")
    if lower >= upper:
        raise failure(400, "Stoploss trigger must be less than target trigger (triggerprice_tg).")
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=int(number(asked.quantity)),
        trigger_price=lower,
        price=first,
        target_trigger=upper,
        target_price=second,
    )


def _single_terms(asked: GttPlacement) -> Terms:
    triggers = [number(asked.triggerprice_sl or 0), number(asked.triggerprice_tg or 0)]
    given = [trigger for trigger in triggers if trigger > 0]
    if len(given) != 1:
        raise failure(400, "SINGLE needs exactly one of triggerprice_sl and triggerprice_tg.")
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=int(number(asked.quantity)),
        trigger_price=given[0],
        price=number(asked.price) or None,
    )


def order_of(desk: Desk, user_id: str, order_id: str) -> Order:
    """Return one order of a user's day. Raises WireFailure when there is none."""
    for order in desk.exchange.orders(user_id):
        if order.order_id == order_id:
            return order
    raise failure(404, f"Order {order_id} not found")


def number(amount: Amount) -> Decimal:
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        raise failure(400, f"{{'price': ['Not a valid number: {amount}.']}}") from None
    if not value.is_finite():
        raise failure(400, "{'price': ['Special numeric values are not permitted.']}")
    return value


def _terms(asked: Placement) -> Terms:
    order_type = PRICE_TYPES[asked.pricetype]
    return Terms(
        order_type=order_type,
        quantity=int(number(asked.quantity)),
        price=(number(asked.price) or None) if order_type in _PRICED else None,
        trigger_price=(number(asked.trigger_price) or None) if order_type in _STOPS else None,
    )
