"""Angel One's words for products, order types, states and instruments."""

from services.bracket.model import OrderType, Product, RowStatus
from simulator.orders import Key

PRODUCTS = {
    Product.MIS: "INTRADAY",
    Product.CNC: "DELIVERY",
    Product.NRML: "CARRYFORWARD",
    Product.MTF: "MARGIN",
}
PRODUCT_OF = {word: product for product, word in PRODUCTS.items()}
ORDER_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.SL: "STOPLOSS_LIMIT",
    OrderType.SL_M: "STOPLOSS_MARKET",
}
ORDER_TYPE_OF = {word: order_type for order_type, word in ORDER_TYPES.items()}
STOPS = frozenset({OrderType.SL, OrderType.SL_M})
STATUSES = {
    RowStatus.PENDING: "open pending",
    RowStatus.TRIGGER_PENDING: "trigger pending",
    RowStatus.OPEN: "open",
    RowStatus.FILLED: "complete",
    RowStatus.CANCELLED: "cancelled",
    RowStatus.REJECTED: "rejected",
    RowStatus.EXPIRED: "cancelled",
}


def trading_symbol(key: Key) -> str:
    """Return the name of an instrument: shares of NSE with their series."""
    exchange, symbol = key
    return f"{symbol}-EQ" if exchange == "NSE" else symbol
