"""Builders for tests of the simulated exchange: SBIN around 500 on NSE, intraday, unless said otherwise."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from services.bracket.model import (
    GttRequest,
    OrderRequest,
    OrderRow,
    OrderType,
    Product,
    Side,
    Terms,
    Validity,
)
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock

ACCOUNT = "AB1234"
SBIN = ("NSE", "SBIN")
NIFTY = ("NFO", "NIFTY29DEC26FUT")
OPENING = {
    SBIN: Decimal("500"),
    ("NSE", "INFY"): Decimal("1500"),
    NIFTY: Decimal("25000"),
    ("MCX", "CRUDEOIL18DEC26FUT"): Decimal("5400"),
    ("BSE", "SBIN"): Decimal("500"),
    ("NFO", "NIFTY29DEC2625000CE"): Decimal("400"),
}

BUY, SELL = Side.BUY, Side.SELL
LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M


def rupees(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def opened(
    settings: ExchangeSettings | None = None,
    clock: VirtualClock | None = None,
    *,
    path: Path | None = None,
) -> SimulatedExchange:
    return SimulatedExchange(
        clock or VirtualClock(), settings or ExchangeSettings(), path=path, opening_prices=OPENING
    )


def terms(
    order_type: OrderType, quantity: int, *, price: str | None = None, trigger: str | None = None
) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=quantity,
        price=rupees(price),
        trigger_price=rupees(trigger),
    )


def order(
    side: Side,
    order_type: OrderType,
    *,
    quantity: int = 100,
    price: str | None = None,
    trigger: str | None = None,
    product: Product = Product.MIS,
    key: tuple[str, str] = SBIN,
    tag: str = "t1",
    validity: Validity = Validity.DAY,
) -> OrderRequest:
    return OrderRequest(
        tag=tag,
        exchange=key[0],
        symbol=key[1],
        product=product,
        side=side,
        terms=terms(order_type, quantity, price=price, trigger=trigger),
        validity=validity,
    )


def oco(
    *,
    stop: str = "490",
    stop_limit: str = "488",
    target: str | None = "510",
    quantity: int = 100,
    side: Side = Side.SELL,
    product: Product = Product.CNC,
    key: tuple[str, str] = SBIN,
    last: str = "500",
) -> GttRequest:
    return GttRequest(
        exchange=key[0],
        symbol=key[1],
        product=product,
        side=side,
        last_price=Decimal(last),
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=Decimal(stop_limit),
            trigger_price=Decimal(stop),
            target_trigger=rupees(target),
            target_price=rupees(target),
        ),
    )


def price(
    exchange: SimulatedExchange,
    last: str,
    *,
    depth: int | None = None,
    bid: str | None = None,
    ask: str | None = None,
    key: tuple[str, str] = SBIN,
) -> None:
    exchange.set_price(*key, last=Decimal(last), bid=rupees(bid), ask=rupees(ask), depth=depth)


def row(exchange: SimulatedExchange, order_id: str, *, account: str = ACCOUNT) -> OrderRow:
    return next(r for r in exchange.order_book(account) if r.broker_order_id == order_id)


def net(
    exchange: SimulatedExchange,
    *,
    product: Product = Product.MIS,
    key: tuple[str, str] = SBIN,
    account: str = ACCOUNT,
) -> int:
    rows = exchange.positions(account)
    return sum(r.quantity for r in rows if (r.exchange, r.symbol, r.product) == (*key, product))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
