"""Upstox's words for segments, products and states."""

from services.bracket.model import Product, RowStatus

SEGMENTS = {"NSE": "NSE_EQ", "BSE": "BSE_EQ", "NFO": "NSE_FO", "BFO": "BSE_FO", "MCX": "MCX_FO"}
PLACES = {"NSE": "NSE", "BSE": "BSE", "NFO": "NSE", "BFO": "BSE", "MCX": "MCX"}
PRODUCTS = {Product.MIS: "I", Product.CNC: "D", Product.NRML: "D", Product.MTF: "MTF"}
STATUSES = {
    RowStatus.PENDING: "validation pending",
    RowStatus.TRIGGER_PENDING: "trigger pending",
    RowStatus.OPEN: "open",
    RowStatus.FILLED: "complete",
    RowStatus.CANCELLED: "cancelled",
    RowStatus.EXPIRED: "cancelled",
    RowStatus.REJECTED: "rejected",
}


def product_of(word: str, exchange: str) -> Product | None:
    """Return the product of a word: D is delivery for shares and carried forward for contracts."""
    delivered = Product.CNC if exchange in ("NSE", "BSE") else Product.NRML
    return {"I": Product.MIS, "D": delivered, "MTF": Product.MTF}.get(word)
