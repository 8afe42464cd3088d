"""The durable store of plain orders: orders and GTTs at the broker that belong to no bracket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, ForeignKey, Index, UniqueConstraint, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from database.account_sequence import taking_sequence
from database.auth_tables import AccountRow
from database.session import Base, Database, StorageError
from services.bracket.model import Mode, Product, Side, Terms


class PlainKind(StrEnum):
    ORDER = "order"
    GTT = "gtt"


class PlainStatus(StrEnum):
    """What is known of the order's way to the broker; what became of it there the books tell."""

    SENT = "sent"  # stored, and from then on possibly on the wire
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"  # provably no byte left
    UNKNOWN = "unknown"  # no answer: looked for, never sent again
    ABSENT = "absent"  # proved not to exist
    UNRESOLVED = "unresolved"  # its day ended before it was found or proved absent

    @property
    def is_open(self) -> bool:
        return self in (PlainStatus.SENT, PlainStatus.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOrder:
    """One plain order as asked for and as far as its way is known."""

    id: str
    account_id: str
    mode: Mode
    kind: PlainKind
    exchange: str
    symbol: str
    product: Product
    side: Side
    terms: Terms
    tag: str
    strategy: str
    sent_at: datetime
    disclosed_quantity: int = 0
    last_price: Decimal | None = None  # of the market when it was sent; a GTT needs it
    client_order_id: str | None = None
    body_hash: str | None = None
    status: PlainStatus = PlainStatus.SENT
    broker_order_id: str | None = None
    reason: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEvent:
    """One thing that happened to a plain order; seq counts from 1."""

    order_id: str
    seq: int
    at: datetime
    kind: str
    detail: str  # JSON


class PlainOrderRow(Base):
    """One plain order."""

    __tablename__ = "plain_orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    tag: Mapped[str] = mapped_column(unique=True)
    broker_order_id: Mapped[str | None]
    client_order_id: Mapped[str | None]
    sent_at: Mapped[datetime]
    version: Mapped[int]
    snapshot: Mapped[str]

    __table_args__ = (
        Index("ix_plain_orders_account_client", "account_id", "client_order_id", unique=True),
        Index("ix_plain_orders_account_broker", "account_id", "broker_order_id"),
    )


class PlainOrderEventRow(Base):
    """One event of a plain order; never changed. Those of before they were told have no account_seq."""

    __tablename__ = "plain_order_events"

    order_id: Mapped[str] = mapped_column(ForeignKey("plain_orders.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    detail: Mapped[str]
    account_id: Mapped[str | None]
    account_seq: Mapped[int | None]

    __table_args__ = (UniqueConstraint("account_id", "account_seq"),)


class PlainOrderChanged(StorageError):
    """Somebody else has changed the order since it was read. Nothing was stored."""


def insert_plain_order(db: Database, order: PlainOrder) -> PlainOrder | None:
    """Store a new order. When its client_order_id is taken, store nothing and return who has it.

    Raises NotStored.
    """
    row = {"id": order.id, "account_id": order.account_id, "tag": order.tag, "sent_at": order.sent_at}
    try:
        with db.write() as connection:
            client_id = {"client_order_id": order.client_order_id}
            connection.execute(insert(PlainOrderRow), row | client_id | _changing(order))
            _add_event(connection, order, "sent", at=order.sent_at, detail={})
    except IntegrityError:
        taken = order.client_order_id and plain_order_for(db, order.account_id, key=order.client_order_id)
        if not taken:
            raise
        return taken
    return None


def change_plain_order(
    db: Database, order: PlainOrder, kind: str, *, at: datetime, detail: Mapping[str, object]
) -> PlainOrder:
    """Store the order's new self with the event that made it so, and return it.

    order.version is the one it was read with. Raises PlainOrderChanged and NotStored.
    """
    changed = replace(order, version=order.version + 1)
    expected = (PlainOrderRow.id == order.id, PlainOrderRow.version == order.version)
    with db.write() as connection:
        done = connection.execute(update(PlainOrderRow).where(*expected).values(_changing(changed)))
        if done.rowcount != 1:
            raise PlainOrderChanged(f"plain order {order.id} is not at version {order.version} any more")
        _add_event(connection, changed, kind, at=at, detail=detail)
    return changed


def plain_order(db: Database, account_id: str, *, order_id: str) -> PlainOrder | None:
    """Return an account's order by our id or the broker's, or None. Raises NotRead."""
    wanted = or_(PlainOrderRow.id == order_id, PlainOrderRow.broker_order_id == order_id)
    return _first(db, PlainOrderRow.account_id == account_id, wanted)


def plain_order_for(db: Database, account_id: str, *, key: str) -> PlainOrder | None:
    """Return the order an account used a client_order_id for, or None. Raises NotRead."""
    return _first(db, PlainOrderRow.account_id == account_id, PlainOrderRow.client_order_id == key)


def open_plain_orders(db: Database) -> tuple[PlainOrder, ...]:
    """Return every order whose way is not known to its end, oldest first. Raises NotRead."""
    is_open = PlainOrderRow.status.in_([status for status in PlainStatus if status.is_open])
    wanted = select(PlainOrderRow.snapshot).where(is_open).order_by(PlainOrderRow.sent_at)
    with db.read() as connection:
        return tuple(_decoder.decode(snapshot) for snapshot in connection.scalars(wanted))


def unsettled_plain_orders(db: Database, account_id: str, *, mode: Mode) -> tuple[PlainOrder, ...]:
    """Return an account's orders of which nobody knows whether the broker has them, newest first.

    Raises NotRead.
    """
    unsettled = [status for status in PlainStatus if status.is_open or status is PlainStatus.UNRESOLVED]
    wanted = (
        select(PlainOrderRow.snapshot)
        .where(PlainOrderRow.account_id == account_id, PlainOrderRow.status.in_(unsettled))
        .order_by(PlainOrderRow.sent_at.desc())
    )
    with db.read() as connection:
        found = [_decoder.decode(snapshot) for snapshot in connection.scalars(wanted)]
    return tuple(one for one in found if one.mode is mode)


def plain_order_ids(db: Database, account_id: str, *, order_ids: Iterable[str]) -> frozenset[str]:
    """Return those of the broker's ids that are plain orders of the account. Raises NotRead."""
    wanted = select(PlainOrderRow.broker_order_id).where(
        PlainOrderRow.broker_order_id.in_(list(order_ids)), PlainOrderRow.account_id == account_id
    )
    with db.read() as connection:
        return frozenset(found for found in connection.scalars(wanted) if found)


def plain_orders_since(db: Database, account_id: str, since: datetime) -> tuple[PlainOrder, ...]:
    """Return an account's orders that may be at the broker and that a book may not show yet.

    Those are the ones sent since a time, and those of which nobody knows; GTTs are left out. Raises NotRead.
    """
    is_open = PlainOrderRow.status.in_([status for status in PlainStatus if status.is_open])
    is_new = and_(PlainOrderRow.sent_at >= since, PlainOrderRow.status == PlainStatus.ACCEPTED)
    wanted = select(PlainOrderRow.snapshot).where(
        PlainOrderRow.account_id == account_id, or_(is_open, is_new)
    )
    with db.read() as connection:
        found = [_decoder.decode(snapshot) for snapshot in connection.scalars(wanted)]
    return tuple(order for order in found if order.kind is PlainKind.ORDER)


def free_client_order_ids(db: Database, sent_before: datetime) -> int:
    """Let ids that accounts used for orders before a time be used again; return how many there were.

    The orders stay. Raises NotStored.
    """
    # By account and as a range, so that the index finds the few ids that are left among all orders.
    is_used = and_(PlainOrderRow.account_id.in_(select(AccountRow.id)), PlainOrderRow.client_order_id >= "")
    freed = update(PlainOrderRow).where(is_used, PlainOrderRow.sent_at < sent_before)
    with db.write() as connection:
        return connection.execute(freed.values(client_order_id=None)).rowcount


def plain_order_events(db: Database, order_id: str) -> tuple[PlainEvent, ...]:
    """Return what happened to an order, oldest first. Raises NotRead."""
    columns = [PlainOrderEventRow.__table__.c[name] for name in PlainEvent.__slots__]
    wanted = select(*columns).where(PlainOrderEventRow.order_id == order_id)
    with db.read() as connection:
        rows = connection.execute(wanted.order_by(PlainOrderEventRow.seq))
        return tuple(PlainEvent(**row._mapping) for row in rows)


_decoder = msgspec.json.Decoder(PlainOrder)


def _first(db: Database, *conditions: Any) -> PlainOrder | None:
    # The newest: brokers begin their numbers anew each day, and some repeat them.
    wanted = select(PlainOrderRow.snapshot).where(*conditions).order_by(PlainOrderRow.sent_at.desc())
    with db.read() as connection:
        snapshot = connection.scalar(wanted.limit(1))
    return None if snapshot is None else _decoder.decode(snapshot)


def _changing(order: PlainOrder) -> dict[str, Any]:
    return {
        "status": order.status,
        "broker_order_id": order.broker_order_id,
        "version": order.version,
        "snapshot": msgspec.json.encode(order).decode(),
    }


def _add_event(
    connection: Connection, order: PlainOrder, kind: str, *, at: datetime, detail: Mapping[str, object]
) -> None:
    numbered = {"account_id": order.account_id, "last_seq": 1}
    row = {
        "order_id": order.id,
        "seq": order.version,
        "at": at,
        "kind": kind,
        "detail": msgspec.json.encode(dict(detail)).decode(),
        "account_id": order.account_id,
        "account_seq": connection.scalar(taking_sequence(connection.dialect.name), numbered),
    }
    connection.execute(insert(PlainOrderEventRow), row)
