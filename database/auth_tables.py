"""The tables of who is who: owners, their accounts, and the accounts' keys and webhooks."""

from datetime import datetime

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base


class OwnerRow(Base):
    """One person who logs in."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]


class AccountRow(Base):
    """One broker connection of an owner. The two ciphers say inside whom they belong to."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(unique=True)
    broker: Mapped[str]
    status: Mapped[str]
    auth_token: Mapped[str | None]  # cipher of what the broker's session needs
    login: Mapped[str | None]  # cipher of what a new login needs: secrets, TOTP seed
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ApiKeyRow(Base):
    """An account's key. The secret is a keyed digest; last4 is for people to tell keys apart."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    digest: Mapped[str]
    scopes: Mapped[str]  # words with a space between
    last4: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]  # refused from then on; None: never


class WebhookRow(Base):
    """An account's webhook. Its token is also kept as a cipher: the alert text shows it again."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    digest: Mapped[str]
    token: Mapped[str]
    require_timenow: Mapped[bool]
    paused: Mapped[bool]
    name: Mapped[str] = mapped_column(server_default=text("''"))
    limits: Mapped[str]  # JSON of WebhookLimits
    settings: Mapped[str] = mapped_column(server_default="{}")  # JSON of WebhookSettings
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
