"""Moments of an earlier boot that lie ahead of the clock: the machine's clock was set back meanwhile.

Until the wall clock passes them again no time would seem to go by: no alarm, no proof of absence, no
emergency. They are counted from now on, by the clock that runs.
"""

from dataclasses import fields, replace
from typing import Any, TypeVar

from services.bracket.model import Alarm, Bracket, Change, Leg, Moment, Naked

T = TypeVar("T", bound=Bracket | Leg | Change | Naked | Alarm)
_NESTED = (Leg, Change, Naked, Alarm)


def lies_ahead(moment: Moment, now: Moment) -> bool:
    """Whether a moment of another boot is later than now by the wall clock."""
    return moment.boot != now.boot and moment.wall > now.wall


def any_ahead(bracket: Bracket, now: Moment) -> bool:
    """Whether anything of the bracket seems to be yet to come."""
    return redated(bracket, now) is not bracket


def redated(value: T, now: Moment) -> T:
    """Return value with every moment that lies ahead moved to now; itself when there is none."""
    changed: dict[str, Any] = {}
    for field in fields(value):
        old = getattr(value, field.name)
        new = _redated_field(old, now)
        if new is not old:
            changed[field.name] = new
    return replace(value, **changed) if changed else value


def _redated_field(old: Any, now: Moment) -> Any:
    if isinstance(old, Moment):
        return now if lies_ahead(old, now) else old
    if isinstance(old, _NESTED):
        return redated(old, now)
    if isinstance(old, tuple) and old and isinstance(old[0], _NESTED):
        new = tuple(redated(one, now) for one in old)
        return old if all(a is b for a, b in zip(old, new, strict=True)) else new
    return old
