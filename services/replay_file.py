"""A recorded bracket as a test file that needs nothing else: to keep a day that went wrong."""

from collections.abc import Iterable, Sequence

import msgspec

from database.bracket_db import StoredEvent
from services.bracket_replay import Recorded, Rerun
from services.event_codec import decode_event
from services.recording import decode_cause

_NO_CAUSE = b"null"
_AS_RECORDED = """

def test_bracket_{short}_is_decided_as_it_was() -> None:
    found = rerun(read_lines(RECORDING))

    assert found.divergence is None
    assert found.commands == COMMANDS
"""
_IS_WRONG = """

# Event {seq} was wrong: {what}. This fails until the core decides otherwise there.
def test_bracket_{short}_does_not_do_what_event_{seq}_did() -> None:
    history = read_lines(RECORDING)
    wrong = next(one.event for one in history if one.seq == {seq})

    assert wrong not in decided_again(history, {seq})
"""


class Line(msgspec.Struct, frozen=True):
    """One event of a recording; payload and cause as they were stored."""

    seq: int
    kind: str
    payload: msgspec.Raw
    cause: msgspec.Raw


def recorded(stored: Sequence[StoredEvent]) -> list[Recorded]:
    """Return stored events as the replay takes them. Raises KeyError for a kind nobody knows any more."""
    return [
        Recorded(
            seq=one.seq,
            event=decode_event(one.kind, one.payload),
            cause=None if one.cause is None else decode_cause(one.cause),
        )
        for one in stored
    ]


def read_lines(lines: Iterable[str]) -> list[Recorded]:
    """Return what `as_test_file` wrote, one JSON object a line."""
    decoded = (msgspec.json.decode(line, type=Line) for line in lines)
    return [
        Recorded(
            seq=one.seq,
            event=decode_event(one.kind, bytes(one.payload)),
            cause=None if bytes(one.cause) == _NO_CAUSE else decode_cause(bytes(one.cause)),
        )
        for one in decoded
    ]


def as_test_file(stored: Sequence[StoredEvent], found: Rerun, *, wrong: int | None = None) -> str:
    """Return a Python test of this bracket.

    Without `wrong` it passes for as long as the core decides as it did. With it, it fails for as long as
    the core still decides event `wrong`, given what was known then.
    """
    bracket_id = stored[0].bracket_id
    short = bracket_id[-8:].lower()
    names = "rerun" if wrong is None else "decided_again"
    head = [
        f'"""Bracket {bracket_id} as it was recorded, decided again."""',
        "# ruff: noqa: E501",
        "",
        f"from services.bracket_replay import {names}",
        "from services.replay_file import read_lines",
        "",
        "RECORDING = (",
        *(f"    {_line(one)!r}," for one in stored),
        ")",
    ]
    if wrong is None:
        commands = [f"    {command!r}," for command in found.commands]
        return "\n".join([*head, "COMMANDS = [", *commands, "]"]) + _AS_RECORDED.format(short=short)
    what = dict(found.commands).get(wrong) or next(one.kind for one in stored if one.seq == wrong)
    return "\n".join(head) + _IS_WRONG.format(short=short, seq=wrong, what=what)


def _line(stored: StoredEvent) -> str:
    payload, cause = msgspec.Raw(stored.payload), msgspec.Raw(stored.cause or _NO_CAUSE)
    line = Line(seq=stored.seq, kind=stored.kind, payload=payload, cause=cause)
    return msgspec.json.encode(line).decode()
