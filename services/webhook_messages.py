"""Outbound webhooks in the form of standardwebhooks.com: body, id and signature. Pure."""

from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook

from database.outbox_db import NewMessage
from services.announcements import Announcement, announcement
from services.outbox import Happened, PlainHappened, key_of_event
from services.plain_announcements import PlainAnnouncement, plain_announcement

_ID = "msg"


def webhook_message(happened: Happened | PlainHappened) -> NewMessage | None:
    """Return what a webhook is told of an event: the update that clients hear, or nothing."""
    kind, said = _said(happened)
    if said is None:
        return None
    body = {
        "type": f"{kind}.{said.status}",
        "timestamp": said.timestamp,
        "data": {**said.payload(), "account": happened.account_name},
    }
    return NewMessage(
        key=key_of_event(said.seq), seq=said.seq, urgent=False, body=msgspec.json.encode(body).decode()
    )


def _said(happened: Happened | PlainHappened) -> tuple[str, Announcement | PlainAnnouncement | None]:
    if isinstance(happened, PlainHappened):
        return "plain_order", plain_announcement(happened.news, happened.order)
    said = announcement(happened.event, happened.bracket, seq=happened.seq, at=happened.at)
    return "bracket_order", said


def message_id(account_id: str, key: str) -> str:
    """Return the id a message has at every attempt and for every receiver."""
    return f"{_ID}_{account_id}_{key}"


def key_of_id(text: str, account_id: str) -> str | None:
    """Return the key inside a message's id, or None when it is not one of this account."""
    start = message_id(account_id, "")
    return text.removeprefix(start) if text.startswith(start) else None


def signed_headers(secret: str, body: str, *, message_id: str, at: datetime) -> dict[str, str]:
    """Return the headers of one attempt. The signature covers id, time of sending and the very body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "openbracket",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(msg_id=message_id, timestamp=at.astimezone(UTC), data=body),
    }
