"""The durable outbox: what waits for whom, how far each destination was fed, and how sending went."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from database.bracket_tables import AccountSequenceRow
from database.outbox_tables import DestinationRow, OutboxRow
from database.prepared import Prepared
from database.session import Database, UtcDateTime, insert_for


class Channel(StrEnum):
    """The ways out; each has one sender."""

    WEBHOOK = "webhook"
    TELEGRAM = "telegram"


class MessageState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Who is told of an account, how far it was fed, and how sending there goes."""

    id: str
    account_id: str
    channel: Channel
    address: str
    scopes: str = ""
    fed_seq: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to queue; key tells it from every other one of its destination."""

    key: str
    seq: int | None
    urgent: bool
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message that waits."""

    id: int
    destination_id: str
    key: str
    seq: int | None
    urgent: bool
    body: str
    attempts: int
    next_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A message and how sending it went, or goes. next_at is of the next attempt while it waits."""

    key: str
    seq: int | None
    body: str
    state: MessageState
    attempts: int
    next_at: datetime
    created_at: datetime
    finished_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How sending to a destination goes from now on."""

    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None


def destinations_behind(db: Database, channels: Iterable[Channel]) -> tuple[Destination, ...]:
    """Return the destinations for whose account events are stored that the outbox does not have yet."""
    with db.reading() as transaction:  # asked after every order, and mostly nobody is
        if transaction.one(_SOMEBODY_BEHIND, {}) is None:
            return ()
    in_use = DestinationRow.channel.in_(list(channels))
    return _read_destinations(db, _behind(_destinations()).where(in_use))


def feed(
    db: Database, destination: Destination, messages: Sequence[NewMessage], *, up_to: int, at: datetime
) -> bool:
    """Queue the messages of the events up to an account_seq, once: the place is stored with them.

    Returns False, and stores nothing, when the destination was fed or rewound by somebody else.
    """
    moved = (
        update(DestinationRow)
        .where(DestinationRow.id == destination.id, DestinationRow.fed_seq == destination.fed_seq)
        .values(fed_seq=up_to)
    )
    with db.write() as connection:
        if connection.execute(moved).rowcount != 1:
            return False
        _queue(connection, destination.id, messages, at=at)
    return True


def enqueue(db: Database, destination: Destination, messages: Sequence[NewMessage], *, at: datetime) -> None:
    """Queue messages that no event is behind; what is there under its key stays as it is."""
    with db.write() as connection:
        _queue(connection, destination.id, messages, at=at)


def destinations(
    db: Database, channel: Channel, *, account_id: str | None = None, address: str | None = None
) -> tuple[Destination, ...]:
    """Return the destinations of a channel, of one account or address where given, oldest first."""
    wanted = _destinations().where(DestinationRow.channel == channel).order_by(DestinationRow.created_at)
    if account_id is not None:
        wanted = wanted.where(DestinationRow.account_id == account_id)
    if address is not None:
        wanted = wanted.where(DestinationRow.address == address)
    return _read_destinations(db, wanted)


def destination(db: Database, destination_id: str) -> Destination | None:
    """Return one destination, or None. Raises NotRead."""
    found = _read_destinations(db, _destinations().where(DestinationRow.id == destination_id))
    return found[0] if found else None


def secret_of(db: Database, destination_id: str) -> str | None:
    """Return the cipher of a destination's secret, or None when it has none."""
    with db.read() as connection:
        return connection.scalar(select(DestinationRow.secret).where(DestinationRow.id == destination_id))


def add_destination(db: Database, added: Destination, *, secret: str | None) -> None:
    """Store a new destination. Its feeding begins with the next event of the account."""
    row = {name: getattr(added, name) for name in Destination.__slots__} | {"secret": secret}
    with db.write() as connection:
        row["fed_seq"] = _last_seq(connection, added.account_id)
        connection.execute(insert(DestinationRow), row)


def remove_destinations(db: Database, ids: Iterable[str]) -> None:
    """Delete destinations and all that waits for them."""
    gone = list(ids)
    with db.write() as connection:
        connection.execute(delete(OutboxRow).where(OutboxRow.destination_id.in_(gone)))
        connection.execute(delete(DestinationRow).where(DestinationRow.id.in_(gone)))


def disable(db: Database, destination_id: str, *, reason: str, at: datetime) -> bool:
    """Send nothing there any more until it is enabled. Returns False when it was so already."""
    wanted = update(DestinationRow).where(
        DestinationRow.id == destination_id, DestinationRow.disabled_at.is_(None)
    )
    with db.write() as connection:
        return connection.execute(wanted.values(disabled_at=at, disabled_reason=reason)).rowcount == 1


def enable(db: Database, destination_id: str) -> bool:
    """Send there again, beginning with what was missed. Returns False when it was not disabled."""
    wanted = update(DestinationRow).where(
        DestinationRow.id == destination_id, DestinationRow.disabled_at.is_not(None)
    )
    fresh = {"failures": 0, "failing_since": None, "next_at": None}
    with db.write() as connection:
        changed = connection.execute(wanted.values(disabled_at=None, disabled_reason=None, **fresh))
        return changed.rowcount == 1


def waiting(db: Database, destination_ids: Sequence[str], *, limit: int) -> tuple[Message, ...]:
    """Return what waits for destinations, due or not: urgent messages first, each kind oldest first."""
    columns = [OutboxRow.__table__.c[name] for name in Message.__slots__]
    wanted = (
        select(*columns)
        .where(OutboxRow.destination_id.in_(list(destination_ids)), OutboxRow.state == MessageState.WAITING)
        .order_by(OutboxRow.urgent.desc(), OutboxRow.id)
        .limit(limit)
    )
    with db.read() as connection:
        return tuple(Message(**row._mapping) for row in connection.execute(wanted))


def sendings(db: Database, destination_id: str, *, limit: int) -> tuple[Sending, ...]:
    """Return what was queued for a destination, newest first, whatever became of it. Raises NotRead."""
    columns = [OutboxRow.__table__.c[name] for name in Sending.__slots__]
    of_destination = select(*columns).where(OutboxRow.destination_id == destination_id)
    with db.read() as connection:
        rows = connection.execute(of_destination.order_by(OutboxRow.id.desc()).limit(limit)).all()
    return tuple(Sending(**{**row._mapping, "state": MessageState(row.state)}) for row in rows)


def due(db: Database, destination_id: str, *, now: datetime) -> Message | None:
    """Return the message to send next: among those due the one tried least, then the oldest.

    By attempts first, so that one message the other side never takes does not hold up the rest.
    """
    columns = [OutboxRow.__table__.c[name] for name in Message.__slots__]
    wanted = (
        select(*columns)
        .where(
            OutboxRow.destination_id == destination_id,
            OutboxRow.state == MessageState.WAITING,
            OutboxRow.next_at <= now,
        )
        .order_by(OutboxRow.attempts, OutboxRow.id)
        .limit(1)
    )
    with db.read() as connection:
        row = connection.execute(wanted).first()
    return None if row is None else Message(**row._mapping)


def sendable(db: Database, channel: Channel, *, now: datetime) -> tuple[Destination, ...]:
    """Return the destinations to which something may be sent now."""
    has_due = (
        select(OutboxRow.id)
        .where(
            OutboxRow.destination_id == DestinationRow.id,
            OutboxRow.state == MessageState.WAITING,
            OutboxRow.next_at <= now,
        )
        .exists()
    )
    is_ready = or_(DestinationRow.next_at.is_(None), DestinationRow.next_at <= now)
    wanted = _destinations().where(
        DestinationRow.channel == channel, DestinationRow.disabled_at.is_(None), is_ready, has_due
    )
    return _read_destinations(db, wanted)


def begin_attempt(db: Database, ids: Sequence[int], *, now: datetime, next_at: datetime) -> bool:
    """Note an attempt before it is made, and when the next one would be. Raises NotStored.

    A sender that cannot store this must not send: it would send the same again every second. Nor must one
    that gets False: another sender has begun with one of the messages, and nothing was noted.
    """
    is_free = (OutboxRow.state == MessageState.WAITING) & (OutboxRow.next_at <= now)
    begun = update(OutboxRow).where(OutboxRow.id.in_(list(ids)), is_free)
    with db.write() as connection:
        taken = connection.execute(begun.values(attempts=OutboxRow.attempts + 1, next_at=next_at)).rowcount
        if taken != len(ids):
            connection.rollback()
        return taken == len(ids)


def note_delivered(db: Database, destination_ids: Sequence[str], ids: Sequence[int], *, at: datetime) -> None:
    """Note that messages arrived, and that the destinations work."""
    done = {"state": MessageState.DELIVERED, "finished_at": at, "last_error": None}
    with db.write() as connection:
        connection.execute(update(OutboxRow).where(OutboxRow.id.in_(list(ids))).values(**done))
        _set_health(connection, destination_ids, Health())


def note_failed(
    db: Database,
    destination_ids: Sequence[str],
    ids: Sequence[int],
    *,
    error: str,
    health: Health,
    next_at: datetime | None = None,
) -> None:
    """Note that an attempt failed, and when the destinations may be tried again; the messages at next_at."""
    told: dict[str, Any] = {"last_error": error} | ({} if next_at is None else {"next_at": next_at})
    with db.write() as connection:
        connection.execute(update(OutboxRow).where(OutboxRow.id.in_(list(ids))).values(**told))
        _set_health(connection, destination_ids, health)


def set_health(db: Database, destination_ids: Sequence[str], health: Health) -> None:
    """Note how sending to destinations goes, without an attempt."""
    with db.write() as connection:
        _set_health(connection, destination_ids, health)


def give_up(db: Database, ids: Sequence[int], *, error: str, at: datetime) -> None:
    """Never send these, until they are replayed."""
    given_up = {"state": MessageState.GIVEN_UP, "finished_at": at, "last_error": error}
    with db.write() as connection:
        connection.execute(update(OutboxRow).where(OutboxRow.id.in_(list(ids))).values(**given_up))


def replay_one(db: Database, destination_id: str, *, key: str, at: datetime) -> bool:
    """Send one message again, under the same id. Returns False when the outbox has no such message."""
    wanted = update(OutboxRow).where(OutboxRow.destination_id == destination_id, OutboxRow.key == key)
    with db.write() as connection:
        return connection.execute(wanted.values(**_afresh(at))).rowcount == 1


def replay_since(db: Database, destination_id: str, *, seq: int, at: datetime) -> None:
    """Send every event from this account_seq on again; those long gone from the outbox are read anew."""
    again = update(OutboxRow).where(OutboxRow.destination_id == destination_id, OutboxRow.seq >= seq)
    rewound = update(DestinationRow).where(
        DestinationRow.id == destination_id, DestinationRow.fed_seq > max(seq - 1, 0)
    )
    with db.write() as connection:
        connection.execute(again.values(**_afresh(at)))
        connection.execute(rewound.values(fed_seq=max(seq - 1, 0)))


def forget_finished(db: Database, *, before: datetime) -> int:
    """Delete what was delivered or given up before a time, and return how many that were."""
    with db.write() as connection:
        return connection.execute(delete(OutboxRow).where(OutboxRow.finished_at < before)).rowcount


def count_waiting(db: Database) -> dict[str, int]:
    """Return how many messages wait, by destination id; those without any are left out."""
    wanted = (
        select(OutboxRow.destination_id, func.count())
        .where(OutboxRow.state == MessageState.WAITING)
        .group_by(OutboxRow.destination_id)
    )
    with db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(wanted)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits for a channel, and since when the oldest of it does."""

    channel: Channel
    waiting: int
    oldest: datetime


def backlogs(db: Database) -> tuple[Backlog, ...]:
    """Return the backlog of each channel that has one; what waits for a disabled destination counts too."""
    wanted = (
        select(DestinationRow.channel, func.count(), func.min(OutboxRow.created_at, type_=UtcDateTime()))
        .join(DestinationRow, DestinationRow.id == OutboxRow.destination_id)
        .where(OutboxRow.state == MessageState.WAITING)
        .group_by(DestinationRow.channel)
    )
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(
        Backlog(channel=Channel(channel), waiting=count, oldest=oldest) for channel, count, oldest in rows
    )


def _afresh(at: datetime) -> dict[str, Any]:
    return {"state": MessageState.WAITING, "attempts": 0, "next_at": at, "finished_at": None}


def _last_seq(connection: Connection, account_id: str) -> int:
    wanted = select(AccountSequenceRow.last_seq).where(AccountSequenceRow.account_id == account_id)
    return connection.scalar(wanted) or 0


def _queue(
    connection: Connection, destination_id: str, messages: Sequence[NewMessage], *, at: datetime
) -> None:
    if not messages:
        return
    always = {
        "destination_id": destination_id,
        "state": MessageState.WAITING,
        "attempts": 0,
        "next_at": at,
        "created_at": at,
    }
    rows = [always | {name: getattr(message, name) for name in NewMessage.__slots__} for message in messages]
    connection.execute(insert_for(connection.dialect.name, OutboxRow).on_conflict_do_nothing(), rows)


def _set_health(connection: Connection, destination_ids: Sequence[str], health: Health) -> None:
    values = {name: getattr(health, name) for name in Health.__slots__}
    wanted = update(DestinationRow).where(DestinationRow.id.in_(list(destination_ids)))
    connection.execute(wanted.values(**values))


def _behind(destinations: Select[Any]) -> Select[Any]:
    """Return those of destinations that are in use and have not been fed all that is stored."""
    return destinations.join(
        AccountSequenceRow, AccountSequenceRow.account_id == DestinationRow.account_id
    ).where(DestinationRow.disabled_at.is_(None), DestinationRow.fed_seq < AccountSequenceRow.last_seq)


_SOMEBODY_BEHIND = Prepared(lambda _: _behind(select(DestinationRow.id)).limit(1))


def _destinations() -> Select[*tuple[Any, ...]]:
    return select(*(DestinationRow.__table__.c[name] for name in Destination.__slots__))


def _read_destinations(db: Database, wanted: Select[*tuple[Any, ...]]) -> tuple[Destination, ...]:
    with db.read() as connection:
        rows = connection.execute(wanted).all()
    return tuple(_as_destination(row._mapping) for row in rows)


def _as_destination(columns: Mapping[Any, Any]) -> Destination:
    return Destination(**{**columns, "channel": Channel(columns["channel"])})
