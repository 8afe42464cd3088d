"""A line of words and name=value: `long SBIN q=10 sl=1% tp=2%`, a password before it or not.

Commas, semicolons, blanks and new lines all separate. Names: q (quantity), qt (what q counts: shares,
lots, value, risk), sl, tp, slp and tpp (prices), entry (a limit price), and every field of ours.
"""

import re

from database.webhook_settings import WebhookSettings
from services.alerts.native import ORDER_FIELDS
from services.alerts.signal import Act, AlertRefused, Signal
from services.alerts.texts import exit_price, pairs, positive, refuse_unknown
from services.alerts.words import ACTIONS, action

NAME = "key=value"

_BREAKS = re.compile(r"[\s,;]+")
_SPACED = re.compile(r"\s*=\s*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_COUNTS = {
    "shares": "quantity", "qty": "quantity", "quantity": "quantity", "lots": "lots",
    "value": "order_value", "rupees": "order_value", "risk": "risk_amount",
}  # fmt: skip
_ALIASES = {
    "qty": "q", "size": "q", "stop": "sl", "stoploss": "sl", "target": "tp", "takeprofit": "tp",
    "side": "action", "ticker": "symbol", "id": "signal_id", "time": "timenow", "comment": "strategy",
}  # fmt: skip
_OWN = ("q", "qt", "sl", "tp", "slp", "tpp", "entry", "action", "timenow", "signal_id", "password", "key")
_LOTS = re.compile(r"(?P<count>[0-9]+)\s*lots?", re.IGNORECASE)
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{8,128}")


def recognises(message: str) -> bool:
    words = _words(message)
    return any("=" in word or word.lower() in ACTIONS for word in words)


def read(message: str, settings: WebhookSettings) -> Signal:
    """Return the signal of a line of words and name=value. Raises AlertRefused."""
    words = _words(message)
    said = _named([word for word in words if "=" in word])
    _plain_words([word for word in words if "=" not in word], said)
    refuse_unknown(said, (*_OWN, *ORDER_FIELDS))
    act, side = action(said)
    body: dict[str, object] = {name: value for name, value in said.items() if name in ORDER_FIELDS}
    if act is Act.ENTER:
        body["action"] = side
        for found in (_size(said), _entry(said), *_exits(said, settings)):
            _join(body, found)
    return Signal(
        act=act,
        side=side,
        body=body,
        fired=said.get("timenow"),
        ident=said.get("signal_id") or said.get("client_order_id"),
    )


def _words(message: str) -> list[str]:
    # A quoted value may hold what separates elsewhere.
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0][1:-1])
        return f"\0{len(kept) - 1}\0"

    bare = _SPACED.sub("=", _QUOTED.sub(keep, message.replace("\0", "")))
    words = [word for word in _BREAKS.split(bare) if word]
    return [re.sub("\0([0-9]+)\0", lambda match: kept[int(match[1])], word) for word in words]


def _named(tokens: list[str]) -> dict[str, str]:
    renamed = []
    for token in tokens:
        name, _, value = token.partition("=")
        renamed.append(f"{_ALIASES.get(name.lower(), name)}={value}")
    return pairs(renamed)


def _plain_words(plain: list[str], said: dict[str, str]) -> None:
    """Put the bare words into said: the side, then the symbol; a password before them says nothing here."""
    sides = [place for place, word in enumerate(plain) if word.lower() in ACTIONS]
    if not sides:
        if plain:
            # Not told which: it may be a password.
            raise AlertRefused("message", "a word is not name=value, and no side (buy, sell, exit) is there")
        return
    if len(sides) > 1 or "action" in said:
        raise AlertRefused("action", "the side is there twice: send it once")
    (at,) = sides
    before, after = plain[:at], plain[at + 1 :]
    said["action"] = plain[at]
    if after and "symbol" not in said:
        said["symbol"] = after.pop(0)
    if after:
        raise AlertRefused("message", f"{after[0][:64]} is not name=value: write for example q=10")
    if len(before) > 1 or (before and _PASSWORD.fullmatch(before[0]) is None):
        raise AlertRefused("message", "only one password may come before the side")


def _size(said: dict[str, str]) -> dict[str, object]:
    if "qt" in said and "q" not in said:
        raise AlertRefused("q", "qt says what q counts: send q too")
    if "q" not in said:
        return {}
    counted = said.get("qt", "shares").lower()
    if counted not in _COUNTS:
        raise AlertRefused(
            "qt", f"qt={counted[:64]} is not known: send qt=shares, lots, value (money) or risk (money)"
        )
    lots = _LOTS.fullmatch(said["q"])
    if lots is not None:
        if "qt" in said and counted != "lots":
            raise AlertRefused("qt", f"q={said['q'][:64]} and qt={counted} differ: send one")
        return {"lots": positive("q", lots["count"])}
    return {_COUNTS[counted]: positive("q", said["q"])}


def _entry(said: dict[str, str]) -> dict[str, object]:
    if "entry" in said:
        return {"entry_price": positive("entry", said["entry"])}
    is_priced = {"entry_price", "trigger_price", "pricetype"} & said.keys()
    return {} if is_priced else {"pricetype": "MARKET"}


def _exits(said: dict[str, str], settings: WebhookSettings) -> list[dict[str, object]]:
    found = []
    for name, ours in (("sl", "sl"), ("tp", "target")):
        if name in said:
            found.append(exit_price(name, said[name], ours=ours, unit=settings.price_unit))
        if f"{name}p" in said:
            found.append({f"{ours}_price": positive(f"{name}p", said[f"{name}p"])})
    return found


def _join(body: dict[str, object], found: dict[str, object]) -> None:
    for ours, value in found.items():
        kind = ours.split("_")[0]
        same = [
            name
            for name in body
            if name == ours or (kind in ("sl", "target") and name.startswith(f"{kind}_") and _is_exit(name))
        ]
        if same:
            raise AlertRefused(ours, f"{same[0]} and {ours} exclude each other: send one")
        body[ours] = value


def _is_exit(name: str) -> bool:
    return name != "sl_limit_offset"
