"""Times as the brokers behind an OpenAlgo server write them: each its own way, all in exchange time. Pure."""

import re
from datetime import UTC, datetime

from utils.constants import EXCHANGE_ZONE

_FORMATS = (
    "%d-%b-%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d-%b-%y %H:%M:%S",
    "%H:%M:%S %d-%m-%Y",
    "%a, %d %b %Y %H:%M:%S GMT",  # what Flask makes of a time without zone; it is exchange time all the same
)
_CLOCK_ONLY = "%H:%M:%S"
_FRACTION = re.compile(r"(?<=:\d\d)\.\d+")


def moment(text: str | None, *, today: datetime | None = None) -> datetime | None:
    """Return a time in UTC; None for none, or one in a form that is not known.

    With today a time without a date is of that day at the exchange.
    """
    words = _FRACTION.sub("", (text or "").strip())
    for form in _FORMATS:
        found = _parsed(words, form)
        if found is not None:
            return found.replace(tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    clock = _parsed(words, _CLOCK_ONLY)
    if today is not None and clock is not None:
        day = today.astimezone(EXCHANGE_ZONE)
        return datetime.combine(day.date(), clock.time(), tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    return _zoned(words)


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007  # the caller knows the zone
    except ValueError:
        return None


def _zoned(text: str) -> datetime | None:
    """Return a time that says its own zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.astimezone(UTC)
