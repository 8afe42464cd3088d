"""What Angel One's answers must look like. A field without a default is mandatory: without it, no answer.

The same number comes as `1` here and as `"1"` there: the decoders take both (see mapping).
"""

from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
T = TypeVar("T")


class Envelope(msgspec.Struct):
    """What every answer begins with, in the spelling of the services and in that of the gateway."""

    status: bool | None = None
    success: bool | None = None
    message: str | None = None
    errorcode: str | None = None
    error_code: str | None = msgspec.field(default=None, name="errorCode")

    @property
    def is_good(self) -> bool:
        return (self.success if self.status is None else self.status) is True

    @property
    def is_bad(self) -> bool:
        """Whether it says that it failed: one that says nothing is neither good nor bad."""
        return (self.success if self.status is None else self.status) is False

    @property
    def code(self) -> str:
        return self.errorcode or self.error_code or ""


class Filled(msgspec.Struct, Generic[T]):
    """An answer whose data must be there."""

    data: T


class Book(msgspec.Struct, Generic[T]):
    """An answer with a list; Angel writes an empty one as null."""

    data: list[T] | None


class Placed(msgspec.Struct):
    orderid: Text
    uniqueorderid: str | None = None


class Session(msgspec.Struct):
    jwt_token: Text = msgspec.field(name="jwtToken")


class Profile(msgspec.Struct):
    clientcode: Text


class Order(msgspec.Struct):
    orderid: Text
    variety: str
    ordertype: str
    producttype: str
    duration: str
    tradingsymbol: Text
    transactiontype: str
    exchange: str
    quantity: int
    filledshares: int
    price: Decimal
    triggerprice: Decimal
    averageprice: Decimal
    status: str
    orderstatus: str
    symboltoken: str | None = None
    uniqueorderid: str | None = None
    ordertag: str | None = None
    text: str | None = None
    updatetime: str | None = None
    exchtime: str | None = None
    exchorderupdatetime: str | None = None


class Trade(msgspec.Struct):
    orderid: Text
    fillid: Text
    tradingsymbol: Text
    exchange: str
    producttype: str
    transactiontype: str
    fillsize: int
    fillprice: Decimal
    filltime: str


class Position(msgspec.Struct):
    tradingsymbol: Text
    exchange: str
    producttype: str
    netqty: int
    netprice: Decimal


class Holding(msgspec.Struct):
    tradingsymbol: Text
    exchange: str
    quantity: int
    t1quantity: int
    realisedquantity: int
    averageprice: Decimal


class Level(msgspec.Struct):
    price: Decimal


class Depth(msgspec.Struct):
    buy: list[Level]
    sell: list[Level]


class MarketQuote(msgspec.Struct, rename="camel"):
    exchange: str
    symbol_token: str
    ltp: Decimal
    lower_circuit: Decimal = Decimal(0)
    upper_circuit: Decimal = Decimal(0)
    depth: Depth | None = None


class Quotes(msgspec.Struct):
    fetched: list[MarketQuote] | None


class Limits(msgspec.Struct):
    availablecash: Decimal
    utiliseddebits: Decimal


class Script(msgspec.Struct):
    """One instrument of the file of the day; strike and tick are in paise."""

    token: Text
    symbol: Text
    name: str
    expiry: str
    strike: str
    lotsize: int
    instrumenttype: str
    exch_seg: str
    tick_size: Decimal
