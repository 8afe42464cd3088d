"""What one read of an account's books means for all its brackets: completeness, ownership, foreign acts.

Pure. A read is complete only when it shows every order that an earlier read of the session showed
live. Foreign trades (order ids that are not ours) are the only proof that somebody else closed lots;
lots that were never ours are consumed first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.bracket.model import (
    BookRead,
    Bracket,
    GttRow,
    Leg,
    LegKind,
    LegStatus,
    OrderRow,
    Role,
    TradeRow,
)
from services.bracket.observation import Read, Standing
from services.bracket.quantities import net
from services.bracket.tags import is_ours

PositionKey = tuple[str, str, str]  # exchange, symbol, product


def key_of(bracket: Bracket) -> PositionKey:
    plan = bracket.plan
    return (plan.instrument.exchange, plan.instrument.symbol, plan.product)


def is_complete(read: BookRead, brackets: Iterable[Bracket], *, session: Mapping[str, str]) -> bool:
    """Whether the read shows every order that was seen live in this session; session by exchange."""
    shown = {row.broker_order_id for row in read.orders}
    return all(
        leg.broker_order_id in shown
        for bracket in brackets
        for leg in bracket.legs
        if _must_be_shown(leg, session.get(bracket.plan.instrument.exchange, ""))
    )


def _must_be_shown(leg: Leg, session_id: str) -> bool:
    was_live = leg.is_working or leg.status is LegStatus.PENDING
    return leg.kind is LegKind.ORDER and was_live and leg.session == session_id


@dataclass(frozen=True, slots=True)
class BookIndex:
    """One read, indexed once for all brackets of the account."""

    read: BookRead
    by_id: dict[str, OrderRow] = field(default_factory=dict)
    by_tag: dict[str, list[OrderRow]] = field(default_factory=dict)
    trades: dict[str, list[TradeRow]] = field(default_factory=dict)
    gtts: dict[tuple[str, str], list[GttRow]] = field(default_factory=dict)


def index_book(read: BookRead) -> BookIndex:
    index = BookIndex(read)
    for row in read.orders:
        index.by_id[row.broker_order_id] = row
        if row.tag is not None:
            index.by_tag.setdefault(row.tag, []).append(row)
    for trade in read.trades or ():
        index.trades.setdefault(trade.broker_order_id, []).append(trade)
    for gtt in read.gtts or ():
        index.gtts.setdefault((gtt.exchange, gtt.symbol), []).append(gtt)
    return index


def owned_gtts(brackets: Iterable[Bracket]) -> dict[str, str]:
    """Return trigger id -> bracket id, for every GTT of ours."""
    return {
        leg.broker_order_id: bracket.id
        for bracket in brackets
        for leg in bracket.legs
        if leg.kind is LegKind.GTT and leg.broker_order_id is not None
    }


def part_of_read(
    bracket: Bracket, index: BookIndex, *, owners: Mapping[str, str], agrees: bool | None
) -> Read:
    """Return the rows of a complete read that concern one bracket."""
    return Read(
        started=index.read.started,
        orders=tuple(_rows(bracket, index)),
        gtts=_gtts(bracket, index, owners),
        trades=_trades(bracket, index),
        position_agrees=agrees,
    )


def _rows(bracket: Bracket, index: BookIndex) -> Iterable[OrderRow]:
    for leg in bracket.legs:
        if leg.broker_order_id is None:
            yield from index.by_tag.get(leg.tag, ())
        elif leg.broker_order_id in index.by_id:
            yield index.by_id[leg.broker_order_id]


def _gtts(bracket: Bracket, index: BookIndex, owners: Mapping[str, str]) -> tuple[GttRow, ...] | None:
    if index.read.gtts is None:
        return None
    instrument = bracket.plan.instrument
    rows = index.gtts.get((instrument.exchange, instrument.symbol), ())
    return tuple(row for row in rows if owners.get(row.trigger_id, bracket.id) == bracket.id)


def _trades(bracket: Bracket, index: BookIndex) -> tuple[TradeRow, ...] | None:
    if index.read.trades is None:
        return None
    ids = [leg.broker_order_id for leg in bracket.legs if leg.broker_order_id is not None]
    return tuple(trade for order_id in ids for trade in index.trades.get(order_id, ()))


def standings(
    index: BookIndex, brackets: Sequence[Bracket], *, session: Mapping[str, str]
) -> dict[str, Standing]:
    """Return bracket id -> standing. Empty when trades or positions were not read.

    Brackets of one symbol have one side (opposite ones are refused), so quantities are absolute. Our
    own fills are taken from this very read where it is ahead of what the brackets know.
    """
    read = index.read
    if read.positions is None or read.trades is None:
        return {}
    groups: dict[PositionKey, list[Bracket]] = {}
    for bracket in brackets:
        groups.setdefault(key_of(bracket), []).append(bracket)
    ours = _our_order_ids(read, brackets)
    positions = {(row.exchange, row.symbol, row.product): row.quantity for row in read.positions}
    found: dict[str, Standing] = {}
    for key, group in groups.items():
        is_new_day = any(one.session != session.get(key[0], one.session) for one in group)
        foreign = _foreign(read.trades, key, ours)
        proven = {one.id: _proven(one, index) for one in group}
        found |= _group_standings(group, proven, positions.get(key, 0), foreign, is_new_day=is_new_day)
    return found


def _our_order_ids(read: BookRead, brackets: Sequence[Bracket]) -> set[str]:
    known = {
        leg.broker_order_id
        for bracket in brackets
        for leg in bracket.legs
        if leg.broker_order_id is not None and leg.kind is LegKind.ORDER
    }
    tagged = {row.broker_order_id for row in read.orders if is_ours(row.tag)}
    # A GTT's child has no tag and is not a leg before the trigger book is read: not foreign either.
    children = {
        part.child_order_id for gtt in read.gtts or () for part in gtt.legs if part.child_order_id is not None
    }
    return known | tagged | children


def _foreign(trades: Iterable[TradeRow], key: PositionKey, ours: set[str]) -> list[TradeRow]:
    return [
        trade
        for trade in trades
        if (trade.exchange, trade.symbol, trade.product) == key and trade.broker_order_id not in ours
    ]


def _group_standings(
    group: Sequence[Bracket],
    proven: Mapping[str, int],
    position: int,
    foreign: Sequence[TradeRow],
    *,
    is_new_day: bool,
) -> dict[str, Standing]:
    side = group[0].plan.side
    bought = sum(trade.quantity for trade in foreign if trade.side is side)
    sold = sum(trade.quantity for trade in foreign if trade.side is not side)
    held = position * side.sign
    ours = sum(proven[one.id] - _external(one) for one in group)
    anchor = next((one for one in group if one.foreign_base is not None), None)
    if is_new_day or anchor is None or anchor.foreign_base is None:
        # Nothing to compare with but ourselves and a foreign short that was there before.
        owed = 0 if anchor is None or anchor.foreign_base is None else min(0, anchor.foreign_base)
        shortfall = max(0, ours + owed - held) if anchor is not None else 0
        closed, agrees = 0, shortfall == 0
    else:
        traded = (bought - anchor.foreign_bought) - (sold - anchor.foreign_sold)
        lots = sum(proven[one.id] - one.external_at_base for one in group)
        expected = anchor.foreign_base + lots + traded
        closed = max(0, -traded - max(0, anchor.foreign_base))
        shortfall, agrees = max(0, expected - held), held == expected
    new = closed - sum(_external(one) - one.external_at_base for one in group)
    shares, missing = _newest_first(group, new), _newest_first(group, shortfall)
    return {
        one.id: Standing(
            base=held - ours + shortfall,
            bought=bought,
            sold=sold,
            agrees=agrees,
            external=_external(one) + shares[one.id],
            shortfall=missing[one.id],
        )
        for one in group
    }


def _proven(bracket: Bracket, index: BookIndex) -> int:
    """What our own fills amount to by the newest word on each order, whatever others did since."""
    total = 0
    for leg in bracket.legs:
        sign = -1 if leg.role is Role.EXIT else 1
        total += sign * max(leg.filled, _shown_fill(leg, index))
        if leg.kind is LegKind.GTT and leg.status is not LegStatus.TRIGGERED:
            total -= _child_fill(leg, index)
    return total


def _shown_fill(leg: Leg, index: BookIndex) -> int:
    if leg.broker_order_id is not None:
        row = index.by_id.get(leg.broker_order_id)
        return 0 if row is None else row.filled
    return max((row.filled for row in index.by_tag.get(leg.tag, ())), default=0)


def _child_fill(leg: Leg, index: BookIndex) -> int:
    """The fill of a GTT's child that is not a leg yet: it fired in this very read."""
    rows = (row for row in index.read.gtts or () if row.trigger_id == leg.broker_order_id)
    children = (part.child_order_id for row in rows for part in row.legs if part.child_order_id is not None)
    return sum(index.by_id[child].filled for child in children if child in index.by_id)


def _external(bracket: Bracket) -> int:
    return sum(part.external for part in bracket.slices)


def _newest_first(group: Sequence[Bracket], quantity: int) -> dict[str, int]:
    """Return bracket id -> its share of what others took; the newest bracket gives first (LIFO)."""
    shares = {}
    for bracket in sorted(group, key=lambda one: one.id, reverse=True):
        shares[bracket.id] = max(0, min(quantity, net(bracket)))
        quantity -= shares[bracket.id]
    return shares
