"""What Dhan's answers must look like. A field without a default is mandatory: without it, no answer."""

from decimal import Decimal
from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
_NOTHING = Decimal(0)


class Failure(msgspec.Struct):
    errorCode: str
    errorMessage: str | None = None
    errorType: str | None = None


class Placed(msgspec.Struct):
    orderId: Text
    orderStatus: str | None = None


class Order(msgspec.Struct):
    orderId: Text
    orderStatus: str
    transactionType: str
    exchangeSegment: str
    productType: str
    orderType: str
    securityId: str
    quantity: int
    filledQty: int
    price: Decimal
    triggerPrice: Decimal
    tradingSymbol: str | None = None
    correlationId: str | None = None
    averageTradedPrice: Decimal | None = None
    legName: str | None = None
    createTime: str | None = None
    updateTime: str | None = None
    exchangeTime: str | None = None
    omsErrorDescription: str | None = None


class SuperLeg(msgspec.Struct):
    legName: str
    orderStatus: str
    price: Decimal
    totalQuatity: int = 0  # as Dhan spells it
    remainingQuantity: int = 0
    triggeredQuantity: int = 0


class SuperOrder(msgspec.Struct):
    orderId: Text
    orderStatus: str
    transactionType: str
    exchangeSegment: str
    productType: str
    orderType: str
    securityId: str
    quantity: int
    filledQty: int
    price: Decimal
    legDetails: list[SuperLeg]
    tradingSymbol: str | None = None
    correlationId: str | None = None
    averageTradedPrice: Decimal | None = None
    createTime: str | None = None
    updateTime: str | None = None
    exchangeTime: str | None = None
    omsErrorDescription: str | None = None


class Forever(msgspec.Struct):
    """One leg of a forever order; the legs of an OCO share their orderId."""

    orderId: Text
    orderStatus: str
    transactionType: str
    exchangeSegment: str
    productType: str
    orderType: str  # SINGLE or OCO
    securityId: str
    quantity: int
    price: Decimal
    triggerPrice: Decimal
    legName: str
    createTime: str
    tradingSymbol: str | None = None
    correlationId: str | None = None
    updateTime: str | None = None


class Trade(msgspec.Struct):
    orderId: Text
    exchangeTradeId: Text
    transactionType: str
    exchangeSegment: str
    productType: str
    securityId: str
    tradedQuantity: int
    tradedPrice: Decimal
    tradingSymbol: str | None = None
    exchangeTime: str | None = None
    createTime: str | None = None


class Position(msgspec.Struct):
    exchangeSegment: str
    productType: str
    securityId: str
    netQty: int
    costPrice: Decimal
    tradingSymbol: str | None = None


class Holding(msgspec.Struct):
    securityId: str
    totalQty: int
    avgCostPrice: Decimal
    tradingSymbol: str | None = None


class Limits(msgspec.Struct):
    availabelBalance: Decimal  # as Dhan spells it
    utilizedAmount: Decimal


class Profile(msgspec.Struct):
    dhanClientId: Text
    dataPlan: str | None = None


class DepthLevel(msgspec.Struct):
    price: Decimal


class Depth(msgspec.Struct):
    buy: list[DepthLevel]
    sell: list[DepthLevel]


class MarketQuote(msgspec.Struct):
    last_price: Decimal
    depth: Depth | None = None
    lower_circuit_limit: Decimal = _NOTHING
    upper_circuit_limit: Decimal = _NOTHING


class Quotes(msgspec.Struct):
    data: dict[str, dict[str, MarketQuote]]  # segment -> number


class AccessToken(msgspec.Struct):
    accessToken: Text
    dhanClientId: Text
