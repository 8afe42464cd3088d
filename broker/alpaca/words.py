"""Alpaca's words for what we have words for: sides, types, states, times in force. Pure."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from broker.base import OrderRejected
from services.bracket.model import OrderType, Product, RowStatus, Side, Validity

EXCHANGE = "US"
SHARES = "us_equity"
SIDES = {Side.BUY: "buy", Side.SELL: "sell"}
ORDER_TYPES = {
    OrderType.LIMIT: "limit",
    OrderType.MARKET: "market",
    OrderType.SL: "stop_limit",
    OrderType.SL_M: "stop",
}
SIDE_OF = {word: side for side, word in SIDES.items()} | {"sell_short": Side.SELL}
ORDER_TYPE_OF = {word: order_type for order_type, word in ORDER_TYPES.items()} | {
    "trailing_stop": OrderType.SL_M
}
TIMES_IN_FORCE = {Product.MIS: "day", Product.CNC: "gtc"}
PRODUCT_OF = {"day": Product.MIS, "ioc": Product.MIS, "gtc": Product.CNC}

HELD = "held"
REPLACED = "replaced"
STATUSES = {
    "new": RowStatus.OPEN,
    "partially_filled": RowStatus.OPEN,
    "pending_cancel": RowStatus.OPEN,  # still able to trade
    "pending_replace": RowStatus.OPEN,
    "stopped": RowStatus.OPEN,  # its trade is guaranteed, and not made yet
    "accepted": RowStatus.PENDING,
    "pending_new": RowStatus.PENDING,
    "pending_review": RowStatus.PENDING,
    "accepted_for_bidding": RowStatus.PENDING,
    "suspended": RowStatus.PENDING,  # not eligible for trading now
    "calculated": RowStatus.PENDING,  # done for the day, not settled
    HELD: RowStatus.PENDING,  # unless it is the stop beside a target that works
    "filled": RowStatus.FILLED,
    "canceled": RowStatus.CANCELLED,
    "expired": RowStatus.EXPIRED,
    "rejected": RowStatus.REJECTED,
}
WORKING = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace", "stopped"})
STOPS = frozenset({"stop", "stop_limit", "trailing_stop"})
LIVE = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})


def time_in_force(product: Product, validity: Validity) -> str:
    """Return how long an order lives. Raises OrderRejected for what Alpaca does not have."""
    if product not in TIMES_IN_FORCE:
        raise OrderRejected(f"Alpaca has no product {product}: use CNC (until cancelled) or MIS (by day)")
    if validity is Validity.DAY:
        return TIMES_IN_FORCE[product]
    if product is not Product.MIS:
        raise OrderRejected("validity IOC is for MIS at Alpaca: an order of CNC is good until cancelled")
    return "ioc"


def product_of(word: str) -> str:
    """Return our word for a time in force; an unknown one is left as it is: it is none of ours."""
    found = PRODUCT_OF.get(word)
    return word if found is None else found.value


def exchange_of(asset_class: str | None) -> str:
    """Return our exchange for a kind of asset; others than shares go by a name unlike any of ours."""
    return EXCHANGE if asset_class in (None, SHARES) else asset_class


def status_of(word: str, time_in_force: str) -> RowStatus:
    """Return our status for a word; an unknown one is UNKNOWN."""
    if word == "done_for_day":  # it goes on tomorrow, if it may
        return RowStatus.PENDING if time_in_force == "gtc" else RowStatus.EXPIRED
    return STATUSES.get(word, RowStatus.UNKNOWN)


def at_least(quantity: Decimal) -> int:
    """Return whole shares: fractions, which are never ours, count as a share that is ordered."""
    return int(quantity.to_integral_value(ROUND_CEILING))


def at_most(quantity: Decimal) -> int:
    """Return whole shares: a fraction counts as none that is filled or held."""
    return int(quantity.to_integral_value(ROUND_FLOOR))
