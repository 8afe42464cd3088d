"""What the task queue's workers do: each task looks up in the store what there is to do, and does it.

Any task may come twice, or at two workers at once: what is sent is claimed first, and a day's job that is
done anew gives the same.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from telegram.error import TelegramError

from broker.base import AuthDead, BrokerSettings, ReadFailed
from database.secret_box import SecretBox
from database.session import Database
from services.daily_jobs import note_done
from services.instrument_lists import read_instruments, store_instruments
from services.outbound_http import OutboundHttp
from services.task_messages import Task
from services.telegram_alert_service import queue_summaries
from services.telegram_sender import TelegramSender
from services.telegram_service import telegram_bot
from services.webhook_sender import WebhookSender
from utils.clock import Clock
from utils.config import Config, TelegramSettings
from utils.constants import EXCHANGE_ZONE

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)  # longer than an attempt may take, with every time-out of its way


class Queue(Protocol):
    """What a task is made known to."""

    def task(self, *, name: str) -> Callable[[Callable[[str], None]], object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTasks:
    """The tasks, by what they need."""

    db: Database
    box: SecretBox
    clock: Clock
    webhooks: WebhookSender
    telegram: TelegramSettings | None
    broker_settings: BrokerSettings

    def register(self, queue: Queue) -> None:
        """Make every task known under its name."""
        for task in Task:
            queue.task(name=task)(self._work_of(task))

    def do(self, task: Task, about: str) -> None:
        """Do a task now."""
        works: dict[Task, Callable[[str], object]] = {
            Task.WEBHOOK: self.webhooks.send_to,
            Task.CHAT: self.send_to_chat,
            Task.SUMMARIES: self.summarise,
            Task.INSTRUMENTS: self.sync_instruments,
            Task.TIDY: lambda _: self.webhooks.clean(),
        }
        works[task](about)

    def send_to_chat(self, chat: str) -> None:
        """Send one message to a Telegram chat, when one is due."""
        if self.telegram is not None:
            asyncio.run(self._send_to_chat(self.telegram, chat))

    def summarise(self, day: str) -> None:
        """Queue the summaries of a day."""
        queue_summaries(self.db, self.clock, date.fromisoformat(day))
        note_done(self.db, Task.SUMMARIES, "", day=date.fromisoformat(day), at=self.clock.now())

    def sync_instruments(self, broker: str) -> None:
        """List a broker's instruments anew. A file that cannot be had is tried again later."""
        began = self.clock.now()
        try:
            found = read_instruments(self.db, self.box, self.broker_settings, broker, progress=_untold)
        except (ReadFailed, AuthDead) as exc:
            logger.warning("the old list of %s still counts: %s", broker, exc)
            return
        store_instruments(self.db, self.clock, found, broker=broker, progress=lambda: _untold)
        day = began.astimezone(EXCHANGE_ZONE).date()
        note_done(self.db, Task.INSTRUMENTS, broker, day=day, at=self.clock.now())

    def _work_of(self, task: Task) -> Callable[[str], None]:
        def work(about: str) -> None:
            self.do(task, about)

        return work

    async def _send_to_chat(self, settings: TelegramSettings, chat: str) -> None:
        sender = TelegramSender(self.db, self.clock, asyncio.Event(), settings.pace_seconds, claim=CLAIM)
        try:
            async with telegram_bot(settings) as bot:
                await sender.send_to(bot, chat)
        except TelegramError as exc:
            # Its kind only: the text of a refused token holds the token.
            logger.warning("Telegram does not answer: %s", type(exc).__name__)


def make_side_tasks(config: Config, db: Database, box: SecretBox, clock: Clock) -> SideTasks:
    """Return the tasks as the configuration wants them, for a sender beside others."""
    http = OutboundHttp(allow=config.outbound_webhooks_allow)
    return SideTasks(
        db=db,
        box=box,
        clock=clock,
        webhooks=WebhookSender(db, box, clock, http, claim=CLAIM),
        telegram=config.telegram(),
        broker_settings=BrokerSettings.of(config),
    )


def _untold(_: int) -> None:
    """Hear of progress where nobody waits for it."""
