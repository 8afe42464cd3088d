"""Form fields to what the exchange understands. Raises InputFailure, naming the field, for the rest."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from services.bracket.model import (
    GttRequest,
    OrderRequest,
    OrderType,
    Product,
    RefusalKind,
    Side,
    Terms,
    Validity,
)
from simulator.kite.failures import InputFailure, words_of
from simulator.orders import Order

Form = Mapping[str, str]
Word = TypeVar("Word", bound=StrEnum)

_WHOLE = 100  # percent
AFTER_MARKET = "amo"
_UNPROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})


class _Condition(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    trigger_values: list[Decimal]
    last_price: Decimal


class _GttOrder(msgspec.Struct):
    transaction_type: Side
    quantity: int
    product: Product
    price: Decimal
    order_type: OrderType


def check_variety(variety: str) -> str:
    """Return the variety. Raises InputFailure for one that is not simulated."""
    if variety not in ("regular", AFTER_MARKET):
        raise InputFailure("Invalid `variety`: regular and amo orders are simulated.")
    return variety


def order_request(form: Form) -> OrderRequest:
    """Return the order a placement asks for."""
    order_type = _word(form, "order_type", OrderType)
    if order_type in _UNPROTECTED:
        check_protection(form)
    return OrderRequest(
        tag=form.get("tag", ""),
        exchange=_text(form, "exchange"),
        symbol=_text(form, "tradingsymbol"),
        product=_word(form, "product", Product),
        side=_word(form, "transaction_type", Side),
        terms=Terms(
            order_type=order_type,
            quantity=_whole(form, "quantity"),
            price=_price(form, "price"),
            trigger_price=_price(form, "trigger_price"),
        ),
        validity=_word(form, "validity", Validity) if "validity" in form else Validity.DAY,
        disclosed_quantity=_whole(form, "disclosed_quantity") if "disclosed_quantity" in form else 0,
    )


def changed_terms(form: Form, order: Order) -> Terms:
    """Return the order's terms with the fields of the form in place of its own; quantity is the total."""
    order_type = _word(form, "order_type", OrderType) if "order_type" in form else order.order_type
    if order_type in _UNPROTECTED and order_type is not order.order_type:
        check_protection(form)
    return Terms(
        order_type=order_type,
        quantity=_whole(form, "quantity") if "quantity" in form else order.quantity,
        price=_price(form, "price") if "price" in form else order.price,
        trigger_price=_price(form, "trigger_price") if "trigger_price" in form else order.trigger_price,
    )


def check_protection(form: Form) -> None:
    """Refuse a market order without a market protection: -1, or a percentage."""
    value = _price(form, "market_protection")
    if value is None:
        raise InputFailure(words_of(RefusalKind.PROTECTION_MISSING, "Set `market_protection`."))
    if value != -1 and not 0 < value <= _WHOLE:
        raise InputFailure("Invalid `market_protection`: -1, or above 0 and at most 100.")


def gtt_request(form: Form) -> GttRequest:
    """Return the trigger a form asks for, the lower leg as the stop's."""
    condition = _json(form, "condition", _Condition)
    orders = _json(form, "orders", list[_GttOrder])
    legs = sorted(zip(condition.trigger_values, [order.price for order in orders], strict=False))
    _check_gtt(form, condition, orders)
    target = legs[1] if len(legs) == 2 else (None, None)
    return GttRequest(
        exchange=condition.exchange,
        symbol=condition.tradingsymbol,
        product=orders[0].product,
        side=orders[0].transaction_type,
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=orders[0].quantity,
            trigger_price=legs[0][0],
            price=legs[0][1],
            target_trigger=target[0],
            target_price=target[1],
        ),
        last_price=condition.last_price,
    )


def _check_gtt(form: Form, condition: _Condition, orders: list[_GttOrder]) -> None:
    wanted = {"single": 1, "two-leg": 2}.get(_text(form, "type"))
    if wanted is None:
        raise InputFailure("Invalid `type`.")
    if not len(orders) == len(condition.trigger_values) == wanted:
        raise InputFailure("Invalid `condition`: one trigger value for each order is needed.")
    if any(order.order_type is not OrderType.LIMIT for order in orders):
        raise InputFailure("Invalid `orders`: only LIMIT orders are allowed.")
    if len({(order.transaction_type, order.product, order.quantity) for order in orders}) != 1:
        raise InputFailure("Invalid `orders`: legs that differ in more than their prices are not simulated.")


def _text(form: Form, name: str) -> str:
    if not form.get(name):
        raise InputFailure(f"Missing or empty field `{name}`")
    return form[name]


def _word(form: Form, name: str, kind: type[Word]) -> Word:
    text = _text(form, name)
    try:
        return kind(text)
    except ValueError as exc:
        raise InputFailure(f"Invalid `{name}`.") from exc


def _whole(form: Form, name: str) -> int:
    text = _text(form, name)
    if not (text.isascii() and text.isdigit()):
        raise InputFailure(f"Invalid `{name}`.")
    return int(text)


def _price(form: Form, name: str) -> Decimal | None:
    text = form.get(name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as exc:
        raise InputFailure(f"Invalid `{name}`.") from exc
    if not value.is_finite():
        raise InputFailure(f"Invalid `{name}`.")
    return value or None  # Kite's 0 is "none"


def _json(form: Form, name: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode(_text(form, name), type=kind)
    except msgspec.MsgspecError as exc:
        raise InputFailure(f"Invalid `{name}`: {exc}") from exc
