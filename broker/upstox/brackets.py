"""GTTs of several rules as rows of the order book: an entry, and each exit under an id of its own. Pure.

Upstox has one id for all three; `<id>:ENTRY`, `:STOPLOSS` and `:TARGET` tell them apart. A rule whose
condition is met places a regular order, which carries the GTT's id as its `order_ref_id`, and whose own id
the rule tells. A GTT that is over is not listed any more: what became of it is read off the orders it placed.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from broker.amounts import price_or_none
from broker.base import GttRow, InstrumentNames, OrderRow
from broker.upstox.mapping import latest, order_row, symbol_of
from broker.upstox.refusals import reason_of, refusal_kind
from broker.upstox.rules import ENTRY, MULTIPLE, STOP, TARGET, Part, part_id, rule_of
from broker.upstox.schemas import Gtt, Order, Rule
from broker.upstox.words import product_of
from services.bracket.model import (
    GttLegRow,
    GttStatus,
    OrderType,
    Purpose,
    RowStatus,
    Side,
)
from utils.constants import EXCHANGE_ZONE

PURPOSES = {STOP: Purpose.STOP, TARGET: Purpose.TARGET}
_GTT_ID = "GTT-"
_DAY_OF_GTT = re.compile(r"GTT-[A-Z]+(\d{6})\d")  # year, day, month, as all ids of the documentation
_EPOCH = datetime.fromtimestamp(0, UTC)

# What a rule says while no order of its own is in the book. SCHEDULED is for an exit: it waits for its price.
RULE_STATUSES = {
    "SCHEDULED": RowStatus.PENDING,
    "PENDING": RowStatus.PENDING,
    "INACTIVE": RowStatus.PENDING,
    "TRIGGERED": RowStatus.PENDING,
    "OPEN": RowStatus.PENDING,
    "COMPLETED": RowStatus.FILLED,
    "CANCELLED": RowStatus.CANCELLED,
    "FAILED": RowStatus.REJECTED,
    "EXPIRED": RowStatus.EXPIRED,
}
GTT_STATUSES = {
    "SCHEDULED": GttStatus.ACTIVE,
    "PENDING": GttStatus.TRIGGERED,
    "TRIGGERED": GttStatus.TRIGGERED,
    "OPEN": GttStatus.TRIGGERED,
    "COMPLETED": GttStatus.TRIGGERED,
    "CANCELLED": GttStatus.CANCELLED,
    "FAILED": GttStatus.REJECTED,
    "EXPIRED": GttStatus.EXPIRED,
    "INACTIVE": GttStatus.DISABLED,
}
_CUT_SHORT = frozenset({RowStatus.CANCELLED, RowStatus.REJECTED, RowStatus.EXPIRED})
_WAITS, _COMPLETED = "SCHEDULED", "COMPLETED"
_LIVE = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN, RowStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """GTTs as they were last listed, the ids of those that we cancelled with success, and of those unlisted.

    It only spares waiting: without it, what is over is proved by its orders, or by a longer absence.
    """

    gtts: Mapping[str, Gtt] = field(default_factory=dict)
    cancelled: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """A GTT with the orders that it placed, by strategy; gtt is None where only they tell of it."""

    gtt_id: str
    gtt: Gtt | None
    is_listed: bool
    is_gone: bool  # neither listed now nor in the read before
    is_cancelled: bool
    children: Mapping[str, Order]

    @property
    def has_exit(self) -> bool:
        """Whether an exit was sent: the other one is gone with that."""
        return any(strategy in self.children for strategy in PURPOSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The day's orders: those that stand alone, and what belongs to GTTs."""

    regular: tuple[Order, ...]
    brackets: tuple[Bracket, ...]

    def rows(self, names: InstrumentNames) -> tuple[OrderRow, ...]:
        """Return all rows. Raises ValueError for impossible ones."""
        alone = [order_row(order, names) for order in self.regular]
        return (*alone, *(row for one in self.brackets for row in _rows(one, names)))

    def parts(self) -> dict[str, str]:
        """Return, for each order that a GTT placed, the id it goes by."""
        return {
            order.order_id: part_id(one.gtt_id, strategy)
            for one in self.brackets
            for strategy, order in one.children.items()
        }

    def known(self, before: Known) -> Known:
        """Return what is worth keeping for the next read: what is listed, and what ended today."""
        kept = {one.gtt_id: one.gtt for one in self.brackets if one.gtt is not None and _is_told(one)}
        unlisted = frozenset(one.gtt_id for one in self.brackets if not one.is_listed)
        cancelled = before.cancelled & {one.gtt_id for one in self.brackets}
        return Known(gtts=kept, cancelled=cancelled, unlisted=unlisted)


def _is_told(one: Bracket) -> bool:
    return one.is_listed or one.is_cancelled or bool(one.children)


def book(orders: Sequence[Order], listed: Iterable[Gtt], known: Known) -> Book:
    """Return the book; the GTTs were read before the orders, so no child is missed that a rule tells of."""
    now = {gtt.gtt_order_id: gtt for gtt in listed}
    gtts = {**known.gtts, **now}
    told = _told_by_rules(gtts.values())
    families: dict[str, list[Order]] = defaultdict(list)
    regular: list[Order] = []
    for order in orders:
        gtt_id = told[order.order_id].gtt_id if order.order_id in told else _reference(order)
        (regular if gtt_id is None else families[gtt_id]).append(order)
    brackets = tuple(
        Bracket(
            gtt_id=gtt_id,
            gtt=gtts.get(gtt_id),
            is_listed=gtt_id in now,
            is_gone=gtt_id not in now and gtt_id in known.unlisted,
            is_cancelled=gtt_id in known.cancelled,
            children=_by_strategy(families.get(gtt_id, []), gtts.get(gtt_id), told),
        )
        for gtt_id in (*gtts, *(one for one in families if one not in gtts))
    )
    return Book(regular=tuple(regular), brackets=brackets)


def _told_by_rules(gtts: Iterable[Gtt]) -> dict[str, Part]:
    return {
        rule.order_id: Part(gtt.gtt_order_id, rule.strategy)
        for gtt in gtts
        for rule in gtt.rules
        if rule.order_id
    }


def _reference(order: Order) -> str | None:
    reference = order.order_ref_id or ""
    return reference if reference.startswith(_GTT_ID) else None


def _by_strategy(family: Sequence[Order], gtt: Gtt | None, told: Mapping[str, Part]) -> dict[str, Order]:
    found = {told[order.order_id].strategy: order for order in family if order.order_id in told}
    rest = [order for order in family if order.order_id not in told]
    for order in sorted(rest, key=lambda one: (one.order_timestamp or "", one.order_id)):
        entry = found.get(ENTRY)
        strategy = ENTRY if entry is None and _enters(order, gtt) else _exit_strategy(order, entry, gtt)
        found.setdefault(strategy, order)
    return found


def _enters(order: Order, gtt: Gtt | None) -> bool:
    """Whether an order may be its GTT's entry; where nothing tells the side, the first one of its day is."""
    if gtt is None:
        return not _is_of_a_later_day(order)
    return rule_of(gtt, ENTRY).transaction_type == order.transaction_type


def _is_of_a_later_day(order: Order) -> bool:
    """Whether a GTT is older than its order's day, so that it is no entry: ours are sent at once."""
    found = _DAY_OF_GTT.match(order.order_ref_id or "")
    placed = latest(order.order_timestamp)
    if found is None or placed is None:
        return False
    return found.group(1) != placed.astimezone(EXCHANGE_ZONE).strftime("%y%d%m")


def _exit_strategy(order: Order, entry: Order | None, gtt: Gtt | None) -> str:
    """Return which exit an order is: the one of the nearest level, else by its side of the entry's price."""
    if gtt is not None:
        exits = [rule for rule in gtt.rules if rule.strategy in PURPOSES]
        nearest = min(exits, key=lambda rule: abs(rule.trigger_price - order.price), default=None)
        return TARGET if nearest is None else nearest.strategy
    if entry is None:
        return TARGET
    gain = (order.price - entry.price) * Side(entry.transaction_type).sign
    return TARGET if gain > 0 else STOP


def _rows(one: Bracket, names: InstrumentNames) -> list[OrderRow]:
    entry = _entry(one, names)
    if entry is None:
        return _exits_alone(one, names)
    exits = [_exit(one, entry, strategy, names) for strategy in PURPOSES if _brings(one, entry, strategy)]
    return [entry, *(row for row in exits if row is not None)]


def _exits_alone(one: Bracket, names: InstrumentNames) -> list[OrderRow]:
    """Return the exits of a GTT that nobody remembers, and whose entry is in the book of an earlier day."""
    sent = next((_row_of(one, strategy, names) for strategy in PURPOSES if strategy in one.children), None)
    if sent is None:
        return []
    return [_row_of(one, strategy, names) or _gone(one, sent, strategy) for strategy in PURPOSES]


def _brings(one: Bracket, entry: OrderRow, strategy: str) -> bool:
    if one.gtt is None:
        return one.has_exit or one.is_cancelled or _ended_early(one, entry)
    return any(rule.strategy == strategy for rule in one.gtt.rules)


def _entry(one: Bracket, names: InstrumentNames) -> OrderRow | None:
    own_id, child = part_id(one.gtt_id, ENTRY), one.children.get(ENTRY)
    if child is not None:
        return replace(order_row(child, names), broker_order_id=own_id, tag=None)
    if one.gtt is None or not (one.is_listed or one.is_cancelled or one.has_exit):
        return None
    rule = rule_of(one.gtt, ENTRY)
    status = _ended(RULE_STATUSES.get(rule.status, RowStatus.UNKNOWN), one)
    row = _row(one.gtt, rule, status, names, strategy=ENTRY)
    return replace(row, price=price_or_none(rule.trigger_price))


def _exit(one: Bracket, entry: OrderRow, strategy: str, names: InstrumentNames) -> OrderRow | None:
    sent = _row_of(one, strategy, names)
    if one.gtt is None:
        # Of one that nobody remembers: it was sent, or it is gone with its sibling.
        return sent or _gone(one, replace(entry, side=entry.side.opposite), strategy)
    rule = rule_of(one.gtt, strategy)
    if sent is not None:
        return _at_level(sent, rule)
    status = _exit_status(one, entry, rule)
    if status is None:
        return None
    row = _belonging(_row(one.gtt, rule, status, names, strategy=strategy), one, strategy)
    return _at_level(row, rule)


def _row_of(one: Bracket, strategy: str, names: InstrumentNames) -> OrderRow | None:
    child = one.children.get(strategy)
    return None if child is None else _belonging(order_row(child, names), one, strategy)


def _gone(one: Bracket, sibling: OrderRow, strategy: str) -> OrderRow:
    """Return an exit that never had an order and is gone, of the same shares as the one that was sent."""
    gone = replace(
        sibling,
        status=RowStatus.CANCELLED,
        filled=0,
        price=None,
        trigger_price=None,
        average_price=None,
        updated_at=None,
        reason=None,
        refusal=None,
    )
    return _belonging(gone, one, strategy)


def _belonging(row: OrderRow, one: Bracket, strategy: str) -> OrderRow:
    is_stop = strategy == STOP
    return replace(
        row,
        broker_order_id=part_id(one.gtt_id, strategy),
        tag=None,
        order_type=OrderType.SL if is_stop else OrderType.LIMIT,
        price=None if is_stop else row.price,
        parent_order_id=part_id(one.gtt_id, ENTRY),
        exit_purpose=PURPOSES[strategy],
    )


def _at_level(row: OrderRow, rule: Rule) -> OrderRow:
    level, is_stop = price_or_none(rule.trigger_price), rule.strategy == STOP
    return replace(row, price=None if is_stop else level, trigger_price=level if is_stop else None)


def _exit_status(one: Bracket, entry: OrderRow, rule: Rule) -> RowStatus | None:
    """Return how far an exit is that has no order; None where nothing tells what became of it."""
    is_over = not one.is_listed and (one.has_exit or one.is_cancelled or _ended_early(one, entry))
    status = RULE_STATUSES.get(rule.status, RowStatus.UNKNOWN)
    if status not in _LIVE:
        return status
    if is_over or _is_unfilled(entry):
        return RowStatus.CANCELLED
    if not one.is_listed or one.gtt is None:
        return None
    # Held back until the entry is complete: whether a part of it is covered is not written anywhere.
    if rule.status == _WAITS and rule_of(one.gtt, ENTRY).status == _COMPLETED:
        return RowStatus.TRIGGER_PENDING if rule.strategy == STOP else RowStatus.OPEN
    return status


def _ended_early(one: Bracket, entry: OrderRow) -> bool:
    """Whether a GTT ended with an entry that was cut short: its exits were never sent, and are gone."""
    return one.is_gone and entry.status in _CUT_SHORT


def _is_unfilled(entry: OrderRow) -> bool:
    return entry.status not in _LIVE and entry.filled == 0


def _ended(status: RowStatus, one: Bracket) -> RowStatus:
    return RowStatus.CANCELLED if one.is_cancelled and not one.is_listed and status in _LIVE else status


def _row(gtt: Gtt, rule: Rule, status: RowStatus, names: InstrumentNames, *, strategy: str) -> OrderRow:
    exchange, symbol = symbol_of(gtt.instrument_token, gtt.trading_symbol, names)
    is_refused = status is RowStatus.REJECTED
    reason = reason_of(rule.message or "rejected") if is_refused else None
    return OrderRow(
        broker_order_id=part_id(gtt.gtt_order_id, strategy),
        tag=None,
        exchange=exchange,
        symbol=symbol,
        product=product_of(gtt.product, exchange),
        side=Side(rule.transaction_type),
        order_type=OrderType.LIMIT,
        quantity=gtt.quantity,
        status=status,
        filled=gtt.quantity if status is RowStatus.FILLED else 0,
        # Orders tell whole seconds: with its parts of one, a rule would look newer than the order it placed.
        updated_at=moment_of(gtt.created_at).replace(microsecond=0) if strategy == ENTRY else None,
        reason=reason,
        refusal=refusal_kind(reason) if reason else None,
    )


def moment_of(microseconds: int) -> datetime:
    """Return a time that is told in microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def gtt_rows(listed: Iterable[Gtt], names: InstrumentNames) -> tuple[GttRow, ...]:
    """Return the GTTs of one rule, which only people place here. Raises ValueError for impossible ones."""
    return tuple(_gtt_row(gtt, names) for gtt in listed if gtt.type != MULTIPLE and gtt.rules)


def _gtt_row(gtt: Gtt, names: InstrumentNames) -> GttRow:
    rule = gtt.rules[0]
    exchange, symbol = symbol_of(gtt.instrument_token, gtt.trading_symbol, names)
    leg = GttLegRow(
        trigger_price=rule.trigger_price,
        price=rule.trigger_price,
        quantity=gtt.quantity,
        child_order_id=rule.order_id or None,
    )
    return GttRow(
        trigger_id=gtt.gtt_order_id,
        exchange=exchange,
        symbol=symbol,
        product=product_of(gtt.product, exchange),
        side=Side(rule.transaction_type),
        status=GTT_STATUSES.get(rule.status, GttStatus.UNKNOWN),
        legs=(leg,),
        created_at=moment_of(gtt.created_at),
        expires_at=None if gtt.expires_at is None else moment_of(gtt.expires_at),
    )
