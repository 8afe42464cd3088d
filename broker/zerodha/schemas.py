"""What Kite's answers must look like. A field without a default is mandatory: without it, no answer."""

from decimal import Decimal
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

Row = TypeVar("Row")
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Success(msgspec.Struct, Generic[Row]):
    status: Literal["success"]
    data: Row


class Failure(msgspec.Struct):
    status: Literal["error"]
    error_type: str
    message: str | None = None


class PlacedOrder(msgspec.Struct):
    order_id: Text


class PlacedGtt(msgspec.Struct):
    trigger_id: int | Text


class AccessToken(msgspec.Struct):
    access_token: Text
    user_id: Text


class Profile(msgspec.Struct):
    user_id: Text


class Order(msgspec.Struct):
    order_id: Text
    exchange: str
    tradingsymbol: str
    product: str
    transaction_type: str
    order_type: str
    quantity: int
    filled_quantity: int
    status: str
    price: Decimal
    trigger_price: Decimal
    average_price: Decimal
    tag: str | None = None
    status_message: str | None = None
    order_timestamp: str | None = None
    exchange_timestamp: str | None = None
    exchange_update_timestamp: str | None = None


class Trade(msgspec.Struct):
    trade_id: Text
    order_id: Text
    exchange: str
    tradingsymbol: str
    product: str
    transaction_type: str
    quantity: int
    average_price: Decimal
    fill_timestamp: str


class Position(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    product: str
    quantity: int
    average_price: Decimal


class Positions(msgspec.Struct):
    net: list[Position]


class Holding(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    quantity: int
    t1_quantity: int
    average_price: Decimal


class GttCondition(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    trigger_values: list[Decimal]


class GttOrderResult(msgspec.Struct):
    status: str
    order_id: str | None = None
    rejection_reason: str | None = None


class GttResult(msgspec.Struct):
    order_result: GttOrderResult | None = None


class GttOrder(msgspec.Struct):
    transaction_type: str
    product: str
    quantity: int
    price: Decimal
    result: GttResult | None = None


class Gtt(msgspec.Struct):
    id: int | Text
    status: str
    condition: GttCondition
    orders: list[GttOrder]
    created_at: str
    updated_at: str | None = None
    expires_at: str | None = None


class DepthLevel(msgspec.Struct):
    price: Decimal


class Depth(msgspec.Struct):
    buy: list[DepthLevel]
    sell: list[DepthLevel]


class LastPrice(msgspec.Struct):
    last_price: Decimal


class Push(msgspec.Struct):
    """What of a postback its checksum covers; nothing else of it is read."""

    order_id: Text
    order_timestamp: Text
    checksum: Text


class MarketQuote(msgspec.Struct):
    last_price: Decimal
    timestamp: str | None = None
    depth: Depth | None = None
    lower_circuit_limit: Decimal | None = None
    upper_circuit_limit: Decimal | None = None


class UsedCash(msgspec.Struct):
    debits: Decimal


class Segment(msgspec.Struct):
    net: Decimal
    utilised: UsedCash


class Margins(msgspec.Struct):
    equity: Segment
