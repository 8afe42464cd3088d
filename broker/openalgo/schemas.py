"""What an OpenAlgo server's answers must look like. A field without a default is mandatory.

Amounts come as numbers at one broker behind it and as texts at the next, "" and null among them: they stay
as they were sent until `mapping` reads them.
"""

from typing import Annotated, Generic, Literal, TypeVar

import msgspec

Row = TypeVar("Row")
Text = Annotated[str, msgspec.Meta(min_length=1)]
_NONE = msgspec.Raw(b"null")


class Success(msgspec.Struct, Generic[Row]):
    status: Literal["success"]
    data: Row


class Placed(msgspec.Struct):
    status: Literal["success"]
    orderid: Text | int


class Semi(msgspec.Struct):
    """A success that placed nothing yet: somebody has to approve it at the server."""

    status: Literal["success"]
    mode: Literal["semi_auto"]


class Confirmation(msgspec.Struct):
    """A success of a server like ours, which says whether its own broker has confirmed it."""

    status: Literal["success"]
    confirmed: bool


class Failure(msgspec.Struct):
    status: Literal["error"]
    message: msgspec.Raw = _NONE


class Order(msgspec.Struct):
    """`filled_quantity` and `rejection_reason` are told by few; names in analyze mode have differed."""

    orderid: Text | int
    symbol: str
    exchange: str
    product: str
    action: str
    quantity: msgspec.Raw
    pricetype: str = ""
    price_type: str = ""
    order_status: str = ""
    status: str = ""
    price: msgspec.Raw = _NONE
    trigger_price: msgspec.Raw = _NONE
    average_price: msgspec.Raw = _NONE
    filled_quantity: msgspec.Raw = _NONE
    timestamp: str | None = None
    rejection_reason: str | None = None


class Orders(msgspec.Struct):
    orders: list[Order]


class Trade(msgspec.Struct):
    orderid: Text | int
    symbol: str
    exchange: str
    product: str
    action: str
    average_price: msgspec.Raw
    quantity: msgspec.Raw = _NONE
    trade_value: msgspec.Raw = _NONE
    timestamp: str | None = None


class Position(msgspec.Struct):
    symbol: str
    exchange: str
    product: str
    quantity: msgspec.Raw
    average_price: msgspec.Raw = _NONE


class Holding(msgspec.Struct):
    symbol: str
    exchange: str
    quantity: msgspec.Raw
    t1_quantity: msgspec.Raw = _NONE
    average_price: msgspec.Raw = _NONE


class Holdings(msgspec.Struct):
    holdings: list[Holding]


class QuoteValues(msgspec.Struct):
    ltp: msgspec.Raw
    bid: msgspec.Raw = _NONE
    ask: msgspec.Raw = _NONE


class FundValues(msgspec.Struct):
    availablecash: msgspec.Raw
    utiliseddebits: msgspec.Raw = _NONE


class PlacedGtt(msgspec.Struct):
    status: Literal["success"]
    trigger_id: Text | int


class GttLeg(msgspec.Struct):
    action: str
    quantity: msgspec.Raw
    price: msgspec.Raw
    product: str


class Gtt(msgspec.Struct):
    """One GTT; `trigger_prices` and `legs` belong together, the lower ones to the lower ones."""

    trigger_id: Text | int
    status: str
    symbol: str
    exchange: str
    trigger_prices: list[msgspec.Raw]
    legs: list[GttLeg]
    created_at: str | None = None
    updated_at: str | None = None
    expires_at: str | None = None


class Pong(msgspec.Struct):
    """Who the server is logged in at."""

    broker: Text
