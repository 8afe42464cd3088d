"""What the owner of a webhook has set for it: what it may do at most, and how its alerts are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

# The addresses TradingView sends alerts from (tradingview.com/support/solutions/43000529348).
TRADINGVIEW_ADDRESSES = ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7")


class PriceUnit(StrEnum):
    """What a bare number means as a stop or target, where the message itself does not say."""

    PRICE = "price"
    POINTS = "points"
    PERCENT = "percent"
    AMOUNT = "amount"  # rupees won or lost on the whole quantity


class RiskUnit(StrEnum):
    """What PineConnector's `risk=` means."""

    QUANTITY = "quantity"
    LOTS = "lots"
    AMOUNT = "amount"  # rupees lost at the stop


class OnExit(StrEnum):
    """What an exit signal does to open brackets of its symbol."""

    CLOSE_BRACKET = "close_bracket"
    CANCEL_LEGS = "cancel_legs"  # our orders go, the position stays with its owner
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """What one webhook may do at most; None or empty means no limit of its own."""

    max_quantity: int | None = None  # shares in one bracket
    max_open_brackets: int | None = None
    symbols: frozenset[str] = frozenset()  # EXCHANGE:SYMBOL
    max_value: Decimal | None = None  # rupees of one bracket at its entry
    products: frozenset[str] = frozenset()
    hours: str | None = None  # "09:20-15:00" exchange time, the end not included
    addresses: frozenset[str] = frozenset()  # IP addresses or networks alerts may come from


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How a webhook's alerts are read. defaults are fields of an order that the alert leaves open."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    symbol_map: Mapping[str, str] = field(default_factory=dict)  # TradingView's name -> EXCHANGE:SYMBOL
    on_exit: OnExit = OnExit.CLOSE_BRACKET
    on_opposite: str = "reject"
    price_unit: PriceUnit | None = None
    risk_unit: RiskUnit | None = None
    allow_delayed: bool = False  # take alerts that were computed on delayed prices
