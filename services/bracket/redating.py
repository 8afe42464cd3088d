"""Moments of an earlier boot that lie ahead of the clock: the machine's clock was set back meanwhile.

Until the wall clock passes them again no time would seem to go by: no alarm, no proof of absence, no
emergency. They are counted from now on, by the clock that runs.
"""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar, get_args, get_type_hints

from services.bracket.model import Alarm, Bracket, Change, Leg, Moment, Naked

T = TypeVar("T", bound=Bracket | Leg | Change | Naked | Alarm)
_NESTED = (Leg, Change, Naked, Alarm)


def lies_ahead(moment: Moment, now: Moment) -> bool:
    """Whether a moment of another boot is later than now by the wall clock."""
    return moment.boot != now.boot and moment.wall > now.wall


def any_ahead(bracket: Bracket, now: Moment) -> bool:
    """Whether anything of the bracket seems to be yet to come. Asked at every look after a restart."""
    return any(lies_ahead(moment, now) for moment in _moments(bracket))


def _moments(value: object) -> Iterator[Moment]:
    """Yield every moment that `redated` would look at."""
    own, nested = _TIMES[type(value)]
    for name in own:
        moment = getattr(value, name)
        if moment is not None:
            yield moment
    for name in nested:
        inner = getattr(value, name)
        for one in inner if isinstance(inner, tuple) else (inner,):
            if one is not None:
                yield from _moments(one)


def _times_of(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields of a kind that are moments, and those that hold values with moments of their own."""
    hints = {name: {hint, *get_args(hint)} for name, hint in get_type_hints(kind).items()}
    own = tuple(name for name, held in hints.items() if Moment in held)
    return own, tuple(name for name, held in hints.items() if held & set(_NESTED))


_TIMES: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    kind: _times_of(kind) for kind in (Bracket, *_NESTED)
}


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
