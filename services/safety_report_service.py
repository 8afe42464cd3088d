"""The safety report of an account, or of several, from what is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from database.bracket_db import StoredEvent, history_of, load_touched
from database.session import Database
from services.bracket.model import Mode
from services.event_codec import decode_event
from services.recording import Looked, decode_cause
from services.safety_report import Happened, SafetyReport, Story, report_on
from utils.constants import EXCHANGE_ZONE

MOST_DAYS = 31
DATES = (date(2000, 1, 1), date(2999, 12, 31))  # the first and the last a report is made of


@dataclass(frozen=True, slots=True)
class Days:
    """Exchange days, midnight to midnight: `count` of them, the last one `last`."""

    last: date
    count: int = 1

    @property
    def since(self) -> datetime:
        return _midnight(self.last - timedelta(days=self.count - 1))

    @property
    def until(self) -> datetime:
        return _midnight(self.last + timedelta(days=1))


def today(now: datetime) -> date:
    """Return the exchange's date."""
    return now.astimezone(EXCHANGE_ZONE).date()


def safety_report(
    db: Database, account_ids: Iterable[str], *, mode: Mode, days: Days, now: datetime
) -> SafetyReport:
    """Return the report of these accounts' brackets in one mode. Raises NotRead."""
    stories = _stories(db, account_ids, mode, days)
    return report_on(stories, since=days.since, until=days.until, now=now)


def _stories(db: Database, account_ids: Iterable[str], mode: Mode, days: Days) -> Iterator[Story]:
    for account_id in account_ids:
        for bracket in load_touched(db, account_id, mode=mode, since=days.since):
            yield Story(bracket, [_happened(stored) for stored in history_of(db, bracket.id)])


def _happened(stored: StoredEvent) -> Happened:
    event = decode_event(stored.kind, stored.payload)
    if stored.cause is None:
        return Happened(event, stored.at)
    cause = decode_cause(stored.cause)
    read = cause.seen.read if isinstance(cause, Looked) else None
    return Happened(event, stored.at, None if read is None else read.started.wall, cause.now.boot)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=EXCHANGE_ZONE)
