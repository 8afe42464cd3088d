"""Brackets with a history of events, stored as the service would, without a broker."""

from typing import Any

from database.account_db import Account
from database.bracket_db import EventRecord, insert_bracket
from database.session import Database
from services.bracket.events import Event
from services.bracket.model import Bracket
from services.event_codec import encode_event
from tests.builders import a_bracket, a_moment, a_plan


def store_history(db: Database, account: Account, *events: Event, **overrides: Any) -> Bracket:
    """Store a new bracket of the account to which these events happened, and return it."""
    plan = a_plan(account_id=account.id, owner_id=account.owner_id)
    bracket = a_bracket(plan=plan, version=len(events), **overrides)
    records = [
        EventRecord(kind=type(event).__name__, at=a_moment(number), payload=encode_event(event))
        for number, event in enumerate(events)
    ]
    insert_bracket(db, bracket, records, claim=None)
    return bracket
