"""What becomes of brackets whose record is older than the broker's books. Pure.

A restored database does not know what was sent since its backup. What the books prove is taken over: orders
that carry a bracket's tag become its legs again. What they cannot prove is given into a person's hands, for
an exit placed beside one that nobody remembers would sell what is not there.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.bracket.events import AlarmRaised, Event, HandedOver, LegAcknowledged, LegIntended
from services.bracket.lifecycle import apply
from services.bracket.model import (
    Bracket,
    GttRow,
    GttStatus,
    Leg,
    LegKind,
    OrderRow,
    Purpose,
    Role,
    RowStatus,
    Terms,
    Topology,
)
from services.bracket.sighting import sighting_of
from services.bracket.tags import BRACKET_CHARACTERS, is_ours, seq_of

_LIVE_ROWS = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN, RowStatus.UNKNOWN})
_LIVE_GTTS = frozenset({GttStatus.ACTIVE, GttStatus.TRIGGERED, GttStatus.UNKNOWN})


class Verdict(StrEnum):
    KEPT = "kept"  # the books show what the record says: it goes on
    ADOPTED = "adopted"  # with orders that were sent after the backup
    HANDED_OVER = "handed_over"  # nobody can tell what became of it: a person's from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What one read of the broker showed; gtts is None where the broker has none."""

    orders: tuple[OrderRow, ...]
    gtts: tuple[GttRow, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is to become of one open bracket, and the events that say so."""

    bracket_id: str
    verdict: Verdict
    why: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An order or GTT at the broker that no open bracket accounts for."""

    order_id: str
    words: str


def judge(bracket: Bracket, books: Books, known_ids: Collection[str]) -> Finding:
    """Return what the books prove of an open bracket. known_ids: every order id the database has."""
    shown = [leg for leg in bracket.legs if _is_shown(leg, books)]
    sent_since = sorted(_unknown_rows(bracket, books.orders), key=lambda row: seq_of(row.tag or ""))
    reason = _unproven(bracket, books, shown=shown, sent_since=sent_since, known_ids=known_ids)
    if reason is not None:
        return _handed_over(bracket, reason)
    if sent_since:
        events = tuple(_taking_back(bracket, books, sent_since))
        orders = ", ".join(f"{row.tag} {row.status}, filled {row.filled}" for row in sent_since)
        why = f"takes back {orders}"
        return Finding(bracket_id=bracket.id, verdict=Verdict.ADOPTED, why=why, events=events)
    return Finding(bracket_id=bracket.id, verdict=Verdict.KEPT, why="the books show what the record says")


def strangers(
    brackets: Iterable[Bracket], books: Books, *, known_ids: Collection[str]
) -> tuple[Stranger, ...]:
    """Return orders with a tag of ours, and GTTs, that no open bracket and no stored id accounts for."""
    ends = {one.id[-BRACKET_CHARACTERS:] for one in brackets}
    orders = [
        row
        for row in books.orders
        if is_ours(row.tag)
        and (row.tag or "")[:BRACKET_CHARACTERS] not in ends
        and (row.status in _LIVE_ROWS if row.broker_order_id in known_ids else True)
    ]
    gtts = [row for row in books.gtts or () if row.status in _LIVE_GTTS and row.trigger_id not in known_ids]
    return (*map(_stranger_order, orders), *map(_stranger_gtt, gtts))


def _unproven(
    bracket: Bracket,
    books: Books,
    *,
    shown: Sequence[Leg],
    sent_since: Sequence[OrderRow],
    known_ids: Collection[str],
) -> str | None:
    """Return why a bracket cannot go on by itself, None when it can."""
    lost = [leg.tag for leg in bracket.legs if leg.is_live and leg not in shown]
    if lost:
        return f"no book shows {', '.join(lost)}"
    if bracket.legs and not shown and not sent_since:
        return "no book shows any of its orders: what became of it was on another day"
    if any(_may_be_its(row, bracket) and row.trigger_id not in known_ids for row in books.gtts or ()):
        return "a GTT in its symbol may be its exit, and no tag says so"
    return _unadoptable(bracket, sent_since)


def _unadoptable(bracket: Bracket, sent_since: Sequence[OrderRow]) -> str | None:
    if not sent_since:
        return None
    seqs = [seq_of(row.tag or "") for row in sent_since]
    if seqs != list(range(len(bracket.legs) + 1, len(bracket.legs) + 1 + len(seqs))):
        return "some of the orders sent since are in no book"
    if bracket.plan.topology is Topology.NATIVE:
        # Which exits an order brought, and with what terms it was sent, its row alone does not say.
        return "orders were sent since that may have brought exits of their own"
    if len(bracket.slices) != 1 or any(_role(row) is Role.UNWIND for row in sent_since):
        return "which part of it the orders sent since belong to is not known"
    if any(not _is_in_its_symbol(row, bracket) for row in sent_since):
        return "an order with its tag is in another symbol or product"
    return None


def _unknown_rows(bracket: Bracket, rows: Iterable[OrderRow]) -> Iterator[OrderRow]:
    known = {leg.tag for leg in bracket.legs}
    for row in rows:
        tag = row.tag or ""
        if is_ours(tag) and tag[:BRACKET_CHARACTERS] == bracket.id[-BRACKET_CHARACTERS:] and tag not in known:
            yield row


def _is_shown(leg: Leg, books: Books) -> bool:
    if leg.kind is LegKind.GTT:
        return any(row.trigger_id == leg.broker_order_id for row in books.gtts or ())
    return any(leg.tag == row.tag or leg.broker_order_id == row.broker_order_id for row in books.orders)


def _may_be_its(row: GttRow, bracket: Bracket) -> bool:
    instrument = bracket.plan.instrument
    is_there = (row.exchange, row.symbol) == (instrument.exchange, instrument.symbol)
    return is_there and row.side is bracket.plan.side.opposite and row.status in _LIVE_GTTS


def _is_in_its_symbol(row: OrderRow, bracket: Bracket) -> bool:
    plan = bracket.plan
    wanted = (plan.instrument.exchange, plan.instrument.symbol, plan.product)
    return (row.exchange, row.symbol, row.product) == wanted


def _taking_back(bracket: Bracket, books: Books, sent_since: Sequence[OrderRow]) -> Iterator[Event]:
    """Yield what the books show, fills before the exits that were sent for them.

    An exit beside an entry that nobody has seen fill would be taken for one too many, and cancelled.
    """
    for leg in bracket.legs:
        row = next((row for row in books.orders if row.tag == leg.tag), None)
        if row is not None and leg.is_live:
            yield sighting_of(leg, row)
    for row in sent_since:
        for event in _adoption(row):
            yield event
            bracket = apply(bracket, event, bracket.received)
        yield sighting_of(bracket.legs[-1], row)


def _adoption(row: OrderRow) -> Iterator[Event]:
    """Yield what would have been stored had this record sent the order."""
    seq, role = seq_of(row.tag or ""), _role(row)
    yield LegIntended(
        seq=seq,
        slice=0,
        role=role,
        kind=LegKind.ORDER,
        tag=row.tag or "",
        side=row.side,
        terms=Terms(
            order_type=row.order_type,
            quantity=row.quantity,
            price=row.price,
            trigger_price=row.trigger_price,
        ),
        purpose=_purpose(row, role),
    )
    yield LegAcknowledged(seq=seq, broker_order_id=row.broker_order_id)


def _role(row: OrderRow) -> Role:
    return Role((row.tag or "")[BRACKET_CHARACTERS])


def _purpose(row: OrderRow, role: Role) -> Purpose:
    if role is Role.ENTRY:
        return Purpose.ENTRY
    return Purpose.STOP if row.trigger_price is not None else Purpose.MARKETABLE


def _handed_over(bracket: Bracket, reason: str) -> Finding:
    words = f"restored from a backup, and {reason}: nothing of it is touched any more, look at the broker"
    events = (
        AlarmRaised(kind="restored", text=words, count=1),
        HandedOver(by="the restore", cancel_exits=False),
    )
    return Finding(bracket_id=bracket.id, verdict=Verdict.HANDED_OVER, why=reason, events=events)


def _stranger_order(row: OrderRow) -> Stranger:
    words = (
        f"{row.side} {row.quantity} {row.exchange}:{row.symbol} {row.product} {row.order_type}"
        f" {row.status}, filled {row.filled}, tag {row.tag}"
    )
    return Stranger(order_id=row.broker_order_id, words=words)


def _stranger_gtt(row: GttRow) -> Stranger:
    words = f"GTT {row.side} {row.exchange}:{row.symbol} {row.product} {row.status}"
    return Stranger(order_id=row.trigger_id, words=words)
