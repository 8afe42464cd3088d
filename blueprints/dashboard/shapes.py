"""What the dashboard's calls answer: the API's own shapes, and beside them what only a page shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

import msgspec

from database.account_db import Account
from database.bracket_db import StoredEvent
from database.people_db import LoginSession
from restx_api.shaping import Shape, bracket_shape, explanation_shape
from services.announcements import utc_milliseconds
from services.board import AccountPulse, NakedShares, Pulse, Shown
from services.bracket import events as ev
from services.bracket.clocks import naked_cause
from services.bracket.guards import Guard
from services.bracket.model import Bracket, Mode, Quote, Slice
from services.bracket.quantities import next_target
from services.bracket.wanted import target_level
from services.consequences import is_paper, trailing_words
from services.event_codec import decode_event
from services.price_story import Fill, PricePoint, PriceStory
from services.roster import symbol_of
from services.timeline import words_of
from utils.log import redact


def shown_shape(shown: Shown) -> Shape:
    """Return one bracket for the board."""
    bracket, explained = shown.bracket, shown.explanation
    return {
        **bracket_shape(bracket),
        "version": bracket.version,
        "account": account_shape(shown.account),
        "paper": is_paper(bracket),
        "tick": str(bracket.plan.instrument.tick_size),
        "is_closed": bracket.state.is_closed,
        "trailing": trailing_words(bracket.trail),
        "held": shown.held,
        "target_levels": [_target_of(bracket, part) for part in bracket.slices],
        "guards": [guard_shape(one) for one in shown.guards],
        "naked": _naked_of(shown),
        "alarms": [{"kind": one.kind, "text": one.text, "count": one.count} for one in bracket.alarms],
        "quote_key": quote_key(bracket),
        "quote": None if shown.quote is None else quote_shape(shown.quote),
        "explanation": None if explained is None else explanation_shape(explained),
    }


def _naked_of(shown: Shown) -> Shape | None:
    clock = shown.bracket.naked
    if clock is None or shown.naked_seconds is None:
        return None
    return {
        "seconds": round(shown.naked_seconds, 3),
        "quantity": clock.quantity,
        "cause": naked_cause(shown.bracket),
    }


def _target_of(bracket: Bracket, part: Slice) -> Shape:
    level = target_level(bracket, part)
    return {"price": None if level is None else str(level), "is_next": part == next_target(bracket)}


def guard_shape(guard: Guard) -> Shape:
    return {
        "slice": guard.slice,
        "held": guard.held,
        "hold": str(guard.hold),
        "quantity": guard.quantity,
        "words": guard.words,
        "where": guard.where,
        "order_id": guard.order_id,
        "rests": {"stop": guard.stop_rests, "target": guard.target_rests},
    }


def account_shape(account: Account) -> Shape:
    return {"id": account.id, "name": account.name, "broker": account.broker, "status": str(account.status)}


def quote_shape(quote: Quote) -> Shape:
    return {"last": str(quote.last), "at": utc_milliseconds(quote.at)}


def quote_key(bracket: Bracket) -> str:
    """Return where a pulse has the price of a bracket: prices are those of its account and mode."""
    exchange, symbol = symbol_of(bracket)
    return f"{bracket.plan.account_id}/{bracket.plan.mode}/{exchange}:{symbol}"


def pulse_shape(pulse: Pulse, now: datetime) -> Shape:
    """Return what moved."""
    return {
        "now": utc_milliseconds(now),
        "kill": str(pulse.kill),
        "analyze": pulse.mode is Mode.ANALYZE,
        "accounts": [_account_pulse(one) for one in pulse.accounts],
        "versions": pulse.versions,
        "quotes": {
            f"{account_id}/{mode}/{exchange}:{symbol}": quote_shape(quote)
            for (account_id, mode, (exchange, symbol)), quote in pulse.quotes.items()
        },
        "naked": [_naked_shape(one) for one in pulse.naked],
    }


def _account_pulse(one: AccountPulse) -> Shape:
    return {
        **account_shape(one.account),
        "seq": one.seq,
        "kill": str(one.kill),
        "troubles": sorted(str(trouble) for trouble in one.troubles),
        "is_worked": one.is_worked,
        "faults": list(one.faults),
    }


def _naked_shape(one: NakedShares) -> Shape:
    return {
        "bracket_id": one.bracket.id,
        "symbol": one.bracket.plan.instrument.symbol,
        "account": one.account.name,
        "paper": is_paper(one.bracket),
        "seconds": round(one.seconds, 3),
        "quantity": one.quantity,
        "cause": one.cause,
    }


def story_shape(bracket: Bracket, events: Sequence[StoredEvent]) -> list[Shape]:
    """Return the timeline, oldest first, each with who speaks and all that was noted, secrets struck out."""
    return [_moment(bracket, stored) for stored in events if stored.seq <= bracket.version]


def _moment(bracket: Bracket, stored: StoredEvent) -> Shape:
    event = decode_event(stored.kind, stored.payload)
    return {
        "seq": stored.seq,
        "kind": stored.kind,
        "at": utc_milliseconds(stored.at),
        "words": redact(words_of(event, bracket)),  # a broker's words are in them
        "voice": _voice(event),
        "noted": redact(_noted(event, stored)),
    }


def _noted(event: ev.Event, stored: StoredEvent) -> object:
    # The plan of the first event is shown by the page itself, in words.
    return None if isinstance(event, ev.BracketReceived) else msgspec.json.decode(stored.payload)


def _voice(event: ev.Event) -> str:
    """Return whose word an event is: ours to the broker, the broker's, a person's, or our own decision."""
    match event:
        case ev.LegIntended() | ev.ChangeIntended():
            return "asked"
        case (
            ev.LegAcknowledged()
            | ev.LegRefused()
            | ev.LegNotSent()
            | ev.LegBecameUnknown()
            | ev.ChangeAcknowledged()
            | ev.ChangeRefused()
            | ev.ChangeNotSent()
            | ev.ChangeBecameUnknown()
        ):
            return "answered"
        case (
            ev.LegSighted()
            | ev.ChildSighted()
            | ev.ExitAdopted()
            | ev.ExitsMissed()
            | ev.ExitsProvedAbsent()
            | ev.LegMissed()
            | ev.LegProvedAbsent()
            | ev.LegExpired()
            | ev.FillCorrected()
            | ev.ChangeLapsed()
            | ev.ReducedExternally()
            | ev.ForeignBaseSeen()
            | ev.ForeignBaseNoted()
        ):
            return "book"
        case (
            ev.BracketReceived()
            | ev.CancelRequested()
            | ev.ExitRequested()
            | ev.BracketModified()
            | ev.HandedOver()
        ):
            return "person"
        case ev.AlarmRaised():
            return "alarm"
        case (
            ev.EntryEnded()
            | ev.ExitBegan()
            | ev.StopFormCorrected()
            | ev.TrailMoved()
            | ev.StopPassed()
            | ev.StopRegained()
            | ev.ExitRestored()
            | ev.NakedBegan()
            | ev.NakedEnded()
            | ev.AlarmCleared()
            | ev.OverlayRaised()
            | ev.OverlayCleared()
            | ev.SessionBegan()
            | ev.StateChanged()
            | ev.ProtectionCompleted()
            | ev.BracketFinished()
            | ev.WatchEnded()
            | ev.ClockSetBack()
        ):
            return "decided"
        case _:
            assert_never(event)


def price_story_shape(story: PriceStory) -> Shape:
    return {
        "fills": [_fill(one) for one in story.fills],
        "stops": [_point(one) for one in story.stops],
        "market": [_point(one) for one in story.market],
    }


def _fill(one: Fill) -> Shape:
    role = one.role.name.lower()
    at = utc_milliseconds(one.at)
    return {"at": at, "role": role, "side": one.side, "quantity": one.quantity, "price": str(one.price)}


def _point(one: PricePoint) -> Shape:
    return {"at": utc_milliseconds(one.at), "price": str(one.price)}


def session_shape(session: LoginSession, *, is_this: bool) -> Shape:
    """Return a session as its owner tells it from others."""
    return {
        "id": session.id,
        "address": session.address,
        "agent": session.agent,
        "created_at": utc_milliseconds(session.created_at),
        "seen_at": utc_milliseconds(session.seen_at),
        "expires_at": utc_milliseconds(session.expires_at),
        "is_this": is_this,
    }
