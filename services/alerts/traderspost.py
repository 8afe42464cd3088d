"""TradersPost's JSON (docs.traderspost.io, "JSON Message Reference", read 2026-11).

{"ticker": "SBIN", "action": "buy", "sentiment": "bullish", "quantity": 10,
 "takeProfit": {"percent": 2}, "stopLoss": {"type": "stop", "percent": 1}, "time": "{{timenow}}"}
"""

from decimal import Decimal

from database.webhook_settings import WebhookSettings
from services.alerts.native import carried, joined, own_id
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.words import (
    Fields,
    action,
    at_most_one,
    flag,
    number,
    others,
    part,
    text,
    without_none,
    word,
)

NAME = "traderspost"

_OWN = frozenset(
    {
        "ticker", "action", "sentiment", "quantity", "quantityType", "orderType", "limitPrice", "stopPrice",
        "takeProfit", "stopLoss", "timeInForce", "time", "test", "price", "signalPrice",
        "signal_id", "client_order_id", "order_id", "timenow",
    }
)  # fmt: skip
_OPTIONS = ("optionType", "intrinsicValue", "expiration", "strikeCount", "strikesAway", "strikePrice")
_ORDER_TYPES = {"market": "MARKET", "limit": "LIMIT", "stop": "SL-M", "stop_limit": "SL"}
_SIZES = {"fixed_quantity": "quantity", "dollar_amount": "order_value", "risk_dollar_amount": "risk_amount"}
_EQUITY = ("percent_of_equity", "percent_of_position")
_SENTIMENTS = ("bullish", "long", "bearish", "short", "flat")
_VALIDITIES = {"day": "DAY", "ioc": "IOC"}
_NOT_HERE = {
    "add": "each alert is a bracket of its own: send buy or sell",
    "breakeven": "send trailing_sl with breakeven_at in the entry's own message",
    "reverse": "send buy or sell with on_opposite close_first",
}


def recognises(fields: Fields) -> bool:
    return "ticker" in fields and "symbol" not in fields and bool({"action", "sentiment"} & fields.keys())


def read(fields: Fields, _: WebhookSettings) -> Signal:
    """Return the signal of a TradersPost message. Raises AlertRefused."""
    _refuse_what_is_not_here(fields)
    act, side = _meant(fields)
    body: dict[str, object] = {"symbol": text(fields, "ticker"), **_placing(fields)}
    if act is Act.ENTER:
        body = joined(body | _entry(fields, side), carried(fields, but=("quantity",)))
    else:
        body |= carried(fields)
    return Signal(
        act=act,
        side=side,
        body=without_none(body),
        fired=fields.get("timenow") or fields.get("time"),
        ident=own_id(fields),
        order_id=fields.get("order_id"),
        ignored=tuple(name for name in others(fields, _OWN) if name not in carried(fields)),
    )


def _refuse_what_is_not_here(fields: Fields) -> None:
    for name in _OPTIONS:
        if fields.get(name) not in (None, ""):
            raise AlertRefused(
                name, f"{name} picks an option from a chain: send the contract itself as ticker"
            )
    said = (text(fields, "action") or "").lower()
    if said in _NOT_HERE:
        raise AlertRefused("action", f"action {said} is not taken: {_NOT_HERE[said]}")


def _meant(fields: Fields) -> tuple[Act, str | None]:
    sentiment = word(fields, "sentiment", _SENTIMENTS)
    if fields.get("action") in (None, "") and sentiment is not None:
        return action({"sentiment": sentiment}, "sentiment")
    return action(fields, position=sentiment)


def _placing(fields: Fields) -> dict[str, object]:
    return {"dry_run": True} if flag(fields, "test") else {}


def _entry(fields: Fields, side: str | None) -> dict[str, object]:
    kind = word(fields, "orderType", (*_ORDER_TYPES, "trailing_stop"))
    if kind == "trailing_stop":
        raise AlertRefused(
            "orderType", "orderType trailing_stop is no entry here: send market, limit or stop"
        )
    validity = word(fields, "timeInForce", (*_VALIDITIES, "gtc"))
    if validity == "gtc":
        raise AlertRefused("timeInForce", "timeInForce gtc is not possible for an entry: send day")
    return {
        "action": side,
        "pricetype": _ORDER_TYPES[kind or "market"],
        "entry_price": number(fields, "limitPrice") if kind in ("limit", "stop_limit") else None,
        "trigger_price": number(fields, "stopPrice") if kind in ("stop", "stop_limit") else None,
        "validity": None if validity is None else _VALIDITIES[validity],
        **_size(fields),
        **_target(part(fields, "takeProfit")),
        **_stop(part(fields, "stopLoss")),
    }


def _size(fields: Fields) -> dict[str, object]:
    kind = word(fields, "quantityType", (*_SIZES, *_EQUITY)) or "fixed_quantity"
    if kind in _EQUITY:
        raise AlertRefused(
            "quantityType",
            f"quantityType {kind} needs the account's equity, which is not read: send fixed_quantity,"
            " dollar_amount (money to trade for) or risk_dollar_amount (money to lose at the stop)",
        )
    return {_SIZES[kind]: number(fields, "quantity")}


def _target(said: Fields) -> dict[str, object]:
    names = {
        "limitPrice": "target_price",
        "percent": "target_percent",
        "amount": "target_points",  # per share: added to the entry price
        "pnlAmount": "target_amount",
    }
    return _one_of(said, names, "takeProfit")


def _stop(said: Fields) -> dict[str, object]:
    kind = word(said, "type", ("stop", "stop_limit", "trailing_stop"))
    if kind == "trailing_stop":
        return _trailing(said)
    found = _one_of(
        said, {"stopPrice": "sl_price", "percent": "sl_percent", "amount": "sl_points"}, "stopLoss"
    )
    limit, stop = number(said, "limitPrice"), found.get("sl_price")
    if kind == "stop_limit" and limit is not None:
        if not isinstance(stop, Decimal):
            raise AlertRefused("stopLoss.limitPrice", "stopLoss.limitPrice needs a stopPrice beside it")
        found["sl_limit_offset"] = abs(stop - limit) or None
    return found


def _trailing(said: Fields) -> dict[str, object]:
    """The stop starts as far behind the entry as it trails."""
    found = _one_of(said, {"trailAmount": "points", "trailPercent": "percent"}, "stopLoss")
    return {"trailing_sl": found, **{f"sl_{unit}": value for unit, value in found.items()}}


def _one_of(said: Fields, names: dict[str, str], where: str) -> dict[str, object]:
    name = at_most_one(said, names)
    if said and name is None:
        raise AlertRefused(where, f"{where} must have one of {', '.join(names)}")
    return {} if name is None else {names[name]: number(said, name)}
