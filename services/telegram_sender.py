"""Sends what the outbox holds for Telegram chats: what is urgent first, floods in few messages."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from database.outbox_db import (
    Channel,
    Destination,
    Health,
    begin_attempt,
    give_up,
    note_delivered,
    note_failed,
    sendable,
    waiting,
)
from database.session import Database, StorageError
from services.delivery import (
    Parcel,
    chat_pause_after,
    failed_health,
    health_of,
    is_refused_for_good,
    next_parcel,
)
from services.patience import rest
from utils.clock import Clock
from utils.log import redact_text
from utils.metrics import DELIVERIES

logger = logging.getLogger(__name__)

BLOCKED_PAUSE = timedelta(minutes=15)  # or until the person writes to us again

_LOOK_SECONDS = 0.5
_MOST_IN_MEMORY = 200
_MOST_CHARACTERS = 4096  # Telegram refuses a longer text, each time it is sent


@dataclass(frozen=True, slots=True)
class TelegramSender:
    """Sends alerts and answers. `news` is set when something was queued."""

    db: Database
    clock: Clock
    news: asyncio.Event
    pace_seconds: float
    claim: timedelta = timedelta(0)  # how long what it has begun with is left to it, where there are others

    async def run(self, bot: Bot, stop: threading.Event) -> None:
        """Send until stop is set. Raises InvalidToken."""
        while not stop.is_set():
            if await self._turn(bot):
                await rest(stop, self.pace_seconds)
            else:
                await self._await_news()

    async def send_to(self, bot: Bot, chat: str) -> None:
        """Send one message to a chat, when one is due. Raises InvalidToken."""
        found = sendable(self.db, Channel.TELEGRAM, now=self.clock.now())
        links = [link for link in found if link.address == chat]
        if links:
            await self._send_parcel(bot, links)

    async def _turn(self, bot: Bot) -> int:
        try:
            return await self._send_to_chats(bot)
        except StorageError:
            logger.exception("the outbox could not be read or written; alerts wait")
            return 0

    async def _await_news(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self.news.wait()
        except TimeoutError:
            return
        self.news.clear()

    async def _send_to_chats(self, bot: Bot) -> int:
        """Send one message to each chat that has one due; return how many chats that were."""
        chats: dict[str, list[Destination]] = {}
        for link in sendable(self.db, Channel.TELEGRAM, now=self.clock.now()):
            chats.setdefault(link.address, []).append(link)
        for links in chats.values():
            await self._send_parcel(bot, links)
        return len(chats)

    async def _send_parcel(self, bot: Bot, links: Sequence[Destination]) -> None:
        now, health = self.clock.now(), health_of(links[0])
        queued = waiting(self.db, [link.id for link in links], limit=_MOST_IN_MEMORY)
        parcel = next_parcel(queued, now)
        if parcel is None:
            return
        pause = max(chat_pause_after(health.failures + 1), self.claim)
        if not begin_attempt(self.db, parcel.ids, now=now, next_at=now + pause):
            return
        try:
            text = parcel.text[:_MOST_CHARACTERS]
            await bot.send_message(int(links[0].address), text, disable_notification=not parcel.urgent)
        except InvalidToken:
            raise
        except TelegramError as exc:
            DELIVERIES.labels(Channel.TELEGRAM, "failed").inc()
            attempts = min(message.attempts for message in queued if message.id in parcel.ids) + 1
            self._note_failure(links, parcel, exc, attempts=attempts)
        else:
            DELIVERIES.labels(Channel.TELEGRAM, "sent").inc()
            note_delivered(self.db, [link.id for link in links], parcel.ids, at=self.clock.now())

    def _note_failure(
        self, links: Sequence[Destination], parcel: Parcel, exc: TelegramError, *, attempts: int
    ) -> None:
        now, before = self.clock.now(), health_of(links[0])
        error = redact_text(f"{type(exc).__name__}: {exc}")[:300]
        after = _health_after(before, exc, now=now)
        next_at = now + chat_pause_after(before.failures + 1)
        ids = [link.id for link in links]
        note_failed(self.db, ids, parcel.ids, error=error, health=after, next_at=next_at)
        if isinstance(exc, BadRequest) and is_refused_for_good(attempts, before):
            give_up(self.db, parcel.ids, error=error, at=now)
            logger.error("Telegram never takes %d alerts; given up: %s", len(parcel.ids), error)
        elif isinstance(exc, Forbidden) and before.failing_since is None:
            logger.error("Telegram chat %s is closed to us, its alerts wait: %s", links[0].address, error)
        else:
            logger.warning("Telegram chat %s: not sent, to be tried again: %s", links[0].address, error)


def _health_after(before: Health, exc: TelegramError, *, now: datetime) -> Health:
    if isinstance(exc, RetryAfter):  # Telegram works; it only wants us slower
        return Health(
            failures=before.failures, failing_since=before.failing_since, next_at=now + asked_wait(exc)
        )
    pause = BLOCKED_PAUSE if isinstance(exc, Forbidden) else chat_pause_after(before.failures + 1)
    return failed_health(before, now, pause=pause, asked=None)


def asked_wait(exc: RetryAfter) -> timedelta:
    """Return how long Telegram wants to be left alone."""
    wait = exc.retry_after
    return wait if isinstance(wait, timedelta) else timedelta(seconds=wait)
