"""A bracket's events in words for people: one sentence each, for the status answer and the CLI. Pure."""

from collections.abc import Callable
from typing import Any

from services.bracket import events as ev
from services.bracket.model import Bracket, Leg, Terms


def words_of(event: ev.Event, bracket: Bracket) -> str:
    """Return what happened, in one sentence; `bracket` is any later self of the one it happened to."""
    return _WORDS[type(event)](event, bracket)


def terms_in_words(terms: Terms) -> str:
    """Return terms as a trader reads them: `SL 10 @ 786.05, trigger 790`."""
    price = "" if terms.price is None else f" @ {terms.price}"
    trigger = "" if terms.trigger_price is None else f", trigger {terms.trigger_price}"
    target = "" if terms.target_price is None else f", target {terms.target_price}"
    return f"{terms.order_type} {terms.quantity}{price}{trigger}{target}"


def _leg(event: Any, bracket: Bracket) -> Leg:
    return bracket.leg(event.seq)


def _name(event: Any, bracket: Bracket) -> str:
    leg = _leg(event, bracket)
    return f"{leg.role.name.lower()} order {leg.tag}"


def _received(event: ev.BracketReceived, bracket: Bracket) -> str:
    plan = event.plan
    where = f"{plan.instrument.exchange}:{plan.instrument.symbol}"
    return f"received: {plan.side} {plan.quantity} {where}, {plan.product}, topology {plan.topology}"


def _intended(event: ev.LegIntended, bracket: Bracket) -> str:
    return f"{event.purpose} to be placed: {event.side} {terms_in_words(event.terms)} (tag {event.tag})"


def _sighted(event: ev.LegSighted, bracket: Bracket) -> str:
    filled = f", filled {event.filled} at {event.average_price}" if event.filled else ""
    why = f": {event.reason}" if event.reason else ""
    return f"{_name(event, bracket)} shows {event.status}, {terms_in_words(event.terms)}{filled}{why}"


def _child(event: ev.ChildSighted, bracket: Bracket) -> str:
    return f"the OCO fired its {event.purpose}: order {event.broker_order_id}, {terms_in_words(event.terms)}"


def _adopted(event: ev.ExitAdopted, bracket: Bracket) -> str:
    return (
        f"the entry brought its {event.purpose}: order {event.broker_order_id}, {terms_in_words(event.terms)}"
    )


def _change(event: ev.ChangeIntended, bracket: Bracket) -> str:
    if event.terms is None:
        return f"{_name(event, bracket)} to be cancelled"
    return f"{_name(event, bracket)} to become {event.purpose}: {terms_in_words(event.terms)}"


def _changed(event: ev.BracketModified, bracket: Bracket) -> str:
    return f"modified by {event.by}"


def _reduced(event: ev.ReducedExternally, bracket: Bracket) -> str:
    return f"{sum(quantity for _, quantity in event.reductions)} shares are gone: {event.cause}"


def _finished(event: ev.BracketFinished, bracket: Bracket) -> str:
    profit = "" if event.profit is None else f", profit {event.profit}"
    return f"finished: {event.outcome}{profit}"


# Callable[[Any, ...]]: the key is the type of the first argument, which the type system cannot express.
_WORDS: dict[type, Callable[[Any, Bracket], str]] = {
    ev.BracketReceived: _received,
    ev.CancelRequested: lambda e, b: f"cancel asked by {e.by}",
    ev.ExitRequested: lambda e, b: f"exit asked by {e.by}",
    ev.BracketModified: _changed,
    ev.HandedOver: lambda e, b: f"position handed over to {e.by}",
    ev.LegIntended: _intended,
    ev.LegAcknowledged: lambda e, b: f"{_name(e, b)} taken by the broker as {e.broker_order_id}",
    ev.LegRefused: lambda e, b: f"{_name(e, b)} refused ({e.refusal}): {e.reason}",
    ev.LegNotSent: lambda e, b: f"{_name(e, b)} not sent: {e.reason}",
    ev.LegBecameUnknown: lambda e, b: f"{_name(e, b)}: outcome unknown, asking by tag ({e.reason})",
    ev.LegSighted: _sighted,
    ev.ChildSighted: _child,
    ev.ExitAdopted: _adopted,
    ev.ExitsMissed: lambda e, b: f"{_name(e, b)} is shown without both of its exits",
    ev.ExitsProvedAbsent: lambda e, b: f"the broker is proved to hold no more exits of {_name(e, b)}",
    ev.LegMissed: lambda e, b: f"{_name(e, b)} is missing in a complete read",
    ev.LegProvedAbsent: lambda e, b: f"{_name(e, b)} is proved never to have arrived",
    ev.LegExpired: lambda e, b: f"{_name(e, b)} is over with the day",
    ev.FillCorrected: lambda e, b: f"{_name(e, b)}: fill corrected to {e.filled}",
    ev.ChangeIntended: _change,
    ev.ChangeAcknowledged: lambda e, b: f"{_name(e, b)}: change taken by the broker",
    ev.ChangeRefused: lambda e, b: f"{_name(e, b)}: change refused ({e.refusal}): {e.reason}",
    ev.ChangeNotSent: lambda e, b: f"{_name(e, b)}: change not sent: {e.reason}",
    ev.ChangeBecameUnknown: lambda e, b: f"{_name(e, b)}: change unknown, reading again ({e.reason})",
    ev.ChangeLapsed: lambda e, b: f"{_name(e, b)}: the change does not show, asking again",
    ev.EntryEnded: lambda e, b: f"no more entry: {e.code}",
    ev.ExitBegan: lambda e, b: f"leaving: {e.reason}" + (f", {e.detail}" if e.detail else ""),
    ev.StopFormCorrected: lambda e, b: f"stop refused, trying form {e.form} of it",
    ev.TrailMoved: lambda e, b: f"stop moved to {e.stop}, price {e.price}",
    ev.StopPassed: lambda e, b: f"the market is through the stop at {e.price}",
    ev.StopRegained: lambda e, b: f"the market is back from the stop at {e.price}",
    ev.ForeignBaseSeen: lambda e, b: f"one read shows {e.carried} shares beside ours",
    ev.ForeignBaseNoted: lambda e, b: f"{e.base} shares in the account are not ours",
    ev.ReducedExternally: _reduced,
    ev.ExitRestored: lambda e, b: f"{_name(e, b)} put back as it was",
    ev.NakedBegan: lambda e, b: f"{e.quantity} shares without a working stop: {e.cause}",
    ev.NakedEnded: lambda e, b: f"every share has a stop again, after {e.seconds:.3f} s",
    ev.AlarmRaised: lambda e, b: f"ALARM {e.kind} ({e.count}): {e.text}",
    ev.AlarmCleared: lambda e, b: f"alarm {e.kind} is over",
    ev.OverlayRaised: lambda e, b: f"flag {e.overlay} raised",
    ev.OverlayCleared: lambda e, b: f"flag {e.overlay} lowered",
    ev.SessionBegan: lambda e, b: f"session {e.session} began",
    ev.StateChanged: lambda e, b: f"{e.old} -> {e.new}: {e.on}",
    ev.ProtectionCompleted: lambda e, b: f"all {e.quantity} shares are protected, entry at {e.average_price}",
    ev.BracketFinished: _finished,
    ev.WatchEnded: lambda e, b: "not watched any more",
    ev.ClockSetBack: lambda e, b: "the machine's clock went back; waits begin anew",
}
