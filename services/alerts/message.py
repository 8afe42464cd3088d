"""The message to paste into a TradingView alert. Pure.

A line alert says its side itself; a strategy's alert takes it, the quantity and the position after it from
the strategy, so that the strategy's own exits are seen as exits.
"""

from collections.abc import Mapping
from enum import StrEnum

from services.bracket.units import SIZES, STOPS, TARGETS


class Style(StrEnum):
    LINE = "line"
    STRATEGY = "strategy"


_OF_LINE = {"action": "BUY", "quantity": "1"}
_OF_STRATEGY = {
    "action": "{{strategy.order.action}}",
    "quantity": "{{strategy.order.contracts}}",
    "market_position": "{{strategy.market_position}}",
    "market_position_size": "{{strategy.market_position_size}}",
    "order_id": "{{strategy.order.id}}",
}
_FIRST = {"strategy": "TradingView Bracket Order", "symbol": "{{ticker}}", "exchange": "{{exchange}}"}


def build_message(token: str | None, said: Mapping[str, object], *, style: Style) -> dict[str, object]:
    """Return the alert's JSON: the webhook's token, what was said, and placeholders for the rest.

    Without a stop or a target of its own the message gets 1 and 2 per cent of the fill. token None is for
    an address that ends in the token.
    """
    own = {name: value for name, value in said.items() if name not in _OF_STRATEGY or style is Style.LINE}
    parts: dict[str, object] = {**_FIRST, **(_OF_LINE if style is Style.LINE else _OF_STRATEGY)}
    if set(SIZES).intersection(own) - {"quantity"}:
        parts.pop("quantity")
        parts.pop("market_position_size", None)
    if "entry_price" not in own and "pricetype" not in own:
        parts["pricetype"] = "MARKET"
    if not set(STOPS).intersection(own):
        parts["sl_percent"] = "1"
    if not set(TARGETS).intersection(own):
        parts["target_percent"] = "2"
    key = {} if token is None else {"apikey": token}
    return {**key, **parts, **own, "timenow": "{{timenow}}"}
