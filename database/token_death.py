"""The end of an account's broker session: since when it is known, and whether people were told.

A death is of the token that was in use: one stored later has none. It is stored before anybody is told, so
that a crash in between tells it again as the same one, and a second death as another.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, update

from database.account_db import AccountStatus, token_stored_at, tokens_stored_at
from database.auth_tables import AccountRow
from database.session import Database
from database.settings import SettingScope, put_setting, setting, settings_of, write_setting

_DIED_AT = "token_died_at"
_TOLD_OF = "token_death_told"  # the death that people were told of, by its time


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDeath:
    at: datetime
    is_told: bool


def token_death(db: Database, account_id: str) -> TokenDeath | None:
    """Return the death of the token in use, None while it is not known to be dead. Raises NotRead."""
    died_at = setting(db, SettingScope.ACCOUNT, subject_id=account_id, key=_DIED_AT)
    told_of = setting(db, SettingScope.ACCOUNT, subject_id=account_id, key=_TOLD_OF)
    return _death(died_at, told_of, token_stored_at(db, account_id))


def token_deaths(db: Database) -> dict[str, TokenDeath]:
    """Return the deaths of the tokens in use of all accounts, by account. Raises NotRead."""
    died_at = settings_of(db, SettingScope.ACCOUNT, key=_DIED_AT)
    told_of, stored_at = settings_of(db, SettingScope.ACCOUNT, key=_TOLD_OF), tokens_stored_at(db)
    deaths = {one: _death(died_at[one], told_of.get(one), stored_at.get(one)) for one in died_at}
    return {account_id: death for account_id, death in deaths.items() if death is not None}


def _death(died_at: str | None, told_of: str | None, stored_at: datetime | None) -> TokenDeath | None:
    if not died_at:
        return None
    at = datetime.fromisoformat(died_at)
    if stored_at is not None and stored_at > at:
        return None
    return TokenDeath(at=at, is_told=told_of == died_at)


def note_token_death(db: Database, account_id: str, *, at: datetime) -> TokenDeath:
    """Store that the token in use is dead and return its death; one that is known stays the same."""
    known = token_death(db, account_id)
    if known is None:
        put_setting(
            db, SettingScope.ACCOUNT, subject_id=account_id, key=_DIED_AT, value=at.isoformat(), at=at
        )
    return known or TokenDeath(at=at, is_told=False)


def note_death_told(db: Database, account_id: str, death: TokenDeath, *, at: datetime) -> None:
    """Store that people were told; the account needs a login. A disabled one stays disabled."""
    with db.write() as connection:
        write_setting(
            connection,
            SettingScope.ACCOUNT,
            subject_id=account_id,
            key=_TOLD_OF,
            value=death.at.isoformat(),
            at=at,
        )
        _set_status(connection, account_id, status=AccountStatus.NEEDS_LOGIN, at=at)


def note_token_lives(db: Database, account_id: str, *, at: datetime) -> None:
    """Store that the token works after all. A disabled account stays disabled."""
    with db.write() as connection:
        write_setting(connection, SettingScope.ACCOUNT, subject_id=account_id, key=_DIED_AT, value="", at=at)
        _set_status(connection, account_id, status=AccountStatus.ACTIVE, at=at)


def _set_status(connection: Connection, account_id: str, *, status: AccountStatus, at: datetime) -> None:
    is_at_work = (AccountRow.id == account_id, AccountRow.status != AccountStatus.DISABLED)
    connection.execute(update(AccountRow).where(*is_at_work).values(status=status, updated_at=at))
