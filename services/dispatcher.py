"""From the outbox to the task queue: who has something to send now, and what is to be done today.

Runs in one process, the one that does for all what one process has to; two of them for a moment do no harm.
What nobody takes from the queue, or what the queue does not take, is sent from here after a while: an alarm
must not hang on RabbitMQ.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from database.account_db import brokers_in_use
from database.outbox_db import Channel, sendable
from database.session import Database, StorageError
from services.daily_jobs import is_done
from services.task_messages import NotPublished, Publish, Task
from utils.clock import Clock
from utils.constants import EXCHANGE_ZONE

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_AGAIN_SECONDS = 10.0  # a message about the same is sent again after this, while it has still to be done
_DAILY_AGAIN_SECONDS = 120.0
_DAILY_LOOK_SECONDS = 30.0
_HOURLY_SECONDS = 3600.0
_REST_SECONDS = 3.0
_LEFT = timedelta(seconds=30)  # what has been due for so long is sent from here

Wish = tuple[Task, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyJob:
    """A job of each day, due from a time of the exchange's on; about is what its messages name."""

    task: Task
    due_at: time
    about: str = ""  # empty: the day


@dataclass(slots=True)
class Dispatcher:
    """Sends messages about what is due. `run` is one thread's work; `here` does a task in this process."""

    db: Database
    clock: Clock
    publish: Publish
    here: Callable[[Task, str], None]
    channels: Mapping[Channel, Task]
    daily: Sequence[DailyJob] = ()
    _news: threading.Event = field(default_factory=threading.Event)
    _sent: dict[Wish, float] = field(default_factory=dict)  # when last; only saves messages
    _daily_at: float = float("-inf")
    _is_down: bool = False
    _is_helping: bool = False

    def wake(self) -> None:
        """Look at once. Never blocks."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Look and send until stop is set."""
        while not stop.is_set():
            if not self.dispatch():
                stop.wait(_REST_SECONDS)
            self._news.wait(_LOOK_EVERY_SECONDS)
            self._news.clear()

    def dispatch(self) -> bool:
        """Send a message about all that is due; False when RabbitMQ, or the database, is away."""
        try:
            self._do_what_was_left()
            for wish, again_after in self._due():
                self._ask(wish, again_after)
        except StorageError:
            logger.exception("what is to be sent outside could not be read; it waits")
            return False
        except NotPublished as exc:
            if not self._is_down:
                logger.error("%s: what is to be told outside waits a while, and is sent from here", exc)
            self._is_down = True
            return False
        return True

    def _ask(self, wish: Wish, again_after: float) -> None:
        now = self.clock.monotonic()
        if now - self._sent.get(wish, float("-inf")) < again_after:
            return
        self.publish(*wish)
        self._sent[wish] = now
        if self._is_down:
            logger.warning("RabbitMQ takes messages again")
        self._is_down = False

    def _do_what_was_left(self) -> None:
        due_by = self.clock.now() - _LEFT
        left = [wish for channel in self.channels for wish in sorted(self._wishes(channel, due_by=due_by))]
        if left and not self._is_helping:
            logger.error("nobody sends what is to be told outside: it is sent from here")
        self._is_helping = bool(left)
        for task, about in left:
            self.here(task, about)

    def _wishes(self, channel: Channel, *, due_by: datetime) -> set[Wish]:
        found = sendable(self.db, channel, now=due_by)
        abouts = [one.id if channel is Channel.WEBHOOK else one.address for one in found]
        return {(self.channels[channel], about) for about in abouts}

    def _due(self) -> Iterator[tuple[Wish, float]]:
        for channel, task in self.channels.items():
            wishes = self._wishes(channel, due_by=self.clock.now())
            # What has been sent meanwhile and is due anew need not wait.
            self._forget(task, but=wishes)
            yield from ((wish, _AGAIN_SECONDS) for wish in sorted(wishes))
        yield (Task.TIDY, ""), _HOURLY_SECONDS
        if self.clock.monotonic() - self._daily_at >= _DAILY_LOOK_SECONDS:
            self._daily_at = self.clock.monotonic()
            yield from self._due_today()

    def _due_today(self) -> Iterator[tuple[Wish, float]]:
        local, brokers = self.clock.now().astimezone(EXCHANGE_ZONE), brokers_in_use(self.db)
        for job in self.daily:
            is_due = local.time() >= job.due_at and (not job.about or job.about in brokers)
            if is_due and not is_done(self.db, job.task, job.about, day=local.date()):
                yield (job.task, job.about or local.date().isoformat()), _DAILY_AGAIN_SECONDS

    def _forget(self, task: Task, *, but: set[Wish]) -> None:
        self._sent = {wish: at for wish, at in self._sent.items() if wish[0] is not task or wish in but}
