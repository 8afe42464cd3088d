"""The bodies of calls to what the exchange understands. Raises UpstoxFailure for the rest."""

from decimal import Decimal

import msgspec

from services.bracket.model import OrderRequest, OrderType, Side, Terms, Validity
from simulator.orders import Order
from simulator.upstox.desk import Desk
from simulator.upstox.failures import bad_input
from simulator.upstox.words import product_of

_NONE = Decimal(0)
_MOST_LETTERS = 40
_PROTECTED = (OrderType.MARKET, OrderType.SL_M)


class OrderForm(msgspec.Struct):
    quantity: int
    product: str
    validity: Validity
    price: Decimal
    instrument_token: str
    order_type: OrderType
    transaction_type: Side
    disclosed_quantity: int
    trigger_price: Decimal
    is_amo: bool
    tag: str | None = None
    slice: bool = False
    market_protection: Decimal | None = None


class ChangeForm(msgspec.Struct):
    order_id: str
    validity: Validity
    price: Decimal
    order_type: OrderType
    trigger_price: Decimal
    quantity: int | None = None
    market_protection: Decimal | None = None


class RuleForm(msgspec.Struct):
    strategy: str
    trigger_type: str
    trigger_price: Decimal
    trailing_gap: Decimal | None = None
    market_protection: Decimal | None = None


class GttForm(msgspec.Struct):
    type: str
    quantity: int
    product: str
    rules: list[RuleForm]
    instrument_token: str
    transaction_type: Side


class GttChangeForm(msgspec.Struct):
    type: str
    quantity: int
    gtt_order_id: str
    rules: list[RuleForm]


class GttCancelForm(msgspec.Struct):
    gtt_order_id: str


def order_request(desk: Desk, asked: OrderForm) -> OrderRequest:
    """Return the order that a placement asks for."""
    exchange, symbol = desk.key_of(asked.instrument_token)
    product = product_of(asked.product, exchange)
    if product is None:
        raise bad_input("The 'product' is invalid", "UDAPI1057")
    if asked.tag and len(asked.tag) > _MOST_LETTERS:
        raise bad_input("The tag is longer than 40 characters", "UDAPI1119")
    _check_protection(asked.order_type, asked.market_protection)
    return OrderRequest(
        tag=asked.tag or "",
        exchange=exchange,
        symbol=symbol,
        product=product,
        side=asked.transaction_type,
        terms=_terms(asked.order_type, asked.quantity, asked.price, asked.trigger_price),
        validity=asked.validity,
        disclosed_quantity=asked.disclosed_quantity,
    )


def changed_terms(asked: ChangeForm, order: Order) -> Terms:
    """Return an order's new terms; the quantity is the total."""
    _check_protection(asked.order_type, asked.market_protection)
    quantity = order.quantity if asked.quantity is None else asked.quantity
    return _terms(asked.order_type, quantity, asked.price, asked.trigger_price)


def _terms(order_type: OrderType, quantity: int, price: Decimal, trigger: Decimal, /) -> Terms:
    if quantity <= 0:
        raise bad_input("The quantity cannot be zero", "UDAPI1052")
    if order_type in (OrderType.LIMIT, OrderType.SL) and not price:
        raise bad_input("Price is required", "UDAPI1043")
    return Terms(order_type=order_type, quantity=quantity, price=price or None, trigger_price=trigger or None)


def _check_protection(order_type: OrderType, protection: Decimal | None) -> None:
    """A market order without market protection is refused, as the exchanges demand."""
    if order_type in _PROTECTED and not protection:
        raise bad_input("Market orders are not allowed without market protection", "UDAPI1158")


def check_gtt(rules: list[RuleForm], side: Side) -> None:
    """Refuse rules that no GTT has: without an entry, twice the same, exits on the wrong side."""
    names = [rule.strategy for rule in rules]
    if "ENTRY" not in names:
        raise bad_input("One ENTRY strategy is required", "UDAPI1126")
    if len(set(names)) != len(names) or not set(names) <= {"ENTRY", "TARGET", "STOPLOSS"}:
        raise bad_input("Invalid strategy", "UDAPI1132")
    levels = {rule.strategy: rule.trigger_price * side.sign for rule in rules}
    entry = levels["ENTRY"]
    if not levels.get("STOPLOSS", entry - 1) < entry < levels.get("TARGET", entry + 1):
        raise bad_input("Trigger price is invalid", "UDAPI1143")
    if any(rule.strategy != "ENTRY" and rule.trigger_type != "IMMEDIATE" for rule in rules):
        raise bad_input("Invalid trigger type", "UDAPI1131")
