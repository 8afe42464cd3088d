"""Jobs of each day, and the mark of the last day on which each was done: by whom does not matter."""

from datetime import date, datetime

from database.session import Database
from database.settings import SettingScope, put_setting, setting


def is_done(db: Database, job: str, about: str, *, day: date) -> bool:
    """Return whether a job is done for a day. Raises NotRead."""
    return setting(db, SettingScope.SERVICE, subject_id=about, key=_key(job)) == day.isoformat()


def note_done(db: Database, job: str, about: str, *, day: date, at: datetime) -> None:
    """Note that a job is done for a day. Raises NotStored."""
    put_setting(db, SettingScope.SERVICE, subject_id=about, key=_key(job), value=day.isoformat(), at=at)


def _key(job: str) -> str:
    return f"done {job}"
