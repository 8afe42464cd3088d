"""What a person is told in a chat: what happened, what is protected, what to do. Pure.

Plain text without markup, so nothing a broker says can be mistaken for it. What a person need not know
at once (a fill that is told by its protection, a trailing step) is not told at all.
"""

from datetime import datetime

from database.outbox_db import NewMessage
from services.announcements import Announcement, announcement
from services.bracket.events import (
    AlarmCleared,
    AlarmRaised,
    BracketModified,
    Event,
    LegSighted,
    TrailMoved,
)
from services.bracket.model import Bracket, Mode, Role
from services.bracket.quantities import net
from services.bracket.wanted import stop_level, target_level
from services.outbox import Happened, PlainHappened, key_of_event
from services.plain_announcements import order_words, plain_announcement
from utils.constants import EXCHANGE_ZONE

MOST_CHARACTERS = 1000  # of one event; brokers' reasons can be long

_HEADS = {
    "entry_order_placed": "PLACED",
    "entry_order_not_filled": "NOT FILLED",
    "completed": "PROTECTED",
    "partial_failure": "EXIT REFUSED",
    "error": "ALARM",
    "unprotected": "UNPROTECTED",
    "modified": "CHANGED",
    "target_hit": "TARGET HIT",
    "stop_hit": "STOP HIT",
    "exited": "EXITED",
    "cancelled": "CANCELLED",
    "rejected": "REFUSED",
    "expired": "EXPIRED",
}
# Of plain orders. What the broker took of a change is what the person has just been told.
_PLAIN_HEADS = {
    "order_placed": "PLACED",
    "order_found": "FOUND",
    "order_rejected": "REFUSED",
    "order_not_sent": "NOT SENT",
    "order_unknown": "NOT CONFIRMED",
    "order_absent": "NOT PLACED",
    "order_unresolved": "NEVER FOUND",
    "order_change_refused": "CHANGE REFUSED",
    "order_change_unknown": "CHANGE NOT CONFIRMED",
}
_CALM = {"order_placed", "order_found"}
_URGENT = {"partial_failure", "error", "unprotected", "rejected"}


def alert_of(happened: Happened | PlainHappened) -> NewMessage | None:
    """Return what the linked chat is told of an event, or None for what a person need not know."""
    if isinstance(happened, PlainHappened):
        return _plain_alert(happened)
    event, bracket = happened.event, happened.bracket
    if isinstance(event, AlarmCleared):
        return _alert(happened, "RESOLVED", f"The alarm {_plain(event.kind)} is over.", urgent=True)
    said = None if _is_silent(event, bracket) else _said(happened)
    if said is None:
        return None
    head = _HEADS.get(said.status, _plain(said.status).upper())
    if isinstance(event, AlarmRaised) and event.count > 1:
        head = f"STILL {head} (alarm {event.count})"
    return _alert(happened, head, said.message, urgent=said.status in _URGENT)


def _plain_alert(happened: PlainHappened) -> NewMessage | None:
    said, order = plain_announcement(happened.news, happened.order), happened.order
    head = None if said is None else _PLAIN_HEADS.get(said.status)
    if said is None or head is None:
        return None
    footer = [short_id(order.id), happened.account_name, clock_words(happened.news.at)]
    lines = [
        f"{head} {order_words(order)}",
        said.message[:MOST_CHARACTERS],
        ", ".join([*footer, "paper mode"] if order.mode is Mode.ANALYZE else footer),
    ]
    urgent = said.status not in _CALM
    return NewMessage(key=key_of_event(said.seq), seq=said.seq, urgent=urgent, body="\n".join(lines))


def short_id(bracket_id: str) -> str:
    """Return the end of a bracket's id: enough to name it in a chat."""
    return bracket_id[-6:]


def instrument_name(bracket: Bracket) -> str:
    instrument = bracket.plan.instrument
    return f"{instrument.exchange}:{instrument.symbol}"


def protection_words(bracket: Bracket) -> str:
    """Return one sentence that says what of the position has a working exit."""
    held = net(bracket)
    if held == 0:
        return "Nothing is held."
    if bracket.handed_over:
        return f"{held} shares are in your hands: this service does not protect them any more."
    if bracket.naked is not None:
        return f"NOT PROTECTED: {bracket.naked.quantity} of {held} shares have no working stop."
    if bracket.exit_reason is not None:
        return f"Leaving: an exit order works for {held} shares."
    levels = [f"stop {stop_level(bracket)}"]
    targets = [str(level) for part in bracket.slices if (level := target_level(bracket, part)) is not None]
    levels += [f"target {', '.join(targets)}"] if targets else []
    return f"Protected: {held} shares, {', '.join(levels)}."


def _is_silent(event: Event, bracket: Bracket) -> bool:
    if isinstance(event, LegSighted):
        return bracket.leg(event.seq).role is Role.ENTRY
    return isinstance(event, TrailMoved | BracketModified)


def _said(happened: Happened) -> Announcement | None:
    return announcement(happened.event, happened.bracket, seq=happened.seq, at=happened.at)


def _alert(happened: Happened, head: str, what: str, *, urgent: bool) -> NewMessage:
    bracket = happened.bracket
    lines = [
        f"{head} {bracket.plan.side} {bracket.plan.quantity} {instrument_name(bracket)}",
        what[:MOST_CHARACTERS],
        protection_words(bracket),
        *_advice(bracket),
        _footer(happened),
    ]
    return NewMessage(key=key_of_event(happened.seq), seq=happened.seq, urgent=urgent, body="\n".join(lines))


def _advice(bracket: Bracket) -> list[str]:
    if bracket.naked is None or net(bracket) == 0:
        return []
    return [
        "Do: look at your broker's app. This service goes on protecting and, where it cannot, leaves at"
        f" the market; /exit {short_id(bracket.id)} leaves now."
    ]


def _footer(happened: Happened) -> str:
    plan = happened.bracket.plan
    words = [short_id(happened.bracket.id), happened.account_name, clock_words(happened.at)]
    return ", ".join([*words, "paper mode"] if plan.mode is Mode.ANALYZE else words)


def clock_words(at: datetime) -> str:
    """Return a time as people at the exchange read it."""
    return f"{at.astimezone(EXCHANGE_ZONE):%d %b %H:%M:%S}"


def _plain(word: str) -> str:
    return word.replace("_", " ")
