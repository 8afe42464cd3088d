"""OCO orders as GTTs: a target that rests and a stop that is held beside it, one cancelling the other. Pure.

Both are orders from the start, and no trigger places any. One that has begun to fill is shown as the order
that its GTT placed; until then the GTT is all there is of them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from broker.alpaca.chains import Chain, Orders
from broker.alpaca.mapping import filled, is_live, ordered, row_status
from broker.alpaca.words import LIVE, STOPS, exchange_of, product_of
from broker.base import GttRow
from services.bracket.model import GttLegRow, GttStatus, RowStatus, Side

_PREFIX = "oco:"
_ENDS = {
    RowStatus.CANCELLED: GttStatus.CANCELLED,
    RowStatus.EXPIRED: GttStatus.EXPIRED,
    RowStatus.REJECTED: GttStatus.REJECTED,
}


def trigger_id_of(first_id: str) -> str:
    """Return what an OCO goes by, which is not what its target goes by."""
    return f"{_PREFIX}{first_id}"


def target_id_of(trigger_id: str) -> str:
    return trigger_id.removeprefix(_PREFIX)


def gtt_rows(orders: Orders, *, since: datetime) -> tuple[GttRow, ...]:
    """Return the OCO orders that live, and those that ended since then. Raises ValueError."""
    return tuple(
        _gtt_row(target, orders)
        for target in _ocos(orders)
        if _lives(target, orders) or target.current.updated_at >= since
    )


def hidden(orders: Orders) -> Iterator[str]:
    """Yield the ids of the orders that only their GTT shows."""
    for target in _ocos(orders):
        for chain in (target, *orders.exits_of(target.first_id)):
            if not filled(chain):
                yield chain.first_id


def _ocos(orders: Orders) -> list[Chain]:
    tops = (chain for chain in orders.chains.values() if chain.parent_id is None)
    return [chain for chain in tops if chain.current.order_class == "oco" and chain.current.type not in STOPS]


def _lives(target: Chain, orders: Orders) -> bool:
    return any(is_live(chain, orders) for chain in (target, *orders.exits_of(target.first_id)))


def _gtt_row(target: Chain, orders: Orders) -> GttRow:
    now = target.current
    stops = orders.exits_of(target.first_id)
    legs = [_leg(chain) for chain in (target, *stops)]
    side = Side.BUY if now.side == "buy" else Side.SELL
    first = target.members[0]
    times = [chain.current.updated_at for chain in (target, *stops)]
    return GttRow(
        trigger_id=trigger_id_of(target.first_id),
        exchange=exchange_of(now.asset_class),
        symbol=now.symbol,
        product=product_of(now.time_in_force),
        side=side,
        status=_status(target, stops, orders),
        legs=tuple(sorted(legs, key=lambda leg: leg.trigger_price)),
        created_at=first.submitted_at.astimezone(UTC),
        updated_at=max(times).astimezone(UTC),
        tag=first.client_order_id or None if first.id == target.first_id else None,
    )


def _leg(chain: Chain) -> GttLegRow:
    now = chain.current
    trigger = now.limit_price if now.stop_price is None else now.stop_price
    if trigger is None:
        raise ValueError(f"order {now.id} of an OCO has no price")
    return GttLegRow(
        trigger_price=trigger,
        price=now.limit_price or trigger,
        quantity=ordered(chain),
        child_order_id=chain.first_id if filled(chain) else None,
    )


def _status(target: Chain, stops: list[Chain], orders: Orders) -> GttStatus:
    """Return the status of the pair: begun, at work, or over; anything between the two is UNKNOWN."""
    chains = (target, *stops)
    if any(filled(chain) for chain in chains):
        return GttStatus.TRIGGERED
    found = {row_status(chain, orders) for chain in chains}
    if stops and found <= LIVE:
        return GttStatus.ACTIVE
    if len(found) == 1:
        return _ENDS.get(found.pop(), GttStatus.UNKNOWN)
    return GttStatus.CANCELLED if found <= set(_ENDS) else GttStatus.UNKNOWN
