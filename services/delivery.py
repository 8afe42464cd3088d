"""What to send next and when to try again. Pure: the tables of examples are in its tests.

Every destination has a health of its own, so that one that is dead costs the others nothing; every
message has a pause of its own, so that one nobody takes does not hold up the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from database.outbox_db import Destination, Health, Message

DISABLED_AFTER = timedelta(hours=24)  # of failing without one success
MOST_ATTEMPTS = 15  # of a message that a destination refuses which takes others
MOST_WAIT = timedelta(hours=1)  # however long the other side asks us to wait

_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 45, 120, 300, 900))
_CHAT_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 20, 30))
_LONE = 3  # up to so many messages go one by one; more are told together
_PARCEL_CHARACTERS = 3500  # Telegram takes 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One Telegram message: the texts of one or several queued ones."""

    ids: tuple[int, ...]
    text: str
    urgent: bool


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after the n-th failed attempt, counted from 1."""
    return _PAUSES[min(attempts, len(_PAUSES)) - 1]


def chat_pause_after(failures: int) -> timedelta:
    """Return how long a chat is left alone after the n-th failure in a row: alarms wait there."""
    return _CHAT_PAUSES[min(failures, len(_CHAT_PAUSES)) - 1]


def arrived(status: int) -> bool:
    """Return whether an HTTP status says that a webhook was taken."""
    return 200 <= status <= 299


def failed_health(health: Health, now: datetime, *, pause: timedelta, asked: timedelta | None) -> Health:
    """Return a destination's health after one more failure; `asked` is the wait it asked for."""
    wait = pause if asked is None else min(max(pause, asked), MOST_WAIT)
    return Health(
        failures=health.failures + 1,
        failing_since=health.failing_since or now,
        next_at=now + wait,
    )


def health_of(destination: Destination) -> Health:
    """Return how sending to a destination goes."""
    return Health(
        failures=destination.failures,
        failing_since=destination.failing_since,
        next_at=destination.next_at,
    )


def may_send(destination: Destination, *, now: datetime) -> bool:
    """Return whether a destination is in use and not resting after a failure."""
    is_rested = destination.next_at is None or destination.next_at <= now
    return destination.disabled_at is None and is_rested


def is_long_dead(health: Health, now: datetime) -> bool:
    """Return whether nothing has arrived for so long that sending there stops."""
    return health.failing_since is not None and now - health.failing_since >= DISABLED_AFTER


def is_refused_for_good(attempts: int, health: Health) -> bool:
    """Return whether to give a message up: tried often, at a destination that takes others.

    `health` is the one before the attempt. At a destination that takes nothing, all messages wait.
    """
    return attempts >= MOST_ATTEMPTS and health.failing_since is None


def next_parcel(waiting: Sequence[Message], now: datetime) -> Parcel | None:
    """Return what a chat is told next: what is urgent before all else, a flood in few messages.

    `waiting` is oldest first; what was tried less often comes before, or a text that is refused each time
    would keep every other from being told. None while nothing is due.
    """
    due = [message for message in waiting if message.next_at <= now]
    urgent = [message for message in due if message.urgent]
    chosen = sorted(urgent or due, key=lambda message: message.attempts)
    if not chosen:
        return None
    together = _fitting(chosen) if len(chosen) > _LONE else chosen[:1]
    return Parcel(
        ids=tuple(message.id for message in together),
        text="\n\n".join(message.body for message in together),
        urgent=bool(urgent),
    )


def _fitting(messages: Sequence[Message]) -> Sequence[Message]:
    length = 0
    for count, message in enumerate(messages):
        length += len(message.body) + 2
        if length > _PARCEL_CHARACTERS and count:
            return messages[:count]
    return messages
