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
from database.account_news import BracketNews, News, PlainNews, news_after
from database.bracket_db import load
from database.outbox_db import Channel, Destination, NewMessage, destinations_behind, feed
from database.plain_order_db import PlainOrder, plain_order
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainHappened:
    """A stored event of a plain order, with the order as it is now and the name of its account."""

    news: PlainNews
    order: PlainOrder
    account_name: str


Words = Callable[[Happened | PlainHappened], NewMessage | None]


@dataclass(slots=True)
class OutboxFeeder:
    """Queues what destinations are to be told. `wakers` are called when something was queued, and at the end.

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
        for wake in self.wakers:  # the end is news as well
            wake()

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
        news = news_after(self.db, destination.account_id, destination.fed_seq, limit=_BATCH)
        if not news:
            return False
        messages = self._messages(destination, news)
        reached = news[-1].account_seq
        # False as well when somebody moved the place meanwhile, for a replay: it is read anew.
        return feed(self.db, destination, messages, up_to=reached, at=self.clock.now())

    def _messages(self, destination: Destination, news: tuple[News, ...]) -> list[NewMessage]:
        name = self._name(destination.account_id)
        brackets: dict[str, Bracket | None] = {}
        messages = []
        for one in news:
            subject = self._subject(destination.account_id, one, brackets)
            message = None if subject is None else self._message(destination.channel, one, subject, name)
            if message is not None:
                messages.append(message)
        return messages

    def _subject(
        self, account_id: str, news: News, brackets: dict[str, Bracket | None]
    ) -> Bracket | PlainOrder | None:
        """Return what an event is of, as it is now; brackets are those of the same batch."""
        if isinstance(news, PlainNews):
            return plain_order(self.db, account_id, order_id=news.order_id)
        if news.bracket_id not in brackets:
            brackets[news.bracket_id] = load(self.db, news.bracket_id)
        return brackets[news.bracket_id]

    def _message(
        self, channel: Channel, news: News, subject: Bracket | PlainOrder, account_name: str
    ) -> NewMessage | None:
        try:
            return self.words[channel](_happened(news, subject, account_name))
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
            # Our bug. One event without words must not silence all that come after it.
            logger.exception("event %s of %s has no words", news.account_seq, subject.id)
            return _without_words(channel, news, subject.id)

    def _name(self, account_id: str) -> str:
        if account_id not in self._names:
            found = account(self.db, account_id)
            self._names[account_id] = account_id if found is None else found.name
        return self._names[account_id]


def key_of_event(seq: int) -> str:
    """Return what a message about the event with this account_seq is queued under."""
    return f"seq-{seq}"


def _happened(news: News, subject: Bracket | PlainOrder, account_name: str) -> Happened | PlainHappened:
    match news, subject:
        case PlainNews(), PlainOrder():
            return PlainHappened(news=news, order=subject, account_name=account_name)
        case BracketNews(), Bracket():
            event, seq = decode_event(news.kind, news.payload), news.account_seq
            return Happened(event=event, bracket=subject, seq=seq, at=news.at, account_name=account_name)
        case _:
            raise AssertionError("an event is told with what it is of")


def _without_words(channel: Channel, news: News, subject_id: str) -> NewMessage:
    whose = "plain_order" if isinstance(news, PlainNews) else "bracket"
    if channel is Channel.WEBHOOK:
        kind = "bracket_order.event" if whose == "bracket" else f"{whose}.event"
        facts = {f"{whose}_id": subject_id, "seq": news.account_seq, "kind": news.kind}
        said = {"type": kind, "timestamp": utc_milliseconds(news.at), "data": facts}
        body = msgspec.json.encode(said).decode()
    elif whose == "bracket":
        body = f"{news.kind} of bracket {subject_id}: look at it, /bracket {subject_id}"
    else:
        body = f"{news.kind} of order {subject_id}: look at your broker's app"
    key = key_of_event(news.account_seq)
    return NewMessage(key=key, seq=news.account_seq, urgent=True, body=body)
