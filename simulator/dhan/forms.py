"""The bodies of calls to what the exchange understands. Raises DhanFailure, DH-905, for the rest."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from services.bracket.model import GttRequest, OrderRequest, OrderType, Product, Side, Terms, Validity
from simulator.dhan.desk import Desk
from simulator.dhan.failures import bad_input, order_failure
from simulator.dhan.words import ORDER_TYPE_OF, PRODUCT_OF
from simulator.orders import Order

_NONE = Decimal(0)
_MOST_LETTERS = 30


class Flag(StrEnum):
    SINGLE = "SINGLE"
    OCO = "OCO"


class OrderForm(msgspec.Struct):
    transactionType: Side
    exchangeSegment: str
    productType: str
    orderType: str
    securityId: str
    quantity: int
    correlationId: str | None = None
    validity: Validity = Validity.DAY
    disclosedQuantity: int = 0
    price: Decimal | None = None
    triggerPrice: Decimal | None = None


class SuperForm(OrderForm):
    targetPrice: Decimal = _NONE
    stopLossPrice: Decimal = _NONE


class ForeverForm(OrderForm):
    orderFlag: Flag = Flag.SINGLE
    price1: Decimal | None = None
    triggerPrice1: Decimal | None = None
    quantity1: int | None = None


class ChangeForm(msgspec.Struct):
    orderType: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    triggerPrice: Decimal | None = None
    legName: str | None = None
    targetPrice: Decimal = _NONE
    stopLossPrice: Decimal = _NONE


def order_request(desk: Desk, asked: OrderForm) -> OrderRequest:
    """Return the order that a placement asks for."""
    exchange, symbol = desk.key_of(asked.exchangeSegment, asked.securityId)
    if asked.orderType == "STOP_LOSS_MARKET":
        raise order_failure("Stop loss market orders are not allowed through the API.")
    return OrderRequest(
        tag=_tag(asked.correlationId),
        exchange=exchange,
        symbol=symbol,
        product=_product(asked.productType),
        side=asked.transactionType,
        terms=terms_of(asked.orderType, asked.quantity, asked.price, asked.triggerPrice),
        validity=asked.validity,
        disclosed_quantity=asked.disclosedQuantity,
    )


def terms_of(order_type: str, quantity: int, price: Decimal | None, trigger: Decimal | None, /) -> Terms:
    """Return terms; Dhan's 0 is "none". A LIMIT without a price is refused."""
    if order_type not in ORDER_TYPE_OF:
        raise bad_input(f"Invalid orderType {order_type}")
    found = ORDER_TYPE_OF[order_type]
    if found in (OrderType.LIMIT, OrderType.SL) and not price:
        raise bad_input("Invalid Price for orderType")
    return Terms(order_type=found, quantity=quantity, price=price or None, trigger_price=trigger or None)


def changed_terms(asked: ChangeForm, order: Order) -> Terms:
    """Return an order's new terms; the quantity is the total."""
    quantity = order.quantity if asked.quantity is None else asked.quantity
    return terms_of(asked.orderType or "", quantity, asked.price, asked.triggerPrice)


def check_super(asked: SuperForm, last: Decimal) -> None:
    """Refuse a super order with a price for MARKET, or with exits on the wrong side."""
    if asked.orderType not in ("LIMIT", "MARKET"):
        raise bad_input(f"Invalid orderType {asked.orderType}")
    if asked.orderType == "MARKET" and asked.price:
        raise bad_input("Invalid Price for orderType")
    sign, level = asked.transactionType.sign, asked.price or last
    if not sign * asked.stopLossPrice < sign * level < sign * asked.targetPrice:
        raise bad_input("Invalid targetPrice or stopLossPrice")


def gtt_request(desk: Desk, asked: ForeverForm) -> GttRequest:
    """Return the trigger that a forever order asks for; price and triggerPrice are the stop's."""
    exchange, symbol = desk.key_of(asked.exchangeSegment, asked.securityId)
    _check_forever(asked)
    is_oco = asked.orderFlag is Flag.OCO
    return GttRequest(
        exchange=exchange,
        symbol=symbol,
        product=_product(asked.productType),
        side=asked.transactionType,
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=asked.quantity,
            price=asked.price,
            trigger_price=asked.triggerPrice,
            target_price=asked.price1 if is_oco else None,
            target_trigger=asked.triggerPrice1 if is_oco else None,
        ),
        last_price=desk.last_of((exchange, symbol)),
    )


def _check_forever(asked: ForeverForm) -> None:
    if asked.productType not in ("CNC", "MTF"):
        raise bad_input(f"Invalid productType {asked.productType} for forever orders")
    is_oco = asked.orderFlag is Flag.OCO
    prices = [asked.price, asked.triggerPrice] + ([asked.price1, asked.triggerPrice1] if is_oco else [])
    if not all(prices):
        raise bad_input("Invalid Price for orderType")
    if is_oco and asked.quantity1 != asked.quantity:
        raise bad_input("Invalid quantity1: legs of different quantities are not simulated")


def _product(word: str) -> Product:
    if word not in PRODUCT_OF:
        raise bad_input(f"Invalid productType {word}")
    return PRODUCT_OF[word]


def _tag(text: str | None) -> str:
    if text and len(text) > _MOST_LETTERS:
        raise bad_input("Invalid correlationId")
    return text or ""
