"""Telegram: alerts to the linked chats, their commands, the day's summary. One thread owns the event loop.

What is to be told waits in the outbox, so a restart loses nothing, and a Telegram that is slow or dead
delays nothing but itself. Each command is carried out at most once, each alert told at least once.
"""

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from telegram import Bot
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from database.session import StorageError
from services.delivery import chat_pause_after
from services.desk import Desk
from services.patience import rest, until_one_ends
from services.telegram_alert_service import queue_summaries
from services.telegram_listener import TelegramListener
from services.telegram_sender import TelegramSender
from utils.config import TelegramSettings
from utils.constants import EXCHANGE_ZONE

logger = logging.getLogger(__name__)

_SUMMARY_LOOK_SECONDS = 20.0
_BAD_TOKEN_SECONDS = 60.0


@dataclass(slots=True)
class TelegramService:
    """Speaks to Telegram's Bot API. `run` is one thread's work; after a crash it begins anew."""

    desk: Desk
    settings: TelegramSettings
    is_sending: bool = True  # otherwise the task queue sends, and makes the summaries
    _loop: asyncio.AbstractEventLoop | None = None
    _news: asyncio.Event | None = None
    _summarised: date | None = None

    def wake(self) -> None:
        """Look into the outbox at once. Never blocks."""
        loop, news = self._loop, self._news
        if loop is not None and news is not None:
            with suppress(RuntimeError):  # the loop has just ended; the next one looks anyway
                loop.call_soon_threadsafe(news.set)

    def run(self, stop: threading.Event) -> None:
        """Send and answer until stop is set."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        self._loop, self._news = asyncio.get_running_loop(), asyncio.Event()
        failures = 0
        while not stop.is_set():
            try:
                async with telegram_bot(self.settings) as bot:
                    failures = 0
                    await self._work(bot, self._news, stop)
            except InvalidToken:
                # Not the exception's own text: it holds the token.
                logger.error("Telegram refuses TELEGRAM_BOT_TOKEN: no alert is sent")
                await rest(stop, _BAD_TOKEN_SECONDS)
            except TelegramError as exc:
                failures += 1
                logger.warning("Telegram does not answer: %s", exc)
                await rest(stop, chat_pause_after(failures).total_seconds())

    async def _work(self, bot: Bot, news: asyncio.Event, stop: threading.Event) -> None:
        sender = TelegramSender(self.desk.db, self.desk.clock, news, self.settings.pace_seconds)
        listener = TelegramListener(self.desk, news, self.settings.poll_seconds)
        parts = [listener.run(bot, stop)]
        if self.is_sending:
            parts += [sender.run(bot, stop), self._summarise(news, stop)]
        await until_one_ends(parts)

    async def _summarise(self, news: asyncio.Event, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.queue_summaries()
                news.set()
            except StorageError:
                logger.exception("the day's summary could not be made; it is tried again")
            await rest(stop, _SUMMARY_LOOK_SECONDS)

    def queue_summaries(self) -> None:
        """Queue each account's summary once its time has come; under the day's key it goes out once."""
        local = self.desk.clock.now().astimezone(EXCHANGE_ZONE)
        day = local.date()
        if local.time() < self.settings.summary_at or self._summarised == day:
            return
        queue_summaries(self.desk.db, self.desk.clock, day)
        self._summarised = day


def telegram_bot(settings: TelegramSettings) -> Bot:
    """Return the bot, not connected yet."""
    return Bot(
        settings.bot_token,
        base_url=f"{settings.api_root}/bot",
        request=_request(settings),
        get_updates_request=_request(settings),
    )


def _request(settings: TelegramSettings) -> HTTPXRequest:
    seconds = settings.answer_seconds
    return HTTPXRequest(connect_timeout=seconds, read_timeout=seconds, write_timeout=seconds)
