"""The exits: one live order a slice, always moved towards what is wanted now, at most one command a leg."""

from collections import Counter
from datetime import timedelta

from services.bracket import commands, wanted
from services.bracket.budget import is_spent, should_rotate
from services.bracket.dates import must_renew
from services.bracket.events import (
    ExitBegan,
    ForeignBaseNoted,
    ForeignBaseSeen,
    ReducedExternally,
    StopFormCorrected,
    StopPassed,
    StopRegained,
    TrailMoved,
)
from services.bracket.fold import shows_terms
from services.bracket.group import group_of, may_replace, tend_group
from services.bracket.model import (
    Bracket,
    ExitReason,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    Overlay,
    Purpose,
    RefusalKind,
    Role,
    Slice,
)
from services.bracket.native import awaits_exits, is_native_exit
from services.bracket.observation import Standing
from services.bracket.quantities import (
    at_most_freeze,
    filled_of,
    has_undecided,
    legs_of,
    live_legs,
    net,
    net_of,
)
from services.bracket.sighting import is_cancelling
from services.bracket.step import Step
from services.bracket.touched import GONE, answer_cancel, is_accounted_for, is_persons_change, restore
from services.bracket.wanted import CURABLE, Wanted, wanted_exit

_RESTING = (Purpose.STOP, Purpose.OCO)


def tend_exits(step: Step) -> None:
    """Bring each slice's exit to what it should be; unwind what exits took too much."""
    watch_stop(step)
    trail(step)
    if step.bracket.handed_over:
        _let_go(step)
        return
    if not may_act(step):
        return
    for part in step.bracket.slices:
        _tend_slice(step, part)


def may_act(step: Step) -> bool:
    """Whether exits may be touched: a new day starts by reading positions, before any decision."""
    return step.bracket.session == step.seen.session.id


def count_external(step: Step) -> None:
    """Book what others closed, as trades prove: the nearest target shrinks first."""
    standing, bracket = step.seen.standing, step.bracket
    if standing is None:
        return
    is_new_day = bracket.session != step.seen.session.id
    known = sum(part.external for part in bracket.slices)
    if standing.external > known:
        _reduce(step, standing.external - known, cause="closed by somebody else")
    elif standing.shortfall and is_new_day:
        # The old day's books are gone and the account holds less than we prove: believe the account.
        _reduce(step, standing.shortfall, cause="the new day's positions hold less")
        step.need_attention("position_short", "the position shrank without a trade to show for it")
    elif standing.shortfall:
        step.need_attention(
            "position_short", "the broker's position is smaller than our fills; the stop stays"
        )
    if bracket.foreign_base is None and not is_new_day and step.seen.read is not None:
        _note_base(step, standing, read_at=step.seen.read.started)


def _note_base(step: Step, standing: Standing, *, read_at: Moment) -> None:
    """Note what is not ours once two reads, begun some time apart, agree: one may mix two instants."""
    seen_at = step.bracket.base_seen_at
    if seen_at is None or not standing.repeats_base(step.bracket):
        step.record(ForeignBaseSeen(carried=standing.carried, turnover=standing.turnover))
    elif read_at.since(seen_at) >= _wait_for_base(step, standing):
        step.record(ForeignBaseNoted(base=standing.base))


def _wait_for_base(step: Step, standing: Standing) -> timedelta:
    """Positions that differ from our own fills lag behind them more often than others' lots are there."""
    return step.timing.quiescence if standing.carried else step.timing.evidence_apart


def _reduce(step: Step, quantity: int, *, cause: str) -> None:
    """Take shares away: the nearest target first, then what our exits took although it was closed."""
    reductions: Counter[int] = Counter()
    for most in (net_of, _taken_by_exits):
        for part in step.bracket.slices:
            taken = min(quantity, max(0, most(step.bracket, part)))
            reductions[part.index] += taken
            quantity -= taken
    if reductions.total():
        step.record(ReducedExternally(reductions=tuple(sorted(reductions.items())), cause=cause))
        step.set_overlay(Overlay.EXTERNAL_CHANGE, True)


def _taken_by_exits(bracket: Bracket, part: Slice) -> int:
    return filled_of(bracket, Role.EXIT, part=part)


def watch_stop(step: Step) -> None:
    """Note when the market passes the stop and when it comes back; leave if nothing is there to fire."""
    if net(step.bracket) <= 0 or step.seen.quote is None:
        return
    price = step.seen.quote.last
    is_through = wanted.is_through_stop(step)
    if is_through and step.bracket.stop_passed_at is None:
        step.record(StopPassed(price=price))
    elif not is_through and step.bracket.stop_passed_at is not None:
        step.record(StopRegained(price=price))
    if step.bracket.exit_reason is None:
        _leave_if_passed(step, is_through)


def _leave_if_passed(step: Step, is_through: bool) -> None:
    exits = live_legs(step.bracket, Role.EXIT)
    is_bare = not exits and not awaits_exits(step.bracket)
    fired = [leg for leg in legs_of(step.bracket, Role.EXIT) if leg.triggered and leg.purpose is Purpose.STOP]
    passed = step.bracket.stop_passed_at
    if fired:
        step.record(ExitBegan(reason=ExitReason.STOP_HIT))
    elif is_through and is_bare and may_act(step) and step.seen.session.is_open:
        step.record(ExitBegan(reason=ExitReason.EMERGENCY, detail="the market is through the stop already"))
    elif passed is not None and exits and step.age(passed) >= step.timing.missed_trigger:
        step.record(ExitBegan(reason=ExitReason.STOP_HIT, detail="the broker did not fire the stop"))


def trail(step: Step) -> None:
    moved_at = step.bracket.trail_moved_at
    if moved_at is not None and step.age(moved_at) < step.timing.trail_pause:
        return
    if net(step.bracket) <= 0 or step.bracket.exit_reason is not None:
        return
    moved = wanted.trailed_stop(step)
    if moved is not None and step.seen.quote is not None:
        step.record(TrailMoved(stop=moved, price=step.seen.quote.last))


def _let_go(step: Step) -> None:
    if not step.bracket.hand_over_cancels:
        return
    for leg in live_legs(step.bracket, Role.EXIT):
        if not is_cancelling(leg):
            commands.cancel(step, leg)


def _tend_slice(step: Step, part: Slice) -> None:
    if net_of(step.bracket, part) < 0:
        _unwind(step, part)
        return
    for leg in live_legs(step.bracket, Role.UNWIND, part=part):
        commands.cancel(step, leg)
    live, group = live_legs(step.bracket, Role.EXIT, part=part), group_of(step.bracket, part)
    if group and len(live) == len(group):
        tend_group(step, part, group)
    elif len(live) > 1:
        _keep_one(step, live)
    elif not has_undecided(step.bracket, part) or _may_duplicate(step, live):
        _tend_exit(step, part, live[0] if live else None)


def _may_duplicate(step: Step, live: list[Leg]) -> bool:
    """The `duplicate_stop` policy: do not wait for an unknown stop, accept a moment with two."""
    if step.bracket.plan.policies.unknown_stop != "duplicate_stop":
        return False
    return len(live) == 1 and live[0].status is LegStatus.UNKNOWN


def _unwind(step: Step, part: Slice) -> None:
    """Exits took more than there was: cancel what may take more, then one opposite order for the rest."""
    live = live_legs(step.bracket, Role.EXIT, part=part)
    for leg in live:
        commands.cancel(step, leg)
    step.raise_alarm("unwinding", f"the position is {net_of(step.bracket, part)} past flat")
    unwinds = live_legs(step.bracket, Role.UNWIND, part=part)
    if live or not step.seen.session.is_open:
        return
    missing = at_most_freeze(step.bracket, -net_of(step.bracket, part))
    if not unwinds and commands.may_place(step, part, role=Role.UNWIND):
        plan = wanted.marketable(step, quantity=missing, side=step.side, leg=None)
        commands.place(step, part, role=Role.UNWIND, wanted=plan)
    elif len(unwinds) == 1 and unwinds[0].is_working:
        total = at_most_freeze(step.bracket, missing + unwinds[0].filled)
        _carry_over(step, unwinds[0], wanted.marketable(step, quantity=total, side=step.side, leg=unwinds[0]))


def _keep_one(step: Step, live: list[Leg]) -> None:
    """A zombie or a late acceptance gave the slice two exits: keep the oldest of ours that rests."""
    own = [leg for leg in live if not is_native_exit(step.bracket, leg)]
    kept = next((leg for leg in own if leg.is_working), own[0])
    step.raise_alarm("double_exit", f"{len(live)} exits of one slice are live; {kept.tag} stays")
    for leg in live:
        if leg is not kept:
            commands.cancel(step, leg)


def _tend_exit(step: Step, part: Slice, leg: Leg | None) -> None:
    plan = wanted_exit(step, part, leg)
    if plan is None:
        if leg is not None and net_of(step.bracket, part) <= 0:
            commands.cancel(step, leg)
    elif leg is None or (leg.status is LegStatus.UNKNOWN and leg.broker_order_id is None):
        _place(step, part, plan)
    elif leg.kind is not plan.kind:
        commands.cancel(step, leg)
    elif leg.is_working and must_renew(step, leg):
        step.raise_alarm("oco_renewed", f"the OCO {leg.broker_order_id} runs out soon; placing it anew")
        commands.cancel(step, leg)
    elif _can_trade(step, leg.kind):
        _carry_over(step, leg, plan)


def _can_trade(step: Step, kind: LegKind) -> bool:
    """Outside the session only GTTs may be placed or changed; orders wait for the open."""
    return step.seen.session.is_open or kind is LegKind.GTT


def _carry_over(step: Step, leg: Leg, plan: Wanted) -> None:
    """Modify the order to what is wanted; where it cannot be modified any more, cancel to replace it."""
    if not leg.is_working or leg.change is not None or shows_terms(plan.terms, leg.terms):
        return
    is_touched = step.bracket.exit_reason is None and is_persons_change(step, leg)
    if is_touched and not restore(step, leg):
        return
    if is_spent(step, leg) or _needs_another(step, leg, plan):
        commands.cancel(step, leg)
    elif plan.purpose is Purpose.STOP and should_rotate(step, leg):
        step.raise_alarm(
            "rotating", f"order {leg.broker_order_id} is near its modification cap; replacing it"
        )
        commands.cancel(step, leg)
    else:
        commands.modify(step, leg, terms=plan.terms, purpose=plan.purpose, rung=plan.rung)


def _needs_another(step: Step, leg: Leg, plan: Wanted) -> bool:
    """Whether only another order can be what is wanted: the broker changes no order's type."""
    is_order = leg.kind is LegKind.ORDER and leg.terms.order_type is not plan.terms.order_type
    return is_order and not wanted.can_morph(step.bracket)


def _place(step: Step, part: Slice, plan: Wanted) -> None:
    if not _can_trade(step, plan.kind) or not commands.may_place(step, part, role=Role.EXIT):
        return
    if not _answer_last_ending(step, part):
        return
    again = wanted_exit(step, step.bracket.slices[part.index], None)
    if again is not None and _can_trade(step, again.kind):
        commands.place(step, part, role=Role.EXIT, wanted=again)


def _answer_last_ending(step: Step, part: Slice) -> bool:
    """React to how the slice's last exit ended. Returns whether a new one may be placed now."""
    legs = legs_of(step.bracket, Role.EXIT, part=part)
    if not legs or step.bracket.exit_reason is not None:
        return True
    newest = legs[-1]
    if is_native_exit(step.bracket, newest):
        return may_replace(step)
    if newest.status is LegStatus.REJECTED and newest.purpose in _RESTING:
        return _answer_refusal(step, part, newest)
    if newest.status in GONE and not newest.cancelled_by_us and not is_accounted_for(step, newest):
        return False
    if newest.kind is LegKind.GTT and newest.status in GONE and not newest.cancelled_by_us:
        step.raise_alarm("oco_gone", f"the broker dropped the OCO {newest.broker_order_id}; placing it again")
        return True
    is_of_today = newest.session == step.seen.session.id and step.seen.session.is_open
    if newest.status in GONE and is_of_today and not newest.cancelled_by_us:
        return answer_cancel(step, newest)
    return True


def _answer_refusal(step: Step, part: Slice, leg: Leg) -> bool:
    if leg.kind is LegKind.GTT and not leg.triggered:
        step.raise_alarm("oco_refused", f"the broker refused the OCO ({leg.reason}); a resting stop holds")
        return True
    if leg.refusal is RefusalKind.SESSION_CLOSED:
        step.raise_alarm("stop_refused", f"the stop waits for the session: {leg.reason}")
        return commands.may_place(step, part, role=Role.EXIT)
    if leg.refusal in CURABLE and part.form < 2:
        step.record(StopFormCorrected(slice=part.index, form=part.form + 1))
        return True
    detail = f"the stop was refused: {leg.reason}"
    step.record(ExitBegan(reason=ExitReason.EMERGENCY, detail=detail))
    return True
