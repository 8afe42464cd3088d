"""The field's closed word lists, as clients and brokers spell them. Imports nothing of ours."""

from datetime import timedelta
from zoneinfo import ZoneInfo

VALID_EXCHANGES = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCDEX", "FOREX", "US")
VALID_ACTIONS = ("BUY", "SELL")
VALID_PRODUCT_TYPES = ("MIS", "CNC", "NRML", "MTF")
VALID_PRICE_TYPES = ("LIMIT", "MARKET", "SL", "SL-M")
VALID_ORDER_TYPES = ("REGULAR",)
VALID_VALIDITIES = ("DAY", "IOC")

# All Indian exchanges keep one zone without daylight saving; shown to people, never stored.
EXCHANGE_ZONE = ZoneInfo("Asia/Kolkata")
_ZONES = {"US": ZoneInfo("America/New_York")}

IDEMPOTENCY_KEPT = timedelta(days=7)
MAX_BODY_BYTES = 64 * 1024


def zone_of(exchange: str) -> ZoneInfo:
    """Return the zone in which an exchange tells its hours and counts its days."""
    return _ZONES.get(exchange, EXCHANGE_ZONE)
