"""What Upstox's answers must look like. A field without a default is mandatory: without it, no answer."""

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Content = TypeVar("Content")
_NOTHING = Decimal(0)


class Success(msgspec.Struct, Generic[Content]):
    """The envelope. status is `success`; an answer with another one is no success."""

    status: str
    data: Content


class FailedPart(msgspec.Struct):
    error_code: str | None = None
    errorCode: str | None = None  # the same, as older endpoints spell it
    message: str | None = None


class Failure(msgspec.Struct):
    status: str
    errors: list[FailedPart]


class OrderIds(msgspec.Struct):
    order_ids: list[Text]  # several only where an order was sliced, which ours never are


class OrderId(msgspec.Struct):
    order_id: Text


class GttIds(msgspec.Struct):
    gtt_order_ids: list[Text]


class Order(msgspec.Struct):
    order_id: Text
    status: str
    product: str
    quantity: int
    filled_quantity: int
    price: Decimal
    instrument_token: str
    order_type: str
    trigger_price: Decimal
    transaction_type: str
    trading_symbol: str | None = None
    tag: str | None = None
    average_price: Decimal | None = None
    status_message: str | None = None
    order_timestamp: str | None = None
    exchange_timestamp: str | None = None
    order_ref_id: str | None = None  # of an order that a GTT placed: the GTT's id


class Rule(msgspec.Struct):
    strategy: str
    status: str
    trigger_price: Decimal
    transaction_type: str
    trigger_type: str = "IMMEDIATE"
    message: str | None = None
    order_id: str | None = None


class Gtt(msgspec.Struct):
    gtt_order_id: Text
    type: str
    quantity: int
    product: str
    instrument_token: str
    rules: list[Rule]
    created_at: int  # microseconds since 1970
    trading_symbol: str | None = None
    expires_at: int | None = None


class Trade(msgspec.Struct):
    trade_id: Text
    order_id: Text
    product: str
    instrument_token: str
    transaction_type: str
    quantity: int
    average_price: Decimal
    trading_symbol: str | None = None
    exchange_timestamp: str | None = None
    order_timestamp: str | None = None


class Position(msgspec.Struct):
    instrument_token: str
    product: str
    quantity: int
    average_price: Decimal | None = None
    trading_symbol: str | None = None


class Holding(msgspec.Struct):
    instrument_token: str
    quantity: int
    average_price: Decimal
    t1_quantity: int = 0
    trading_symbol: str | None = None


class DepthLevel(msgspec.Struct):
    price: Decimal


class Depth(msgspec.Struct):
    buy: list[DepthLevel]
    sell: list[DepthLevel]


class MarketQuote(msgspec.Struct):
    instrument_token: str
    last_price: Decimal
    depth: Depth | None = None
    lower_circuit_limit: Decimal | None = None
    upper_circuit_limit: Decimal | None = None


class Margin(msgspec.Struct):
    available_margin: Decimal
    used_margin: Decimal


class Margins(msgspec.Struct):
    equity: Margin


class Profile(msgspec.Struct):
    user_id: Text


class AccessToken(msgspec.Struct):
    """The login's answer, without envelope."""

    access_token: Text
    user_id: Text


class Listed(msgspec.Struct):
    """One instrument of the day's file."""

    segment: str
    instrument_key: Text
    instrument_type: str
    trading_symbol: str
    name: str = ""
    tick_size: Decimal = _NOTHING  # in paise
    lot_size: int = 1
    freeze_quantity: Decimal = _NOTHING
    underlying_symbol: str | None = None
    expiry: int | None = None  # milliseconds since 1970
    strike_price: Decimal | None = None
