"""PickMyTrade's JSON (docs.pickmytrade.io, read 2026-11). 0 means "not set" in all its numbers.

{"symbol": "SBIN", "date": "{{timenow}}", "data": "buy", "quantity": "10", "price": "{{close}}",
 "percentage_tp": "2", "percentage_sl": "1", "token": "wh_..."}
"""

from collections.abc import Sequence

from database.webhook_settings import PriceUnit, WebhookSettings
from services.alerts.native import carried, joined, own_id
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.words import Fields, action, flag, others, text, unless_zero, without_none, word

NAME = "pickmytrade"

_OWN = frozenset(
    {
        "symbol", "date", "data", "quantity", "risk_percentage", "price", "tp", "sl", "percentage_tp",
        "percentage_sl", "dollar_tp", "dollar_sl", "trail", "trail_stop", "trail_trigger", "trail_freq",
        "update_tp", "update_sl", "token", "duplicate_position_allow", "reverse_order_close",
        "multiple_accounts", "order_type", "platform", "account_id", "connection_name",
        "quantity_multiplier", "signal_id", "client_order_id", "timenow", "order_id",
    }
)  # fmt: skip
_ORDER_TYPES = {"mkt": "MARKET", "market": "MARKET", "lmt": "LIMIT", "limit": "LIMIT", "stp": "SL-M"}
_DOLLARS = {PriceUnit.POINTS: "points", PriceUnit.AMOUNT: "amount"}


def recognises(fields: Fields) -> bool:
    return "data" in fields and "symbol" in fields and "action" not in fields


def read(fields: Fields, settings: WebhookSettings) -> Signal:
    """Return the signal of a PickMyTrade message. Raises AlertRefused."""
    _refuse_what_is_not_here(fields)
    act, side = action(fields, "data")
    body: dict[str, object] = {"symbol": text(fields, "symbol")}
    if act is Act.ENTER:
        body = joined(body | _entry(fields, side, settings), carried(fields, but=("symbol", "quantity")))
    else:
        body |= carried(fields)
    return Signal(
        act=act,
        side=side,
        body=without_none(body),
        fired=fields.get("timenow") or fields.get("date"),
        ident=own_id(fields),
        order_id=fields.get("order_id"),
        ignored=tuple(name for name in others(fields, _OWN) if name not in carried(fields)),
    )


def _refuse_what_is_not_here(fields: Fields) -> None:
    if unless_zero(fields, "risk_percentage") is not None:
        raise AlertRefused(
            "risk_percentage",
            "risk_percentage needs the account's balance, which is not read: send quantity or risk_amount",
        )
    for name in ("update_tp", "update_sl"):
        if flag(fields, name):
            raise AlertRefused(
                name, f"{name} changes a position that is open: use modifybracketorder for that"
            )
    for name in ("trail", "trail_stop", "trail_trigger"):
        if unless_zero(fields, name) is not None:
            sentence = f'{name} does not say in which unit: send "trailing_sl": {{"points": "5"}}'
            raise AlertRefused(name, f"{sentence} or percent instead")
    _refuse_other_accounts(fields.get("multiple_accounts"))


def _refuse_other_accounts(accounts: object) -> None:
    if accounts is None or accounts in ("", []):
        return
    is_list = isinstance(accounts, Sequence) and not isinstance(accounts, str)
    entries = list(accounts) if is_list and isinstance(accounts, Sequence) else []
    multiplier = (
        entries[0].get("quantity_multiplier", 1) if entries and isinstance(entries[0], dict) else None
    )
    if len(entries) != 1 or str(multiplier) not in ("0", "1", "0.0", "1.0"):
        raise AlertRefused(
            "multiple_accounts",
            "multiple_accounts must be one account without a multiplier: a webhook trades its own account,"
            " make one for each",
        )


def _entry(fields: Fields, side: str | None, settings: WebhookSettings) -> dict[str, object]:
    kind = word(fields, "order_type", tuple(_ORDER_TYPES)) or "mkt"
    price = unless_zero(fields, "price")
    pricetype = _ORDER_TYPES[kind]
    reverses = fields.get("reverse_order_close") not in (None, "")
    return {
        "action": side,
        "quantity": unless_zero(fields, "quantity"),
        "pricetype": pricetype,
        "entry_price": price if pricetype == "LIMIT" else None,
        "trigger_price": price if pricetype == "SL-M" else None,
        "on_opposite": _on_opposite(flag(fields, "reverse_order_close")) if reverses else None,
        **_exit(fields, "sl", settings),
        **_exit(fields, "tp", settings),
    }


def _on_opposite(is_closed_first: bool) -> str:
    return "close_first" if is_closed_first else "reject"


def _exit(fields: Fields, which: str, settings: WebhookSettings) -> dict[str, object]:
    ours = "sl" if which == "sl" else "target"
    ways = {
        f"{ours}_price": (which, unless_zero(fields, which)),
        f"{ours}_percent": (f"percentage_{which}", unless_zero(fields, f"percentage_{which}")),
        "dollar": (f"dollar_{which}", unless_zero(fields, f"dollar_{which}")),
    }
    said = {way: pair for way, pair in ways.items() if pair[1] is not None}
    if len(said) > 1:
        names = " and ".join(name for name, _ in said.values())
        raise AlertRefused(which, f"{names} say the same thing twice: send one")
    return {_dollars(way, pair[0], ours, settings): pair[1] for way, pair in said.items()}


def _dollars(way: str, name: str, ours: str, settings: WebhookSettings) -> str:
    if way != "dollar":
        return way
    unit = None if settings.price_unit is None else _DOLLARS.get(settings.price_unit)
    if unit is None:
        raise AlertRefused(
            name,
            f"{name} may be money a share or money in all: set the webhook's price unit to points or"
            f" amount, or send {ours}_points or {ours}_amount",
        )
    return f"{ours}_{unit}"
