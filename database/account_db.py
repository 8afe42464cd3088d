"""Owners, their accounts, and what the accounts need to speak to their brokers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, case, insert, select, update
from sqlalchemy.exc import IntegrityError
from ulid import ULID

from database.auth_tables import AccountRow, OwnerRow
from database.secret_box import SealedFor, SecretBox
from database.session import Database, StorageError
from database.settings import SettingScope, setting, settings_of, write_setting

AUTH_TOKEN = "auth_token"  # noqa: S105  # the name of a purpose, no secret
LOGIN = "login"
_TOKEN_STORED_AT = "token_stored_at"  # noqa: S105  # the name of a setting, no secret
WEBHOOK_TOKEN = "webhook_token"  # noqa: S105  # the name of a purpose, no secret
SIGNING_SECRET = "signing_secret"  # noqa: S105  # the name of a purpose, no secret


class NameTaken(StorageError):
    """An owner or account of this name exists. Nothing was stored."""


class AccountMissing(StorageError):
    """There is no account with this id. Nothing was stored."""


class AccountStatus(StrEnum):
    ACTIVE = "active"
    NEEDS_LOGIN = "needs_login"  # the broker's session is dead; keys still work, so alarms are heard
    DISABLED = "disabled"  # its keys and webhooks are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One person who logs in; password_hash is argon2's text, None while no password is set."""

    id: str
    name: str
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One broker connection of an owner, without its secrets."""

    id: str
    owner_id: str
    name: str
    broker: str
    status: AccountStatus
    created_at: datetime


def create_owner(db: Database, name: str, *, at: datetime, password_hash: str | None = None) -> Owner:
    """Store a new owner. Raises NameTaken and NotStored."""
    owner = Owner(id=str(ULID()), name=name, password_hash=password_hash)
    row = {"id": owner.id, "name": name, "password_hash": password_hash, "created_at": at}
    _insert_named(db, OwnerRow, row)
    return owner


def owner_named(db: Database, name: str) -> Owner | None:
    """Return the owner of this name, or None."""
    wanted = select(OwnerRow.id, OwnerRow.name, OwnerRow.password_hash).where(OwnerRow.name == name)
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else Owner(**row._mapping)


def set_password_hash(db: Database, owner_id: str, *, password_hash: str) -> None:
    """Store the hash of an owner's new password."""
    with db.write() as connection:
        connection.execute(
            update(OwnerRow).where(OwnerRow.id == owner_id).values(password_hash=password_hash)
        )


def create_account(db: Database, name: str, *, owner_id: str, broker: str, at: datetime) -> Account:
    """Store a new account, active and without a token. Raises NameTaken and NotStored."""
    account = Account(
        id=str(ULID()),
        owner_id=owner_id,
        name=name,
        broker=broker,
        status=AccountStatus.ACTIVE,
        created_at=at,
    )
    columns = ("id", "owner_id", "name", "broker", "status", "created_at")
    row = {column: getattr(account, column) for column in columns} | {"updated_at": at}
    _insert_named(db, AccountRow, row)
    return account


def list_accounts(db: Database, *, owner_id: str | None = None) -> tuple[Account, ...]:
    """Return all accounts, or those of one owner, oldest first."""
    wanted = _accounts().order_by(AccountRow.id)
    if owner_id is not None:
        wanted = wanted.where(AccountRow.owner_id == owner_id)
    return _read_accounts(db, wanted)


def brokers_in_use(db: Database) -> frozenset[str]:
    """Return the names of the brokers that accounts are at. Raises NotRead."""
    with db.read() as connection:
        return frozenset(connection.scalars(select(AccountRow.broker).distinct()))


def account(db: Database, account_id: str) -> Account | None:
    """Return one account, or None."""
    found = _read_accounts(db, _accounts().where(AccountRow.id == account_id))
    return found[0] if found else None


def existing_account(db: Database, account_id: str) -> Account:
    """Return one account. Raises AccountMissing when there is none."""
    found = account(db, account_id)
    if found is None:
        raise AccountMissing(f"there is no account {account_id}")
    return found


def account_named(db: Database, name: str) -> Account | None:
    """Return the account of this name, or None."""
    found = _read_accounts(db, _accounts().where(AccountRow.name == name))
    return found[0] if found else None


def set_account_status(db: Database, account_id: str, *, status: AccountStatus, at: datetime) -> None:
    """Store an account's status; its keys hear of it within a second. Raises AccountMissing."""
    _update_account(db, account_id, {"status": status, "updated_at": at})


def set_auth_token(db: Database, box: SecretBox, account_id: str, *, auth_token: str, at: datetime) -> None:
    """Store the token of a broker session, sealed; an account that needed a login is active again.

    A disabled one stays so: its stops need the broker, and its keys stay refused. Raises AccountMissing and
    NotStored.
    """
    bound = sealed_for(existing_account(db, account_id), AUTH_TOKEN)
    status = case(
        (AccountRow.status == AccountStatus.DISABLED, AccountRow.status), else_=AccountStatus.ACTIVE
    )
    values = {"auth_token": box.seal(auth_token, bound), "status": status, "updated_at": at}
    with db.write() as connection:
        _update_in(connection, account_id, values)
        write_setting(
            connection,
            SettingScope.ACCOUNT,
            subject_id=account_id,
            key=_TOKEN_STORED_AT,
            value=at.isoformat(),
            at=at,
        )


def token_stored_at(db: Database, account_id: str) -> datetime | None:
    """Return when the account's present token was stored; None without one, or if unknown."""
    value = setting(db, SettingScope.ACCOUNT, subject_id=account_id, key=_TOKEN_STORED_AT)
    return None if value is None else datetime.fromisoformat(value)


def tokens_stored_at(db: Database) -> dict[str, datetime]:
    """Return when each account's present token was stored, where that is known. Raises NotRead."""
    stored = settings_of(db, SettingScope.ACCOUNT, key=_TOKEN_STORED_AT)
    return {account_id: datetime.fromisoformat(value) for account_id, value in stored.items()}


def auth_token_of(db: Database, box: SecretBox, account_id: str) -> str | None:
    """Return the token of an account's broker session, or None when it has none.

    Raises SecretUnreadable when it was sealed with other keys or for another account.
    """
    return _opened(db, box, account_id, purpose=AUTH_TOKEN)


def sealed_tokens(db: Database) -> dict[str, str]:
    """Return the session token of each account that has one, as it is sealed: a new one is another text."""
    wanted = select(AccountRow.id, AccountRow.auth_token).where(AccountRow.auth_token.is_not(None))
    with db.read() as connection:
        return {row.id: row.auth_token for row in connection.execute(wanted)}


def set_login(
    db: Database, box: SecretBox, account_id: str, *, login: Mapping[str, str], at: datetime
) -> None:
    """Store, sealed, what a new login at the broker needs (API secret, TOTP seed)."""
    bound = sealed_for(existing_account(db, account_id), LOGIN)
    sealed = box.seal(msgspec.json.encode(dict(login)).decode(), bound)
    _update_account(db, account_id, {"login": sealed, "updated_at": at})


def login_of(db: Database, box: SecretBox, account_id: str) -> dict[str, str]:
    """Return what a new login needs; empty when nothing was stored. Raises SecretUnreadable."""
    text = _opened(db, box, account_id, purpose=LOGIN)
    return {} if text is None else msgspec.json.decode(text, type=dict[str, str])


def sealed_for(account: Account, purpose: str) -> SealedFor:
    """Return whom a secret of this account is bound to."""
    return SealedFor(subject_id=account.id, owner_id=account.owner_id, broker=account.broker, purpose=purpose)


def _opened(db: Database, box: SecretBox, account_id: str, *, purpose: str) -> str | None:
    column = AccountRow.auth_token if purpose == AUTH_TOKEN else AccountRow.login
    wanted = _accounts().add_columns(column.label("cipher")).where(AccountRow.id == account_id)
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None or row.cipher is None:
        return None
    columns = dict(row._mapping)
    cipher = columns.pop("cipher")
    return box.open(cipher, sealed_for(_as_account(columns), purpose))


def _accounts() -> Select[*tuple[Any, ...]]:
    return select(
        AccountRow.id,
        AccountRow.owner_id,
        AccountRow.name,
        AccountRow.broker,
        AccountRow.status,
        AccountRow.created_at,
    )


def _read_accounts(db: Database, wanted: Select[*tuple[Any, ...]]) -> tuple[Account, ...]:
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(_as_account(dict(row._mapping)) for row in rows)


def _as_account(columns: Mapping[str, Any]) -> Account:
    typed: dict[str, Any] = {**columns, "status": AccountStatus(columns["status"])}
    return Account(**typed)


def _insert_named(db: Database, table: type[OwnerRow | AccountRow], row: Mapping[str, Any]) -> None:
    try:
        with db.write() as connection:
            connection.execute(insert(table), dict(row))
    except IntegrityError as exc:
        if "name" not in str(exc.orig):  # a foreign key, then: an owner that does not exist
            raise
        raise NameTaken(f"the name {row['name']!r} is taken") from exc


def _update_account(db: Database, account_id: str, values: Mapping[str, Any]) -> None:
    with db.write() as connection:
        _update_in(connection, account_id, values)


def _update_in(connection: Connection, account_id: str, values: Mapping[str, Any]) -> None:
    changed = connection.execute(update(AccountRow).where(AccountRow.id == account_id).values(dict(values)))
    if changed.rowcount != 1:
        raise AccountMissing(f"there is no account {account_id}")
