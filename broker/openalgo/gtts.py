"""GTTs to OpenAlgo's words and back. Pure.

The two legs of an OCO are told apart by where their triggers are and not by what they are for: those called
after the stop-loss take the lower one, those called after the target the upper one. For a short, which buys
back, the lower one is the target.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from broker.amounts import gtt_legs
from broker.base import GttRequest, GttRow, OrderAck, OrderRejected, OutcomeUnknown
from broker.http import Answer
from broker.openalgo.mapping import PRODUCTS, SIDES, STRATEGY, number, read, refuse_unconfirmed, whole
from broker.openalgo.refusals import is_not_offered, message_of
from broker.openalgo.schemas import Gtt, GttLeg, PlacedGtt, Success
from broker.openalgo.session import Body
from broker.openalgo.times import moment
from services.bracket.model import GttLegRow, GttStatus, Product

_PRODUCTS = frozenset({Product.CNC, Product.NRML})
_ACTIVE = "active"
# Servers differ in whether they list what is over at all. The word alone says nothing of the order that was
# placed, so these are told as those are that left the list: see fates.py.
_OVER = frozenset({"triggered", "cancelled", "canceled", "rejected", "expired", "deleted", "disabled"})

_PLACED = msgspec.json.Decoder(PlacedGtt)
_GTTS = msgspec.json.Decoder(Success[list[Gtt]])

Pair = tuple[Decimal, Decimal]  # trigger, limit


def gtt_body(gtt: GttRequest) -> Body:
    """Return what places one GTT, an OCO when there is a target.

    Raises OrderRejected, before anything is sent, for a product without GTTs or a leg without a price.
    """
    if gtt.product not in _PRODUCTS:
        raise OrderRejected(f"OpenAlgo has no GTT for {gtt.product}: CNC or NRML")
    legs = gtt_legs(gtt.terms)
    return {
        "strategy": gtt.tag or STRATEGY,
        "exchange": gtt.exchange,
        "symbol": gtt.symbol,
        "action": gtt.side.value,
        "product": PRODUCTS[gtt.product],
        "quantity": gtt.terms.quantity,
        "pricetype": "LIMIT",
    } | (_oco(*legs) if len(legs) == 2 else _single(legs[0], gtt.last_price))


def gtt_change(trigger_id: str, gtt: GttRequest) -> Body:
    """Return what replaces a GTT as a whole. Raises OrderRejected."""
    return {"trigger_id": trigger_id} | gtt_body(gtt)


def gtt_cancel(trigger_id: str) -> Body:
    """Return what deletes a GTT."""
    return {"strategy": STRATEGY, "trigger_id": trigger_id}


def _oco(lower: Pair, upper: Pair) -> Body:
    return {
        "trigger_type": "OCO",
        "price": 0,  # each leg has its own
        "triggerprice_sl": lower[0],
        "stoploss": lower[1],
        "triggerprice_tg": upper[0],
        "target": upper[1],
    }


def _single(leg: Pair, last_price: Decimal) -> Body:
    trigger, price = leg
    name, other = ("sl", "tg") if trigger < last_price else ("tg", "sl")
    words: Body = {"trigger_type": "SINGLE", "price": price, "stoploss": None, "target": None}
    return words | {f"triggerprice_{name}": trigger, f"triggerprice_{other}": 0}


def gtt_ack(answer: Answer) -> OrderAck:
    """Return the ack of a write to a GTT; its id is the trigger id. Raises what a write may raise."""
    if is_not_offered(answer) and message_of(answer) is None:
        # Not the server's words, but its router's: a path that is not there has carried nothing out.
        raise OrderRejected(f"HTTP {answer.status}: this server has no GTTs")
    refuse_unconfirmed(answer)
    try:
        return OrderAck(broker_order_id=str(_PLACED.decode(answer.body).trigger_id))
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"HTTP 200 without the id of a GTT: {exc}") from exc


def gtt_rows(answer: Answer) -> tuple[GttRow, ...]:
    """Return the GTTs that the server lists and does not call over. Raises ReadFailed or AuthDead."""
    return read(
        answer, _GTTS, lambda rows: tuple(_gtt_row(row) for row in rows if row.status.lower() not in _OVER)
    )


def _gtt_row(row: Gtt) -> GttRow:
    if not row.legs or len(row.legs) != len(row.trigger_prices):
        raise ValueError(f"GTT {row.trigger_id} has {len(row.legs)} legs, {len(row.trigger_prices)} triggers")
    return GttRow(
        trigger_id=str(row.trigger_id),
        exchange=row.exchange,
        symbol=row.symbol,
        product=row.legs[0].product,
        side=SIDES[row.legs[0].action.upper()],
        status=GttStatus.ACTIVE if row.status.lower() == _ACTIVE else GttStatus.UNKNOWN,
        legs=_legs(row),
        created_at=_created(row),
        updated_at=moment(row.updated_at),
        expires_at=moment(row.expires_at),
    )


def _legs(row: Gtt) -> tuple[GttLegRow, ...]:
    """Return the legs, lower trigger first; their limits are in the same order, whatever the list's."""
    triggers = sorted(number(raw) for raw in row.trigger_prices)
    limits = sorted(row.legs, key=lambda leg: number(leg.price))
    return tuple(_leg(trigger, leg) for trigger, leg in zip(triggers, limits, strict=True))


def _leg(trigger: Decimal, leg: GttLeg) -> GttLegRow:
    quantity = whole(number(leg.quantity))
    if trigger <= 0 or quantity <= 0:
        raise ValueError(f"a leg of a GTT for {quantity} at {trigger}")
    return GttLegRow(trigger_price=trigger, price=number(leg.price), quantity=quantity)


def _created(row: Gtt) -> datetime:
    found = moment(row.created_at)
    if found is None:  # nobody could say whether it is one that was just placed, or of last month
        raise ValueError(f"GTT {row.trigger_id} has no time that can be read: {row.created_at!r}")
    return found
