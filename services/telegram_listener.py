"""Hears what chats say to the bot and queues the answers. Each update is acted on at most once."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telegram import Bot, Message, Update
from telegram.constants import ChatType
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from database.account_db import account
from database.outbox_db import Channel, Destination, Health, NewMessage, destinations, enqueue, set_health
from database.session import StorageError
from database.settings import SettingScope, put_setting, setting
from database.telegram_links import redeem_link_code
from services.delivery import chat_pause_after
from services.desk import Desk
from services.patience import rest
from services.telegram_commands import HELP, ChatCommands
from services.telegram_sender import asked_wait

logger = logging.getLogger(__name__)

UPDATES = "telegram_updates"  # the setting that holds the last update's number and time
UPDATES_LIVE = timedelta(hours=24)  # Telegram keeps them so long, and may number anew after a week

_CONFLICT_SECONDS = 15.0
_LINKING = ("/start", "/link")


@dataclass(slots=True)
class TelegramListener:
    """Reads the bot's updates. `news` is set when an answer was queued."""

    desk: Desk
    news: asyncio.Event
    poll_seconds: int
    _commands: ChatCommands = field(init=False)

    def __post_init__(self) -> None:
        self._commands = ChatCommands(self.desk)

    async def run(self, bot: Bot, stop: threading.Event) -> None:
        """Listen until stop is set. Raises InvalidToken."""
        failures = 0
        while not stop.is_set():
            try:
                await self._turn(bot)
                failures = 0
            except InvalidToken:
                raise
            except RetryAfter as exc:
                await rest(stop, asked_wait(exc).total_seconds())
            except Conflict:
                logger.error("another program reads this bot's updates; commands are not heard")
                await rest(stop, _CONFLICT_SECONDS)
            except (TelegramError, StorageError) as exc:
                failures += 1
                logger.warning("Telegram's updates could not be read: %s", exc)
                await rest(stop, chat_pause_after(failures).total_seconds())

    async def _turn(self, bot: Bot) -> None:
        seen = self._last_update()
        updates = await bot.get_updates(
            offset=None if seen is None else seen + 1,
            timeout=self.poll_seconds,
            allowed_updates=[Update.MESSAGE],
        )
        for update in updates:
            await self._take(update)

    def _last_update(self) -> int | None:
        """Return the number of the last update acted on, unless it is so old that numbers began anew."""
        stored = setting(self.desk.db, SettingScope.SERVICE, subject_id="", key=UPDATES)
        if stored is None:
            return None
        number, at = stored.split()
        is_old = self.desk.clock.now() - datetime.fromisoformat(at) > UPDATES_LIVE
        return None if is_old else int(number)

    async def _take(self, update: Update) -> None:
        """Act on an update unless it came before. It is noted first: an order is never given twice."""
        seen, now = self._last_update(), self.desk.clock.now()
        if seen is not None and update.update_id <= seen:
            return
        value = f"{update.update_id} {now.isoformat()}"
        put_setting(self.desk.db, SettingScope.SERVICE, subject_id="", key=UPDATES, value=value, at=now)
        message = update.message
        if message is not None and message.text and message.chat.type == ChatType.PRIVATE:
            # In a thread: an exit waits for its worker, and alerts must not wait for that.
            await asyncio.to_thread(self._answer, update.update_id, message, message.text)
            self.news.set()

    def _answer(self, update_id: int, message: Message, text: str) -> None:
        linked = self._link(message.chat.id, text)
        links = linked or destinations(self.desk.db, Channel.TELEGRAM, address=str(message.chat.id))
        if not links:
            logger.warning("a message of the foreign chat %s was ignored", message.chat.id)
            return
        if linked:
            said = f"Alerts of {self._names(links)} come here.\n\n{HELP}"
        else:
            said = self._commands.answer(links, text, sent_at=message.date)
        db, now = self.desk.db, self.desk.clock.now()
        set_health(db, [link.id for link in links], Health())  # who writes to us has not blocked us
        answer = NewMessage(key=f"answer-{update_id}", seq=None, urgent=True, body=said)
        enqueue(db, links[0], [answer], at=now)

    def _link(self, chat_id: int, text: str) -> tuple[Destination, ...]:
        """Link a chat that names a good code, and return all links it has then; else none."""
        name, *words = text.split() or [""]
        if name.lower() not in _LINKING or len(words) != 1:
            return ()
        db, box = self.desk.db, self.desk.secrets.box
        link = redeem_link_code(db, box, words[0], chat_id=chat_id, at=self.desk.clock.now())
        return () if link is None else destinations(db, Channel.TELEGRAM, address=str(chat_id))

    def _names(self, links: Sequence[Destination]) -> str:
        found = [account(self.desk.db, link.account_id) for link in links]
        return ", ".join(one.name for one in found if one is not None)
