"""The tables of logging in: second factors, recovery and set-up codes, and who is logged in."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base


class SecondFactorRow(Base):
    """An owner's authenticator. The ciphers say inside whom they belong to."""

    __tablename__ = "second_factors"

    id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    secret: Mapped[str | None]  # in force
    pending: Mapped[str | None]  # shown, and not proved by a first code yet
    last_step: Mapped[int | None]  # of the last code that was used: that one and older ones are over
    updated_at: Mapped[datetime]


class RecoveryCodeRow(Base):
    """A code that stands in once for the authenticator."""

    __tablename__ = "recovery_codes"

    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class SetupCodeRow(Base):
    """What whoever sets an owner's first password must know."""

    __tablename__ = "setup_codes"

    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    digest: Mapped[str]
    expires_at: Mapped[datetime]


class LoginSessionRow(Base):
    """One browser that is, or was, logged in. Its token is kept as a keyed digest only."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # whatever happens; idle ones end before
    revoked_at: Mapped[datetime | None]
