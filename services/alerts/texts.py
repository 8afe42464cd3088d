"""What the text dialects share: `name=value` pairs, read strictly, and values with their unit written on.

A name nobody knows is a fault: in a text it may be a filter, and an order without its filter is another
order.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from database.webhook_settings import PriceUnit
from services.alerts.signal import AlertRefused
from services.bracket.request import parse_price

_WITH_UNIT = re.compile(r"(?P<at>@?)(?P<number>[+-]?[0-9.]+)\s*(?P<unit>%|[a-z]*)", re.IGNORECASE)
_UNITS = {
    "%": "percent", "percent": "percent", "pct": "percent",
    "p": "points", "pt": "points", "pts": "points", "point": "points", "points": "points",
    "rs": "amount", "inr": "amount", "rupees": "amount",
    "r": "r",
}  # fmt: skip


def pairs(tokens: Iterable[str]) -> dict[str, str]:
    """Return name=value tokens as fields, names in lower case. Raises AlertRefused."""
    found: dict[str, str] = {}
    for token in tokens:
        name, equals, value = token.partition("=")
        name, value = name.strip().lower(), value.strip().strip("\"'")
        if not equals or not name or not value:
            raise AlertRefused("message", f"{token.strip()[:64]} is not name=value: write for example q=10")
        if name in found:
            raise AlertRefused(name, f"{name} is there twice: send it once")
        found[name] = value
    return found


def refuse_unknown(fields: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise AlertRefused naming a field that nothing here reads."""
    for name in fields:
        if name not in set(known):
            raise AlertRefused(
                name[:64], f"{name[:64]} is not known here: remove it, nothing would act on it"
            )


def exit_price(name: str, said: str, *, ours: str, unit: PriceUnit | None) -> dict[str, object]:
    """Return a stop or target (ours: sl or target) from a value with its unit, or by the webhook's unit.

    1% 10pts 500rs @490, and 2r for a target. Raises AlertRefused for a bare number while no unit is set.
    """
    match = _WITH_UNIT.fullmatch(said.strip())
    if match is None:
        raise AlertRefused(name, f"{name}={said[:64]} must be a number, with its unit: {_examples(name)}")
    way = _way(name, said, match, unit=unit)
    if way == "r" and ours == "sl":
        raise AlertRefused(name, f"{name}={said[:64]}: a stop is no multiple of itself, only a target is")
    return {f"{ours}_{way}": positive(name, match["number"])}


def _way(name: str, said: str, match: re.Match[str], *, unit: PriceUnit | None) -> str:
    written = match["unit"].lower()
    if match["at"]:
        if written:
            raise AlertRefused(name, f"{name}={said[:64]} is both a price and a distance: send one")
        return "price"
    if written:
        if written not in _UNITS:
            raise AlertRefused(name, f"{name}={said[:64]} has no known unit: write {_examples(name)}")
        return _UNITS[written]
    if unit is None:
        raise AlertRefused(
            name,
            f"{name}={said[:64]} does not say what it counts: write {_examples(name)},"
            " or set the webhook's price unit",
        )
    return unit.value


def _examples(name: str) -> str:
    return f"{name}=1% or {name}=10pts or {name}=500rs (in all) or {name}=@490 (the price)"


def positive(name: str, said: str) -> Decimal:
    """Return a number above zero. Raises AlertRefused."""
    try:
        value = parse_price(said)
    except ValueError:
        raise AlertRefused(name, f"{name}={said[:64]} must be a number") from None
    if value <= 0:
        raise AlertRefused(name, f"{name}={said[:64]} must be greater than 0")
    return value
