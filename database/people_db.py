"""What logging in leaves in the database: passwords, second factors, codes that work once, sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from database.auth_tables import OwnerRow
from database.login_tables import LoginSessionRow, RecoveryCodeRow, SecondFactorRow, SetupCodeRow
from database.secret_box import SealedFor, SecretBox
from database.session import Database, insert_for

_PURPOSE = "second_factor"
_SESSIONS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """One browser that is logged in."""

    id: str
    owner_id: str
    owner_name: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def put_setup_code(db: Database, owner_id: str, *, digest: str, expires_at: datetime) -> None:
    """Store what the first password must come with, over an earlier code."""
    row = {"owner_id": owner_id, "digest": digest, "expires_at": expires_at}
    statement = insert_for(db.dialect_name, SetupCodeRow)
    changed = {"digest": statement.excluded.digest, "expires_at": statement.excluded.expires_at}
    with db.write() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["owner_id"], set_=changed), row)


def set_first_password(
    db: Database, *, setup_digest: str, password_hash: str, at: datetime
) -> tuple[str, str] | None:
    """Set the password of the owner whose set-up code this is; return id and name, None for a bad code.

    The code is used up, and works only while there is no password: two who have it cannot both win.
    """
    with db.write() as connection:
        used = delete(SetupCodeRow).where(SetupCodeRow.digest == setup_digest, SetupCodeRow.expires_at > at)
        owner_id = connection.scalar(used.returning(SetupCodeRow.owner_id))
        if owner_id is None:
            return None
        first = update(OwnerRow).where(OwnerRow.id == owner_id, OwnerRow.password_hash.is_(None))
        name = connection.scalar(first.values(password_hash=password_hash).returning(OwnerRow.name))
    return None if name is None else (owner_id, name)


def change_password(db: Database, owner_id: str, *, password_hash: str, at: datetime) -> None:
    """Set a password; every session ends and a set-up code is void, in one transaction."""
    with db.write() as connection:
        owner = update(OwnerRow).where(OwnerRow.id == owner_id)
        connection.execute(owner.values(password_hash=password_hash))
        connection.execute(delete(SetupCodeRow).where(SetupCodeRow.owner_id == owner_id))
        _end_sessions(connection, owner_id, at=at)


def awaits_setup(db: Database) -> bool:
    """Return whether somebody is to log in and nobody has a password yet."""
    wanted = select(func.count(), func.count(OwnerRow.password_hash)).select_from(OwnerRow)
    with db.read() as connection:
        owners, with_password = connection.execute(wanted).one()
    return bool(owners) and not with_password


def second_factor(db: Database, box: SecretBox, owner_id: str) -> str | None:
    """Return the secret of the authenticator in force, or None. Raises SecretUnreadable."""
    return _opened(db, box, owner_id, pending=False)


def pending_second_factor(db: Database, box: SecretBox, owner_id: str) -> str | None:
    """Return the secret that waits for its first code, or None. Raises SecretUnreadable."""
    return _opened(db, box, owner_id, pending=True)


def offer_second_factor(db: Database, box: SecretBox, owner_id: str, *, secret: str, at: datetime) -> None:
    """Store a secret that waits for its first code; what is in force stays so."""
    statement = insert_for(db.dialect_name, SecondFactorRow)
    changed = {"pending": statement.excluded.pending, "updated_at": statement.excluded.updated_at}
    row = {"id": owner_id, "pending": box.seal(secret, _bound(owner_id)), "updated_at": at}
    with db.write() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), row)


def accept_second_factor(
    db: Database, owner_id: str, *, step: int, recovery_digests: Iterable[str], at: datetime
) -> bool:
    """Put the pending secret in force, its first code used up, with new recovery codes for the old ones."""
    wanted = update(SecondFactorRow).where(
        SecondFactorRow.id == owner_id, SecondFactorRow.pending.is_not(None)
    )
    values = {"secret": SecondFactorRow.pending, "pending": None, "last_step": step, "updated_at": at}
    with db.write() as connection:
        if connection.execute(wanted.values(values)).rowcount != 1:
            return False
        _replace_recovery_codes(connection, owner_id, recovery_digests)
    return True


def replace_recovery_codes(db: Database, owner_id: str, digests: Iterable[str]) -> None:
    """Store new recovery codes; the old ones work no more."""
    with db.write() as connection:
        _replace_recovery_codes(connection, owner_id, digests)


def forget_second_factor(db: Database, owner_id: str) -> None:
    """Let an owner in with the password alone again."""
    with db.write() as connection:
        connection.execute(delete(SecondFactorRow).where(SecondFactorRow.id == owner_id))
        connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.owner_id == owner_id))


def use_step(db: Database, owner_id: str, *, step: int) -> bool:
    """Use up the authenticator's code of a time step; False when it, or a later one, was used before."""
    is_new = or_(SecondFactorRow.last_step.is_(None), SecondFactorRow.last_step < step)
    wanted = update(SecondFactorRow).where(SecondFactorRow.id == owner_id, is_new)
    with db.write() as connection:
        return connection.execute(wanted.values(last_step=step)).rowcount == 1


def use_recovery_code(db: Database, owner_id: str, *, digest: str, at: datetime) -> bool:
    """Use up a recovery code; False when there is no such unused one."""
    wanted = update(RecoveryCodeRow).where(
        RecoveryCodeRow.owner_id == owner_id,
        RecoveryCodeRow.digest == digest,
        RecoveryCodeRow.used_at.is_(None),
    )
    with db.write() as connection:
        return connection.execute(wanted.values(used_at=at)).rowcount == 1


def recovery_codes_left(db: Database, owner_id: str) -> int:
    """Return how many recovery codes are unused."""
    wanted = select(func.count()).where(
        RecoveryCodeRow.owner_id == owner_id, RecoveryCodeRow.used_at.is_(None)
    )
    with db.read() as connection:
        return connection.scalar(wanted) or 0


def add_session(db: Database, session: LoginSession, *, digest: str) -> None:
    """Store a new session, and forget those that ended long ago."""
    row = {name: getattr(session, name) for name in LoginSession.__slots__ if name != "owner_name"}
    long_over = LoginSessionRow.expires_at < session.created_at - _SESSIONS_KEPT
    with db.write() as connection:
        connection.execute(delete(LoginSessionRow).where(long_over))
        connection.execute(insert(LoginSessionRow), row | {"digest": digest})


def session_with(db: Database, digest: str) -> LoginSession | None:
    """Return the session of a token's digest, ended ones too, or None. Raises NotRead."""
    with db.read() as connection:
        row = connection.execute(_sessions().where(LoginSessionRow.digest == digest)).one_or_none()
    return None if row is None else LoginSession(**row._mapping)


def list_sessions(db: Database, owner_id: str) -> tuple[LoginSession, ...]:
    """Return an owner's sessions, ended ones too, last used first. Raises NotRead."""
    wanted = _sessions().where(LoginSessionRow.owner_id == owner_id)
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(LoginSessionRow.seen_at.desc())).all()
    return tuple(LoginSession(**row._mapping) for row in rows)


def sessions_among(db: Database, ids: Iterable[str]) -> tuple[LoginSession, ...]:
    """Return those sessions of these ids that there are. Raises NotRead."""
    with db.read() as connection:
        rows = connection.execute(_sessions().where(LoginSessionRow.id.in_(list(ids)))).all()
    return tuple(LoginSession(**row._mapping) for row in rows)


def note_session_use(db: Database, session_id: str, *, at: datetime) -> None:
    """Note when a session was last used by a person."""
    with db.write() as connection:
        connection.execute(update(LoginSessionRow).where(LoginSessionRow.id == session_id).values(seen_at=at))


def end_session(db: Database, owner_id: str, session_id: str, *, at: datetime) -> bool:
    """End one session of an owner; False when there is no such open one."""
    wanted = update(LoginSessionRow).where(
        LoginSessionRow.id == session_id,
        LoginSessionRow.owner_id == owner_id,
        LoginSessionRow.revoked_at.is_(None),
    )
    with db.write() as connection:
        return connection.execute(wanted.values(revoked_at=at)).rowcount == 1


def end_other_sessions(db: Database, owner_id: str, *, kept: str, at: datetime) -> int:
    """End all sessions of an owner but one and return how many."""
    with db.write() as connection:
        return _end_sessions(connection, owner_id, at=at, kept=kept)


def _end_sessions(connection: Connection, owner_id: str, *, at: datetime, kept: str = "") -> int:
    wanted = update(LoginSessionRow).where(
        LoginSessionRow.owner_id == owner_id,
        LoginSessionRow.revoked_at.is_(None),
        LoginSessionRow.id != kept,
    )
    return connection.execute(wanted.values(revoked_at=at)).rowcount


def _sessions() -> Any:
    columns = [column for column in LoginSessionRow.__table__.c if column.name != "digest"]
    joined = LoginSessionRow.__table__.join(OwnerRow.__table__, OwnerRow.id == LoginSessionRow.owner_id)
    return select(*columns, OwnerRow.name.label("owner_name")).select_from(joined)


def _replace_recovery_codes(connection: Connection, owner_id: str, digests: Iterable[str]) -> None:
    connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.owner_id == owner_id))
    rows = [{"owner_id": owner_id, "digest": digest} for digest in digests]
    connection.execute(insert(RecoveryCodeRow), rows)


def _opened(db: Database, box: SecretBox, owner_id: str, *, pending: bool) -> str | None:
    column = SecondFactorRow.pending if pending else SecondFactorRow.secret
    with db.read() as connection:
        cipher = connection.scalar(select(column).where(SecondFactorRow.id == owner_id))
    return None if cipher is None else box.open(cipher, _bound(owner_id))


def _bound(owner_id: str) -> SealedFor:
    return SealedFor(subject_id=owner_id, owner_id=owner_id, broker="", purpose=_PURPOSE)
