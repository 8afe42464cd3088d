"""Sends what the outbox holds for webhooks: signed, in turns, again and again until it arrives.

Each pass sends at most one message to each destination, so that a slow one holds up the others for one
attempt only, and then rests by its own pause. Senders beside each other take different messages: each claims
what it sends for longer than any attempt may take.
"""

import logging
import threading
from dataclasses import dataclass, field
from datetime import timedelta

from database.account_db import SIGNING_SECRET, existing_account, sealed_for
from database.outbox_db import (
    Channel,
    Destination,
    Message,
    begin_attempt,
    destination,
    disable,
    due,
    forget_finished,
    give_up,
    note_delivered,
    note_failed,
    secret_of,
    sendable,
)
from database.secret_box import SecretBox, SecretUnreadable
from database.session import Database, StorageError
from services.delivery import (
    arrived,
    failed_health,
    health_of,
    is_long_dead,
    is_refused_for_good,
    may_send,
    pause_after,
)
from services.outbound_http import AddressRefused, NotDelivered, OutboundHttp, Reply
from services.telegram_alert_service import send_order_alert
from services.webhook_messages import message_id, signed_headers
from utils.clock import Clock
from utils.metrics import DELIVERIES

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0
_GONE = 410  # by the specification: never call again
_KEPT = timedelta(days=30)  # how long a finished message can be replayed as it was
_CLEAN_EVERY_SECONDS = 3600.0
_MOST_IN_A_ROW = 20


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one attempt went; `error` is None when the message arrived."""

    error: str | None
    asked: timedelta | None = None
    is_gone: bool = False


@dataclass(slots=True)
class WebhookSender:
    """A sender of webhooks. `run` is one thread's work; `send_to` may be called by any number of them.

    `claim` is how long a message is left to the sender that has begun with it; nothing for the only one.
    """

    db: Database
    box: SecretBox
    clock: Clock
    http: OutboundHttp
    claim: timedelta = timedelta(0)
    _news: threading.Event = field(default_factory=threading.Event)
    _cleaned_at: float = float("-inf")

    def wake(self) -> None:
        """Look at once. Never blocks."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Send until stop is set."""
        while not stop.is_set():
            if not self._turn(stop):
                self._news.wait(_LOOK_EVERY_SECONDS)
                self._news.clear()

    def send_to(self, destination_id: str) -> int:
        """Send what is due to one destination, as long as it arrives; return how much was tried."""
        for tried in range(_MOST_IN_A_ROW):
            one = destination(self.db, destination_id)
            message = due(self.db, destination_id, now=self.clock.now())
            if one is None or message is None or not may_send(one, now=self.clock.now()):
                return tried
            self._send(one, message)
        return _MOST_IN_A_ROW

    def send_due(self, stop: threading.Event) -> int:
        """Send one message to each destination that has one due; return how many were tried."""
        tried = 0
        for one in sendable(self.db, Channel.WEBHOOK, now=self.clock.now()):
            message = None if stop.is_set() else due(self.db, one.id, now=self.clock.now())
            if message is not None:
                self._send(one, message)
                tried += 1
        return tried

    def _turn(self, stop: threading.Event) -> int:
        try:
            self.clean()
            return self.send_due(stop)
        except StorageError:
            logger.exception("the outbox could not be read or written; webhooks wait")
            return 0

    def clean(self) -> None:
        """Forget what was finished long ago; once an hour."""
        if self.clock.monotonic() - self._cleaned_at >= _CLEAN_EVERY_SECONDS:
            self._cleaned_at = self.clock.monotonic()
            forget_finished(self.db, before=self.clock.now() - _KEPT)

    def _send(self, destination: Destination, message: Message) -> None:
        now = self.clock.now()
        next_at = now + max(pause_after(message.attempts + 1), self.claim)
        if not begin_attempt(self.db, [message.id], now=now, next_at=next_at):
            return
        attempt = self._attempt(destination, message)
        DELIVERIES.labels(Channel.WEBHOOK, "sent" if attempt.error is None else "failed").inc()
        if attempt.error is None:
            note_delivered(self.db, [destination.id], [message.id], at=self.clock.now())
        else:
            self._note_failure(destination, message, attempt, error=attempt.error)

    def _attempt(self, destination: Destination, message: Message) -> _Attempt:
        try:
            headers = self._headers(destination, message)
            reply = self.http.post(destination.address, message.body.encode(), headers=headers)
        except (AddressRefused, NotDelivered, SecretUnreadable) as exc:
            return _Attempt(str(exc))
        return _judged(reply)

    def _headers(self, destination: Destination, message: Message) -> dict[str, str]:
        return signed_headers(
            self._secret(destination),
            message.body,
            message_id=message_id(destination.account_id, message.key),
            at=self.clock.now(),
        )

    def _secret(self, destination: Destination) -> str:
        account = existing_account(self.db, destination.account_id)
        cipher = secret_of(self.db, destination.id) or ""
        return self.box.open(cipher, sealed_for(account, f"{SIGNING_SECRET} {destination.id}"))

    def _note_failure(
        self, destination: Destination, message: Message, attempt: _Attempt, *, error: str
    ) -> None:
        now, before = self.clock.now(), health_of(destination)
        after = failed_health(before, now, pause=pause_after(before.failures + 1), asked=attempt.asked)
        next_at = now + pause_after(message.attempts + 1)
        note_failed(self.db, [destination.id], [message.id], error=error, health=after, next_at=next_at)
        logger.warning("webhook %s: message %s did not arrive: %s", destination.id, message.key, error)
        if attempt.is_gone or is_long_dead(after, now):
            self._disable(destination, error)
        elif is_refused_for_good(message.attempts + 1, before):
            give_up(self.db, [message.id], error=error, at=now)
            logger.error("webhook %s: message %s is given up: %s", destination.id, message.key, error)

    def _disable(self, destination: Destination, error: str) -> None:
        """Stop sending there, and say so where people look: the log, `doctor`, Telegram."""
        now = self.clock.now()
        if not disable(self.db, destination.id, reason=error, at=now):
            return
        logger.error("webhook %s is DISABLED: %s", destination.id, error)
        text = (
            f"WEBHOOK DISABLED: {destination.address}\nNothing arrives there: {error}.\n"
            f"Nothing is lost. Do: mend it, then run `hook enable {destination.id}`."
        )
        key = f"disabled-{destination.id}-{int(now.timestamp())}"
        send_order_alert(self.db, self.clock, destination.account_id, key=key, text=text)


def _judged(reply: Reply) -> _Attempt:
    if arrived(reply.status):
        return _Attempt(None)
    error = f"the answer was {reply.status}"
    return _Attempt(error, asked=reply.retry_after, is_gone=reply.status == _GONE)
