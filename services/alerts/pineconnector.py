"""PineConnector's text: `LICENSE,command,SYMBOL,name=value,...` (docs.pineconnector.com, read 2026-11).

60123456789,buy,SBIN,vol_lots=1,sl_pct=1,tp_pct=2

What `risk=`, `sl=` and `tp=` count is a setting of the terminal there, so here it must be one of the
webhook, or be written on the number. The license number is not looked at.
"""

import re
from decimal import Decimal

from database.webhook_settings import PriceUnit, RiskUnit, WebhookSettings
from services.alerts.native import ORDER_FIELDS, joined
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.texts import exit_price, pairs, positive, refuse_unknown
from services.alerts.words import ACTIONS, LONG, SHORT

NAME = "pineconnector"

_LICENSE = re.compile(r"[A-Za-z0-9_-]{5,64}")
_PENDING = {
    "buylimit": (LONG, "LIMIT"),
    "selllimit": (SHORT, "LIMIT"),
    "buystop": (LONG, "SL-M"),
    "sellstop": (SHORT, "SL-M"),
}
_REVERSALS = {"closeshortbuy": LONG, "closelongsell": SHORT}
_NOT_HERE = {
    "closelongbuy": "it closes a position to open the same again: send closelong or buy",
    "closeshortsell": "it closes a position to open the same again: send closeshort or sell",
    "closelongpct": "it takes a part off: use targets for that, or closelong",
    "closeshortpct": "it takes a part off: use targets for that, or closeshort",
    "closelongvol": "it takes a part off: use targets for that, or closelong",
    "closeshortvol": "it takes a part off: use targets for that, or closeshort",
    "newsltplong": "use modifybracketorder to change a stop or target",
    "newsltpshort": "use modifybracketorder to change a stop or target",
    "eaon": "use webhook resume",
    "eaoff": "use webhook pause",
    "closealleaoff": "use the kill switch",
}
_COMMANDS = frozenset({*ACTIONS, *_PENDING, *_REVERSALS, *_NOT_HERE})
_RISKS = {RiskUnit.QUANTITY: "quantity", RiskUnit.LOTS: "lots", RiskUnit.AMOUNT: "risk_amount"}
_SIZES = {"vol_lots": "lots", "vol_dollar": "risk_amount"}
_EXITS = {
    "sl_price": "sl_price", "sl_points": "sl_points", "sl_pct": "sl_percent",
    "tp_price": "target_price", "tp_points": "target_points", "tp_pct": "target_percent",
}  # fmt: skip
_PIPS = ("sl_pips", "tp_pips")
_OF_ALERTS = ("timenow", "signal_id", "secret", "comment", "price", "risk", "sl", "tp")
_CARRIED = ORDER_FIELDS - {"symbol", "action", "sl_price", "sl_points", "pricetype"}


def recognises(message: str) -> bool:
    parts = [one.strip() for one in message.split(",")]
    return len(parts) > 1 and "=" not in parts[0] and parts[1].lower() in _COMMANDS


def read(message: str, settings: WebhookSettings) -> Signal:
    """Return the signal of a PineConnector message. Raises AlertRefused."""
    parts = [one.strip() for one in message.strip().split(",")]
    command = parts[1].lower()
    if _LICENSE.fullmatch(parts[0]) is None:
        raise AlertRefused("license", "the message must begin with the license: LICENSE,buy,SYMBOL,...")
    if command in _NOT_HERE:
        raise AlertRefused("command", f"command {command} is not taken: {_NOT_HERE[command]}")
    if len(parts) < 3 or not parts[2] or "=" in parts[2]:
        raise AlertRefused("symbol", f"a symbol must follow the command: {parts[0][:4]}...,{command},SYMBOL")
    said = pairs(parts[3:])
    refuse_unknown(said, (*_EXITS, *_SIZES, *_PIPS, *_OF_ALERTS, *_CARRIED))
    act, side = _meant(command)
    body: dict[str, object] = {name: said[name] for name in _CARRIED & said.keys()}
    body["symbol"] = parts[2]
    if act is Act.ENTER:
        body = joined(_entry(command, side, said, settings), body)
    return Signal(
        act=act,
        side=side,
        body=body,
        fired=said.get("timenow"),
        ident=said.get("signal_id") or said.get("client_order_id"),
    )


def _meant(command: str) -> tuple[Act, str | None]:
    if command in _PENDING:
        return Act.ENTER, _PENDING[command][0]
    if command in _REVERSALS:
        return Act.ENTER, _REVERSALS[command]
    return ACTIONS[command]


def _entry(
    command: str, side: str | None, said: dict[str, str], settings: WebhookSettings
) -> dict[str, object]:
    pricetype = _PENDING[command][1] if command in _PENDING else "MARKET"
    found: dict[str, object] = {"action": side, "pricetype": pricetype}
    if command in _REVERSALS:
        found["on_opposite"] = "close_first"
    if "comment" in said:
        found["strategy"] = said["comment"]
    found |= _price(pricetype, said, settings)
    return found | _size(said, settings) | _exits(said, settings)


def _price(pricetype: str, said: dict[str, str], settings: WebhookSettings) -> dict[str, object]:
    ours = {"LIMIT": "entry_price", "SL-M": "trigger_price"}.get(pricetype)
    if "price" not in said:
        return {}
    if ours is None:
        raise AlertRefused("price", "price is of a pending order: send buylimit or buystop with it")
    if settings.price_unit is not PriceUnit.PRICE:
        raise AlertRefused(
            "price",
            f"price={said['price'][:64]} may be a price or a distance: send {ours}= instead, or set the"
            " webhook's price unit to price",
        )
    return {ours: positive("price", said["price"])}


def _size(said: dict[str, str], settings: WebhookSettings) -> dict[str, Decimal]:
    found = {ours: positive(name, said[name]) for name, ours in _SIZES.items() if name in said}
    if "risk" in said:
        if settings.risk_unit is None:
            raise AlertRefused(
                "risk",
                f"risk={said['risk'][:64]} does not say what it counts: send vol_lots= (lots), quantity="
                " (shares) or risk_amount= (money lost at the stop), or set the webhook's risk unit",
            )
        ours = _RISKS[settings.risk_unit]
        if ours in found:
            raise AlertRefused("risk", f"risk and {ours} say the same thing twice: send one")
        found[ours] = positive("risk", said["risk"])
    return found


def _exits(said: dict[str, str], settings: WebhookSettings) -> dict[str, object]:
    for name in _PIPS:
        if name in said:
            raise AlertRefused(name, f"{name} has no meaning on these exchanges: send {name[:2]}_points")
    found: dict[str, object] = {}
    for name, ours in (("sl", "sl"), ("tp", "target")):
        if name in said:
            found |= exit_price(name, said[name], ours=ours, unit=settings.price_unit)
    for name, ours in _EXITS.items():
        if name in said:
            _once(found, ours, positive(name, said[name]))
    return found


def _once(found: dict[str, object], ours: str, value: Decimal) -> None:
    kind = ours.partition("_")[0]
    same = [name for name in found if name.startswith(f"{kind}_")]
    if same:
        raise AlertRefused(ours, f"{same[0]} and {ours} exclude each other: send one")
    found[ours] = value
