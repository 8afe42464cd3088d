"""The durable store of brackets: a bracket, its legs and its events change in one transaction or not at all.

Values in, values out; no row or session leaves this module.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, delete, func, or_, select, update

from database.account_sequence import taking_sequence
from database.bracket_tables import (
    AccountSequenceRow,
    BracketRow,
    EventRow,
    IdempotencyKeyRow,
    LegRow,
)
from database.leases import Fence, hold_off_takers
from database.notices import notify_stored
from database.prepared import Prepared, Transaction, Values
from database.session import Database, Insert, MaybeStored, StorageError, insert_for, utc_text
from database.sharing import with_shared_parts
from services.bracket.model import Bracket, Leg, Mode, Moment, Plan

GENESIS_HASH = ""  # what the first event of a bracket has for the hash before it

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Bracket)


class StaleWriter(StorageError):
    """Somebody else has changed the bracket since it was read. Nothing was written: read again."""


class OppositesChanged(StorageError):
    """A bracket of the other side was stored since one looked. Nothing was written: look again."""


class Listed(StrEnum):
    """Which brackets of an account a list shows."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event to store; payload is its whole self as JSON.

    cause says, with the first event of each decision, what the decision was made from.
    """

    kind: str
    at: Moment
    payload: bytes
    cause: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as stored. seq counts from 1 per bracket, account_seq rises per account.

    cause is read by `history_of` only, and is None for all but the first event of a decision.
    """

    bracket_id: str
    seq: int
    account_id: str
    account_seq: int
    kind: str
    at: datetime
    payload: bytes
    prev_hash: str
    hash: str
    cause: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyClaim:
    """The client's key for one request, and the hash of the request's normalised body."""

    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class ExistingClaim:
    """The key was used before: by this bracket, for a body with this hash."""

    bracket_id: str
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketChange:
    """A bracket after `events`, which was at expected_version before them."""

    bracket: Bracket
    events: Sequence[EventRecord]
    expected_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketPage:
    """Brackets, newest first. cursor asks for the next page; None when this is the last."""

    brackets: tuple[Bracket, ...]
    cursor: str | None


def insert_bracket(
    db: Database,
    bracket: Bracket,
    events: Sequence[EventRecord],
    *,
    claim: IdempotencyClaim | None,
    heeds_opposites: bool = False,
) -> int | ExistingClaim:
    """Store a new bracket with its first events and return the account_seq of the last one.

    When the claim's key is taken, nothing is stored and the claim that holds it is returned.
    Raises NotStored, and MaybeStored; where opposites are heeded OppositesChanged for an open bracket of the
    other side that the plan does not wait for. A bracket that is there already stays as it is: the same call
    again is safe. bracket.version must be the number of events, else ValueError: our bug.
    """
    change = BracketChange(bracket=bracket, events=events, expected_version=0)
    _check_version(change)
    row = _bracket_columns(bracket) | _birth_columns(bracket, claim)

    def write(transaction: Transaction) -> int | ExistingClaim:
        existing = None if claim is None else _claim_key(transaction, bracket, claim)
        if existing is not None and existing.bracket_id != bracket.id:
            return existing
        if transaction.run(_INSERT_BRACKET, row) == 0:
            last_seq: int = transaction.scalar(_LAST_SEQ_OF, {"bracket_id": bracket.id})
            return last_seq
        seq = _written(transaction, [change], None)[0]
        if heeds_opposites:
            # Only now: the account's sequence is locked, so whoever else adds a bracket is done or waits.
            _refuse_new_opposites(transaction, bracket.plan)
        return seq

    account_id = bracket.plan.account_id
    try:
        return db.store(write, key=account_id)
    except MaybeStored:
        return db.store(write, key=account_id)


def find_claim(db: Database, account_id: str, *, key: str) -> ExistingClaim | None:
    """Return what an account used a key for, or None. Raises NotRead."""
    with db.reading() as transaction:
        row = transaction.one(_CLAIM_OF_KEY, {"account_id": account_id, "key": key})
    return None if row is None else ExistingClaim(*row)


def find_opposites(db: Database, plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return id and side of open brackets against this plan: same account, mode and symbol, other side.

    Oldest first. Raises NotRead.
    """
    with db.reading() as transaction:
        rows = transaction.all(_OPPOSITES, _opposite_of(plan))
    return tuple((bracket_id, side) for bracket_id, side in rows)


def save(db: Database, changes: Sequence[BracketChange], *, fence: Fence | None = None) -> int:
    """Store the changes of an account's brackets in one transaction and return its newest account_seq.

    Raises StaleWriter when any of them is not at its expected version any more, Superseded when the
    fence's epoch is over, and NotStored when the database failed; then none of the changes is stored.
    """
    for change in changes:
        _check_version(change)

    def write(transaction: Transaction) -> int:
        for change in changes:
            _compare_and_set(transaction, change)
        return _written(transaction, changes, fence)[-1]

    return db.store(write, key=changes[0].bracket.plan.account_id)


def load(db: Database, bracket_id: str) -> Bracket | None:
    """Return one bracket, or None when there is none with this id. Raises NotRead."""
    with db.reading() as transaction:
        row = transaction.one(_SNAPSHOT_BY_ID, {"id": bracket_id})
    return None if row is None else _decoder.decode(row[0])


def load_open(db: Database, account_ids: Iterable[str]) -> tuple[Bracket, ...]:
    """Return every bracket of these accounts that is not closed, oldest first. Raises NotRead."""
    wanted = (
        select(BracketRow.snapshot)
        .where(BracketRow.account_id.in_(list(account_ids)), BracketRow.is_open.is_(True))
        .order_by(BracketRow.id)
    )
    return _load_all(db, wanted)


def load_watch(db: Database, account_id: str, closed_after: datetime) -> tuple[Bracket, ...]:
    """Return the account's brackets that finished after a time: their orders may still surprise us."""
    wanted = (
        select(BracketRow.snapshot)
        .where(
            BracketRow.account_id == account_id,
            BracketRow.finished_at > closed_after,
            BracketRow.is_open.is_(False),
        )
        .order_by(BracketRow.id)
    )
    return _load_all(db, wanted)


def accounts_at_work(db: Database, mode: Mode, closed_after: datetime) -> frozenset[str]:
    """Return the accounts with brackets of a mode that are open or finished after a time."""
    is_at_work = or_(BracketRow.is_open.is_(True), BracketRow.finished_at > closed_after)
    wanted = select(BracketRow.account_id).where(BracketRow.mode == mode, is_at_work).distinct()
    with db.read() as connection:
        return frozenset(connection.scalars(wanted))


def load_touched(db: Database, account_id: str, *, mode: Mode, since: datetime) -> tuple[Bracket, ...]:
    """Return the account's brackets of a mode that are open or changed since a time, oldest first."""
    wanted = (
        select(BracketRow.snapshot)
        .where(
            BracketRow.account_id == account_id,
            BracketRow.mode == mode,
            or_(BracketRow.is_open.is_(True), BracketRow.updated_at >= since),
        )
        .order_by(BracketRow.id)
    )
    return _load_all(db, wanted)


def list_brackets(
    db: Database, account_id: str, *, state: Listed, limit: int, cursor: str | None = None
) -> BracketPage:
    """Return one page of an account's brackets, newest first. cursor comes from the page before."""
    wanted = select(BracketRow.snapshot).where(BracketRow.account_id == account_id)
    if state is not Listed.ALL:
        wanted = wanted.where(BracketRow.is_open.is_(state is Listed.OPEN))
    if cursor is not None:
        wanted = wanted.where(BracketRow.id < cursor)
    found = _load_all(db, wanted.order_by(BracketRow.id.desc()).limit(limit + 1))
    page = found[:limit]
    return BracketPage(brackets=page, cursor=page[-1].id if page and len(found) > limit else None)


def find_by_tag(db: Database, tag: str) -> Bracket | None:
    """Return the bracket one of whose legs carries this order tag, or None."""
    owner = select(LegRow.bracket_id).where(LegRow.tag == tag).scalar_subquery()
    found = _load_all(db, select(BracketRow.snapshot).where(BracketRow.id == owner))
    return found[0] if found else None


def events_of(db: Database, bracket_id: str) -> tuple[StoredEvent, ...]:
    """Return all events of one bracket in the order they happened."""
    return _load_events(db, _EVENTS_OF, {"bracket_id": bracket_id})


def history_of(db: Database, bracket_id: str) -> tuple[StoredEvent, ...]:
    """Return all events of one bracket with the causes of its decisions, in order."""
    return _load_events(db, _HISTORY_OF, {"bracket_id": bracket_id})


def last_seqs(db: Database, account_ids: Iterable[str]) -> dict[str, int]:
    """Return the account_seq of each account's newest event; accounts without any are left out."""
    wanted = select(AccountSequenceRow.account_id, AccountSequenceRow.last_seq).where(
        AccountSequenceRow.account_id.in_(list(account_ids))
    )
    with db.read() as connection:
        return {row.account_id: row.last_seq for row in connection.execute(wanted)}


def all_last_seqs(db: Database) -> dict[str, int]:
    """Return the account_seq of every account's newest event. Raises NotRead."""
    wanted = select(AccountSequenceRow.account_id, AccountSequenceRow.last_seq)
    with db.read() as connection:
        return {row.account_id: row.last_seq for row in connection.execute(wanted)}


def has_open(db: Database, account_id: str, mode: Mode) -> bool:
    """Whether an account has an open bracket of a mode. Raises NotRead."""
    wanted = select(BracketRow.id).where(
        BracketRow.account_id == account_id, BracketRow.is_open.is_(True), BracketRow.mode == mode
    )
    with db.read() as connection:
        return connection.scalar(wanted.limit(1)) is not None


def verify_chain(db: Database, bracket_id: str) -> int | None:
    """Return the seq of the first event that was altered, removed or put in; None when all is whole.

    Events cut off at the end show as the first missing seq, by the bracket's version.
    """
    events = history_of(db, bracket_id)
    previous = GENESIS_HASH
    for expected_seq, stored in enumerate(events, start=1):
        intact = stored.seq == expected_seq and stored.prev_hash == previous
        if not intact or stored.hash != _hash_of(stored):
            return expected_seq
        previous = stored.hash
    bracket = load(db, bracket_id)
    return None if bracket is not None and bracket.version == len(events) else len(events) + 1


def forget_claims(db: Database, created_before: datetime) -> int:
    """Delete the idempotency keys claimed before a time and return how many there were."""
    with db.write() as connection:
        gone = connection.execute(
            delete(IdempotencyKeyRow).where(IdempotencyKeyRow.created_at < created_before)
        )
        return gone.rowcount


_LEG_CHANGES = ("broker_order_id", "status", "quantity", "filled", "average_price")
_HISTORY = tuple(field.name for field in fields(StoredEvent))
_STORED_EVENT = tuple(name for name in _HISTORY if name != "cause")
_BRACKET_CHANGES = ("state", "is_open", "updated_at", "finished_at", "version", "snapshot")


def _upsert_legs(insert: Insert) -> Insert:
    # The WHERE leaves a leg alone that says what it said before, its updated_at with it.
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["bracket_id", "seq"],
        set_={name: new[name] for name in (*_LEG_CHANGES, "updated_at")},
        where=or_(*(LegRow.__table__.c[name].is_distinct_from(new[name]) for name in _LEG_CHANGES)),
    )


def _opposites() -> Any:
    return (
        select(BracketRow.id, BracketRow.side)
        .where(
            BracketRow.account_id == bindparam("account_id"),
            BracketRow.is_open.is_(True),
            BracketRow.exchange == bindparam("exchange"),
            BracketRow.symbol == bindparam("symbol"),
            BracketRow.mode == bindparam("mode"),
            BracketRow.side != bindparam("side"),
        )
        .order_by(BracketRow.id)
    )


def _events(*conditions: Any, columns: tuple[str, ...] = _STORED_EVENT) -> Any:
    return select(*(EventRow.__table__.c[name] for name in columns)).where(*conditions)


def _compare_and_set_statement() -> Any:
    is_as_expected = and_(
        BracketRow.id == bindparam("wanted_id"), BracketRow.version == bindparam("expected_version")
    )
    return (
        update(BracketRow)
        .where(is_as_expected)
        .values({name: bindparam(name, type_=BracketRow.__table__.c[name].type) for name in _BRACKET_CHANGES})
    )


_INSERT_BRACKET = Prepared(lambda dialect: insert_for(dialect, BracketRow).on_conflict_do_nothing())
_LAST_SEQ_OF = Prepared(
    lambda _: select(func.max(EventRow.account_seq)).where(EventRow.bracket_id == bindparam("bracket_id"))
)
_CLAIM_KEY = Prepared(lambda dialect: insert_for(dialect, IdempotencyKeyRow).on_conflict_do_nothing())
_UPSERT_LEGS = Prepared(lambda dialect: _upsert_legs(insert_for(dialect, LegRow)))
_INSERT_EVENTS = Prepared(lambda dialect: insert_for(dialect, EventRow))
_TAKE_SEQUENCE = Prepared(taking_sequence)
_SNAPSHOT_BY_ID = Prepared(lambda _: select(BracketRow.snapshot).where(BracketRow.id == bindparam("id")))
_OPPOSITES = Prepared(lambda _: _opposites())
_EVENTS_OF = Prepared(
    lambda _: _events(EventRow.bracket_id == bindparam("bracket_id")).order_by(EventRow.seq)
)
_HISTORY_OF = Prepared(
    lambda _: _events(EventRow.bracket_id == bindparam("bracket_id"), columns=_HISTORY).order_by(EventRow.seq)
)
_COMPARE_AND_SET = Prepared(lambda _: _compare_and_set_statement())
_HASH_OF_EVENT = Prepared(
    lambda _: select(EventRow.hash).where(
        EventRow.bracket_id == bindparam("bracket_id"), EventRow.seq == bindparam("seq")
    )
)
_CLAIM_OF_KEY = Prepared(
    lambda _: select(IdempotencyKeyRow.bracket_id, IdempotencyKeyRow.body_hash).where(
        IdempotencyKeyRow.account_id == bindparam("account_id"), IdempotencyKeyRow.key == bindparam("key")
    )
)


def _check_version(change: BracketChange) -> None:
    # The version is the number of events folded; it is also where the next event's seq comes from.
    reached = change.expected_version + len(change.events)
    if change.bracket.version != reached:
        raise ValueError(
            f"bracket {change.bracket.id} is at version {change.bracket.version},"
            f" its events lead to {reached}"
        )


def _claim_key(transaction: Transaction, bracket: Bracket, claim: IdempotencyClaim) -> ExistingClaim | None:
    key = {"account_id": bracket.plan.account_id, "key": claim.key}
    row = {
        **key,
        "body_hash": claim.body_hash,
        "bracket_id": bracket.id,
        "created_at": bracket.received.wall,
    }
    if transaction.run(_CLAIM_KEY, row) == 1:
        return None
    return ExistingClaim(*transaction.all(_CLAIM_OF_KEY, key)[0])


def _opposite_of(plan: Plan) -> Values:
    instrument = plan.instrument
    return {
        "account_id": plan.account_id,
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "mode": plan.mode,
        "side": plan.side,
    }


def _refuse_new_opposites(transaction: Transaction, plan: Plan) -> None:
    found = {bracket_id for bracket_id, _ in transaction.all(_OPPOSITES, _opposite_of(plan))}
    if found.difference(plan.waits_for):
        raise OppositesChanged(f"another order in {plan.instrument.symbol} came first: nothing was stored")


def _compare_and_set(transaction: Transaction, change: BracketChange) -> None:
    row = {
        **_bracket_columns(change.bracket),
        "wanted_id": change.bracket.id,
        "expected_version": change.expected_version,
    }
    if transaction.run(_COMPARE_AND_SET, row) != 1:
        raise StaleWriter(f"bracket {change.bracket.id} is not at version {change.expected_version} any more")


def _written(transaction: Transaction, changes: Sequence[BracketChange], fence: Fence | None) -> list[int]:
    """Write what belongs to brackets already written, tell others, and return their newest account_seqs."""
    if fence is not None:
        hold_off_takers(transaction, fence)
    seqs = [_write_legs_and_events(transaction, change) for change in changes]
    notify_stored(transaction, changes[0].bracket.plan.account_id, seq=seqs[-1])
    return seqs


def _write_legs_and_events(transaction: Transaction, change: BracketChange) -> int:
    if change.bracket.legs:
        transaction.run_many(_UPSERT_LEGS, _leg_rows(change.bracket))
    taken = {"account_id": change.bracket.plan.account_id, "last_seq": len(change.events)}
    last_seq: int = transaction.scalar(_TAKE_SEQUENCE, taken)
    if change.events:
        first_account_seq = last_seq - len(change.events) + 1
        transaction.run_many(_INSERT_EVENTS, _event_rows(transaction, change, first_account_seq))
    return last_seq


def _bracket_columns(bracket: Bracket) -> dict[str, Any]:
    """Return the columns that change over a bracket's life."""
    updated = bracket.updated or bracket.received
    return {
        "state": bracket.state,
        "is_open": not bracket.state.is_closed,
        "updated_at": updated.wall,
        "finished_at": bracket.finished_at and bracket.finished_at.wall,
        "version": bracket.version,
        "snapshot": _encoder.encode(bracket).decode(),
    }


def _birth_columns(bracket: Bracket, claim: IdempotencyClaim | None) -> dict[str, Any]:
    plan = bracket.plan
    return {
        "id": bracket.id,
        "account_id": plan.account_id,
        "owner_id": plan.owner_id,
        "symbol": plan.instrument.symbol,
        "exchange": plan.instrument.exchange,
        "product": plan.product,
        "side": plan.side,
        "mode": plan.mode,
        "strategy": plan.strategy,
        "quantity": plan.quantity,
        "client_order_id": plan.client_order_id,
        "body_hash": claim and claim.body_hash,
        "created_at": bracket.received.wall,
    }


def _leg_rows(bracket: Bracket) -> list[dict[str, Any]]:
    updated_at = (bracket.updated or bracket.received).wall
    return [_leg_columns(leg) | {"bracket_id": bracket.id, "updated_at": updated_at} for leg in bracket.legs]


def _leg_columns(leg: Leg) -> dict[str, Any]:
    return {
        "seq": leg.seq,
        "slice": leg.slice,
        "role": leg.role,
        "kind": leg.kind,
        "tag": leg.tag,
        "broker_order_id": leg.broker_order_id,
        "status": leg.status,
        "quantity": leg.terms.quantity,
        "filled": leg.filled,
        "average_price": leg.average_price,
    }


def _event_rows(
    transaction: Transaction, change: BracketChange, first_account_seq: int
) -> Iterator[dict[str, Any]]:
    bracket = change.bracket
    previous = _last_hash(transaction, change)
    for offset, record in enumerate(change.events):
        seq = change.expected_version + 1 + offset
        payload, cause = record.payload.decode(), None if record.cause is None else record.cause.decode()
        words = (bracket.id, seq, record.kind, utc_text(record.at.wall), payload)
        digest = _chain_hash(previous, *words, *_given(cause))
        yield {
            "bracket_id": bracket.id,
            "seq": seq,
            "account_id": bracket.plan.account_id,
            "account_seq": first_account_seq + offset,
            "kind": record.kind,
            "at": record.at.wall,
            "payload": payload,
            "prev_hash": previous,
            "hash": digest,
            "cause": cause,
        }
        previous = digest


def _last_hash(transaction: Transaction, change: BracketChange) -> str:
    if change.expected_version == 0:
        return GENESIS_HASH
    key = {"bracket_id": change.bracket.id, "seq": change.expected_version}
    found: str = transaction.scalar(_HASH_OF_EVENT, key)
    return found


def _chain_hash(*parts: str | int) -> str:
    # As a JSON list, so that no two different lists of parts read the same.
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _hash_of(stored: StoredEvent) -> str:
    return _chain_hash(
        stored.prev_hash,
        stored.bracket_id,
        stored.seq,
        stored.kind,
        utc_text(stored.at),
        stored.payload.decode(),
        *_given(None if stored.cause is None else stored.cause.decode()),
    )


def _given(cause: str | None) -> tuple[str, ...]:
    """Return a cause as parts of a hash: events without one hash as they did before there were causes."""
    return () if cause is None else (cause,)


def _load_all(db: Database, wanted: Any) -> tuple[Bracket, ...]:
    with db.read() as connection:
        snapshots = connection.scalars(wanted).all()
    return tuple(with_shared_parts(_decoder.decode(snapshot)) for snapshot in snapshots)


def _load_events(db: Database, wanted: Prepared, values: Values) -> tuple[StoredEvent, ...]:
    with db.reading() as transaction:
        rows = transaction.all(wanted, values)
    return tuple(_stored_event(row) for row in rows)


def _stored_event(row: tuple[Any, ...]) -> StoredEvent:
    columns = dict(zip(_HISTORY, row, strict=False))  # the light reads end before the cause
    at, payload = datetime.fromisoformat(columns["at"]), columns["payload"].encode()
    cause = columns.get("cause")
    told = {"at": at, "payload": payload, "cause": None if cause is None else cause.encode()}
    return StoredEvent(**columns | told)
