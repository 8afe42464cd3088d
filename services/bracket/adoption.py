"""Orders found by what they are: the exits that a native entry brought, and whatever bears no tag."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from services.bracket import events as ev
from services.bracket.model import (
    Bracket,
    Leg,
    LegKind,
    LegStatus,
    OrderRow,
    OrderType,
    Purpose,
    Role,
    Terms,
)
from services.bracket.native import lacks_exits, native_entries
from services.bracket.observation import Read
from services.bracket.step import Step
from services.bracket.tags import tag_of

# What a broker gives no tag of ours is told by its content; one touched this long before we asked is another.
CREATED_SLACK = timedelta(seconds=5)
# For plain orders where none has a tag: to overlook our own because two clocks differ would place it twice.
UNTAGGED_SLACK = timedelta(seconds=60)

LOST = frozenset({LegStatus.UNKNOWN, LegStatus.ABSENT})  # while the id is not known


def adopt_exits(step: Step, read: Read) -> list[Leg]:
    """Take the exits that the book shows for the first time as legs; count the reads that lack some."""
    known = len(step.bracket.legs)
    for entry in native_entries(step.bracket):
        ids = {leg.broker_order_id for leg in step.bracket.legs}
        for row in read.orders:
            if _is_exit_of(entry, row) and row.broker_order_id not in ids:
                _adopt(step, entry, row)
        _count_unseen(step, step.bracket.leg(entry.seq), read)
    return list(step.bracket.legs[known:])


def _is_exit_of(entry: Leg, row: OrderRow) -> bool:
    is_exit = row.exit_purpose in (Purpose.STOP, Purpose.TARGET) and row.side is entry.side.opposite
    return is_exit and row.parent_order_id is not None and row.parent_order_id == entry.broker_order_id


def _adopt(step: Step, entry: Leg, row: OrderRow) -> None:
    if row.exit_purpose is None:
        return
    seq = len(step.bracket.legs) + 1
    step.record(
        ev.ExitAdopted(
            seq=seq,
            parent=entry.seq,
            tag=tag_of(step.bracket.id, Role.EXIT, seq),
            broker_order_id=row.broker_order_id,
            purpose=row.exit_purpose,
            terms=shown_terms(row),
        )
    )


def shown_terms(row: OrderRow) -> Terms:
    """Return a row's terms as they stand there."""
    return Terms(
        order_type=row.order_type,
        quantity=row.quantity,
        price=row.price or None,
        trigger_price=row.trigger_price or None,
    )


def _count_unseen(step: Step, entry: Leg, read: Read) -> None:
    """A filled entry without its exits: they may be live, until absence is proved as it is for any order."""
    if not lacks_exits(step.bracket, entry):
        return
    if _is_over_with_its_day(step, entry) and read.position_agrees is not None:
        step.record(ev.ExitsProvedAbsent(seq=entry.seq))
        return
    step.record(ev.ExitsMissed(seq=entry.seq))
    if is_missed_for_good(step, step.bracket.leg(entry.seq), read):
        step.record(ev.ExitsProvedAbsent(seq=entry.seq))
        step.raise_alarm("exits_absent", "the broker shows no exits for its bracket order; ours take over")


def _is_over_with_its_day(step: Step, entry: Leg) -> bool:
    return entry.session != step.seen.session.id and not step.bracket.plan.survives_day


def is_missed_for_good(step: Step, leg: Leg, read: Read) -> bool:
    """Whether what is missing has been so for the quiescence, in enough reads, and the position agrees."""
    if leg.missed_reads < step.timing.absent_reads or leg.missed_since is None:
        return False
    was_quiet = read.started.since(leg.missed_since) > step.timing.quiescence
    return was_quiet and read.position_agrees is True


def bears_tags(bracket: Bracket) -> bool:
    """Whether the broker's books show the tags of our orders."""
    return bracket.plan.capabilities.tag_length > 0


def is_untagged(bracket: Bracket, leg: Leg) -> bool:
    """Whether only its content tells a leg's order, as long as its id is not known.

    A native bracket has a tag at some brokers: its content is looked at where no row carries it.
    """
    return leg.kind is LegKind.ORDER and (leg.terms.is_native or not bears_tags(bracket))


def is_lost_order(bracket: Bracket, leg: Leg) -> bool:
    """Whether an order was sent and its id is not known: one without a tag may be it."""
    return leg.broker_order_id is None and leg.status in LOST and is_untagged(bracket, leg)


def is_alike(one: Leg, other: Leg) -> bool:
    """Whether two legs ask for the same, so that without ids nobody can tell their orders apart."""
    return (one.kind, one.side, one.terms) == (other.kind, other.side, other.terms)


def may_be(leg: Leg, row: OrderRow, exits: Iterable[OrderRow] = ()) -> bool:
    """Whether an order without a tag says exactly what a leg asked for, and is not older."""
    if row.tag is not None or row.parent_order_id is not None or row.side is not leg.side:
        return False
    slack = CREATED_SLACK if leg.terms.is_native else UNTAGGED_SLACK
    if row.updated_at is not None and row.updated_at < leg.sent_at.wall - slack:
        return False
    if not leg.terms.is_native:
        return row.quantity == leg.terms.quantity and has_prices_of(leg.terms, row)
    return _entry_content(row) == _asked_content(leg) and _exit_levels(exits) == _asked_levels(leg)


def has_prices_of(terms: Terms, row: OrderRow) -> bool:
    """Whether a plain order's type and prices are those asked for, before it fired or after."""
    price, trigger = row.price or None, row.trigger_price or None
    match terms.order_type:
        case OrderType.MARKET:
            # Brokers turn it into a limit of their own.
            return row.order_type in (OrderType.MARKET, OrderType.LIMIT) and trigger is None
        case OrderType.LIMIT:
            return row.order_type is OrderType.LIMIT and (price, trigger) == (terms.price, None)
        case OrderType.SL:
            fired = row.order_type is OrderType.LIMIT and trigger is None
            return price == terms.price and (fired or trigger == terms.trigger_price)
        case OrderType.SL_M:
            fired = row.order_type is OrderType.MARKET and trigger is None
            return fired or trigger == terms.trigger_price


def _entry_content(row: OrderRow) -> tuple[int, Decimal | None, Decimal | None]:
    # The type is not compared: a protected MARKET shows as a LIMIT, whose price is not ours either.
    return row.quantity, row.price or None, row.trigger_price or None


def _asked_content(leg: Leg) -> tuple[int, Decimal | None, Decimal | None]:
    return leg.terms.quantity, leg.terms.price, leg.terms.trigger_price


def _exit_levels(exits: Iterable[OrderRow]) -> dict[Purpose | None, Decimal | None]:
    return {
        row.exit_purpose: row.trigger_price if row.exit_purpose is Purpose.STOP else row.price
        for row in exits
    }


def _asked_levels(leg: Leg) -> dict[Purpose | None, Decimal | None]:
    return {Purpose.STOP: leg.terms.stop_trigger, Purpose.TARGET: leg.terms.target_price}
