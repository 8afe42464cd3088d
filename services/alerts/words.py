"""Reading single values of a message: words, numbers, and which side an action means."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from services.alerts.signal import Act, AlertRefused
from services.bracket.request import parse_price

Fields = Mapping[str, object]

LONG, SHORT = "BUY", "SELL"

_ENTER = {
    LONG: ("buy", "long", "bull", "bullish", "enter_long", "enterlong", "entry_long", "long_entry"),
    SHORT: ("sell", "short", "bear", "bearish", "enter_short", "entershort", "entry_short", "short_entry"),
}
_EXIT: Mapping[str | None, tuple[str, ...]] = {
    LONG: ("exit_long", "exitlong", "close_long", "closelong", "long_exit"),
    SHORT: ("exit_short", "exitshort", "close_short", "closeshort", "short_exit"),
    None: ("exit", "close", "flat", "flatten", "exit_all", "close_all", "closeall", "closelongshort"),
}
_CANCEL: Mapping[str | None, tuple[str, ...]] = {
    LONG: ("cancel_long", "cancellong"),
    SHORT: ("cancel_short", "cancelshort"),
    None: ("cancel", "cancel_all", "cancellongshort"),
}
ACTIONS: Mapping[str, tuple[Act, str | None]] = {
    word: (act, side)
    for act, table in ((Act.ENTER, _ENTER), (Act.EXIT, _EXIT), (Act.CANCEL, _CANCEL))
    for side, words in table.items()
    for word in words
}

_POSITIONS = {"long": LONG, "bullish": LONG, "short": SHORT, "bearish": SHORT, "flat": None}


def text(fields: Fields, name: str) -> str | None:
    """Return a field as stripped text, None when it says nothing. Raises AlertRefused for no text."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise AlertRefused(name, f"{name} must be a text or a number")
    return str(value).strip() or None


def word(fields: Fields, name: str, words: Collection[str]) -> str | None:
    """Return one of a closed list of words, in lower case. Raises AlertRefused for another."""
    found = text(fields, name)
    if found is not None and found.lower() not in words:
        raise AlertRefused(name, f"{name} {found[:64]} is not valid. Must be one of: {', '.join(words)}")
    return None if found is None else found.lower()


def number(fields: Fields, name: str) -> Decimal | None:
    """Return an exact number, None when the field says nothing. Raises AlertRefused for anything else."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        return parse_price(value)
    except ValueError:
        raise AlertRefused(name, f"{name} {str(value)[:64]} must be a number") from None


def unless_zero(fields: Fields, name: str) -> Decimal | None:
    """Return a number; 0 says nothing. Raises AlertRefused for a negative one."""
    found = number(fields, name)
    if found is not None and found < 0:
        raise AlertRefused(name, f"{name} {found} must not be negative")
    return found or None


def flag(fields: Fields, name: str) -> bool:
    """Return whether a field says true, in whatever spelling. Raises AlertRefused for no flag."""
    value = fields.get(name)
    spelled = str(value).strip().lower()
    if value is None or spelled in ("", "false", "0", "no"):
        return False
    if spelled in ("true", "1", "yes"):
        return True
    raise AlertRefused(name, f"{name} {str(value)[:64]} must be true or false")


def part(fields: Fields, name: str) -> Fields:
    """Return an object inside the message, empty when there is none. Raises AlertRefused for no object."""
    value = fields.get(name)
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise AlertRefused(name, f"{name} must be a JSON object")
    return value


def action(fields: Fields, name: str = "action", *, position: str | None = None) -> tuple[Act, str | None]:
    """Return what an action does and on which side. position is the strategy's, after its order.

    Raises AlertRefused for an unknown word, and for an order that only reduces a position: which part of
    which bracket it should take is nobody's to guess.
    """
    said = text(fields, name)
    if said is None:
        raise AlertRefused(name, f"{name} is missing: send buy, sell, exit or cancel")
    act, side = _known_action(name, said)
    if position is None or act is not Act.ENTER:
        return act, side
    if position.lower() not in _POSITIONS:
        raise AlertRefused(name, f"position {position[:64]} is not valid. Must be long, short or flat")
    held = _POSITIONS[position.lower()]
    if held is None:
        return Act.EXIT, opposite(side)
    if held != side:
        raise AlertRefused(
            name,
            f"{name} {said} leaves a {position} position: it takes a part of it off, which a bracket's own"
            " targets do; send exit to leave all of it",
        )
    return act, side


def _known_action(name: str, said: str) -> tuple[Act, str | None]:
    found = ACTIONS.get(said.lower())
    if found is None:
        raise AlertRefused(name, f"{name} {said[:64]} is not known: send buy, sell, exit or cancel")
    return found


def opposite(side: str | None) -> str | None:
    return None if side is None else SHORT if side == LONG else LONG


def entry_size(contracts: Decimal | None, held: Decimal | None) -> Decimal | None:
    """Return the quantity of an entry from a strategy's order and the position after it.

    The order of a reversal also closes the other side, and the position of a pyramid has older entries
    in it: the smaller of the two is what is new.
    """
    known = [abs(one) for one in (contracts, held) if one is not None]
    return min(known) if known else None


def at_most_one(fields: Fields, names: Iterable[str]) -> str | None:
    """Return which of the fields says something; raises AlertRefused when several do."""
    said = [name for name in names if fields.get(name) not in (None, "")]
    if len(said) > 1:
        raise AlertRefused(said[0], f"{' and '.join(said)} say the same thing twice: send one")
    return said[0] if said else None


def others(fields: Fields, known: Collection[str]) -> tuple[str, ...]:
    """Return the fields nobody reads."""
    return tuple(sorted(name for name in fields if name not in known and fields[name] not in (None, "")))


def without_none(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
