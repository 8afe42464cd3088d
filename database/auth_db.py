"""Who is calling: API keys and webhook tokens, what each may do and for which account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Select, and_, bindparam, insert, or_, select, update

from database.account_db import (
    WEBHOOK_TOKEN,
    AccountStatus,
    auth_token_of,
    existing_account,
    sealed_for,
)
from database.auth_tables import AccountRow, ApiKeyRow, WebhookRow
from database.secret_box import KeyText, SecretBox, mint_key, read_key
from database.session import Database
from database.settings import ANALYZER_MODE, SettingRow, SettingScope
from database.webhook_settings import WebhookLimits, WebhookSettings
from services.bracket.model import Mode
from utils.clock import Clock
from utils.recent import RecentAnswers

KEYS_KEPT = timedelta(seconds=1)  # how long a revoked key may still work


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    TRADE = "trade"
    WEBHOOK = "webhook"  # place only


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who stands behind a verified key, webhook token or login. mode is that of new brackets."""

    key_id: str
    account_id: str
    owner_id: str
    broker: str
    scopes: frozenset[Scope]
    mode: Mode
    login: str = ""  # the name of a person at the dashboard, who has no key

    @property
    def by(self) -> str:
        """Return who it was, as a bracket's timeline tells it."""
        return f"{self.login} at the dashboard" if self.login else f"key {self.key_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCaller:
    """A verified webhook token. A paused one is still verified: the answer says that it is paused."""

    caller: Caller
    require_timenow: bool
    paused: bool
    limits: WebhookLimits
    settings: WebhookSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEntry:
    """A webhook as its owner sees it in a list."""

    id: str
    account_id: str
    name: str
    require_timenow: bool
    paused: bool
    limits: WebhookLimits
    settings: WebhookSettings
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyEntry:
    """A key as its owner sees it in a list."""

    id: str
    account_id: str
    scopes: frozenset[Scope]
    last4: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Return whether the key opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Secrets:
    """What verifying needs: the secret box, and the keys verified within the last second."""

    def __init__(self, box: SecretBox, clock: Clock) -> None:
        self.box = box
        self.now = clock.now
        self.monotonic = clock.monotonic
        self.callers: RecentAnswers[str, Caller] = RecentAnswers(clock.monotonic, kept=KEYS_KEPT)
        self._used: set[str] = set()

    def note_use(self, key_id: str) -> None:
        """Remember that a key was used, for the housekeeping to store."""
        self._used.add(key_id)

    def take_used(self) -> frozenset[str]:
        """Return the keys used since the last time this was asked."""
        used, self._used = self._used, set()
        return frozenset(used)


def create_api_key(
    db: Database,
    secrets: Secrets,
    account_id: str,
    *,
    scopes: Iterable[Scope],
    at: datetime,
    lasts: timedelta | None = None,
) -> str:
    """Store a new key of an account and return its text, which is never seen again.

    It lasts until it is revoked, or for as long as said. Raises AccountMissing and NotStored.
    """
    row, text = _new_key(secrets, existing_account(db, account_id).id, scopes=scopes, at=at, lasts=lasts)
    with db.write() as connection:
        connection.execute(insert(ApiKeyRow), row)
    return text


def rotate_api_key(
    db: Database, secrets: Secrets, key_id: str, *, at: datetime, old_lasts: timedelta
) -> str | None:
    """Store a key in the place of another, which works for old_lasts more, and return its text.

    It may do the same and lasts as long as the old one was meant to. None when there is no such key, or it
    has ended. Raises NotStored; then the old key is as it was.
    """
    old = find_api_key(db, key_id)
    if old is None or not old.is_active(at):
        return None
    lasts = None if old.expires_at is None else old.expires_at - old.created_at
    row, text = _new_key(secrets, old.account_id, scopes=old.scopes, at=at, lasts=lasts)
    ends_at = at + old_lasts if old.expires_at is None else min(at + old_lasts, old.expires_at)
    ended = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    with db.write() as connection:
        if connection.execute(ended.values(expires_at=ends_at)).rowcount != 1:
            return None
        connection.execute(insert(ApiKeyRow), row)
    return text


def revoke_api_key(db: Database, key_id: str, *, at: datetime) -> bool:
    """Revoke a key; it stops working within a second. Returns False when there is no such key."""
    wanted = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    with db.write() as connection:
        return connection.execute(wanted.values(revoked_at=at)).rowcount == 1


def list_api_keys(db: Database, account_id: str) -> tuple[ApiKeyEntry, ...]:
    """Return the keys of an account, revoked ones too, oldest first."""
    columns = [column for column in ApiKeyRow.__table__.c if column.name != "digest"]
    wanted = select(*columns).where(ApiKeyRow.account_id == account_id).order_by(ApiKeyRow.created_at)
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(_as_entry(dict(row._mapping)) for row in rows)


def find_api_key(db: Database, key_id: str) -> ApiKeyEntry | None:
    """Return a key that was not revoked, or None. Raises NotRead."""
    columns = [column for column in ApiKeyRow.__table__.c if column.name != "digest"]
    wanted = select(*columns).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else _as_entry(dict(row._mapping))


def refused_keys(db: Database, key_ids: Iterable[str], *, now: datetime) -> frozenset[str]:
    """Return those keys that are refused: revoked, ended, not there, or of a disabled account.

    Raises NotRead.
    """
    asked = frozenset(key_ids)
    good = (
        select(ApiKeyRow.id)
        .join(AccountRow, AccountRow.id == ApiKeyRow.account_id)
        .where(
            ApiKeyRow.id.in_(asked),
            ApiKeyRow.revoked_at.is_(None),
            or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now),
            AccountRow.status != AccountStatus.DISABLED,
        )
    )
    with db.read() as connection:
        return asked - frozenset(connection.scalars(good))


def record_key_use(db: Database, key_ids: Iterable[str], *, at: datetime) -> None:
    """Note when keys were last used. For a background thread: verifying never writes."""
    with db.write() as connection:
        connection.execute(update(ApiKeyRow).where(ApiKeyRow.id.in_(list(key_ids))).values(last_used_at=at))


def verify_api_key(db: Database, secrets: Secrets, key: str) -> Caller | None:
    """Return who a key speaks for, or None when it is malformed, unknown, wrong or revoked.

    The answer may be a second old. Raises NotRead: then nobody knows whether the key is good.
    """
    digest = secrets.box.digest(key)
    known = secrets.callers.get(digest)
    if known is not None:
        return known
    asked_at = secrets.monotonic()
    caller = _look_up_key(db, secrets, read_key(key))
    if caller is not None:
        secrets.callers.put(digest, caller, asked_at=asked_at)
        secrets.note_use(caller.key_id)
    return caller


def create_webhook(
    db: Database,
    secrets: Secrets,
    account_id: str,
    *,
    at: datetime,
    require_timenow: bool = True,
    limits: WebhookLimits | None = None,
    settings: WebhookSettings | None = None,
    name: str = "",
) -> str:
    """Store a new webhook of an account and return its token. Raises AccountMissing and NotStored."""
    token = mint_key("wh")
    bound = sealed_for(existing_account(db, account_id), f"{WEBHOOK_TOKEN} {token.id}")
    row = {
        "id": token.id,
        "account_id": account_id,
        "digest": secrets.box.digest(token.secret),
        "token": secrets.box.seal(token.text, bound),
        "require_timenow": require_timenow,
        "paused": False,
        "limits": msgspec.json.encode(limits or WebhookLimits()).decode(),
        "settings": msgspec.json.encode(settings or WebhookSettings()).decode(),
        "name": name,
        "created_at": at,
    }
    with db.write() as connection:
        connection.execute(insert(WebhookRow), row)
    return token.text


def verify_webhook_token(db: Database, secrets: Secrets, token: str) -> WebhookCaller | None:
    """Return who a webhook token speaks for, or None when it is malformed, unknown or revoked.

    Raises NotRead.
    """
    key = read_key(token)
    row = _verified_row(db, secrets, _WEBHOOK_BY_ID, key, prefix="wh")
    if row is None:
        return None
    return WebhookCaller(
        caller=_caller(row, frozenset({Scope.WEBHOOK})),
        require_timenow=row["require_timenow"],
        paused=row["paused"],
        limits=msgspec.json.decode(row["limits"], type=WebhookLimits),
        settings=msgspec.json.decode(row["settings"], type=WebhookSettings),
    )


def list_webhooks(db: Database, account_id: str) -> tuple[WebhookEntry, ...]:
    """Return the webhooks of an account, revoked ones too, oldest first. Raises NotRead."""
    wanted = (
        select(WebhookRow.__table__)
        .where(WebhookRow.account_id == account_id)
        .order_by(WebhookRow.created_at)
    )
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(_as_webhook(dict(row._mapping)) for row in rows)


def find_webhook(db: Database, webhook_id: str) -> WebhookEntry | None:
    """Return a webhook that was not revoked, or None. Raises NotRead."""
    wanted = select(WebhookRow.__table__).where(WebhookRow.id == webhook_id, WebhookRow.revoked_at.is_(None))
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else _as_webhook(dict(row._mapping))


def set_webhook(
    db: Database,
    webhook_id: str,
    *,
    limits: WebhookLimits,
    settings: WebhookSettings,
    require_timenow: bool | None = None,
    name: str | None = None,
) -> bool:
    """Store what a webhook may do and how it reads; None stays. False when there is no such webhook."""
    wanted = update(WebhookRow).where(WebhookRow.id == webhook_id, WebhookRow.revoked_at.is_(None))
    values: dict[str, Any] = {
        "limits": msgspec.json.encode(limits).decode(),
        "settings": msgspec.json.encode(settings).decode(),
    }
    given = {"require_timenow": require_timenow, "name": name}
    values |= {column: value for column, value in given.items() if value is not None}
    with db.write() as connection:
        return connection.execute(wanted.values(values)).rowcount == 1


def rotate_webhook(db: Database, secrets: Secrets, webhook_id: str) -> str | None:
    """Give a webhook a new token and return it; the old one is refused from here on.

    Its id, limits and settings stay. None when there is no such webhook. Raises NotStored.
    """
    found = find_webhook(db, webhook_id)
    if found is None:
        return None
    token = replace(mint_key("wh"), id=webhook_id)
    bound = sealed_for(existing_account(db, found.account_id), f"{WEBHOOK_TOKEN} {webhook_id}")
    values = {"digest": secrets.box.digest(token.secret), "token": secrets.box.seal(token.text, bound)}
    wanted = update(WebhookRow).where(WebhookRow.id == webhook_id, WebhookRow.revoked_at.is_(None))
    with db.write() as connection:
        return token.text if connection.execute(wanted.values(values)).rowcount == 1 else None


def pause_webhook(db: Database, webhook_id: str, *, paused: bool) -> bool:
    """Pause a webhook or let it go on. Returns False when there is no such webhook."""
    wanted = update(WebhookRow).where(WebhookRow.id == webhook_id, WebhookRow.revoked_at.is_(None))
    with db.write() as connection:
        return connection.execute(wanted.values(paused=paused)).rowcount == 1


def revoke_webhook(db: Database, webhook_id: str, *, at: datetime) -> bool:
    """Revoke a webhook's token at once. Returns False when there is no such webhook."""
    wanted = update(WebhookRow).where(WebhookRow.id == webhook_id, WebhookRow.revoked_at.is_(None))
    with db.write() as connection:
        return connection.execute(wanted.values(revoked_at=at)).rowcount == 1


def get_auth_token_broker(
    api_key: str, *, db: Database, secrets: Secrets
) -> tuple[str, str] | tuple[None, None]:
    """Return (auth token, broker) of the key's account; (None, None) for a bad key or no token.

    Raises NotRead and SecretUnreadable.
    """
    caller = verify_api_key(db, secrets, api_key)
    if caller is None:
        return None, None
    token = auth_token_of(db, secrets.box, caller.account_id)
    return (None, None) if token is None else (token, caller.broker)


def get_api_key_for_tradingview(
    account_id: str, *, db: Database, secrets: Secrets, webhook_id: str | None = None
) -> str | None:
    """Return the token to put into an alert: of this webhook or the account's newest one; None without.

    Never a trade key: alert texts lie in TradingView's hands. Raises NotRead and SecretUnreadable.
    """
    wanted = (
        select(WebhookRow.id, WebhookRow.token)
        .where(WebhookRow.account_id == account_id, WebhookRow.revoked_at.is_(None))
        .order_by(WebhookRow.created_at.desc())
        .limit(1)
    )
    if webhook_id is not None:
        wanted = wanted.where(WebhookRow.id == webhook_id)
    with db.read() as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    bound = sealed_for(existing_account(db, account_id), f"{WEBHOOK_TOKEN} {row.id}")
    return secrets.box.open(row.token, bound)


def _with_account(key_table: type[ApiKeyRow | WebhookRow]) -> Select[*tuple[Any, ...]]:
    analyzer = and_(
        SettingRow.scope == SettingScope.OWNER,
        SettingRow.subject_id == AccountRow.owner_id,
        SettingRow.key == ANALYZER_MODE,
    )
    account_columns = (AccountRow.owner_id, AccountRow.broker, AccountRow.status)
    return (
        select(*key_table.__table__.c, *account_columns, SettingRow.value.label("mode"))
        .select_from(key_table)
        .join(AccountRow, AccountRow.id == key_table.account_id)
        .join(SettingRow, analyzer, isouter=True)
        .where(key_table.id == bindparam("key_id"))
    )


_API_KEY_BY_ID = _with_account(ApiKeyRow)
_WEBHOOK_BY_ID = _with_account(WebhookRow)


def _look_up_key(db: Database, secrets: Secrets, key: KeyText | None) -> Caller | None:
    row = _verified_row(db, secrets, _API_KEY_BY_ID, key, prefix="bk")
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= secrets.now()):
        return None
    return _caller(row, _scopes(row["scopes"]))


def _verified_row(
    db: Database, secrets: Secrets, wanted: Select[*tuple[Any, ...]], key: KeyText | None, *, prefix: str
) -> Mapping[str, Any] | None:
    if key is None or key.prefix != prefix:
        return None
    with db.read() as connection:
        row = connection.execute(wanted, {"key_id": key.id}).one_or_none()
    if row is None or row.revoked_at is not None or row.status == AccountStatus.DISABLED:
        return None
    return dict(row._mapping) if secrets.box.matches(key.secret, row.digest) else None


def _caller(row: Mapping[str, Any], scopes: frozenset[Scope]) -> Caller:
    return Caller(
        key_id=row["id"],
        account_id=row["account_id"],
        owner_id=row["owner_id"],
        broker=row["broker"],
        scopes=scopes,
        mode=Mode.LIVE if row["mode"] is None else Mode(row["mode"]),
    )


def _new_key(
    secrets: Secrets, account_id: str, *, scopes: Iterable[Scope], at: datetime, lasts: timedelta | None
) -> tuple[dict[str, Any], str]:
    """Return a new key's row and its text."""
    key = mint_key("bk")
    row = {
        "id": key.id,
        "account_id": account_id,
        "digest": secrets.box.digest(key.secret),
        "scopes": " ".join(sorted(scopes)),
        "last4": key.secret[-4:],
        "created_at": at,
        "expires_at": None if lasts is None else at + lasts,
    }
    return row, key.text


def _as_entry(columns: dict[str, Any]) -> ApiKeyEntry:
    columns["scopes"] = _scopes(columns["scopes"])
    return ApiKeyEntry(**columns)


def _as_webhook(columns: dict[str, Any]) -> WebhookEntry:
    columns["limits"] = msgspec.json.decode(columns["limits"], type=WebhookLimits)
    columns["settings"] = msgspec.json.decode(columns["settings"], type=WebhookSettings)
    return WebhookEntry(**{name: columns[name] for name in WebhookEntry.__slots__})


def _scopes(words: str) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in words.split())
