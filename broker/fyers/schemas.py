"""What Fyers' answers must look like. A field without a default is mandatory: without it, no answer."""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Envelope(msgspec.Struct):
    """What every answer begins with. `s` is "ok", "error", or for an empty book "no_data"."""

    s: str
    code: int
    message: str = ""


class Placed(msgspec.Struct):
    s: Literal["ok"]
    code: int
    id: Text


class AccessToken(msgspec.Struct):
    s: Literal["ok"]
    access_token: Text


class Profile(msgspec.Struct):
    fy_id: Text


class ProfileAnswer(msgspec.Struct):
    s: Literal["ok"]
    data: Profile


class Order(msgspec.Struct, rename="camel"):
    id: Text
    symbol: str
    exchange: int
    segment: int
    product_type: str
    side: int
    type: int
    qty: int
    filled_qty: int
    status: int
    limit_price: Decimal
    stop_price: Decimal
    traded_price: Decimal
    order_date_time: str
    lp: Decimal | None = None  # the market's last price
    order_tag: str | None = None
    message: str | None = None


class OrdersAnswer(msgspec.Struct, rename="camel"):
    s: Literal["ok"]
    order_book: list[Order]


class Trade(msgspec.Struct, rename="camel"):
    trade_number: Text
    order_number: Text
    symbol: str
    exchange: int
    segment: int
    product_type: str
    side: int
    traded_qty: int
    trade_price: Decimal
    order_date_time: str


class TradesAnswer(msgspec.Struct, rename="camel"):
    s: Literal["ok"]
    trade_book: list[Trade]


class Gtt(msgspec.Struct):
    """One GTT with both legs side by side. The second says something only where gtt_oco_ind is 2."""

    id: Text
    symbol: str
    exchange: int
    segment: int
    product_type: str
    tran_side: int
    ord_status: int
    gtt_oco_ind: int
    qty: int
    price_limit: Decimal
    price_trigger: Decimal
    create_time_epoch: int
    qty2: int = 0
    price2_limit: Decimal = Decimal(0)
    price2_trigger: Decimal = Decimal(0)
    oms_msg: str | None = None
    ordertag: str | None = None  # spelt in the way of this book's other fields
    order_tag: str | None = msgspec.field(default=None, name="orderTag")  # or of its request


class GttsAnswer(msgspec.Struct, rename="camel"):
    s: Literal["ok"]
    order_book: list[Gtt]


class Position(msgspec.Struct, rename="camel"):
    symbol: str
    exchange: int
    segment: int
    product_type: str
    net_qty: int
    net_avg: Decimal


class PositionsAnswer(msgspec.Struct, rename="camel"):
    s: Literal["ok"]
    net_positions: list[Position]


class Holding(msgspec.Struct):
    symbol: str
    exchange: int
    segment: int
    quantity: int  # at the beginning of the day: today's sales are in the positions
    qty_t1: int
    cost_price: Decimal = msgspec.field(name="costPrice")


class HoldingsAnswer(msgspec.Struct):
    s: Literal["ok"]
    holdings: list[Holding]


class QuoteValues(msgspec.Struct):
    lp: Decimal
    bid: Decimal
    ask: Decimal


class NamedQuote(msgspec.Struct):
    """One symbol's quote; `v` of a symbol that Fyers does not know (`s` is "error") is of another form."""

    n: str
    s: str
    v: msgspec.Raw


class QuotesAnswer(msgspec.Struct):
    s: Literal["ok"]
    d: list[NamedQuote]


class Fund(msgspec.Struct):
    id: int
    equity_amount: Decimal = msgspec.field(name="equityAmount")


class FundsAnswer(msgspec.Struct):
    s: Literal["ok"]
    fund_limit: list[Fund]
