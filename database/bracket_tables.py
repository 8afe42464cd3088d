"""The tables of brackets: where each stands, its legs, its events and the keys that were used up."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base


class BracketRow(Base):
    """One bracket as it stands now. `snapshot` is all of it; the other columns are for finding it."""

    __tablename__ = "brackets"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    owner_id: Mapped[str]
    state: Mapped[str]
    is_open: Mapped[bool]
    symbol: Mapped[str]
    exchange: Mapped[str]
    product: Mapped[str]
    side: Mapped[str]
    mode: Mapped[str]
    strategy: Mapped[str]
    quantity: Mapped[int]
    client_order_id: Mapped[str | None]
    body_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    version: Mapped[int]
    snapshot: Mapped[str]

    __table_args__ = (
        Index("ix_brackets_account_open", "account_id", "is_open", "id"),
        Index("ix_brackets_account_finished", "account_id", "finished_at"),
    )


class LegRow(Base):
    """One order or GTT of a bracket, findable by its tag and by the broker's id."""

    __tablename__ = "legs"

    bracket_id: Mapped[str] = mapped_column(ForeignKey("brackets.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    slice: Mapped[int]
    role: Mapped[str]
    kind: Mapped[str]
    tag: Mapped[str] = mapped_column(unique=True)
    broker_order_id: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str]
    quantity: Mapped[int]
    filled: Mapped[int]
    average_price: Mapped[Decimal | None]
    updated_at: Mapped[datetime]


class EventRow(Base):
    """One thing that happened to a bracket. Never updated, never deleted."""

    __tablename__ = "bracket_events"

    bracket_id: Mapped[str] = mapped_column(ForeignKey("brackets.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[str]
    account_seq: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    payload: Mapped[str]
    prev_hash: Mapped[str]
    hash: Mapped[str]
    # Last: SQLite reads a row from the front, and most readers stop before it.
    cause: Mapped[str | None]

    __table_args__ = (UniqueConstraint("account_id", "account_seq"),)


class AccountSequenceRow(Base):
    """The last account_seq given out. Its row lock makes sequence order commit order."""

    __tablename__ = "account_sequences"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int]


class IdempotencyKeyRow(Base):
    """A client's key and the bracket that used it up."""

    __tablename__ = "idempotency_keys"

    account_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    # Checked at commit: the key is claimed before its bracket is written.
    bracket_id: Mapped[str] = mapped_column(ForeignKey("brackets.id", deferrable=True, initially="DEFERRED"))
    created_at: Mapped[datetime]
