"""What an account's people are told beside its brackets' events: through the outbox, once under each key."""

import msgspec

from database.account_db import Account
from database.outbox_db import Channel, NewMessage, destinations, enqueue
from database.session import Database
from services.announcements import utc_milliseconds
from utils.clock import Clock


def notify(db: Database, clock: Clock, owner: Account, *, key: str, kind: str, words: str) -> None:
    """Queue an urgent message for every destination of an account; webhooks hear of it as `kind`."""
    now = clock.now()
    facts = {"account": owner.name, "broker": owner.broker, "message": words}
    event = {"type": kind, "timestamp": utc_milliseconds(now), "data": facts}
    bodies = {Channel.TELEGRAM: words, Channel.WEBHOOK: msgspec.json.encode(event).decode()}
    for channel in Channel:
        for one in destinations(db, channel, account_id=owner.id):
            enqueue(db, one, [NewMessage(key=key, seq=None, urgent=True, body=bodies[channel])], at=now)
