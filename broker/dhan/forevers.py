"""Forever orders: one trigger of ours is a row of Dhan's for each leg, under one orderId. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby

import msgspec

from broker.amounts import finite
from broker.base import GttRequest, GttRow, InstrumentNames, OrderRejected, Terms
from broker.dhan.mapping import Body, check_tag, moment, priced, product_of, read, symbol_of
from broker.dhan.refusals import refusal_kind
from broker.dhan.schemas import Forever, Order
from broker.dhan.segments import PRODUCTS, segment_of
from broker.http import Answer
from services.bracket.model import GttLegRow, GttStatus, Product, Side

PRODUCTS_HELD = frozenset({Product.CNC, Product.MTF})
STOP = "STOP_LOSS_LEG"
TARGET = "TARGET_LEG"
ONLY = "ENTRY_LEG"  # the one leg of a SINGLE
STATUSES = {
    "TRANSIT": GttStatus.ACTIVE,
    "PENDING": GttStatus.ACTIVE,
    "CONFIRM": GttStatus.ACTIVE,
    "TRADED": GttStatus.TRIGGERED,
    "TRIGGERED": GttStatus.TRIGGERED,
    "CANCELLED": GttStatus.CANCELLED,
    "REJECTED": GttStatus.REJECTED,
    "EXPIRED": GttStatus.EXPIRED,
}
_FIRED = GttStatus.TRIGGERED

_FOREVERS = msgspec.json.Decoder(list[Forever])


def forever_body(gtt: GttRequest, *, client_id: str, security_id: str) -> Body:
    """Return what places a forever order, an OCO when there is a target.

    Raises OrderRejected for what Dhan does not hold: intraday and derivatives, or a leg without a price.
    """
    if gtt.product not in PRODUCTS_HELD:
        raise OrderRejected(f"Dhan has no forever order for {gtt.product}")
    check_tag(gtt.tag)
    terms = gtt.terms
    body: Body = {
        "dhanClientId": client_id,
        "correlationId": gtt.tag,
        "orderFlag": "SINGLE",
        "transactionType": gtt.side.value,
        "exchangeSegment": segment_of(gtt.exchange),
        "productType": PRODUCTS[gtt.product],
        "orderType": "LIMIT",
        "validity": "DAY",
        "securityId": security_id,
        "quantity": terms.quantity,
        "disclosedQuantity": 0,
        "price": priced(terms.price, "limit price", terms),
        "triggerPrice": priced(terms.trigger_price, "trigger price", terms),
    }
    return body | _second_leg(terms)


def _second_leg(terms: Terms) -> Body:
    if terms.target_trigger is None and terms.target_price is None:
        return {}
    return {
        "orderFlag": "OCO",
        "price1": priced(terms.target_price, "limit price", terms),
        "triggerPrice1": priced(terms.target_trigger, "trigger price", terms),
        "quantity1": terms.quantity,
    }


def changes(trigger_id: str, rows: Iterable[Forever], terms: Terms, *, client_id: str) -> list[Body]:
    """Return a change for each leg that differs from the terms, the stop first. Raises OrderRejected.

    Which leg is which is what Dhan says: a change by a guessed name would move the other one.
    """
    return [
        {
            "dhanClientId": client_id,
            "orderId": trigger_id,
            "orderFlag": row.orderType,
            "orderType": "LIMIT",
            "legName": row.legName,
            "quantity": terms.quantity,
            "price": wanted[0],
            "disclosedQuantity": 0,
            "triggerPrice": wanted[1],
            "validity": "DAY",
        }
        for row in sorted(rows, key=lambda row: row.legName == TARGET)
        if (wanted := _wanted(row, terms)) != (row.price, row.triggerPrice) or row.quantity != terms.quantity
    ]


def _wanted(row: Forever, terms: Terms) -> tuple[Decimal, Decimal]:
    if row.legName == TARGET:
        return (
            priced(terms.target_price, "limit price", terms),
            priced(terms.target_trigger, "trigger price", terms),
        )
    return priced(terms.price, "limit price", terms), priced(terms.trigger_price, "trigger price", terms)


def forevers(answer: Answer) -> tuple[Forever, ...]:
    """Return the forever orders as Dhan has them. Raises ReadFailed or AuthDead."""
    return read(answer, _FOREVERS, tuple)


def has_fired(row: Forever) -> bool:
    return STATUSES.get(row.orderStatus) is _FIRED


def gtt_rows(
    rows: Sequence[Forever], children: Mapping[str, Order], names: InstrumentNames
) -> tuple[GttRow, ...]:
    """Return the forever orders, each with its legs; children are orders of the book by correlationId.

    Raises ValueError for a row that cannot be.
    """
    in_order = sorted(rows, key=lambda row: row.orderId)
    return tuple(
        _gtt_row(trigger_id, list(legs), children, names)
        for trigger_id, legs in groupby(in_order, lambda row: row.orderId)
    )


def _gtt_row(
    trigger_id: str, rows: list[Forever], children: Mapping[str, Order], names: InstrumentNames
) -> GttRow:
    first = rows[0]
    exchange, symbol = symbol_of(first.exchangeSegment, first.securityId, first.tradingSymbol, names)
    child = children.get(first.correlationId or "")
    legs = sorted((_leg(row, child) for row in rows), key=lambda leg: leg.trigger_price)
    times = [moment(row.updateTime) for row in rows if row.updateTime]
    return GttRow(
        trigger_id=trigger_id,
        exchange=exchange,
        symbol=symbol,
        product=product_of(first.productType),
        side=Side(first.transactionType),
        status=_status(rows, child),
        legs=tuple(legs),
        created_at=moment(first.createTime),
        updated_at=max(times, default=None),
        tag=first.correlationId or None,
    )


def _leg(row: Forever, child: Order | None) -> GttLegRow:
    mine = child if has_fired(row) else None
    refused = mine is not None and mine.orderStatus == "REJECTED"
    reason = (mine.omsErrorDescription or "refused") if mine is not None and refused else None
    return GttLegRow(
        trigger_price=finite(row.triggerPrice),
        price=finite(row.price),
        quantity=row.quantity,
        child_order_id=None if mine is None or refused else mine.orderId,
        child_reason=reason,
        child_refusal=None if reason is None else refusal_kind(reason),
    )


def _status(rows: Sequence[Forever], child: Order | None) -> GttStatus:
    """Return the status of the whole: one leg that fired decides.

    Fired without an order to show for it, it is UNKNOWN: live for safety, and protecting nothing.
    """
    found = {STATUSES.get(row.orderStatus, GttStatus.UNKNOWN) for row in rows}
    if _FIRED in found:
        return _FIRED if child is not None else GttStatus.UNKNOWN
    if GttStatus.REJECTED in found:
        return GttStatus.REJECTED
    return found.pop() if len(found) == 1 else GttStatus.UNKNOWN
