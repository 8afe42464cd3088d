"""Stored events as counts for /metrics. Called once for each event, after its commit."""

from collections.abc import Iterable, Mapping

from services.bracket import events as ev
from services.bracket.model import Bracket, ExitReason, Mode, State
from utils import metrics


def tally(events: Iterable[ev.Event], bracket: Bracket) -> None:
    """Count what events of a bracket say; bracket is as it is after them."""
    for event in events:
        _count(event, bracket)


def _count(event: ev.Event, bracket: Bracket) -> None:
    mode = bracket.plan.mode
    match event:
        case ev.BracketReceived():
            metrics.BRACKETS_PLACED.labels(mode).inc()
        case ev.NakedEnded(seconds=seconds, cause=cause):
            metrics.UNPROTECTED_SECONDS.labels(mode, cause).observe(seconds)
        case ev.ExitBegan(reason=ExitReason.EMERGENCY):
            metrics.EMERGENCY_EXITS.labels(mode).inc()
        case ev.StateChanged(new=new):
            _count_state(new, mode)
        case ev.AlarmRaised(kind=kind, count=1):
            metrics.ALARMS.labels(mode, kind).inc()
        case _:
            _count_answer(event, bracket)


def _count_state(new: State, mode: Mode) -> None:
    metrics.BRACKET_STATES.labels(mode, new).inc()
    if new is State.UNWINDING:
        metrics.UNWINDS.labels(mode).inc()


def _count_answer(event: ev.Event, bracket: Bracket) -> None:
    mode, kind = bracket.plan.mode, type(event)
    match event:
        case (
            ev.LegAcknowledged(seq=seq)
            | ev.LegRefused(seq=seq)
            | ev.LegNotSent(seq=seq)
            | ev.LegBecameUnknown(seq=seq)
            | ev.LegProvedAbsent(seq=seq)
        ):
            metrics.ORDERS.labels(mode, bracket.leg(seq).role, _ORDER_OUTCOMES[kind]).inc()
        case _ if kind in _CHANGE_OUTCOMES:
            metrics.CHANGES.labels(mode, _CHANGE_OUTCOMES[kind]).inc()
        case _:
            pass


_ORDER_OUTCOMES: Mapping[type, str] = {
    ev.LegAcknowledged: "acknowledged",
    ev.LegRefused: "refused",
    ev.LegNotSent: "not_sent",
    ev.LegBecameUnknown: "unknown",
    ev.LegProvedAbsent: "absent",
}
_CHANGE_OUTCOMES: Mapping[type, str] = {
    ev.ChangeAcknowledged: "acknowledged",
    ev.ChangeRefused: "refused",
    ev.ChangeNotSent: "not_sent",
    ev.ChangeBecameUnknown: "unknown",
    ev.ChangeLapsed: "lapsed",
}
