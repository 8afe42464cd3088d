"""A bracket decided once more from what is stored of it: the same looks, answers and requests, in order.

The core is pure, so the same input must give the same events, and among them the same commands. Where it
does not, the core (or the record) has changed, and the first difference is told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.bracket.events import BracketReceived, Event
from services.bracket.lifecycle import answer, apply, reconcile
from services.bracket.model import Bracket
from services.bracket.observation import Timing
from services.recording import Cause, Looked
from services.wire import Intention, name_of


class NotRecorded(Exception):
    """The bracket's events were stored before their causes were: they can be folded, not decided again."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored event; `cause` is of the first event of each look, answer or request."""

    seq: int
    event: Event
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference. None: the one has no event there."""

    seq: int
    recorded: Event | None
    decided: Event | None


@dataclass(slots=True)
class Rerun:
    """What came of deciding again, up to the first difference."""

    bracket: Bracket | None = None
    looks: int = 0
    commands: list[tuple[int, str]] = field(default_factory=list)  # (seq of the event, "place stop")
    divergence: Divergence | None = None


def rerun(history: Sequence[Recorded], *, until: int | None = None) -> Rerun:
    """Decide a bracket again, all of it or the looks before the one that stored event `until`.

    Raises NotRecorded when the history has no causes.
    """
    result = Rerun()
    for group in _groups(history):
        if until is not None and group[0].seq <= until <= group[-1].seq:
            break
        _take(result, group)
        if result.divergence is not None:
            break
    return result


def decided_again(history: Sequence[Recorded], seq: int) -> tuple[Event, ...]:
    """Return what the core decides today in the look that stored event `seq`. Raises NotRecorded.

    Raises LookupError when there is no such event, or when an earlier look already differs.
    """
    before = rerun(history, until=seq)
    if before.divergence is not None:
        raise LookupError(f"the bracket takes another way from event {before.divergence.seq} on")
    for group in _groups(history):
        if group[0].seq <= seq <= group[-1].seq:
            return _decided(before.bracket, group)[1]
    raise LookupError(f"there is no event {seq}")


def _groups(history: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield the events of each look, answer or request."""
    if not history or history[0].cause is None:
        raise NotRecorded("stored before causes were recorded")
    group: list[Recorded] = []
    for one in history:
        if one.cause is not None and group:
            yield group
            group = []
        group.append(one)
    yield group


def _take(result: Rerun, group: list[Recorded]) -> None:
    bracket, events = _decided(result.bracket, group)
    result.looks += 1
    result.divergence = _difference(group, events)
    if result.divergence is None:
        result.bracket = bracket
        result.commands += [
            (one.seq, name_of(one.event, bracket.leg(one.event.seq)))
            for one in group
            if isinstance(one.event, Intention)
        ]


def _decided(bracket: Bracket | None, group: list[Recorded]) -> tuple[Bracket, tuple[Event, ...]]:
    first, cause = group[0].event, group[0].cause
    if cause is None:
        raise NotRecorded(f"event {group[0].seq} has no cause")
    born: tuple[Event, ...] = ()
    if bracket is None or isinstance(first, BracketReceived):
        bracket, born = apply(None, first, cause.now), (first,)
    if isinstance(cause, Looked):
        decision = reconcile(bracket, cause.seen, cause.now, timing=cause.timing or Timing())
    else:
        decision = answer(bracket, first, cause.now)
    return decision.bracket, (*born, *decision.events)


def _difference(group: list[Recorded], decided: tuple[Event, ...]) -> Divergence | None:
    for offset in range(max(len(group), len(decided))):
        recorded = group[offset].event if offset < len(group) else None
        found = decided[offset] if offset < len(decided) else None
        if recorded != found:
            return Divergence(group[0].seq + offset, recorded, found)
    return None
