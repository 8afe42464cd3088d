"""3Commas' signal bot, both of its types (help.3commas.io 9374557 and 8894481, read 2026-11).

{"secret": "wh_...", "max_lag": "300", "timestamp": "{{timenow}}", "tv_exchange": "{{exchange}}",
 "tv_instrument": "{{ticker}}", "action": "{{strategy.order.action}}", "bot_uuid": "...",
 "strategy_info": {"market_position": "{{strategy.market_position}}", ...},
 "order": {"amount": "{{strategy.order.contracts}}", "currency_type": "base"}}

Stop and target are a bot's settings there and the webhook's defaults here; or fields of ours beside.
"""

from decimal import Decimal

from database.webhook_settings import WebhookSettings
from services.alerts.native import carried, joined, own_id
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.words import (
    Fields,
    action,
    entry_size,
    number,
    others,
    part,
    text,
    without_none,
    word,
)

NAME = "3commas"

_OWN = frozenset(
    {
        "secret", "bot_uuid", "max_lag", "timestamp", "trigger_price", "tv_exchange", "tv_instrument",
        "action", "strategy_info", "order", "signal_id", "client_order_id", "timenow", "order_id",
    }
)  # fmt: skip
_CURRENCIES = ("base", "quote", "base_percent", "quote_percent", "margin_percent", "position_percent")
_EXITS = ("stop_loss", "take_profit", "stopLoss", "takeProfit")
_CARRIED_NOT = ("trigger_price", "action")  # theirs is what the price was, ours is an order's


def recognises(fields: Fields) -> bool:
    return "tv_instrument" in fields or "bot_uuid" in fields


def read(fields: Fields, _: WebhookSettings) -> Signal:
    """Return the signal of a message for a 3Commas signal bot. Raises AlertRefused."""
    _refuse_what_is_not_here(fields)
    info, extra = part(fields, "strategy_info"), carried(fields, but=_CARRIED_NOT)
    act, side = action(fields, position=text(info, "market_position"))
    own: dict[str, object] = {
        "symbol": text(fields, "tv_instrument"),
        "exchange": text(fields, "tv_exchange") if "exchange" not in extra else None,
    }
    if act is Act.ENTER:
        own |= {"action": side, "pricetype": None if extra.get("pricetype") else "MARKET", **_size(fields)}
    return Signal(
        act=act,
        side=side,
        body=joined(without_none(own), extra),
        fired=fields.get("timenow") or fields.get("timestamp"),
        ident=own_id(fields),
        order_id=fields.get("order_id"),
        max_age_seconds=_max_lag(fields),
        ignored=tuple(name for name in others(fields, _OWN) if name not in extra),
    )


def _refuse_what_is_not_here(fields: Fields) -> None:
    for name in _EXITS:
        if fields.get(name) not in (None, ""):
            raise AlertRefused(
                name,
                f"{name} is not read: set the webhook's defaults, or send sl_percent and target_percent",
            )


def _max_lag(fields: Fields) -> int | None:
    lag = number(fields, "max_lag")
    if lag is None:
        return None
    if lag <= 0 or lag != lag.to_integral_value():
        raise AlertRefused("max_lag", f"max_lag {lag} must be a whole number of seconds")
    return int(lag)


def _size(fields: Fields) -> dict[str, object]:
    order = part(fields, "order")
    amount = number(order, "amount")
    if amount is None:
        return {}
    kind = word(order, "currency_type", _CURRENCIES) or "base"
    if kind == "quote":
        return {"order_value": amount}
    if kind != "base":
        raise AlertRefused(
            "order.currency_type",
            f"order.currency_type {kind} needs the account's balance, which is not read: send base (shares)"
            " or quote (money)",
        )
    return {"quantity": entry_size(amount, _held(fields))}


def _held(fields: Fields) -> Decimal | None:
    return number(part(fields, "strategy_info"), "market_position_size")
