"""What one read of an account's books means for all its brackets: completeness, ownership, foreign acts.

Pure. A read is complete only when it shows every order that an earlier read of the session showed
live. Foreign trades (order ids that are not ours) are the only proof that somebody else closed lots;
lots that were never ours are consumed first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.bracket.adoption import is_alike, is_lost_order, is_untagged, may_be
from services.bracket.gtt_rows import count_lost_alike, is_lost_gtt, may_be_gtt
from services.bracket.model import (
    BookRead,
    Bracket,
    GttRow,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    OrderRow,
    Role,
    Side,
    TradeRow,
)
from services.bracket.native import is_native_exit, native_entries
from services.bracket.observation import Read, Standing
from services.bracket.quantities import net
from services.bracket.tags import is_ours
from utils.constants import zone_of

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
        if _must_be_shown(bracket, leg, session.get(bracket.plan.instrument.exchange, ""))
    )


def _must_be_shown(bracket: Bracket, leg: Leg, session_id: str) -> bool:
    was_live = leg.is_working or leg.status is LegStatus.PENDING
    is_of_today = leg.kind is LegKind.ORDER and was_live and leg.session == session_id
    # Brokers list a native bracket's exits beside their orders and drop them when they end: a read
    # without them is sound, and their absence has to be proved as a GTT's has.
    return is_of_today and not is_native_exit(bracket, leg)


@dataclass(frozen=True, slots=True)
class BookIndex:
    """One read, indexed once for all brackets of the account."""

    read: BookRead
    by_id: dict[str, OrderRow] = field(default_factory=dict)
    by_tag: dict[str, list[OrderRow]] = field(default_factory=dict)
    by_parent: dict[str, list[OrderRow]] = field(default_factory=dict)  # exits, by the entry they came with
    trades: dict[str, list[TradeRow]] = field(default_factory=dict)
    gtts: dict[tuple[str, str], list[GttRow]] = field(default_factory=dict)


def index_book(read: BookRead) -> BookIndex:
    index = BookIndex(read)
    for row in read.orders:
        index.by_id[row.broker_order_id] = row
        if row.parent_order_id is not None:
            index.by_parent.setdefault(row.parent_order_id, []).append(row)
        elif row.tag is not None:
            index.by_tag.setdefault(row.tag, []).append(row)
    for trade in read.trades or ():
        index.trades.setdefault(trade.broker_order_id, []).append(trade)
    for gtt in read.gtts or ():
        index.gtts.setdefault((gtt.exchange, gtt.symbol), []).append(gtt)
    return index


Claimed = tuple[Bracket, Leg]


@dataclass(frozen=True, slots=True)
class Claims:
    """Which bracket each thing without a tag belongs to, and for which one the answer is still under way.

    That is a GTT, at some brokers a native bracket, and at a few every order.
    """

    owners: Mapping[str, str] = field(default_factory=dict)  # trigger id -> bracket id
    awaited: tuple[Claimed, ...] = ()  # with its bracket, each leg that is on the wire
    orders: frozenset[str] = frozenset()  # ids of such orders that are known
    lost: tuple[Claimed, ...] = ()  # those whose id is not
    lost_gtts: tuple[Claimed, ...] = ()  # the GTTs whose id is not


def claims_of(brackets: Iterable[Bracket]) -> Claims:
    """Return what the brackets of an account say of what has no tag."""
    legs = [
        (one, leg) for one in brackets for leg in one.legs if leg.kind is LegKind.GTT or is_untagged(one, leg)
    ]
    known = [(one, leg, leg.broker_order_id) for one, leg in legs if leg.broker_order_id is not None]
    return Claims(
        owners={order_id: one.id for one, leg, order_id in known if leg.kind is LegKind.GTT},
        awaited=tuple((one, leg) for one, leg in legs if leg.status is LegStatus.SENT),
        orders=frozenset(order_id for _, leg, order_id in known if leg.kind is LegKind.ORDER),
        lost=tuple((one, leg) for one, leg in legs if is_lost_order(one, leg)),
        lost_gtts=tuple((one, leg) for one, leg in legs if is_lost_gtt(leg)),
    )


def part_of_read(bracket: Bracket, index: BookIndex, *, claims: Claims, agrees: bool | None) -> Read:
    """Return the rows of a complete read that concern one bracket."""
    lost = [leg for one, leg in claims.lost if one.id == bracket.id]
    rows = {row.broker_order_id: row for row in _rows(bracket, index, claims)}
    return Read(
        started=index.read.started,
        orders=tuple(rows.values()),
        gtts=_gtts(bracket, index, claims),
        trades=_trades(bracket, index),
        # What may be another bracket's, whose answer is under way, is not shown: it proves no absence.
        position_agrees=None if _is_awaited_elsewhere(bracket, lost, claims) else agrees,
    )


def _rows(bracket: Bracket, index: BookIndex, claims: Claims) -> Iterable[OrderRow]:
    for leg in bracket.legs:
        if leg.broker_order_id is None:
            yield from index.by_tag.get(leg.tag, ())
            if not leg.terms.is_native:
                yield from _lost_rows(bracket, leg, index, claims)
        elif leg.broker_order_id in index.by_id:
            yield index.by_id[leg.broker_order_id]
    if index.by_parent:
        known = {leg.broker_order_id for leg in bracket.legs}
        for entry in native_entries(bracket):
            rows = _native_rows(bracket, entry, index, claims)
            yield from (row for row in rows if row.broker_order_id not in known)


def _native_rows(bracket: Bracket, entry: Leg, index: BookIndex, claims: Claims) -> Iterable[OrderRow]:
    """Yield the exits that an entry brought; where its id is not known, with what may be itself."""
    order_id = _order_id(entry, index.by_tag)
    found = [] if order_id is not None else _lost_rows(bracket, entry, index, claims)
    yield from found
    for parent in (order_id, *(row.broker_order_id for row in found)):
        yield from index.by_parent.get(parent or "", ())


def _order_id(entry: Leg, by_tag: Mapping[str, list[OrderRow]]) -> str | None:
    """Return the entry's id: the known one, or that of the row with its tag."""
    if entry.broker_order_id is not None:
        return entry.broker_order_id
    rows = by_tag.get(entry.tag, ())
    return rows[-1].broker_order_id if rows else None


def _lost_rows(bracket: Bracket, leg: Leg, index: BookIndex, claims: Claims) -> list[OrderRow]:
    """Return the orders nobody owns that may be a lost one.

    Lost ones of equal content are interchangeable: as many rows as there are of them may be given out in
    any order, one each. With one row more, one is somebody else's: all are shown, and none is taken.
    """
    if not is_lost_order(bracket, leg) or _is_awaited_elsewhere(bracket, [leg], claims):
        return []
    found = _fitting_rows(bracket, leg, index, claims)
    return found if len(found) > _count_alike(bracket, leg, claims.lost) else found[:1]


def _fitting_rows(bracket: Bracket, leg: Leg, index: BookIndex, claims: Claims) -> list[OrderRow]:
    return [
        row
        for row, exits in _untagged_rows(leg, index)
        if row.broker_order_id not in claims.orders
        and _place(row) == key_of(bracket)
        and may_be(leg, row, exits)
    ]


def _untagged_rows(leg: Leg, index: BookIndex) -> Iterable[tuple[OrderRow, Sequence[OrderRow]]]:
    """Yield the orders of a leg's kind, brackets or plain ones, each with the exits that it brought."""
    if not leg.terms.is_native:
        return ((row, ()) for row in index.by_id.values() if row.broker_order_id not in index.by_parent)
    pairs = ((index.by_id.get(parent), exits) for parent, exits in index.by_parent.items())
    return ((row, exits) for row, exits in pairs if row is not None)


def _count_alike(bracket: Bracket, leg: Leg, claimed: Iterable[Claimed]) -> int:
    return sum(key_of(one) == key_of(bracket) and is_alike(other, leg) for one, other in claimed)


def _gtts(bracket: Bracket, index: BookIndex, claims: Claims) -> tuple[GttRow, ...] | None:
    lost = [leg for leg in bracket.legs if is_lost_gtt(leg)]
    if index.read.gtts is None or _is_awaited_elsewhere(bracket, lost, claims):
        return None
    instrument = bracket.plan.instrument
    rows = index.gtts.get((instrument.exchange, instrument.symbol), ())
    left = {trigger_id for leg in lost for trigger_id in _left_to_others(bracket, leg, rows, claims)}
    mine = (row for row in rows if claims.owners.get(row.trigger_id, bracket.id) == bracket.id)
    return tuple(row for row in mine if row.trigger_id not in left)


def _left_to_others(bracket: Bracket, leg: Leg, rows: Iterable[GttRow], claims: Claims) -> list[str]:
    """Return the GTTs nobody owns that may be a lost one, but go to other brackets that lost such a one."""
    free = [row for row in rows if row.trigger_id not in claims.owners and may_be_gtt(bracket, leg, row)]
    if len(free) > _count_alike(bracket, leg, claims.lost_gtts):
        return []  # one is somebody else's: all are shown, and none is taken
    return [row.trigger_id for row in free[count_lost_alike(bracket, leg) :]]


def is_lost(bracket: Bracket, leg: Leg) -> bool:
    """Whether something without a tag was sent and its id is not known: what nobody owns may be it."""
    return is_lost_gtt(leg) or is_lost_order(bracket, leg)


def _is_awaited_elsewhere(bracket: Bracket, lost: Sequence[Leg], claims: Claims) -> bool:
    """Whether another bracket of the symbol has just sent what one of these legs asked for."""
    return any(
        one.id != bracket.id
        and one.plan.instrument.symbol == bracket.plan.instrument.symbol
        and one.plan.instrument.exchange == bracket.plan.instrument.exchange
        and any(is_alike(leg, sent) for leg in lost)
        for one, sent in claims.awaited
    )


def _trades(bracket: Bracket, index: BookIndex) -> tuple[TradeRow, ...] | None:
    if index.read.trades is None:
        return None
    ids = [leg.broker_order_id for leg in bracket.legs if leg.broker_order_id is not None]
    return tuple(trade for order_id in ids for trade in index.trades.get(order_id, ()))


def standings(
    index: BookIndex, brackets: Sequence[Bracket], *, session: Mapping[str, str]
) -> dict[str, Standing]:
    """Return bracket id -> standing. Empty when trades or positions were not read.

    Open brackets of one symbol have one side (opposite ones are refused), so quantities are absolute;
    closed ones of the other side, which are still watched, are judged by themselves. A symbol whose
    parts were not read at one instant (a trade of an order that the book lacks) is left out, and so is
    one in which nobody can say which of several orders is ours, or one of ours is shown as the opposite.
    """
    read = index.read
    if read.positions is None or read.trades is None:
        return {}
    positions = {(row.exchange, row.symbol, row.product): row.quantity for row in read.positions}
    fills = _OwnFills(index, brackets)
    found: dict[str, Standing] = {}
    for key, group in _by_position(brackets).items():
        today = session.get(key[0], group[0].session)
        here = (trade for trade in read.trades if _place(trade) == key)
        # A broker may list a trade twice; it happened once. Both sides of one trade may carry one number.
        trades = {(trade.broker_order_id, trade.trade_id): trade for trade in here}.values()
        if key not in fills.disputed and all(trade.broker_order_id in fills.shown for trade in trades):
            turnover = _turnover(key, read.orders, trades)
            foreign = [t for t in trades if t.broker_order_id not in fills.ours and _is_of(t, today)]
            for side in dict.fromkeys(one.plan.side for one in group):
                same = [one for one in group if one.plan.side is side]
                others = sum(_holds(one, fills) for one in group if one.plan.side is not side)
                held = (positions.get(key, 0) - others) * side.sign
                found |= _group_standings(same, held, foreign, fills=fills, turnover=turnover, today=today)
    return found


def _turnover(key: PositionKey, rows: Iterable[OrderRow], trades: Iterable[TradeRow]) -> int:
    """Return what a read shows as done in a symbol; it grows with every fill, and with nothing else."""
    filled = sum(row.filled for row in rows if _place(row) == key)
    return filled + sum(trade.quantity for trade in trades)


def _holds(bracket: Bracket, fills: "_OwnFills") -> int:
    """Return what a bracket adds to the account's signed position."""
    return (fills.proven(bracket) - _external(bracket)) * bracket.plan.side.sign


def _by_position(brackets: Iterable[Bracket]) -> dict[PositionKey, list[Bracket]]:
    groups: dict[PositionKey, list[Bracket]] = {}
    for bracket in sorted(brackets, key=lambda one: one.id):
        groups.setdefault(key_of(bracket), []).append(bracket)
    return groups


def _place(row: OrderRow | TradeRow) -> PositionKey:
    return (row.exchange, row.symbol, row.product)


def _is_of(trade: TradeRow, session_id: str) -> bool:
    """Whether a trade is of the session, not of the day before whose books are still to be read."""
    is_date = session_id[:4].isdigit()  # a market that never closes has a word for its session
    return not is_date or trade.at.astimezone(zone_of(trade.exchange)).date().isoformat() >= session_id


class _OwnFills:
    """What our orders have done according to one read: its rows may be ahead of our legs."""

    def __init__(self, index: BookIndex, brackets: Sequence[Bracket]) -> None:
        self.shown = index.by_id
        by_content, disputed = _by_content(index, claims_of(brackets))
        self.disputed = disputed | _contradicted(index, brackets)
        self._tagged = {tag: rows[-1] for tag, rows in index.by_tag.items() if is_ours(tag)} | by_content
        self._children = _children(index.read.gtts or (), brackets)
        for bracket_id, exits in _brought(index, brackets).items():
            self._children.setdefault(bracket_id, []).extend(exits)
        known = {leg.broker_order_id for one in brackets for leg in one.legs if leg.broker_order_id}
        adopted = {leg.broker_order_id for one in brackets for leg in one.legs if leg.parent is not None}
        self._unadopted = {
            bracket_id: [child for child in children if child not in adopted]
            for bracket_id, children in self._children.items()
        }
        children = {child for group in self._children.values() for child in group}
        self.ours = known | {row.broker_order_id for row in self._tagged.values()} | children

    def proven(self, bracket: Bracket) -> int:
        """Return what the bracket's own fills amount to, whatever others did since."""
        bought = sum(_sign(leg) * self._filled(leg) for leg in bracket.legs)
        rows = [self.shown.get(child) for child in self._unadopted.get(bracket.id, ())]
        return bought - sum(row.filled for row in rows if row is not None)

    def _filled(self, leg: Leg) -> int:
        by_id = leg.broker_order_id is not None and leg.kind is LegKind.ORDER
        row = self.shown.get(leg.broker_order_id or "") if by_id else self._tagged.get(leg.tag)
        return leg.filled if row is None else max(leg.filled, row.filled)


def _contradicted(index: BookIndex, brackets: Sequence[Bracket]) -> frozenset[PositionKey]:
    """Return where a purchase is shown under the id of one of our sales, or the other way round."""
    shown = ((one, leg, index.by_id.get(leg.broker_order_id or "")) for one in brackets for leg in one.legs)
    return frozenset(key_of(one) for one, leg, row in shown if row is not None and row.side is not leg.side)


def _sign(leg: Leg) -> int:
    return -1 if leg.role is Role.EXIT else 1


def _children(gtts: Iterable[GttRow], brackets: Sequence[Bracket]) -> dict[str, list[str]]:
    """Return bracket id -> orders that its GTTs placed: they carry no tag, and are not foreign either.

    While a bracket does not know the id of its GTT, it may be any that nobody owns.
    """
    owners = claims_of(brackets).owners
    lost = next((one.id for one in brackets if any(_is_lost(leg) for leg in one.legs)), None)
    found: dict[str, list[str]] = {}
    for gtt in gtts:
        owner = owners.get(gtt.trigger_id, lost)
        fired = [part.child_order_id for part in gtt.legs if part.child_order_id is not None]
        if owner is not None:
            found.setdefault(owner, []).extend(fired)
    return found


def _by_content(index: BookIndex, claims: Claims) -> tuple[dict[str, OrderRow], frozenset[PositionKey]]:
    """Return the tag of each plain order that has none -> the row that is it, and where nobody can say.

    Those whose answer is still under way count: a slow server's book may show them long before it answers.
    """
    unknown = [(one, leg) for one, leg in (*claims.awaited, *claims.lost) if _is_plain(leg)]
    found: dict[str, OrderRow] = {}
    disputed = set()
    for bracket, leg in unknown:
        rows = _fitting_rows(bracket, leg, index, claims)
        taken = {row.broker_order_id for row in found.values()}
        free = [row for row in rows if row.broker_order_id not in taken]
        if len(rows) > _count_alike(bracket, leg, unknown):
            disputed.add(key_of(bracket))
        elif free:
            found[leg.tag] = free[0]
    return found, frozenset(disputed)


def _is_plain(leg: Leg) -> bool:
    return leg.kind is LegKind.ORDER and not leg.terms.is_native


def _brought(index: BookIndex, brackets: Sequence[Bracket]) -> dict[str, list[str]]:
    """Return bracket id -> exits that its native entry brought."""
    found: dict[str, list[str]] = {}
    for one in brackets if index.by_parent else ():
        for entry in native_entries(one):
            exits = index.by_parent.get(_order_id(entry, index.by_tag) or "", ())
            found.setdefault(one.id, []).extend(row.broker_order_id for row in exits)
    return found


def _is_lost(leg: Leg) -> bool:
    return leg.kind is LegKind.GTT and leg.broker_order_id is None and leg.is_live


def _group_standings(
    group: Sequence[Bracket],
    held: int,
    foreign: Sequence[TradeRow],
    *,
    fills: _OwnFills,
    turnover: int,
    today: str,
) -> dict[str, Standing]:
    """Compare the group with what its oldest bracket with a base lets us expect."""
    side = group[0].plan.side
    proven, external = sum(map(fills.proven, group)), sum(map(_external, group))
    carried = held - proven - _net_since(foreign, side)
    is_new_day = any(one.session != today for one in group)
    anchor = next((one for one in group if one.foreign_base is not None), None)
    closed = shortfall = 0
    agrees = False
    if is_new_day:
        # Trades of days gone by are not listed any more: only ourselves, and a foreign short, to go by.
        # A bracket that came too late for a base has nothing but the account to believe.
        foreign_short = min(0, (anchor.foreign_base or 0) if anchor is not None else 0)
        shortfall = max(0, proven - external + foreign_short - held)
    elif anchor is not None and anchor.foreign_base is not None:
        traded = _net_since(foreign, side, anchor.received)
        expected = anchor.foreign_base + proven - sum(one.external_at_base for one in group) + traded
        closed = max(0, -traded - max(0, anchor.foreign_base))
        shortfall, agrees = max(0, expected - held), held == expected
    new = max(0, closed - sum(_external(one) - one.external_at_base for one in group))
    shares = _newest_first(group, new, foreign)
    missing = _newest_first(group, shortfall, ())
    return {
        one.id: Standing(
            turnover=turnover,
            carried=carried,
            base=held - _net_since(foreign, side, one.received) - proven + external,
            agrees=agrees,
            external=_external(one) + shares[one.id],
            shortfall=missing[one.id],
        )
        for one in group
    }


def _net_since(trades: Iterable[TradeRow], side: Side, since: Moment | None = None) -> int:
    """Return what trades added to a position, seen from a side; with since, the trades from then on."""
    return sum(
        trade.quantity * trade.side.sign * side.sign
        for trade in trades
        if since is None or trade.at >= since.wall
    )


def _external(bracket: Bracket) -> int:
    return sum(part.external for part in bracket.slices)


def _newest_first(group: Sequence[Bracket], quantity: int, foreign: Sequence[TradeRow]) -> dict[str, int]:
    """Return bracket id -> its share of what others took, with the trades that show it, if any do.

    What a person took over goes first, for it is theirs; then the newest bracket gives first (LIFO).
    Only then what our exits took too, after others had closed it already.
    """
    shares = dict.fromkeys((one.id for one in group), 0)
    in_order = sorted(group, key=lambda one: (one.handed_over, one.id), reverse=True)
    for most in (_still_held, _closed_before_our_exit):
        for bracket in in_order:
            taken = max(0, min(quantity, most(bracket, foreign)))
            shares[bracket.id] += taken
            quantity -= taken
    return shares


def _still_held(bracket: Bracket, foreign: Sequence[TradeRow]) -> int:
    """Return how many shares of a bracket others can have closed: none before it came."""
    if not foreign:
        return net(bracket)
    return min(net(bracket), -_net_since(foreign, bracket.plan.side, bracket.received))


def _closed_before_our_exit(bracket: Bracket, foreign: Sequence[TradeRow]) -> int:
    """Return how many shares our exits took that others had closed already, at most."""
    exits = [leg for leg in bracket.legs if leg.role is Role.EXIT and leg.filled]
    last = max((leg.row_updated_at for leg in exits if leg.row_updated_at is not None), default=None)
    if last is None:
        return 0
    earlier = [trade for trade in foreign if trade.at <= last]
    return min(-_net_since(earlier, bracket.plan.side, bracket.received), sum(leg.filled for leg in exits))


def foreign_filled(index: BookIndex, brackets: Sequence[Bracket]) -> int:
    """Return how much others' orders have filled in our symbols: when it grows, read everything.

    The order book is read often, trades and positions seldom; this is what tells that it is time.
    """
    ours = _OwnFills(index, brackets).ours
    symbols = {key_of(one) for one in brackets if not one.state.is_closed}
    return sum(
        row.filled for row in index.read.orders if row.broker_order_id not in ours and _place(row) in symbols
    )
