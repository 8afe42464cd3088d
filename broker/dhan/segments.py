"""Dhan's words for what we have words for: segments, products, order types. Pure."""

from typing import TypeVar

from broker.base import OrderRejected
from services.bracket.model import OrderType, Product, RefusalKind

SEGMENTS = {
    "NSE": "NSE_EQ",
    "BSE": "BSE_EQ",
    "NFO": "NSE_FNO",
    "BFO": "BSE_FNO",
    "CDS": "NSE_CURRENCY",
    "BCD": "BSE_CURRENCY",
    "MCX": "MCX_COMM",
}
PRODUCTS = {
    Product.MIS: "INTRADAY",
    Product.CNC: "CNC",
    Product.NRML: "MARGIN",
    Product.MTF: "MTF",
}
ORDER_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.SL: "STOP_LOSS",
    OrderType.SL_M: "STOP_LOSS_MARKET",
}
EXCHANGE_OF = {segment: exchange for exchange, segment in SEGMENTS.items()}
PRODUCT_OF = {word: product for product, word in PRODUCTS.items()}
ORDER_TYPE_OF = {word: order_type for order_type, word in ORDER_TYPES.items()}

Word = TypeVar("Word")


def segment_of(exchange: str) -> str:
    """Return the segment of an exchange. Raises OrderRejected where Dhan takes no orders."""
    return needed(SEGMENTS.get(exchange), f"Dhan takes no orders for {exchange}")


def needed(value: Word | None, complaint: str, kind: RefusalKind = RefusalKind.UNCLASSIFIED) -> Word:
    """Return the value. Raises OrderRejected, before anything is sent, when there is none."""
    if value is None:
        raise OrderRejected(complaint, kind)
    return value
