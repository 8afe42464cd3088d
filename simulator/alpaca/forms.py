"""The bodies of calls to what the exchange understands. Raises AlpacaFailure for the rest."""

from decimal import Decimal
from typing import TypeVar

import msgspec

from services.bracket.model import OrderRequest, OrderType, Product, Side, Terms, Validity
from simulator.alpaca.desk import EXCHANGE, Desk
from simulator.alpaca.failures import unprocessable
from simulator.orders import AFTER_TRIGGER, STOPS, Order
from simulator.risk import check_product

TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.SL_M,
    "stop_limit": OrderType.SL,
}
WORDS = {order_type: word for word, order_type in TYPES.items()}
BEFORE_TRIGGER = {after: before for before, after in AFTER_TRIGGER.items()}
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_CENT = Decimal("0.01")

W = TypeVar("W")


class TakeProfit(msgspec.Struct):
    limit_price: Decimal | None = None


class StopLoss(msgspec.Struct):
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None


class OrderForm(msgspec.Struct):
    symbol: str
    side: str
    type: str
    time_in_force: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str | None = None
    order_class: str | None = None
    extended_hours: bool | None = None
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None


class ChangeForm(msgspec.Struct):
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str | None = None
    client_order_id: str | None = None


def order_request(desk: Desk, asked: OrderForm) -> OrderRequest:
    """Return the order that a placement asks for; a day order is MIS at the exchange, a gtc one CNC."""
    product, validity = _time_in_force(asked)
    return OrderRequest(
        tag=desk.tag_of(asked.client_order_id or ""),
        exchange=EXCHANGE,
        symbol=_symbol(desk, asked.symbol, product),
        product=product,
        side=_word(SIDES, asked.side, "side"),
        terms=_terms(asked),
        validity=validity,
    )


def pair_of(desk: Desk, asked: OrderForm) -> tuple[OrderRequest, OrderRequest]:
    """Return target and stop of an OCO; the target carries the client id."""
    target = msgspec.structs.replace(asked, limit_price=_exits(asked)[0], stop_price=None)
    stop = msgspec.structs.replace(
        asked,
        type="stop" if _exits(asked)[2] is None else "stop_limit",
        stop_price=_exits(asked)[1],
        limit_price=_exits(asked)[2],
        client_order_id=None,
    )
    _check_base(asked, target.limit_price or Decimal(0), side=_word(SIDES, asked.side, "side").opposite)
    return order_request(desk, _simple(target)), order_request(desk, _simple(stop))


def _simple(asked: OrderForm) -> OrderForm:
    return msgspec.structs.replace(asked, order_class="simple", take_profit=None, stop_loss=None)


def changed_terms(asked: ChangeForm, order: Order) -> Terms:
    """Return an order's new terms: what is not said stays. Raises AlpacaFailure when nothing changes."""
    quantity = order.quantity if asked.qty is None else _whole(asked.qty)
    terms = Terms(
        order_type=order.order_type,
        quantity=quantity,
        price=order.price if asked.limit_price is None else asked.limit_price,
        trigger_price=order.trigger_price if asked.stop_price is None else asked.stop_price,
    )
    if (terms.quantity, terms.price, terms.trigger_price) == (
        order.quantity,
        order.price,
        order.trigger_price,
    ):
        raise unprocessable("order parameters are not changed")
    return terms


def type_of(order: Order) -> str:
    """Return Alpaca's word for an order's type, which a trigger does not change."""
    return WORDS[BEFORE_TRIGGER[order.order_type] if order.triggered else order.order_type]


def _terms(asked: OrderForm) -> Terms:
    order_type = _word(TYPES, asked.type, "type")
    if order_type in (OrderType.LIMIT, OrderType.SL) and asked.limit_price is None:
        raise unprocessable(f"{asked.type} orders require a limit price", 40010001)
    if order_type in STOPS and asked.stop_price is None:
        raise unprocessable(f"{asked.type} orders require a stop price", 40010001)
    target, stop, limit = _exits(asked) if asked.order_class == "bracket" else (None, None, None)
    return Terms(
        order_type=order_type,
        quantity=_whole(asked.qty, asked.order_class),
        price=asked.limit_price,
        trigger_price=asked.stop_price,
        target_price=target,
        stop_trigger=stop,
        stop_limit=limit,
    )


def _exits(asked: OrderForm) -> tuple[Decimal, Decimal, Decimal | None]:
    """Return target, stop and the stop's limit of a bracket or OCO."""
    kind = asked.order_class
    if asked.take_profit is None or asked.take_profit.limit_price is None:
        raise unprocessable(f"{kind} orders require take_profit.limit_price", 40010001)
    if asked.stop_loss is None or asked.stop_loss.stop_price is None:
        raise unprocessable(f"{kind} orders require stop_loss.stop_price", 40010001)
    return asked.take_profit.limit_price, asked.stop_loss.stop_price, asked.stop_loss.limit_price


def check_bracket(asked: OrderForm, last: Decimal) -> None:
    """Refuse a bracket whose exits are on the wrong side of its base price."""
    target, _, _ = _exits(asked)
    base = asked.limit_price or last
    side = _word(SIDES, asked.side, "side")
    _check_base(asked, base, side=side)
    if (target - base) * side.sign < _CENT:
        raise unprocessable("take_profit.limit_price must be beyond base_price by 0.01")


def _check_base(asked: OrderForm, base: Decimal, *, side: Side) -> None:
    _, stop, _ = _exits(asked)
    if (base - stop) * side.sign < _CENT:
        raise unprocessable("stop_loss.stop_price must be beyond base_price by 0.01")


def _time_in_force(asked: OrderForm) -> tuple[Product, Validity]:
    word, is_complex = asked.time_in_force, (asked.order_class or "simple") != "simple"
    if asked.extended_hours:
        raise unprocessable("extended hours orders are not simulated")
    if word == "gtc":
        return Product.CNC, Validity.DAY
    if word == "day":
        return Product.MIS, Validity.DAY
    if word == "ioc" and not is_complex:
        return Product.MIS, Validity.IOC
    raise unprocessable(f"invalid time_in_force {word} for this order class", 40010001)


def _symbol(desk: Desk, symbol: str, product: Product) -> str:
    instrument = desk.exchange.instruments.get((EXCHANGE, symbol))
    if instrument is None:
        raise unprocessable(f'asset "{symbol}" not found', 40010001)
    check_product(instrument, product)
    return symbol


def _whole(quantity: Decimal | None, order_class: str | None = None) -> int:
    if quantity is None:
        raise unprocessable("qty is required", 40010001)
    if quantity != quantity.to_integral_value():
        kind = "must be simple orders" if (order_class or "simple") != "simple" else "are not simulated"
        raise unprocessable(f"fractional orders {kind}")
    return int(quantity)


def _word(words: dict[str, W], word: str, name: str) -> W:
    if word not in words:
        raise unprocessable(f"invalid {name} {word}", 40010001)
    return words[word]
