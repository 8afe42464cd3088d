"""The bracket's state machine: the legal moves, `apply`, and the one question the loop always asks.

    what is true (the durable log + a fresh read)  +  what is wanted  ->  at most one command per leg

`reconcile` is pure and level-triggered: pushes, alerts and timers only say "look now". Losing,
repeating or reordering them changes latency, never the outcome; recovery asks the same question.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from services.bracket.clocks import carry_troubles, end_watch, mend_clock, next_look, run_clocks
from services.bracket.entry import end_of_entry, tend_entry
from services.bracket.events import (
    BracketFinished,
    BracketReceived,
    Event,
    ProtectionCompleted,
    StateChanged,
)
from services.bracket.exits import count_external, tend_exits
from services.bracket.fold import fold, receive
from services.bracket.model import (
    Bracket,
    ExitReason,
    LegStatus,
    Moment,
    Outcome,
    Purpose,
    Role,
    State,
)
from services.bracket.native import awaits_exits, is_at_work
from services.bracket.observation import Seen, Timing, TradingSession
from services.bracket.quantities import (
    average_entry_price,
    entry_is_live,
    filled_of,
    legs_of,
    live_legs,
    net,
    net_of,
)
from services.bracket.sighting import begin_session, flag_unknowns, take_in
from services.bracket.step import Step

S = State

# The legal moves: from -> to -> what it means. The diagram in docs/bracket-lifecycle.md is made from it.
_FILL = "a first fill is seen"
_REVIVED = "an order thought dead is live or filled after all"  # the real world possibility behind WATCH
_PAST_FLAT = "exits took more than there was"
_LEAVES = "an exit is being worked"
_EMERGENCY = "no stop can hold it: out at the market"
_FLAT = "flat, and no order is left"
_HANDED = "a person took the position"
_BUSTED = "a trade bust took the only fill away, the entry still works"
_OVER = {S.CLOSED: _FLAT, S.HANDED_OVER: _HANDED}
_HOLDING = {
    S.PROTECTING: "some share lacks a working stop",
    S.PROTECTED_PARTIAL: "every share has a stop, the entry still works",
    S.PROTECTED: "every share has a stop, the entry is over",
    S.EXITING: _LEAVES,
    S.EMERGENCY: _EMERGENCY,
    S.UNWINDING: _PAST_FLAT,
    S.CLOSED: _FLAT,
    S.HANDED_OVER: _HANDED,
    S.ENTRY_OPEN: _BUSTED,
    S.ENTRY_PENDING: _BUSTED,
}
_REVIVALS = {
    S.ENTRY_OPEN: _REVIVED,
    S.PROTECTING: _REVIVED,
    S.PROTECTED_PARTIAL: _REVIVED,
    S.PROTECTED: _REVIVED,
    S.EXITING: _REVIVED,
    S.EMERGENCY: _REVIVED,
    S.UNWINDING: _REVIVED,
    S.CLOSED: _REVIVED,
}
_NEVER_FILLED = {
    S.REJECTED: "the broker refused the entry",
    S.CANCELLED: "the entry is cancelled, nothing filled",
    S.EXPIRED: "the entry is over by time, or was never sent",
    S.HANDED_OVER: _HANDED,
}
_FILLED = {
    S.PROTECTING: _FILL,
    S.PROTECTED_PARTIAL: _FILL,
    S.PROTECTED: _FILL,
    S.EXITING: _LEAVES,
    S.EMERGENCY: _EMERGENCY,
    S.UNWINDING: _PAST_FLAT,
    S.CLOSED: _FLAT,
}
MOVES: dict[State, dict[State, str]] = {
    S.RECEIVED: {S.VALIDATED: "accepted"},
    S.VALIDATED: {S.ENTRY_PENDING: "the entry's intention is stored", **_NEVER_FILLED},
    S.ENTRY_PENDING: {
        S.ENTRY_OPEN: "the broker took the entry",
        S.VALIDATED: "the entry provably never left",
        **_FILLED,
        **_NEVER_FILLED,
    },
    S.ENTRY_OPEN: {
        S.ENTRY_PENDING: "the entry is sent again",
        S.VALIDATED: "the entry provably never left",
        **_FILLED,
        **_NEVER_FILLED,
    },
    S.PROTECTING: {**_HOLDING, **_NEVER_FILLED},  # a trade bust can take the only fill away
    S.PROTECTED_PARTIAL: {**_HOLDING, **_NEVER_FILLED},
    S.PROTECTED: {**_HOLDING, **_NEVER_FILLED},
    S.EXITING: {**_HOLDING, **_NEVER_FILLED},
    S.EMERGENCY: {**_HOLDING, **_NEVER_FILLED},
    S.UNWINDING: {**_HOLDING, **_NEVER_FILLED},
    S.CLOSED: _REVIVALS,
    S.REJECTED: _REVIVALS,
    S.CANCELLED: _REVIVALS,
    S.EXPIRED: _REVIVALS,
    S.HANDED_OVER: {S.CLOSED: _FLAT},
}


class IllegalMove(Exception):
    """The machine was asked for a move its table does not have: a bug of ours, never bad input."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look came to: the bracket after it, the events to store, when time alone matters next.

    Intended events are commands: store all events first, then put those on the wire.
    """

    bracket: Bracket
    events: tuple[Event, ...]
    next_look: timedelta | None


def apply(bracket: Bracket | None, event: Event, at: Moment) -> Bracket:
    """Return the bracket after one event; None is the bracket before its first.

    Raises IllegalMove for a change of state that MOVES does not list.
    """
    if isinstance(event, BracketReceived):
        return receive(event, at)
    if bracket is None:
        raise IllegalMove(f"{type(event).__name__} before the bracket was received")
    if isinstance(event, StateChanged) and event.new not in MOVES[bracket.state]:
        raise IllegalMove(f"{bracket.id}: {bracket.state} -> {event.new}")
    return fold(bracket, event, at)


def replay(events: Iterable[tuple[Event, Moment]]) -> Bracket | None:
    """Return the bracket that the stored events make: the state is their fold, nothing else."""
    bracket = None
    for event, at in events:
        bracket = apply(bracket, event, at)
    return bracket


def reconcile(bracket: Bracket, seen: Seen, now: Moment, *, timing: Timing) -> Decision:
    """Compare what is seen with what is wanted and decide; reads top to bottom."""
    step = Step(bracket, seen=seen, now=now, timing=timing)
    mend_clock(step)
    take_in(step)
    count_external(step)
    begin_session(step)
    flag_unknowns(step)
    carry_troubles(step)
    end_of_entry(step)
    _act(step)
    move(step)
    end_watch(step)
    return Decision(step.bracket, tuple(step.events), next_look(step))


def _act(step: Step) -> None:
    """Decide until nothing follows from what was decided: an exit that begins ends the entry at once."""
    for _ in range(_MOST_ROUNDS):
        events = len(step.events)
        tend_entry(step)
        tend_exits(step)
        run_clocks(step)
        if len(step.events) == events:
            return


def answer(bracket: Bracket, event: Event, now: Moment) -> Decision:
    """Fold in what a call came back with; the next look draws the conclusions."""
    step = Step(bracket, seen=_BLIND, now=now, timing=_DEFAULT_TIMING)
    step.record(event)
    move(step)
    return Decision(step.bracket, tuple(step.events), None)


def move(step: Step) -> None:
    """Record the state that the facts amount to. A direct path from RECEIVED passes VALIDATED."""
    if step.bracket.state is State.RECEIVED:
        _record_move(step, State.VALIDATED)
    state = state_of(step.bracket)
    if state is not step.bracket.state:
        if step.bracket.state.is_closed and not state.is_closed:
            step.raise_alarm("revived", "an order of a closed bracket came back to life")
        _record_move(step, state)


def _record_move(step: Step, new: State) -> None:
    old = step.bracket.state
    if new not in MOVES[old]:
        raise IllegalMove(f"{step.bracket.id}: {old} -> {new}")
    step.record(StateChanged(old=old, new=new, on=MOVES[old][new]))
    if new is State.PROTECTED and not step.bracket.was_protected:
        average = average_entry_price(step.bracket)
        step.record(ProtectionCompleted(quantity=net(step.bracket), average_price=average))
    if new is State.CLOSED:
        step.record(finish(step.bracket))


def finish(bracket: Bracket) -> BracketFinished:
    """Return how a flat bracket ended and what it made."""
    taken_by_others = any(part.external for part in bracket.slices)
    return BracketFinished(
        outcome=outcome_of(bracket),
        quantity=filled_of(bracket, Role.ENTRY),
        profit=None if taken_by_others else profit_of(bracket),
    )


def outcome_of(bracket: Bracket) -> Outcome:
    exits = [leg for leg in legs_of(bracket, Role.EXIT) if leg.filled]
    if bracket.exit_reason is ExitReason.STOP_HIT or (exits and exits[-1].triggered):
        return Outcome.STOP_HIT
    if exits and exits[-1].purpose is Purpose.TARGET:
        return Outcome.TARGET_HIT
    return Outcome.EXITED


def profit_of(bracket: Bracket) -> Decimal | None:
    """Return rupees made before charges, None when a fill's price is not known."""
    cash = Decimal(0)
    for leg in bracket.legs:
        if leg.filled and leg.average_price is None:
            return None
        if leg.filled and leg.average_price is not None:
            cash -= leg.side.sign * leg.filled * leg.average_price
    return cash


def state_of(bracket: Bracket) -> State:
    """Return the state that the legs amount to."""
    if bracket.handed_over:
        return _state_handed_over(bracket)
    if any(net_of(bracket, part) < 0 for part in bracket.slices):
        return State.UNWINDING
    if net(bracket) > 0:
        return _state_holding(bracket)
    if filled_of(bracket, Role.ENTRY) == 0:
        return _state_unfilled(bracket)
    is_over = not any(leg.is_live for leg in bracket.legs)
    return State.CLOSED if is_over and entry_is_over(bracket) else State.EXITING


def entry_is_over(bracket: Bracket) -> bool:
    return bool(legs_of(bracket, Role.ENTRY)) and not entry_is_live(bracket)


def _state_handed_over(bracket: Bracket) -> State:
    if bracket.state is State.HANDED_OVER or not _waits_for_hand_over(bracket):
        return State.HANDED_OVER
    return State.EXITING if filled_of(bracket, Role.ENTRY) else _state_unfilled(bracket)


def _waits_for_hand_over(bracket: Bracket) -> bool:
    if entry_is_live(bracket):
        return True
    return bracket.hand_over_cancels and (bool(live_legs(bracket, Role.EXIT)) or awaits_exits(bracket))


def _state_unfilled(bracket: Bracket) -> State:
    entries = legs_of(bracket, Role.ENTRY)
    live = [leg for leg in entries if leg.is_live]
    if live:
        is_asking = live[0].status in (LegStatus.SENT, LegStatus.UNKNOWN)
        return State.ENTRY_PENDING if is_asking else State.ENTRY_OPEN
    if bracket.entry_ended is None:
        return State.VALIDATED
    if any(leg.is_live for leg in bracket.legs):
        return State.EXITING
    return _ENDED.get(bracket.entry_ended, State.CANCELLED)


_ENDED = {
    "entry_rejected": State.REJECTED,
    "entry_stale": State.EXPIRED,
    "opposite_not_flat": State.EXPIRED,
    "entry_expired": State.EXPIRED,
    "entry_absent": State.EXPIRED,
}


def _state_holding(bracket: Bracket) -> State:
    if bracket.exit_reason is ExitReason.EMERGENCY:
        return State.EMERGENCY
    if bracket.exit_reason is not None or _is_exit_at_work(bracket):
        return State.EXITING
    if bracket.naked is not None:
        return State.PROTECTING
    return State.PROTECTED_PARTIAL if entry_is_live(bracket) else State.PROTECTED


def _is_exit_at_work(bracket: Bracket) -> bool:
    return any(is_at_work(bracket, leg) for leg in live_legs(bracket, Role.EXIT))


_MOST_ROUNDS = 4  # two are the most ever needed; a bound, so that a fault of ours cannot hang the worker
_BLIND = Seen(session=TradingSession(id=""))
_DEFAULT_TIMING = Timing()
