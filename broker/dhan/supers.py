"""Super orders as rows of the order book: an entry, and each exit under an id of its own. Pure.

Dhan has one orderId for all three; `<orderId>:ENTRY_LEG`, `:STOP_LOSS_LEG` and `:TARGET_LEG` tell them apart,
and say to a later change or cancel what they belong to.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from broker.amounts import price_or_none
from broker.base import InstrumentNames, OrderRow
from broker.dhan.mapping import (
    ROW_STATUSES,
    Body,
    latest,
    order_row,
    order_type_of,
    priced,
    product_of,
    proven,
    read,
    symbol_of,
    trade_row,
)
from broker.dhan.refusals import refusal_kind
from broker.dhan.schemas import Order, SuperLeg, SuperOrder, Trade
from broker.http import Answer
from services.bracket.model import OrderType, Purpose, RowStatus, Side, Terms, TradeRow

ENTRY = "ENTRY_LEG"
STOP = "STOP_LOSS_LEG"
TARGET = "TARGET_LEG"
PURPOSES = {STOP: Purpose.STOP, TARGET: Purpose.TARGET}
_DONE = frozenset({"TRADED", "CLOSED"})
_SENT = _DONE | {"TRIGGERED", "PART_TRADED"}

_SUPERS = msgspec.json.Decoder(list[SuperOrder])


class Part(NamedTuple):
    """One leg of a super order, as an id names it."""

    order_id: str
    leg: str


def part_id(order_id: str, leg: str) -> str:
    return f"{order_id}:{leg}"


def part_of(broker_order_id: str) -> Part | None:
    """Return the leg of a super order that an id names, None for a regular order's."""
    order_id, separator, leg = broker_order_id.partition(":")
    return Part(order_id, leg) if separator else None


def leg_body(part: Part, terms: Terms, *, client_id: str) -> Body:
    """Return what moves one leg. Raises OrderRejected when a price is missing."""
    head: Body = {"dhanClientId": client_id, "orderId": part.order_id, "legName": part.leg}
    match part.leg:
        case "TARGET_LEG":
            return head | {"targetPrice": priced(terms.price, "target price", terms)}
        case "STOP_LOSS_LEG":
            stop = priced(terms.trigger_price, "stop price", terms)
            return head | {"stopLossPrice": stop, "trailingJump": 0}
        case _:
            return head | _whole(terms)


def _whole(terms: Terms) -> Body:
    """Return the entry's fields: as long as it is pending, a change names the whole super order."""
    is_limit = terms.order_type is OrderType.LIMIT
    return {
        "orderType": terms.order_type.value,
        "quantity": terms.quantity,
        "price": priced(terms.price, "price", terms) if is_limit else 0,
        "targetPrice": priced(terms.target_price, "target price", terms),
        "stopLossPrice": priced(terms.stop_trigger, "stop price", terms),
        "trailingJump": 0,
    }


def supers(answer: Answer) -> tuple[SuperOrder, ...]:
    """Return the day's super orders as Dhan has them. Raises ReadFailed or AuthDead."""
    return read(answer, _SUPERS, tuple)


def book(
    orders: Sequence[Order], brackets: Sequence[SuperOrder], names: InstrumentNames
) -> tuple[OrderRow, ...]:
    """Return the whole order book, super orders leg by leg. Raises ValueError for impossible rows.

    Where the order book itself shows a leg, its row is taken whole: it has what filled, and at which price.
    """
    ids = {bracket.orderId for bracket in brackets}
    shown = {Part(row.orderId, row.legName or ENTRY): row for row in orders if row.orderId in ids}
    regular = [order_row(row, names) for row in orders if row.orderId not in ids]
    parts = [row for one in brackets for row in _parts(one, shown, names)]
    return (*regular, *parts)


def _parts(one: SuperOrder, shown: dict[Part, Order], names: InstrumentNames) -> list[OrderRow]:
    return [_entry(one, shown.get(Part(one.orderId, ENTRY)), names)] + [
        _exit(one, leg, shown.get(Part(one.orderId, leg.legName)), names)
        for leg in one.legDetails
        if leg.legName in PURPOSES
    ]


def _entry(one: SuperOrder, row: Order | None, names: InstrumentNames) -> OrderRow:
    own_id = part_id(one.orderId, ENTRY)
    if row is not None:
        return order_row(row, names, broker_order_id=own_id)
    exchange, symbol = symbol_of(one.exchangeSegment, one.securityId, one.tradingSymbol, names)
    status = proven(_status(one.orderStatus), one.filledQty, of=one.quantity)
    is_rejected, reason = status is RowStatus.REJECTED, one.omsErrorDescription or None
    return OrderRow(
        broker_order_id=own_id,
        tag=one.correlationId or None,
        exchange=exchange,
        symbol=symbol,
        product=product_of(one.productType),
        side=Side(one.transactionType),
        order_type=order_type_of(one.orderType),
        quantity=one.quantity,
        status=status,
        filled=one.filledQty,
        price=price_or_none(one.price),
        average_price=price_or_none(one.averageTradedPrice),
        updated_at=latest(one.createTime, one.updateTime, one.exchangeTime),
        reason=reason if is_rejected else None,
        refusal=refusal_kind(reason or "") if is_rejected else None,
    )


def _exit(one: SuperOrder, leg: SuperLeg, row: Order | None, names: InstrumentNames) -> OrderRow:
    is_stop = leg.legName == STOP
    exchange, symbol = symbol_of(one.exchangeSegment, one.securityId, one.tradingSymbol, names)
    where = _waiting(one, leg) if row is None else _sent(row)
    return OrderRow(
        broker_order_id=part_id(one.orderId, leg.legName),
        tag=None,
        exchange=exchange,
        symbol=symbol,
        product=product_of(one.productType),
        side=Side(one.transactionType).opposite,
        order_type=OrderType.SL if is_stop else OrderType.LIMIT,
        quantity=where.quantity,
        status=where.status,
        filled=where.filled,
        price=None if is_stop else price_or_none(leg.price),
        trigger_price=price_or_none(leg.price) if is_stop else None,
        average_price=None if row is None else price_or_none(row.averageTradedPrice),
        updated_at=latest(one.createTime, one.updateTime, one.exchangeTime),
        parent_order_id=part_id(one.orderId, ENTRY),
        exit_purpose=PURPOSES[leg.legName],
    )


class _Where(NamedTuple):
    """How far an exit has come."""

    status: RowStatus
    quantity: int
    filled: int


def _sent(row: Order) -> _Where:
    """Return how far an exit is whose order the order book shows."""
    status = proven(_status(row.orderStatus), row.filledQty, of=row.quantity)
    return _Where(status, row.quantity, row.filledQty)


def _waiting(one: SuperOrder, leg: SuperLeg) -> _Where:
    """Return how far an exit is that only its super order shows: held back until there are shares for it."""
    covered = leg.totalQuatity or one.filledQty or one.quantity
    if leg.orderStatus in _DONE:
        return _Where(RowStatus.FILLED, covered, covered)
    status = _status(leg.orderStatus)
    if status is RowStatus.OPEN and leg.orderStatus not in _SENT:
        status = _resting(one, leg)
    return _Where(status, covered, 0)


def _resting(one: SuperOrder, leg: SuperLeg) -> RowStatus:
    if one.filledQty == 0:
        return RowStatus.PENDING
    return RowStatus.TRIGGER_PENDING if leg.legName == STOP else RowStatus.OPEN


def _status(word: str) -> RowStatus:
    return ROW_STATUSES.get(word, RowStatus.UNKNOWN)


def trade_rows(
    rows: Iterable[Trade], brackets: Sequence[SuperOrder], names: InstrumentNames
) -> tuple[TradeRow, ...]:
    """Return the trades, those of super orders under the leg that made them. Raises ValueError."""
    by_id = {bracket.orderId: bracket for bracket in brackets}
    return tuple(trade_row(row, names, broker_order_id=_maker(row, by_id.get(row.orderId))) for row in rows)


def _maker(row: Trade, one: SuperOrder | None) -> str | None:
    """Return which leg traded: the entry by its side, an exit by being the only one that was sent."""
    if one is None:
        return None
    if row.transactionType == one.transactionType:
        return part_id(one.orderId, ENTRY)
    sent = [leg.legName for leg in one.legDetails if leg.triggeredQuantity or leg.orderStatus in _SENT]
    return part_id(one.orderId, sent[0]) if len(sent) == 1 else None
