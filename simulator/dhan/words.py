"""Dhan's words for segments, products, order types and states, both ways."""

from services.bracket.model import GttStatus, OrderType, Product, RowStatus
from simulator.orders import Order

SEGMENTS = {
    "NSE": "NSE_EQ",
    "BSE": "BSE_EQ",
    "NFO": "NSE_FNO",
    "BFO": "BSE_FNO",
    "CDS": "NSE_CURRENCY",
    "BCD": "BSE_CURRENCY",
    "MCX": "MCX_COMM",
}
PRODUCTS = {Product.MIS: "INTRADAY", Product.CNC: "CNC", Product.NRML: "MARGIN", Product.MTF: "MTF"}
PRODUCT_OF = {word: product for product, word in PRODUCTS.items()}
ORDER_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.SL: "STOP_LOSS",
    OrderType.SL_M: "STOP_LOSS_MARKET",
}
ORDER_TYPE_OF = {word: order_type for order_type, word in ORDER_TYPES.items()}
_STATUSES = {
    RowStatus.PENDING: "TRANSIT",
    RowStatus.TRIGGER_PENDING: "PENDING",
    RowStatus.OPEN: "PENDING",
    RowStatus.FILLED: "TRADED",
    RowStatus.CANCELLED: "CANCELLED",
    RowStatus.REJECTED: "REJECTED",
    RowStatus.EXPIRED: "EXPIRED",
}
FOREVER_STATUSES = {
    GttStatus.ACTIVE: "CONFIRM",
    GttStatus.DISABLED: "CANCELLED",
    GttStatus.EXPIRED: "EXPIRED",
    GttStatus.CANCELLED: "CANCELLED",
    GttStatus.REJECTED: "REJECTED",
    GttStatus.DELETED: "CANCELLED",
}


def status_of(order: Order) -> str:
    """Return an order's state in Dhan's word: what rests is PENDING, with a trigger or without."""
    if order.status is RowStatus.OPEN and order.filled:
        return "PART_TRADED"
    return _STATUSES[order.status]
