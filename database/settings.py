"""What people have switched: the kill switch of an account or owner, the analyzer mode of an owner."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, and_, bindparam, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from database.prepared import Prepared
from database.session import Base, Database, insert_for
from services.bracket.model import KillMode, Mode

KILL_SWITCH = "kill_switch"
ANALYZER_MODE = "analyzer_mode"


class SettingScope(StrEnum):
    """Whose setting it is."""

    ACCOUNT = "account"
    OWNER = "owner"
    SERVICE = "service"


class SettingRow(Base):
    """One setting of one account or owner."""

    __tablename__ = "settings"

    scope: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime]


_KILL_SWITCHES = Prepared(
    lambda _: select(SettingRow.value).where(
        SettingRow.key == KILL_SWITCH,
        or_(
            and_(SettingRow.scope == SettingScope.ACCOUNT, SettingRow.subject_id == bindparam("account_id")),
            and_(SettingRow.scope == SettingScope.OWNER, SettingRow.subject_id == bindparam("owner_id")),
        ),
    )
)


def put_setting(
    db: Database, scope: SettingScope, *, subject_id: str, key: str, value: str, at: datetime
) -> None:
    """Store a setting over what it was before. Raises NotStored."""
    with db.write() as connection:
        write_setting(connection, scope, subject_id=subject_id, key=key, value=value, at=at)


def put_settings(
    db: Database, scope: SettingScope, *, key: str, values: Mapping[str, str], at: datetime
) -> None:
    """Store one setting of several subjects at once, by subject. Raises NotStored."""
    with db.write() as connection:
        for subject_id, value in values.items():
            write_setting(connection, scope, subject_id=subject_id, key=key, value=value, at=at)


def write_setting(
    connection: Connection, scope: SettingScope, *, subject_id: str, key: str, value: str, at: datetime
) -> None:
    """Store a setting in the transaction of something else."""
    insert = insert_for(connection.dialect.name, SettingRow)
    statement = insert.on_conflict_do_update(
        index_elements=["scope", "subject_id", "key"],
        set_={"value": insert.excluded.value, "updated_at": insert.excluded.updated_at},
    )
    row = {"scope": scope, "subject_id": subject_id, "key": key, "value": value, "updated_at": at}
    connection.execute(statement, row)


def setting(db: Database, scope: SettingScope, *, subject_id: str, key: str) -> str | None:
    """Return a setting's value, or None when it was never set. Raises NotRead."""
    wanted = select(SettingRow.value).where(
        SettingRow.scope == scope, SettingRow.subject_id == subject_id, SettingRow.key == key
    )
    with db.read() as connection:
        return connection.scalar(wanted)


def settings_of(db: Database, scope: SettingScope, *, key: str) -> dict[str, str]:
    """Return one setting of all subjects that have it, by subject. Raises NotRead."""
    wanted = select(SettingRow.subject_id, SettingRow.value).where(
        SettingRow.scope == scope, SettingRow.key == key
    )
    with db.read() as connection:
        return {row.subject_id: row.value for row in connection.execute(wanted)}


def set_kill_switch(
    db: Database, scope: SettingScope, *, subject_id: str, mode: KillMode, at: datetime
) -> None:
    """Set the kill switch of one account, or of all accounts of an owner. Raises NotStored."""
    put_setting(db, scope, subject_id=subject_id, key=KILL_SWITCH, value=mode, at=at)


def kill_switch(db: Database, account_id: str, *, owner_id: str) -> KillMode:
    """Return what is in force for an account: the stricter of its own switch and its owner's.

    Raises NotRead: then nobody knows that entries are allowed.
    """
    subjects = {"account_id": account_id, "owner_id": owner_id}
    with db.reading() as transaction:
        switches = [KillMode(value) for (value,) in transaction.all(_KILL_SWITCHES, subjects)]
    return max(switches, key=list(KillMode).index, default=KillMode.OFF)


def kill_switches(db: Database) -> tuple[KillMode, ...]:
    """Return every switch that was ever touched, of accounts and of owners. Raises NotRead."""
    with db.read() as connection:
        values = connection.scalars(select(SettingRow.value).where(SettingRow.key == KILL_SWITCH)).all()
    return tuple(KillMode(value) for value in values)


def set_analyzer_mode(db: Database, owner_id: str, *, mode: Mode, at: datetime) -> None:
    """Set whether the owner's new brackets are live; those that exist keep the mode of their birth."""
    put_setting(db, SettingScope.OWNER, subject_id=owner_id, key=ANALYZER_MODE, value=mode, at=at)


def analyzer_mode(db: Database, owner_id: str) -> Mode:
    """Return the mode of the owner's new brackets; live unless set otherwise. Raises NotRead."""
    value = setting(db, SettingScope.OWNER, subject_id=owner_id, key=ANALYZER_MODE)
    return Mode.LIVE if value is None else Mode(value)
