"""What Alpaca's answers must look like. A field without a default is mandatory: without it, no answer."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
_NOTHING = Decimal(0)


class Failure(msgspec.Struct):
    message: str
    code: int | None = None


class Order(msgspec.Struct, frozen=True):
    """One order; `legs` are the exits below a bracket, and the stop below an OCO."""

    id: Text
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    status: str
    filled_qty: Decimal
    submitted_at: datetime
    updated_at: datetime
    qty: Decimal | None = None  # none for an order by value
    order_class: str | None = None
    asset_class: str | None = None
    filled_avg_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    legs: list["Order"] | None = None


class Fill(msgspec.Struct):
    id: Text
    order_id: Text
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    transaction_time: datetime


class Position(msgspec.Struct):
    symbol: str
    qty: Decimal
    side: str
    avg_entry_price: Decimal
    asset_class: str | None = None


class Account(msgspec.Struct):
    account_number: Text
    buying_power: Decimal
    initial_margin: Decimal


class Asset(msgspec.Struct, rename={"asset_class": "class"}):
    symbol: Text
    asset_class: str
    exchange: str
    tradable: bool
    name: str | None = None


class LatestTrade(msgspec.Struct):
    p: Decimal
    t: datetime


class LatestQuote(msgspec.Struct):
    ap: Decimal = _NOTHING
    bp: Decimal = _NOTHING


class Snapshot(msgspec.Struct):
    latestTrade: LatestTrade | None = None
    latestQuote: LatestQuote | None = None
