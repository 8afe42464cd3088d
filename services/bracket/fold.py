"""What each event does to a bracket: the one way in which a bracket changes. Pure; no decision is here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.bracket import events as ev
from services.bracket.model import (
    Alarm,
    Bracket,
    Change,
    ChangeKind,
    ChangeStatus,
    IfFilled,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    Naked,
    Overlay,
    Purpose,
    Role,
    Slice,
    State,
    Terms,
)
from services.bracket.native import is_native_exit
from services.bracket.quantities import allocate, filled_of
from services.bracket.redating import lies_ahead, redated


def receive(event: ev.BracketReceived, at: Moment) -> Bracket:
    """Return the bracket that a first event makes."""
    plan = event.plan
    slices = tuple(
        Slice(index=index, quantity=target.quantity, target=target.price)
        for index, target in enumerate(plan.targets)
    )
    return Bracket(
        id=event.id,
        plan=plan,
        state=State.RECEIVED,
        received=at,
        slices=slices,
        stop=plan.stop,
        trail=plan.trail,
        exit_at=plan.exit_at,
        session=event.session,
        version=1,
        updated=at,
    )


def fold(bracket: Bracket, event: ev.Event, at: Moment) -> Bracket:
    """Return the bracket after one event. Raises KeyError for an event that nobody taught us."""
    changed = _EFFECTS[type(event)](bracket, event, at)
    return replace(changed, version=bracket.version + 1, updated=at)


def shows_terms(asked: Terms, shown: Terms) -> bool:
    """Whether a book row's terms are the ones asked for.

    The order type is not compared: brokers show a protected MARKET as a LIMIT, and a stop is told from
    a limit by its trigger.
    """
    if asked.quantity != shown.quantity or asked.target_trigger != shown.target_trigger:
        return False
    if asked.price is None:
        return asked.trigger_price == shown.trigger_price
    return asked.price == shown.price and asked.trigger_price == shown.trigger_price


def _with_leg(bracket: Bracket, leg: Leg) -> Bracket:
    legs = (*bracket.legs[: leg.seq - 1], leg, *bracket.legs[leg.seq :])
    return replace(bracket, legs=legs)


def _cancel_requested(bracket: Bracket, event: ev.CancelRequested, at: Moment) -> Bracket:
    return replace(bracket, cancel_requested=event.if_filled or IfFilled.KEEP_EXITS)


def _exit_requested(bracket: Bracket, event: ev.ExitRequested, at: Moment) -> Bracket:
    return replace(
        bracket, exit_reason=bracket.exit_reason or event.reason, exit_detail=f"asked by {event.by}"
    )


def _modified(bracket: Bracket, event: ev.BracketModified, at: Moment) -> Bracket:
    changed = bracket
    if event.stop is not None:
        # An explicit stop replaces what trailing had reached, be it looser or tighter.
        changed = replace(changed, stop=event.stop, trail_stop=None, trail_moved_at=None)
    if event.targets is not None:
        slices = zip(changed.slices, event.targets, strict=True)
        changed = replace(changed, slices=tuple(replace(part, target=target) for part, target in slices))
    if event.trail is not None:
        changed = replace(changed, trail=event.trail)
    if event.exit_at is not None:
        changed = replace(changed, exit_at=event.exit_at)
    if event.entry_price is not None:
        entry = replace(changed.plan.entry, price=event.entry_price)
        changed = replace(changed, plan=replace(changed.plan, entry=entry))
    return replace(changed, restored=0)


def _handed_over(bracket: Bracket, event: ev.HandedOver, at: Moment) -> Bracket:
    if bracket.state.is_closed:
        return bracket  # nothing is left to take over
    return replace(bracket, handed_over=True, hand_over_cancels=event.cancel_exits)


def _leg_intended(bracket: Bracket, event: ev.LegIntended, at: Moment) -> Bracket:
    leg = Leg(
        seq=event.seq,
        slice=event.slice,
        role=event.role,
        kind=event.kind,
        tag=event.tag,
        side=event.side,
        terms=event.terms,
        purpose=event.purpose,
        purpose_since=at,
        rung=event.rung,
        agreed_terms=event.terms,
        status=LegStatus.SENT,
        sent_at=at,
        session=bracket.session,
    )
    return replace(bracket, legs=(*bracket.legs, leg))


def _acknowledged(bracket: Bracket, event: ev.LegAcknowledged, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    if any(other.broker_order_id == event.broker_order_id for other in bracket.legs if other is not leg):
        # A GTT has no tag, and another leg of the same content took this one while the answer was away: which
        # of the two it was made for makes no difference, but one trigger is one leg's.
        return _with_leg(bracket, replace(leg, status=LegStatus.ABSENT, change=None))
    # The book, or a push that made us read it, may have been faster than the answer.
    is_known = leg.sighted_at is not None or leg.status is LegStatus.TRIGGERED
    status = leg.status if is_known else LegStatus.ACKED
    return _with_leg(bracket, replace(leg, status=status, broker_order_id=event.broker_order_id))


def _refused(bracket: Bracket, event: ev.LegRefused, at: Moment) -> Bracket:
    leg = replace(
        bracket.leg(event.seq), status=LegStatus.REJECTED, refusal=event.refusal, reason=event.reason
    )
    return _with_leg(bracket, leg)


def _not_sent(bracket: Bracket, event: ev.LegNotSent, at: Moment) -> Bracket:
    return _with_leg(bracket, replace(bracket.leg(event.seq), status=LegStatus.NOT_SENT, reason=event.reason))


def _became_unknown(bracket: Bracket, event: ev.LegBecameUnknown, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    if leg.sighted_at is not None or leg.status is not LegStatus.SENT:
        return bracket  # the books, or a proof of absence, were faster
    return _with_leg(bracket, replace(leg, status=LegStatus.UNKNOWN, reason=event.reason, unknown_at=at))


def _sighted(bracket: Bracket, event: ev.LegSighted, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    sighted = replace(
        leg,
        broker_order_id=event.broker_order_id,
        status=event.status,
        filled=event.filled,
        average_price=event.average_price or leg.average_price,
        terms=event.terms,
        row_updated_at=event.row_updated_at or leg.row_updated_at,
        reason=event.reason or leg.reason,
        refusal=event.refusal or leg.refusal,
        expires_at=event.expires_at or leg.expires_at,
        sighted_at=at,
        missed_reads=0,
        missed_since=None,
        triggered_at=leg.triggered_at or (at if _has_triggered(leg, event) else None),
    )
    return _reallocated(_with_leg(bracket, _settled(sighted, is_native=is_native_exit(bracket, leg))))


def _has_triggered(leg: Leg, event: ev.LegSighted) -> bool:
    """Whether a row shows a stop that has fired; some brokers then call it a LIMIT without a trigger."""
    works = event.status in (LegStatus.OPEN, LegStatus.FILLED)
    if leg.role is not Role.EXIT or leg.kind is not LegKind.ORDER or not works:
        return False
    asked = leg.asked_terms
    if event.terms.trigger_price is not None:
        return not _is_filled_at_target(leg, event)
    if asked is not None and shows_terms(asked, event.terms):
        return False  # the limit that we made of it
    stops = [terms for terms in (leg.terms, asked) if terms is not None and terms.trigger_price is not None]
    return any(event.terms.price in (stop.price, None) for stop in stops)


def _is_filled_at_target(leg: Leg, event: ev.LegSighted) -> bool:
    """Whether the fill's price is the target's, in a row that still has the terms of the stop it was.

    Some brokers tell fills in another list than terms, and what happens between two reads is in one alone.
    """
    asked, paid = leg.asked_terms, event.average_price
    if leg.purpose is not Purpose.TARGET or asked is None or asked.price is None or paid is None:
        return False
    return (paid - asked.price) * leg.side.sign <= 0


def _settled(leg: Leg, *, is_native: bool) -> Leg:
    """Clear a change that the book shows as done, or that came too late to matter."""
    change = leg.change
    if change is None:
        return leg
    if not leg.is_live:
        return replace(leg, change=None, failed_changes=0)
    if change.terms is None or not shows_terms(_judged(change.terms, leg, is_native), leg.terms):
        return leg
    is_morph = change.purpose is Purpose.TARGET and change.former_purpose is not Purpose.TARGET
    return replace(
        leg, change=None, failed_changes=0, agreed_terms=change.terms, morphs=leg.morphs + is_morph
    )


def _judged(asked: Terms, leg: Leg, is_native: bool) -> Terms:
    """Return what a change has to show: how many shares a native exit covers is not ours to ask."""
    return replace(asked, quantity=leg.terms.quantity) if is_native else asked


def _reallocated(bracket: Bracket) -> Bracket:
    shares = allocate(bracket.slices, filled_of(bracket, Role.ENTRY))
    if all(part.allocated == share for part, share in zip(bracket.slices, shares, strict=True)):
        return bracket
    slices = zip(bracket.slices, shares, strict=True)
    return replace(bracket, slices=tuple(replace(part, allocated=share) for part, share in slices))


def _child_sighted(bracket: Bracket, event: ev.ChildSighted, at: Moment) -> Bracket:
    parent = bracket.leg(event.parent)
    child = Leg(
        seq=event.seq,
        slice=parent.slice,
        role=Role.EXIT,
        kind=LegKind.ORDER,
        tag=event.tag,
        side=parent.side,
        terms=event.terms,
        purpose=event.purpose,
        purpose_since=at,
        status=LegStatus.ACKED,
        sent_at=at,
        session=bracket.session,
        broker_order_id=event.broker_order_id,
        parent=parent.seq,
        triggered_at=at if event.purpose is Purpose.STOP else None,
    )
    fired = replace(
        parent,
        status=LegStatus.TRIGGERED,
        broker_order_id=event.trigger_id,
        change=None,
        triggered_at=at,
    )
    changed = _with_leg(bracket, fired)
    return replace(changed, legs=(*changed.legs, child))


def _exit_adopted(bracket: Bracket, event: ev.ExitAdopted, at: Moment) -> Bracket:
    parent = bracket.leg(event.parent)
    leg = Leg(
        seq=event.seq,
        slice=parent.slice,
        role=Role.EXIT,
        kind=LegKind.ORDER,
        tag=event.tag,
        side=parent.side.opposite,
        terms=event.terms,
        agreed_terms=event.terms,
        purpose=event.purpose,
        purpose_since=at,
        status=LegStatus.ACKED,
        sent_at=at,
        session=bracket.session,
        broker_order_id=event.broker_order_id,
        parent=parent.seq,
    )
    entry = replace(parent, missed_reads=0, missed_since=None)
    changed = _with_leg(bracket, entry)
    return replace(changed, legs=(*changed.legs, leg))


def _exits_proved_absent(bracket: Bracket, event: ev.ExitsProvedAbsent, at: Moment) -> Bracket:
    entry = bracket.leg(event.seq)
    return _with_leg(bracket, replace(entry, exits_absent=True, missed_reads=0, missed_since=None))


def _missed(bracket: Bracket, event: ev.LegMissed | ev.ExitsMissed, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    if leg.missed_since is None or leg.missed_since.boot != at.boot:
        # How long ago an earlier boot missed it only the wall clock knows, which may have been set meanwhile.
        return _with_leg(bracket, replace(leg, missed_reads=1, missed_since=at))
    return _with_leg(bracket, replace(leg, missed_reads=leg.missed_reads + 1))


def _proved_absent(bracket: Bracket, event: ev.LegProvedAbsent, at: Moment) -> Bracket:
    return _with_leg(bracket, replace(bracket.leg(event.seq), status=LegStatus.ABSENT, change=None))


def _expired(bracket: Bracket, event: ev.LegExpired, at: Moment) -> Bracket:
    return _with_leg(bracket, replace(bracket.leg(event.seq), status=LegStatus.EXPIRED, change=None))


def _fill_corrected(bracket: Bracket, event: ev.FillCorrected, at: Moment) -> Bracket:
    corrected = _with_leg(bracket, replace(bracket.leg(event.seq), filled=event.filled))
    return _reallocated(corrected)


def _change_intended(bracket: Bracket, event: ev.ChangeIntended, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    change = Change(
        kind=event.kind,
        sent_at=at,
        terms=event.terms,
        purpose=event.purpose,
        former_purpose=leg.purpose,
        former_since=leg.purpose_since,
    )
    changing = replace(leg, change=change, changed_at=at)
    if event.kind is ChangeKind.CANCEL:
        return _with_leg(bracket, replace(changing, cancelled_by_us=True))
    return _with_leg(bracket, _repurposed(changing, event, at))


def _repurposed(leg: Leg, event: ev.ChangeIntended, at: Moment) -> Leg:
    purpose = event.purpose or leg.purpose
    is_new = purpose is not leg.purpose
    return replace(
        leg,
        asked_terms=event.terms,
        modifications=leg.modifications + 1,
        purpose=purpose,
        purpose_since=at if is_new else leg.purpose_since,
        rung=event.rung,
    )


def _change_acknowledged(bracket: Bracket, event: ev.ChangeAcknowledged, at: Moment) -> Bracket:
    return _answered(bracket, event.seq, status=ChangeStatus.ACKED, at=at)


def _change_unknown(bracket: Bracket, event: ev.ChangeBecameUnknown, at: Moment) -> Bracket:
    return _answered(bracket, event.seq, status=ChangeStatus.UNKNOWN, at=at)


def _answered(bracket: Bracket, seq: int, *, status: ChangeStatus, at: Moment) -> Bracket:
    leg = bracket.leg(seq)
    if leg.change is None:  # the book was faster than the answer
        return bracket
    return _with_leg(bracket, replace(leg, change=replace(leg.change, status=status, answered_at=at)))


def _change_refused(bracket: Bracket, event: ev.ChangeRefused, at: Moment) -> Bracket:
    leg = bracket.leg(event.seq)
    return _with_leg(bracket, replace(_unchanged(leg), reason=event.reason, refusal=event.refusal))


def _change_dropped(bracket: Bracket, event: ev.ChangeNotSent | ev.ChangeLapsed, at: Moment) -> Bracket:
    return _with_leg(bracket, _unchanged(bracket.leg(event.seq)))


def _unchanged(leg: Leg) -> Leg:
    if leg.change is None:
        return leg
    return replace(
        leg,
        change=None,
        purpose=leg.change.former_purpose or leg.purpose,
        purpose_since=leg.change.former_since or leg.purpose_since,
        failed_changes=leg.failed_changes + 1,
    )


def _entry_ended(bracket: Bracket, event: ev.EntryEnded, at: Moment) -> Bracket:
    return replace(bracket, entry_ended=event.code)


def _exit_began(bracket: Bracket, event: ev.ExitBegan, at: Moment) -> Bracket:
    return replace(bracket, exit_reason=event.reason, exit_detail=event.detail)


def _form_corrected(bracket: Bracket, event: ev.StopFormCorrected, at: Moment) -> Bracket:
    slices = (
        replace(part, form=event.form) if part.index == event.slice else part for part in bracket.slices
    )
    return replace(bracket, slices=tuple(slices))


def _trail_moved(bracket: Bracket, event: ev.TrailMoved, at: Moment) -> Bracket:
    return replace(bracket, trail_stop=event.stop, trail_moved_at=at)


def _stop_passed(bracket: Bracket, event: ev.StopPassed, at: Moment) -> Bracket:
    return replace(bracket, stop_passed_at=at)


def _stop_regained(bracket: Bracket, event: ev.StopRegained, at: Moment) -> Bracket:
    return replace(bracket, stop_passed_at=None)


def _base_seen(bracket: Bracket, event: ev.ForeignBaseSeen, at: Moment) -> Bracket:
    seen, turnover = event.carried, event.turnover
    return replace(bracket, base_seen=seen, base_turnover=turnover, base_seen_at=at)


def _base_noted(bracket: Bracket, event: ev.ForeignBaseNoted, at: Moment) -> Bracket:
    return replace(bracket, foreign_base=event.base)


def _reduced(bracket: Bracket, event: ev.ReducedExternally, at: Moment) -> Bracket:
    taken = dict(event.reductions)
    slices = (replace(part, external=part.external + taken.get(part.index, 0)) for part in bracket.slices)
    return replace(bracket, slices=tuple(slices))


def _restored(bracket: Bracket, event: ev.ExitRestored, at: Moment) -> Bracket:
    return replace(bracket, restored=bracket.restored + 1)


def _naked_began(bracket: Bracket, event: ev.NakedBegan, at: Moment) -> Bracket:
    naked = Naked(since=event.since, noticed=at, cause=event.cause, quantity=event.quantity)
    return replace(bracket, naked=naked)


def _naked_ended(bracket: Bracket, event: ev.NakedEnded, at: Moment) -> Bracket:
    return replace(bracket, naked=None, naked_seconds=bracket.naked_seconds + event.seconds)


def _alarm_raised(bracket: Bracket, event: ev.AlarmRaised, at: Moment) -> Bracket:
    others = tuple(alarm for alarm in bracket.alarms if alarm.kind != event.kind)
    alarm = Alarm(kind=event.kind, text=event.text, count=event.count, last_at=at)
    return replace(bracket, alarms=(*others, alarm))


def _alarm_cleared(bracket: Bracket, event: ev.AlarmCleared, at: Moment) -> Bracket:
    return replace(bracket, alarms=tuple(alarm for alarm in bracket.alarms if alarm.kind != event.kind))


def _overlay_raised(bracket: Bracket, event: ev.OverlayRaised, at: Moment) -> Bracket:
    return replace(bracket, overlays=bracket.overlays | {event.overlay})


def _overlay_cleared(bracket: Bracket, event: ev.OverlayCleared, at: Moment) -> Bracket:
    return replace(bracket, overlays=bracket.overlays - {event.overlay})


def _session_began(bracket: Bracket, event: ev.SessionBegan, at: Moment) -> Bracket:
    # Yesterday's trades leave the books: what is not ours is counted anew.
    return replace(
        bracket,
        session=event.session,
        foreign_base=None,
        base_seen=None,
        base_turnover=None,
        base_seen_at=None,
        external_at_base=sum(part.external for part in bracket.slices),
    )


def _state_changed(bracket: Bracket, event: ev.StateChanged, at: Moment) -> Bracket:
    closed = event.new.is_closed
    return replace(
        bracket,
        state=event.new,
        finished_at=at if closed else None,
        overlays=bracket.overlays | {Overlay.WATCH} if closed else bracket.overlays - {Overlay.WATCH},
    )


def _completed(bracket: Bracket, event: ev.ProtectionCompleted, at: Moment) -> Bracket:
    return replace(bracket, was_protected=True)


def _finished(bracket: Bracket, event: ev.BracketFinished, at: Moment) -> Bracket:
    return replace(bracket, outcome=event.outcome, profit=event.profit)


def _watch_ended(bracket: Bracket, event: ev.WatchEnded, at: Moment) -> Bracket:
    return replace(bracket, overlays=bracket.overlays - {Overlay.WATCH})


def _clock_set_back(bracket: Bracket, event: ev.ClockSetBack, at: Moment) -> Bracket:
    is_ahead = lies_ahead(bracket.received, at)
    return replace(redated(bracket, at), age_unknown=bracket.age_unknown or is_ahead)


# Any: each effect takes its own event; the key says which, which the type system cannot express.
_EFFECTS: dict[type, Callable[[Bracket, Any, Moment], Bracket]] = {
    ev.CancelRequested: _cancel_requested,
    ev.ExitRequested: _exit_requested,
    ev.BracketModified: _modified,
    ev.HandedOver: _handed_over,
    ev.LegIntended: _leg_intended,
    ev.LegAcknowledged: _acknowledged,
    ev.LegRefused: _refused,
    ev.LegNotSent: _not_sent,
    ev.LegBecameUnknown: _became_unknown,
    ev.LegSighted: _sighted,
    ev.ChildSighted: _child_sighted,
    ev.ExitAdopted: _exit_adopted,
    ev.ExitsMissed: _missed,
    ev.ExitsProvedAbsent: _exits_proved_absent,
    ev.LegMissed: _missed,
    ev.LegProvedAbsent: _proved_absent,
    ev.LegExpired: _expired,
    ev.FillCorrected: _fill_corrected,
    ev.ChangeIntended: _change_intended,
    ev.ChangeAcknowledged: _change_acknowledged,
    ev.ChangeRefused: _change_refused,
    ev.ChangeNotSent: _change_dropped,
    ev.ChangeBecameUnknown: _change_unknown,
    ev.ChangeLapsed: _change_dropped,
    ev.EntryEnded: _entry_ended,
    ev.ExitBegan: _exit_began,
    ev.StopFormCorrected: _form_corrected,
    ev.TrailMoved: _trail_moved,
    ev.StopPassed: _stop_passed,
    ev.StopRegained: _stop_regained,
    ev.ForeignBaseSeen: _base_seen,
    ev.ForeignBaseNoted: _base_noted,
    ev.ReducedExternally: _reduced,
    ev.ExitRestored: _restored,
    ev.NakedBegan: _naked_began,
    ev.NakedEnded: _naked_ended,
    ev.AlarmRaised: _alarm_raised,
    ev.AlarmCleared: _alarm_cleared,
    ev.OverlayRaised: _overlay_raised,
    ev.OverlayCleared: _overlay_cleared,
    ev.SessionBegan: _session_began,
    ev.StateChanged: _state_changed,
    ev.ProtectionCompleted: _completed,
    ev.BracketFinished: _finished,
    ev.WatchEnded: _watch_ended,
    ev.ClockSetBack: _clock_set_back,
}
