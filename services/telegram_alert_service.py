"""What is told over Telegram beside a bracket's events: in the outbox, where a restart loses nothing."""

from datetime import date

from database.account_db import list_accounts
from database.outbox_db import Channel, NewMessage, destinations, enqueue
from database.session import Database
from services.daily_summary import daily_summary
from utils.clock import Clock


def send_order_alert(
    db: Database, clock: Clock, account_id: str, *, key: str, text: str, urgent: bool = True
) -> bool:
    """Queue a text for the chat linked to an account; False when none is. Raises NotStored.

    Nothing is told twice under one key. Alerts of a bracket's events are queued from the events
    themselves; this is for what no event is behind.
    """
    links = destinations(db, Channel.TELEGRAM, account_id=account_id)
    for link in links:
        enqueue(db, link, [NewMessage(key=key, seq=None, urgent=urgent, body=text)], at=clock.now())
    return bool(links)


def queue_summaries(db: Database, clock: Clock, day: date) -> None:
    """Queue the day's summary of each account with a chat; under the day's key it goes out once."""
    linked = {one.account_id for one in destinations(db, Channel.TELEGRAM)}
    for one in list_accounts(db):
        text = daily_summary(db, one.id, account_name=one.name, day=day) if one.id in linked else None
        if text is not None:
            key = f"summary-{day.isoformat()}"
            send_order_alert(db, clock, one.id, key=key, text=text, urgent=False)
