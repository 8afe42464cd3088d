"""Why a bracket is as it is: wanted and seen per slice, running clocks, what happens next. Pure."""

from dataclasses import dataclass

from services.bracket.clocks import next_look
from services.bracket.group import group_of, is_off, level_terms
from services.bracket.model import Bracket, Leg, Moment, Purpose, Role, Slice, Terms
from services.bracket.native import exit_for, has_given_way, is_native_exit
from services.bracket.observation import Seen, Timing
from services.bracket.quantities import live_legs, net_of
from services.bracket.step import Step
from services.bracket.wanted import Wanted, stop_level, target_level, wanted_exit


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceExplained:
    """One slice: what its exit should say, what the book shows, and why."""

    slice: int
    held: int
    wanted: Terms | None
    observed: Terms | None
    status: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole answer; seconds for ages and waits."""

    bracket: Bracket
    stop: str | None
    targets: tuple[str | None, ...]
    slices: tuple[SliceExplained, ...]
    clocks: dict[str, float]
    last_read_age_seconds: float | None
    next_look_seconds: float | None
    next: str


def explain(bracket: Bracket, seen: Seen, now: Moment) -> Explanation:
    """Ask the same questions as the loop, and decide nothing."""
    step = Step(bracket, seen=seen, now=now, timing=Timing())
    wait = next_look(step)
    level = stop_level(bracket)
    targets = (target_level(bracket, part) for part in bracket.slices)
    return Explanation(
        bracket=bracket,
        stop=None if level is None else str(level),
        targets=tuple(None if target is None else str(target) for target in targets),
        slices=tuple(_slice(step, part) for part in bracket.slices),
        clocks=_clocks(step),
        last_read_age_seconds=_read_age(step),
        next_look_seconds=None if wait is None else wait.total_seconds(),
        next=_next(step),
    )


def _slice(step: Step, part: Slice) -> SliceExplained:
    live = live_legs(step.bracket, Role.EXIT, part=part)
    leg = live[0] if live else None
    if leg is not None and is_native_exit(step.bracket, leg):
        return _brought(step, part, group_of(step.bracket, part))
    wanted = wanted_exit(step, part, leg)
    return SliceExplained(
        slice=part.index,
        held=net_of(step.bracket, part),
        wanted=None if wanted is None else wanted.terms,
        observed=None if leg is None else leg.terms,
        status=None if leg is None else leg.status,
        why=_why(wanted, leg),
    )


def _brought(step: Step, part: Slice, group: list[Leg]) -> SliceExplained:
    """The exits of the broker's bracket: the stop stands for both."""
    leg = exit_for(group, Purpose.STOP) or group[0]
    held = net_of(step.bracket, part)
    return SliceExplained(
        slice=part.index,
        held=held,
        wanted=level_terms(step, part, leg) if held > 0 else None,
        observed=leg.terms,
        status=leg.status,
        why=_why_brought(step, part),
    )


def _why_brought(step: Step, part: Slice) -> str:
    if net_of(step.bracket, part) <= 0:
        return "the broker's bracket waits for the entry, or is on its way out with it"
    if has_given_way(step.bracket) or step.bracket.exit_reason is not None:
        return "the broker's exits are taken away, then an exit of ours takes their place"
    if is_off(step.bracket, part):
        return "the broker's exits are not what is held: they are taken away if the next reads say the same"
    level, target = stop_level(step.bracket), target_level(step.bracket, part)
    return f"the broker's bracket holds stop {level} and target {target}"


def _why(wanted: Wanted | None, leg: Leg | None) -> str:
    if wanted is None:
        return "nothing is held, so no exit is wanted" if leg is None else "the exit is not wanted any more"
    return wanted.why


def _clocks(step: Step) -> dict[str, float]:
    clocks = {}
    if step.bracket.naked is not None:
        clocks["naked_seconds"] = step.age(step.bracket.naked.since).total_seconds()
    if step.bracket.stop_passed_at is not None:
        clocks["stop_passed_seconds"] = step.age(step.bracket.stop_passed_at).total_seconds()
    if step.bracket.exit_at is not None and not step.bracket.state.is_closed:
        clocks["time_exit_in_seconds"] = (step.bracket.exit_at - step.now.wall).total_seconds()
    return clocks


def _read_age(step: Step) -> float | None:
    read = step.seen.previous_read
    return None if read is None else step.age(read).total_seconds()


def _next(step: Step) -> str:
    bracket = step.bracket
    if bracket.state.is_closed:
        return "nothing: the bracket is closed and only watched for orders that come back"
    if bracket.exit_reason is not None:
        return f"leaving because of {bracket.exit_reason}; the ladder moves the price until it fills"
    if bracket.plan.waits_for and not bracket.legs and not step.seen.way_is_clear:
        return f"waiting until bracket {', '.join(bracket.plan.waits_for)} of the other side is flat"
    if bracket.naked is not None:
        return "protecting: a stop is placed or confirmed, else an emergency exit follows"
    return "waiting for a fill, a price or a clock; the books are read again on the usual beat"
