"""Our own words: the fields of placebracketorder, and what only an alert says.

{"symbol": "SBIN", "exchange": "NSE", "action": "buy", "quantity": "10", "sl_percent": "1", ...}
"""

from collections.abc import Mapping
from dataclasses import fields as fields_of

from database.webhook_settings import WebhookSettings
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.words import Fields, action, entry_size, number, others, text
from services.bracket.request import BracketOrderRequest
from services.bracket.units import SIZES, STOPS, TARGETS

NAME = "native"

ORDER_FIELDS = frozenset(one.name for one in fields_of(BracketOrderRequest))
_OF_ALERTS = frozenset(
    {"timenow", "signal_id", "order_id", "ticker", "market_position", "market_position_size"}
)


def recognises(fields: Fields) -> bool:
    return "symbol" in fields


def read(fields: Fields, _: WebhookSettings) -> Signal:
    """Return the signal of a message in our own words. Raises AlertRefused."""
    act, side = action(fields, position=text(fields, "market_position"))
    body = {name: value for name, value in fields.items() if name in ORDER_FIELDS}
    if act is Act.ENTER:
        body["action"] = side
        _size_by_position(body, fields)
    return Signal(
        act=act,
        side=side,
        body=body,
        fired=fields.get("timenow"),
        ident=own_id(fields),
        order_id=fields.get("order_id"),
        ignored=others(fields, ORDER_FIELDS | _OF_ALERTS),
    )


def own_id(fields: Fields) -> str | None:
    """Return the id a message gives itself. Raises AlertRefused when it gives two."""
    given = {str(fields[name]) for name in ("client_order_id", "signal_id") if fields.get(name)}
    if len(given) > 1:
        raise AlertRefused("signal_id", "client_order_id and signal_id differ: send one")
    return given.pop() if given else None


def carried(fields: Fields, *, but: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the order fields of ours that a message in other words carries beside its own.

    but names those of ours that mean something else there, or that the other words say themselves.
    """
    return {
        name: value
        for name, value in fields.items()
        if name in ORDER_FIELDS and name not in but and value not in (None, "")
    }


def joined(own: Mapping[str, object], carried_along: Mapping[str, object]) -> dict[str, object]:
    """Return an order of both kinds of fields. Raises AlertRefused where they say the same thing twice."""
    for kind in (STOPS, TARGETS, SIZES, ("entry_price",), ("pricetype",)):
        ours = [name for name in kind if name in carried_along]
        theirs = [name for name in kind if own.get(name) is not None]
        if ours and theirs:
            raise AlertRefused(ours[0], f"{ours[0]} and the message's own words for it differ: send one")
    return {**carried_along, **{name: value for name, value in own.items() if value is not None}}


def _size_by_position(body: dict[str, object], fields: Fields) -> None:
    held = number(fields, "market_position_size")
    if held is not None:
        body["quantity"] = entry_size(number(fields, "quantity"), held)
