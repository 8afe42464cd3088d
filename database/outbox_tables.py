"""The tables of what is told outside: to whom, and what waits to be told."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base


class DestinationRow(Base):
    """Somebody who is told of an account: a webhook's address or a Telegram chat."""

    __tablename__ = "destinations"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    channel: Mapped[str]
    address: Mapped[str]  # a URL, or the id of a chat
    secret: Mapped[str | None]  # cipher of what a webhook is signed with
    scopes: Mapped[str]  # what commands from there may do; words with a space between
    fed_seq: Mapped[int]  # events up to this account_seq are in the outbox
    failures: Mapped[int]  # in a row
    failing_since: Mapped[datetime | None]
    next_at: Mapped[datetime | None]  # nothing is sent there before
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime]


class OutboxRow(Base):
    """One message for one destination. `key` says what about, so nothing is queued twice."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    destination_id: Mapped[str] = mapped_column(ForeignKey("destinations.id"))
    key: Mapped[str]
    seq: Mapped[int | None]  # account_seq of the event; None for what no event is behind
    urgent: Mapped[bool]
    body: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    next_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("destination_id", "key"),
        Index("ix_outbox_destination_state", "destination_id", "state", "next_at"),
        Index("ix_outbox_finished", "finished_at"),
    )


class LinkCodeRow(Base):
    """A code that links a Telegram chat to an account, once. Only its digest is kept."""

    __tablename__ = "link_codes"

    digest: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    scopes: Mapped[str]
    expires_at: Mapped[datetime]
