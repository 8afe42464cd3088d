"""OpenAlgo's placeorder and placesmartorder, as its TradingView page writes them.

{"apikey": "", "strategy": "TradingView Strategy", "symbol": "SBIN", "action": "{{strategy.order.action}}",
 "exchange": "NSE", "pricetype": "MARKET", "product": "MIS", "quantity": "{{strategy.order.contracts}}",
 "position_size": "{{strategy.position_size}}"}
"""

from decimal import Decimal

from database.webhook_settings import WebhookSettings
from services.alerts.native import ORDER_FIELDS, carried, joined, own_id
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.words import (
    Fields,
    action,
    entry_size,
    number,
    others,
    unless_zero,
)

NAME = "openalgo"

_OWN = frozenset({"position_size", "price", "stoploss", "target"})
_GTT = ("trigger_type", "triggerprice_sl", "triggerprice_tg")
_OF_ALERTS = frozenset({"timenow", "signal_id", "order_id", "ticker"})
_REPLACED = ("action", "quantity", "trigger_price", "trailing_sl", "disclosed_quantity")


def recognises(fields: Fields) -> bool:
    return "symbol" in fields and bool(_OWN.union(_GTT) & fields.keys())


def read(fields: Fields, _: WebhookSettings) -> Signal:
    """Return the signal of an OpenAlgo order. Raises AlertRefused."""
    if any(fields.get(name) not in (None, "", 0, "0") for name in _GTT):
        raise AlertRefused(
            "trigger_type",
            "trigger_type is of a GTT, which guards a position that exists already: a bracket brings its own"
            " exits; send stoploss and target without it",
        )
    act, side = _meant(fields)
    body = carried(fields, but=_REPLACED)
    return Signal(
        act=act,
        side=side,
        body=joined(_own(fields, side), body) if act is Act.ENTER else body,
        fired=fields.get("timenow"),
        ident=own_id(fields),
        order_id=fields.get("order_id"),
        ignored=others(fields, ORDER_FIELDS | _OWN | _OF_ALERTS),
    )


def _meant(fields: Fields) -> tuple[Act, str | None]:
    """position_size is the position the strategy wants to have after this order."""
    wanted = number(fields, "position_size")
    if wanted is None:
        return action(fields)
    position = "flat" if wanted == 0 else "long" if wanted > 0 else "short"
    return action(fields, position=position)


def _own(fields: Fields, side: str | None) -> dict[str, object]:
    trail = unless_zero(fields, "trailing_sl")
    return {
        "action": side,
        "quantity": entry_size(number(fields, "quantity"), _position(fields)),
        "pricetype": None if fields.get("pricetype") else "MARKET",
        "product": None if fields.get("product") else "MIS",
        "entry_price": unless_zero(fields, "price"),
        "trigger_price": unless_zero(fields, "trigger_price"),
        "disclosed_quantity": unless_zero(fields, "disclosed_quantity"),
        "sl_price": unless_zero(fields, "stoploss"),
        "target_price": unless_zero(fields, "target"),
        "trailing_sl": None if trail is None else {"points": trail},
    }


def _position(fields: Fields) -> Decimal | None:
    return number(fields, "position_size")
