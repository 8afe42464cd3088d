"""What a person writes for a webhook, as its limits and settings; each fault is a sentence. Pure."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from ipaddress import ip_network

from database.webhook_settings import TRADINGVIEW_ADDRESSES
from services.alerts.native import ORDER_FIELDS
from services.bracket.request import parse_price
from utils.constants import VALID_PRODUCT_TYPES

ALL_OF_TRADINGVIEW = "tradingview"  # stands for the addresses its alerts come from
DEFAULT_FIELDS = ORDER_FIELDS - {
    "symbol",
    "action",
    "client_order_id",
    "targets",
    "trailing_sl",
    "max_slippage",
}

_HOURS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")
_SYMBOL = re.compile(r"[A-Z]+:[A-Z0-9&_.!-]+")


class WordsUnfit(ValueError):
    """The text cannot be what it is meant for; the message says why."""


def amount_of(text: str) -> Decimal:
    """Return a positive amount. Raises WordsUnfit."""
    try:
        value = parse_price(text)
    except ValueError:
        raise WordsUnfit(f"{text} is no number") from None
    if value <= 0:
        raise WordsUnfit(f"{text} must be greater than 0")
    return value


def count_of(text: str) -> int:
    """Return a positive whole number. Raises WordsUnfit."""
    value = amount_of(text)
    if value != value.to_integral_value():
        raise WordsUnfit(f"{text} must be a whole number")
    return int(value)


def hours_of(text: str) -> str:
    """Return a stretch of the exchange's day. Raises WordsUnfit."""
    begin, end = text[:5], text[6:]
    if _HOURS.fullmatch(text) is None or begin >= end:
        raise WordsUnfit(f"{text} must be HH:MM-HH:MM exchange time, such as 09:20-15:00")
    return text


def symbols_of(texts: Iterable[str]) -> frozenset[str]:
    """Return symbols as EXCHANGE:SYMBOL. Raises WordsUnfit."""
    return frozenset(_symbol(text) for text in texts)


def products_of(texts: Iterable[str]) -> frozenset[str]:
    """Return products. Raises WordsUnfit."""
    found = frozenset(text.upper() for text in texts)
    for text in found:
        if text not in VALID_PRODUCT_TYPES:
            raise WordsUnfit(f"{text} must be one of: {', '.join(VALID_PRODUCT_TYPES)}")
    return found


def addresses_of(texts: Iterable[str]) -> frozenset[str]:
    """Return IP addresses and networks; `tradingview` stands for its own. Raises WordsUnfit."""
    found: set[str] = set()
    for text in texts:
        found.update(TRADINGVIEW_ADDRESSES if text == ALL_OF_TRADINGVIEW else (_network(text),))
    return frozenset(found)


def pairs_of(texts: Iterable[str]) -> dict[str, str]:
    """Return NAME=VALUE texts by name; a value may be empty. Raises WordsUnfit."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise WordsUnfit(f"{text} must be NAME=VALUE; NAME= takes it away")
        found[name.strip()] = value.strip()
    return found


def defaults_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return fields of an order with what they are unless an alert says it. Raises WordsUnfit."""
    for field in pairs:
        if field not in DEFAULT_FIELDS:
            known = ", ".join(sorted(DEFAULT_FIELDS))
            raise WordsUnfit(f"{field} cannot have a default; fields are: {known}")
    return dict(pairs)


def symbol_map_of(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return TradingView's names with the symbols they stand for. Raises WordsUnfit."""
    return {name.upper(): _symbol(value) if value else "" for name, value in pairs.items()}


def _symbol(text: str) -> str:
    found = text.upper()
    if _SYMBOL.fullmatch(found) is None:
        raise WordsUnfit(f"{found} must be EXCHANGE:SYMBOL")
    return found


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise WordsUnfit(f"{text} is no IP address or network") from None
