"""Whether a book shows an order of which nobody answered, or proves that it does not exist. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from database.plain_order_db import PlainKind, PlainOrder
from services.bracket.adoption import UNTAGGED_SLACK, has_prices_of
from services.bracket.model import GttLegRow, GttRow, OrderRow
from utils.constants import EXCHANGE_ZONE

READS_NEEDED = 3
_CLOCKS_APART = timedelta(seconds=5)  # of the broker's clock and ours


@dataclass(slots=True)
class Evidence:
    """What reads have shown so far of one unknown order."""

    missed: int = 0
    shown: frozenset[str] = field(default_factory=frozenset)  # ids of the last complete read


def found_id(
    order: PlainOrder, orders: Collection[OrderRow], gtts: Collection[GttRow], *, taken: Collection[str]
) -> str | None:
    """Return the broker's id of an order in its books; taken are GTTs that are somebody else's."""
    if order.kind is PlainKind.ORDER:
        return next((row.broker_order_id for row in orders if row.tag == order.tag), None)
    fitting = (row.trigger_id for row in gtts if _is_same(order, row) and row.trigger_id not in taken)
    return next(fitting, None)


def may_be_it(order: PlainOrder, row: OrderRow) -> bool:
    """Whether an order without a tag says what was asked for, and is not older as far as one can tell."""
    is_older = row.updated_at is not None and row.updated_at < order.sent_at - UNTAGGED_SLACK
    mine = (order.exchange, order.symbol, order.product, order.side, order.terms.quantity)
    return (
        order.kind is PlainKind.ORDER
        and row.tag is None
        and not is_older
        and mine == (row.exchange, row.symbol, row.product, row.side, row.quantity)
        and has_prices_of(order.terms, row)
    )


def is_absent(
    order: PlainOrder, shown: frozenset[str], evidence: Evidence, *, read_at: datetime, quiescence: timedelta
) -> bool:
    """Take in one read without the order, and say whether it is proved not to exist.

    A read that lacks what the one before it showed is not complete and proves nothing.
    """
    is_complete = evidence.shown <= shown
    evidence.shown = shown
    if is_complete and read_at - order.sent_at >= quiescence:
        evidence.missed += 1
    return evidence.missed >= READS_NEEDED


def day_has_ended(order: PlainOrder, now: datetime) -> bool:
    """Whether the order book of the order's day may be gone. GTTs are listed beyond their day."""
    if order.kind is PlainKind.GTT:
        return False
    return is_of_an_earlier_day(order.sent_at, now)


def is_of_an_earlier_day(at: datetime, now: datetime) -> bool:
    """Whether one time is on an earlier day at the exchange than another."""
    return at.astimezone(EXCHANGE_ZONE).date() < now.astimezone(EXCHANGE_ZONE).date()


def _is_same(order: PlainOrder, row: GttRow) -> bool:
    mine = (order.exchange, order.symbol, order.product, order.side)
    is_new = row.created_at >= order.sent_at - _CLOCKS_APART
    return (
        is_new
        and mine == (row.exchange, row.symbol, row.product, row.side)
        and _wanted_legs(order) == {_leg(leg) for leg in row.legs}
    )


def _wanted_legs(order: PlainOrder) -> set[tuple[Decimal | None, Decimal | None, int]]:
    terms = order.terms
    legs = {(terms.trigger_price, terms.price, terms.quantity)}
    if terms.target_trigger is not None:
        legs.add((terms.target_trigger, terms.target_price, terms.quantity))
    return legs


def _leg(row: GttLegRow) -> tuple[Decimal | None, Decimal | None, int]:
    return (row.trigger_price, row.price, row.quantity)
