"""What a restored database remembers of it: that nothing is sent, what was found, what a person confirmed.

Kept in the database, so that neither a crash nor a restart forgets that a person has to decide.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, delete, update

from database.bracket_tables import AccountSequenceRow
from database.login_tables import LoginSessionRow
from database.session import Database
from database.settings import SettingRow, SettingScope, put_setting, setting, write_setting

_HOLD = "restored"
_FINDINGS = "restored_findings"
_CONFIRMED = "restored_confirmed"
# Clients ask for what came after the last number they heard, and they heard of events that are gone.
_NUMBERS_SKIPPED = 1_000_000


class Findings(msgspec.Struct, frozen=True):
    """What the brokers showed. digest names it; lines are for the person who decides."""

    at: datetime
    digest: str
    is_complete: bool  # every account's books were read
    lines: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Since when the database is a restored one, and nothing is sent."""

    since: datetime


def begin_hold(db: Database, *, at: datetime) -> None:
    """Mark the database as restored: ends every login, skips event numbers, forgets older findings."""
    with db.write() as connection:
        write_setting(connection, SettingScope.SERVICE, subject_id="", key=_HOLD, value=at.isoformat(), at=at)
        connection.execute(
            delete(SettingRow).where(_of_service(), SettingRow.key.in_((_FINDINGS, _CONFIRMED)))
        )
        # Sessions that were ended after the backup would be open again.
        connection.execute(
            update(LoginSessionRow).where(LoginSessionRow.revoked_at.is_(None)).values(revoked_at=at)
        )
        skipped = AccountSequenceRow.last_seq + _NUMBERS_SKIPPED
        connection.execute(update(AccountSequenceRow).values(last_seq=skipped))


def hold_of(db: Database) -> Hold | None:
    """Return the hold, None when nothing holds the service. Raises NotRead."""
    value = setting(db, SettingScope.SERVICE, subject_id="", key=_HOLD)
    return None if value is None else Hold(since=datetime.fromisoformat(value))


def end_hold(db: Database) -> None:
    """Let the service work again."""
    keys = (_HOLD, _FINDINGS, _CONFIRMED)
    with db.write() as connection:
        connection.execute(delete(SettingRow).where(_of_service(), SettingRow.key.in_(keys)))


def store_findings(db: Database, findings: Findings) -> None:
    value = msgspec.json.encode(findings).decode()
    put_setting(db, SettingScope.SERVICE, subject_id="", key=_FINDINGS, value=value, at=findings.at)


def findings_of(db: Database) -> Findings | None:
    """Return what was found last, None before the first look. Raises NotRead."""
    value = setting(db, SettingScope.SERVICE, subject_id="", key=_FINDINGS)
    return None if value is None else msgspec.json.decode(value, type=Findings)


def confirm(db: Database, digest: str, *, at: datetime) -> None:
    """Store that a person has seen the findings of this digest and lets the service go on."""
    put_setting(db, SettingScope.SERVICE, subject_id="", key=_CONFIRMED, value=digest, at=at)


def confirmed_digest(db: Database) -> str | None:
    """Return the digest of the findings that a person confirmed. Raises NotRead."""
    return setting(db, SettingScope.SERVICE, subject_id="", key=_CONFIRMED)


def forget_confirmation(db: Database) -> None:
    """Ask again: what was confirmed is not what there is."""
    with db.write() as connection:
        connection.execute(delete(SettingRow).where(_of_service(), SettingRow.key == _CONFIRMED))


def _of_service() -> ColumnElement[bool]:
    return SettingRow.scope == SettingScope.SERVICE
