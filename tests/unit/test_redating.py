"""Whatever moment of a bracket lies ahead of the clock is found, and moved, wherever it stands."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from services.bracket.model import Alarm, Bracket, Change, ChangeKind, Moment, Naked
from services.bracket.redating import any_ahead, redated
from tests.builders import a_bracket, a_leg, a_moment

_NOW = a_moment(3600, boot="boot2")
_AHEAD = a_moment(7200)


def _whole() -> Bracket:
    """Return a bracket with every moment set, all of an earlier boot and in the past."""
    change = Change(kind=ChangeKind.CANCEL, sent_at=a_moment())
    naked = Naked(since=a_moment(), noticed=a_moment(), cause="stop_unknown", quantity=1)
    alarm = Alarm(kind="unprotected", text="", count=1, last_at=a_moment())
    bracket = a_bracket(legs=(a_leg(seq=1), a_leg(seq=2, change=change)), naked=naked, alarms=(alarm,))
    filled: Bracket = _with_every_moment(bracket)
    return filled


def _with_every_moment(value: Any) -> Any:
    changes: dict[str, Any] = {}
    for field in fields(value):
        held = getattr(value, field.name)
        if isinstance(held, tuple):
            changes[field.name] = tuple(_with_every_moment(one) if _is_ours(one) else one for one in held)
        elif _is_ours(held):
            changes[field.name] = _with_every_moment(held)
        elif "Moment" in str(field.type):
            changes[field.name] = a_moment()
    return replace(value, **changes)


def _is_ours(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, Moment)


def _each_ahead(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the value once for each moment in it, with that one ahead of the clock."""
    for field in fields(value):
        held = getattr(value, field.name)
        if isinstance(held, Moment):
            yield field.name, replace(value, **{field.name: _AHEAD})
        elif isinstance(held, tuple):
            for at, one in enumerate(held):
                for name, inner in _each_ahead(one) if _is_ours(one) else ():
                    parts = (*held[:at], inner, *held[at + 1 :])
                    yield f"{field.name}[{at}].{name}", replace(value, **{field.name: parts})
        elif _is_ours(held):
            for name, inner in _each_ahead(held):
                yield f"{field.name}.{name}", replace(value, **{field.name: inner})


def test_a_bracket_of_the_past_is_left_as_it_is() -> None:
    bracket = _whole()

    assert not any_ahead(bracket, _NOW)
    assert redated(bracket, _NOW) is bracket


_EACH = list(_each_ahead(_whole()))


@pytest.mark.parametrize(("where", "bracket"), _EACH, ids=[where for where, _ in _EACH])
def test_a_moment_ahead_is_found_and_counts_from_now(where: str, bracket: Bracket) -> None:
    assert any_ahead(bracket, _NOW), where
    assert not any_ahead(redated(bracket, _NOW), _NOW)


def test_every_place_of_a_moment_is_tried() -> None:
    assert len(list(_each_ahead(_whole()))) >= 24


def test_an_hour_of_the_same_boot_is_never_ahead() -> None:
    bracket = replace(_whole(), updated=replace(_NOW, wall=_NOW.wall + timedelta(hours=1)))

    assert not any_ahead(bracket, _NOW)
