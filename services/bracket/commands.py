"""The three commands, as intentions to store first, each bounded: a leg has one thing in flight."""

from datetime import timedelta

from services.bracket.events import ChangeIntended, LegIntended
from services.bracket.model import ChangeKind, Leg, LegKind, LegStatus, Purpose, Role, Side, Slice, Terms
from services.bracket.quantities import legs_of
from services.bracket.step import Step
from services.bracket.tags import tag_of
from services.bracket.wanted import Wanted

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=10)
_FAILURES_BEFORE_ATTENTION = 5
_UNANSWERED = frozenset({LegStatus.SENT, LegStatus.UNKNOWN})


def place(step: Step, part: Slice, *, role: Role, wanted: Wanted) -> None:
    """Intend a new order of a slice: stop, target, OCO, marketable exit or unwind."""
    side = step.side if role is Role.UNWIND else step.exit_side
    _intend(step, part.index, role=role, side=side, wanted=wanted)


def place_entry(step: Step, terms: Terms) -> None:
    wanted = Wanted(kind=LegKind.ORDER, purpose=Purpose.ENTRY, terms=terms, why="the entry")
    _intend(step, 0, role=Role.ENTRY, side=step.side, wanted=wanted)


def _intend(step: Step, slice_index: int, *, role: Role, side: Side, wanted: Wanted) -> None:
    seq = len(step.bracket.legs) + 1
    step.record(
        LegIntended(
            seq=seq,
            slice=slice_index,
            role=role,
            kind=wanted.kind,
            tag=tag_of(step.bracket.id, role, seq),
            side=side,
            terms=wanted.terms,
            purpose=wanted.purpose,
            rung=wanted.rung,
        )
    )


def modify(step: Step, leg: Leg, *, terms: Terms, purpose: Purpose, rung: int = 0) -> None:
    """Intend new terms for a live order; nothing while another change of it is under way or resting."""
    if not _may_change(step, leg):
        return
    step.record(ChangeIntended(seq=leg.seq, kind=ChangeKind.MODIFY, terms=terms, purpose=purpose, rung=rung))


def cancel(step: Step, leg: Leg) -> None:
    """Intend a cancel. The leg stays live until a book shows otherwise."""
    if _may_change(step, leg):
        step.record(ChangeIntended(seq=leg.seq, kind=ChangeKind.CANCEL))


def _may_change(step: Step, leg: Leg) -> bool:
    if leg.change is not None or leg.broker_order_id is None or leg.status in _UNANSWERED:
        return False
    if leg.failed_changes >= _FAILURES_BEFORE_ATTENTION:
        step.need_attention(
            "change_failing",
            f"order {leg.broker_order_id} refused {leg.failed_changes} changes: {leg.reason}",
        )
    return leg.changed_at is None or step.age(leg.changed_at) >= pause_after(leg.failed_changes)


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: 0, 1, 2, 4 ... 10 seconds."""
    if failures == 0:
        return timedelta(0)
    return min(_FIRST_PAUSE * (1 << min(failures - 1, 10)), _LONGEST_PAUSE)


def failures_in_a_row(step: Step, part: Slice, *, role: Role) -> int:
    """Return how many of the slice's newest orders of a role were refused or never left, in a row."""
    failures = 0
    for leg in reversed(legs_of(step.bracket, role, part=part)):
        if leg.status not in (LegStatus.REJECTED, LegStatus.NOT_SENT) or leg.filled:
            break
        failures += 1
    return failures


def may_place(step: Step, part: Slice, *, role: Role) -> bool:
    """Whether the pause after the last failures is over; many failures call a person, exits go on."""
    failures = failures_in_a_row(step, part, role=role)
    if failures == 0:
        return True
    newest = legs_of(step.bracket, role, part=part)[-1]
    if failures >= _FAILURES_BEFORE_ATTENTION:
        step.need_attention("exit_refused", f"{failures} exits in a row failed: {newest.reason}")
    # One free try: the first refusal of a kind is answered at once by the corrected form.
    return step.age(newest.sent_at) >= pause_after(failures - 1)
