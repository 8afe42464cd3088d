"""Upstox's words for what we have words for: segments, products, order types. Pure."""

from services.bracket.model import OrderType, Product

SEGMENTS = {
    "NSE": "NSE_EQ",
    "BSE": "BSE_EQ",
    "NFO": "NSE_FO",
    "BFO": "BSE_FO",
    "CDS": "NCD_FO",
    "BCD": "BCD_FO",
    "MCX": "MCX_FO",
}
EXCHANGE_OF = {segment: exchange for exchange, segment in SEGMENTS.items()}
CASH = frozenset({"NSE", "BSE"})

# D is delivery for shares and carried forward for contracts.
PRODUCTS = {Product.MIS: "I", Product.CNC: "D", Product.NRML: "D", Product.MTF: "MTF"}
ORDER_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.SL: "SL",
    OrderType.SL_M: "SL-M",
}
ORDER_TYPE_OF = {word: order_type for order_type, word in ORDER_TYPES.items()}


def product_of(word: str, exchange: str) -> str:
    """Return our word for a product; an unknown one is left as it is: it is none of ours."""
    match word:
        case "I":
            return Product.MIS.value
        case "D":
            return (Product.CNC if exchange in CASH else Product.NRML).value
        case _:
            return word
