"""From stored events to the outbox: each destination is fed each event of its account once.

Its place in the events is stored with the messages, in one transaction, so a crash at any moment neither
loses a message nor queues one twice. Sending is the senders' work and holds up nothing here.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from database.account_db import account
from database.bracket_db import StoredEvent, events_after, load
from database.outbox_db import Channel, Destination, NewMessage, destinations_behind, feed
from database.session import Database, StorageError
from services.announcements import utc_milliseconds
from services.bracket.events import Event
from services.bracket.model import Bracket
from services.event_codec import decode_event
from utils.clock import Clock

logger = logging.getLogger(__name__)

_BATCH = 200
_LOOK_EVERY_SECONDS = 1.0  # commands beside the service add and rewind destinations
_GATHER_SECONDS = 0.05  # a placement is three notices in a few milliseconds, stored as one


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A stored event, with the bracket as it is now and the name of its account."""

    event: Event
    bracket: Bracket
    seq: int
    at: datetime
    account_name: str


Words = Callable[[Happened], NewMessage | None]


@dataclass(slots=True)
class OutboxFeeder:
    """Queues what destinations are to be told. `wakers` are called when something was queued.

    `run` is one thread's work, apart from the announcer's: live updates may wait for a broken Redis, and
    an alarm must not.
    """

    db: Database
    clock: Clock
    words: Mapping[Channel, Words]
    wakers: list[Callable[[], None]] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _news: threading.Event = field(default_factory=threading.Event)

    def wake(self) -> None:
        """Say that events were stored. Never blocks."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Queue until stop is set."""
        while not stop.is_set():
            self._news.wait(_LOOK_EVERY_SECONDS)
            stop.wait(_GATHER_SECONDS)
            self._news.clear()
            self.feed()

    def feed(self) -> None:
        """Queue everything stored so far. A database that fails is asked again at the next call."""
        try:
            # In turns: a replay of years must not hold up another's alarm.
            while any([self._feed_some(one) for one in destinations_behind(self.db, self.words)]):  # noqa: C419
                for wake in self.wakers:
                    wake()
        except StorageError:
            logger.exception("what is to be told outside could not be queued; it will be")

    def _feed_some(self, destination: Destination) -> bool:
        events = events_after(self.db, destination.account_id, destination.fed_seq, limit=_BATCH)
        if not events:
            return False
        messages = self._messages(destination, events)
        reached = events[-1].account_seq
        # False as well when somebody moved the place meanwhile, for a replay: it is read anew.
        return feed(self.db, destination, messages, up_to=reached, at=self.clock.now())

    def _messages(self, destination: Destination, events: tuple[StoredEvent, ...]) -> list[NewMessage]:
        name = self._name(destination.account_id)
        brackets: dict[str, Bracket | None] = {}
        messages = []
        for stored in events:
            if stored.bracket_id not in brackets:
                brackets[stored.bracket_id] = load(self.db, stored.bracket_id)
            bracket = brackets[stored.bracket_id]
            message = None if bracket is None else self._message(destination.channel, stored, bracket, name)
            if message is not None:
                messages.append(message)
        return messages

    def _message(
        self, channel: Channel, stored: StoredEvent, bracket: Bracket, account_name: str
    ) -> NewMessage | None:
        try:
            return self.words[channel](_happened(stored, bracket, account_name))
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            # Our bug. One event without words must not silence all that come after it.
            logger.exception("event %s of bracket %s has no words", stored.account_seq, stored.bracket_id)
            return _without_words(channel, stored)

    def _name(self, account_id: str) -> str:
        if account_id not in self._names:
            found = account(self.db, account_id)
            self._names[account_id] = account_id if found is None else found.name
        return self._names[account_id]


def key_of_event(seq: int) -> str:
    """Return what a message about the event with this account_seq is queued under."""
    return f"seq-{seq}"


def _happened(stored: StoredEvent, bracket: Bracket, account_name: str) -> Happened:
    event = decode_event(stored.kind, stored.payload)
    return Happened(
        event=event, bracket=bracket, seq=stored.account_seq, at=stored.at, account_name=account_name
    )


def _without_words(channel: Channel, stored: StoredEvent) -> NewMessage:
    facts = {"bracket_id": stored.bracket_id, "seq": stored.account_seq, "kind": stored.kind}
    if channel is Channel.WEBHOOK:
        at = utc_milliseconds(stored.at)
        body = msgspec.json.encode({"type": "bracket_order.event", "timestamp": at, "data": facts}).decode()
    else:
        body = f"{stored.kind} of bracket {stored.bracket_id}: look at it, /bracket {stored.bracket_id}"
    key = key_of_event(stored.account_seq)
    return NewMessage(key=key, seq=stored.account_seq, urgent=True, body=body)
