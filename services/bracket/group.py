"""The two exits that a native bracket brought: kept at their levels, or taken away as a whole.

Their quantity is the broker's business. Where it is wrong and stays so, where one of them dies, and where
the slice has to leave, both go by confirmed cancel; only then does an exit of our own take their place.
"""

from dataclasses import replace
from datetime import timedelta

from services.bracket import commands
from services.bracket.budget import is_spent, should_rotate
from services.bracket.fold import shows_terms
from services.bracket.model import Bracket, Leg, Overlay, Purpose, Role, Slice, Terms, Topology
from services.bracket.native import (
    awaits_exits,
    cancelled_elsewhere,
    exit_for,
    has_given_way,
    is_native_exit,
    native_entries,
    native_exits,
)
from services.bracket.quantities import entry_is_live, live_legs, net_of
from services.bracket.step import Step
from services.bracket.touched import answer_cancel, is_accounted_for, is_persons_change, respects, restore
from services.bracket.wanted import stop_child_price, stop_level, target_level, wants_out


def tend_group(step: Step, part: Slice, group: list[Leg]) -> None:
    """Keep the live exits of a native bracket as they should be, or take them all away."""
    if _must_go(step, part, group):
        for leg in group:
            commands.cancel(step, leg)
    elif step.bracket.exit_reason is None and step.seen.session.is_open:
        for leg in group:
            _follow_level(step, part, leg)


def _must_go(step: Step, part: Slice, group: list[Leg]) -> bool:
    if net_of(step.bracket, part) <= 0:
        return not entry_is_live(step.bracket)  # until then they wait for the fill
    if not step.seen.session.is_open:
        return False
    if has_given_way(step.bracket) or wants_out(step, part, exit_for(group, Purpose.STOP) or group[0]):
        return True
    if not is_off(step.bracket, part) or not _is_settled(step):
        return False
    touched = cancelled_elsewhere(step.bracket)
    return touched is None or answer_cancel(step, touched)


def is_off(bracket: Bracket, part: Slice) -> bool:
    """Whether the broker's exits are not what the slice needs: one is dead, or they cover other than is held.

    A stop that has fired is followed by the ladder; with the entry working, too little may yet become enough.
    """
    if bracket.plan.topology is not Topology.NATIVE:
        return False  # asked of every bracket at every look
    group, held = group_of(bracket, part), net_of(bracket, part)
    stop, target = exit_for(group, Purpose.STOP), exit_for(group, Purpose.TARGET)
    if not group or held <= 0 or (stop is not None and stop.triggered) or is_left_to_a_person(bracket):
        return False
    is_dead = (stop is None or target is None) and not awaits_exits(bracket)
    covered = stop.remaining if stop is not None and stop.is_working else 0
    most = max((leg.remaining for leg in group if leg.is_working), default=0)
    return is_dead or most > held or (covered < held and not entry_is_live(bracket))


def group_of(bracket: Bracket, part: Slice) -> list[Leg]:
    """Return the live exits that a native entry brought."""
    return [leg for leg in live_legs(bracket, Role.EXIT, part=part) if is_native_exit(bracket, leg)]


def is_left_to_a_person(bracket: Bracket) -> bool:
    """Whether a person's cancel of one of the exits stands, and they were told."""
    is_word = respects(bracket) or bracket.restored > 0
    was_told = Overlay.NEEDS_ATTENTION in bracket.overlays
    return is_word and was_told and not has_given_way(bracket) and cancelled_elsewhere(bracket) is not None


def _is_settled(step: Step) -> bool:
    """Whether a read begun well after the last news of these orders still says the same."""
    read = step.seen.previous_read if step.seen.read is None else step.seen.read.started
    news = [leg.sighted_at for leg in _orders(step.bracket) if leg.sighted_at is not None]
    return read is not None and all(read.since(at) >= step.timing.evidence_apart for at in news)


def until_settled(step: Step) -> timedelta | None:
    """Return how long until exits that are off may be taken away; None while they are in order."""
    if not any(is_off(step.bracket, part) for part in step.bracket.slices):
        return None
    ages = [step.age(leg.sighted_at) for leg in _orders(step.bracket) if leg.sighted_at is not None]
    return step.timing.evidence_apart - min(ages, default=timedelta(0))


def _orders(bracket: Bracket) -> list[Leg]:
    return [*native_entries(bracket), *native_exits(bracket)]


def _follow_level(step: Step, part: Slice, leg: Leg) -> None:
    """Move one exit to its level; where it cannot be moved any more, give up the pair."""
    terms = level_terms(step, part, leg)
    is_free = leg.is_working and leg.change is None and not leg.triggered
    if terms is None or not is_free or shows_terms(terms, leg.terms):
        return
    if is_persons_change(step, leg) and not restore(step, leg):
        return
    if is_spent(step, leg) or should_rotate(step, leg):
        step.raise_alarm(
            "rotating", f"order {leg.broker_order_id} is near its modification cap; ours takes its place"
        )
        commands.cancel(step, leg)
    else:
        commands.modify(step, leg, terms=terms, purpose=leg.purpose)


def level_terms(step: Step, part: Slice, leg: Leg) -> Terms | None:
    """Return what an exit should say: its level is ours, its quantity is the broker's."""
    if leg.purpose is Purpose.TARGET:
        target = target_level(step.bracket, part)
        return None if target is None else replace(leg.terms, price=target)
    level = stop_level(step.bracket)
    if level is None:
        return None
    # Without a limit in the book the broker takes none: it places the stop's order its own way.
    limit = None if leg.terms.price is None else stop_child_price(step, part, level)
    return replace(leg.terms, trigger_price=level, price=limit)


def may_replace(step: Step) -> bool:
    """Whether an exit of ours may take the place of the broker's, which are all gone."""
    if has_given_way(step.bracket):
        return True
    newest = native_exits(step.bracket)[-1]
    ended_by_us = any(entry.cancelled_by_us for entry in native_entries(step.bracket))
    if not ended_by_us and not is_accounted_for(step, newest):
        return False
    if newest.session != step.seen.session.id or not step.seen.session.is_open:
        return True
    touched = cancelled_elsewhere(step.bracket)
    if touched is not None:
        return answer_cancel(step, touched)
    step.raise_alarm("exits_gone", "the exits of the broker's bracket order are gone; ours takes over")
    return True
