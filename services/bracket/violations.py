"""A fault in a request: which field, which stable code, and one sentence for the caller."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why a request is refused before anything is placed; clients branch on it."""

    REQUEST_INVALID = "request_invalid"
    PRICE_OFF_TICK = "price_off_tick"
    QUANTITY_OFF_LOT = "quantity_off_lot"
    PRICE_RELATIONSHIP = "price_relationship"
    PRICE_INSANE = "price_insane"
    CANNOT_PROTECT = "cannot_protect"
    WOULD_TRIGGER_NOW = "would_trigger_now"
    MARKET_CLOSED = "market_closed"
    PAST_CUTOFF = "past_cutoff"
    EXCHANGE_NOT_SERVED = "exchange_not_served"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One fault. `sentence` names the field and its value; `field` is spelled as in the request."""

    field: str
    code: Code
    sentence: str


def invalid(field: str, sentence: str) -> Violation:
    """Return a fault of the request itself."""
    return Violation(field=field, code=Code.REQUEST_INVALID, sentence=sentence)


def summary(violations: Iterable[Violation]) -> str:
    """Return all sentences as one text, each once, in the order they were found."""
    return "; ".join(dict.fromkeys(violation.sentence for violation in violations))
