"""The endpoints of forever orders: GTTs of the exchange, shown and changed leg by leg."""

from dataclasses import replace

from services.bracket.model import GttLegRow, GttRequest, GttRow, GttStatus, OrderType, Product, Terms
from simulator.dhan.desk import Desk
from simulator.dhan.failures import bad_input, order_failure
from simulator.dhan.forms import ChangeForm, ForeverForm, gtt_request
from simulator.dhan.orders import PROCESSING
from simulator.dhan.rows import Row, forever_rows, leg_name
from simulator.dhan.supers import ENTRY, STOP, TARGET
from simulator.wire.calls import Call, Reply


def place(desk: Desk, call: Call) -> Row:
    asked: ForeverForm = call.json(ForeverForm)
    trigger_id = desk.exchange.place_gtt(call.user_id, gtt_request(desk, asked))
    if asked.correlationId:
        desk.forever_tags[trigger_id] = asked.correlationId
    return {"orderId": trigger_id, "orderStatus": "PENDING"}


def modify(desk: Desk, call: Call) -> Row:
    gtt = _active(desk, call)
    asked: ChangeForm = call.json(ChangeForm)
    legs = {leg_name(gtt, leg): leg for leg in gtt.legs}
    if asked.legName not in legs or not asked.price or not asked.triggerPrice:
        raise bad_input("Invalid legName or Price for orderType")
    legs[asked.legName] = replace(legs[asked.legName], price=asked.price, trigger_price=asked.triggerPrice)
    terms = _terms(legs, asked.quantity or gtt.legs[0].quantity)
    desk.exchange.modify_gtt(call.user_id, gtt.trigger_id, gtt=_changed(desk, gtt, terms))
    return {"orderId": gtt.trigger_id, "orderStatus": "PENDING"}


def _terms(legs: dict[str, GttLegRow], quantity: int) -> Terms:
    stop, target = legs.get(STOP) or legs[ENTRY], legs.get(TARGET)
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=quantity,
        price=stop.price,
        trigger_price=stop.trigger_price,
        target_price=None if target is None else target.price,
        target_trigger=None if target is None else target.trigger_price,
    )


def _changed(desk: Desk, gtt: GttRow, terms: Terms) -> GttRequest:
    return GttRequest(
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        product=Product(gtt.product),
        side=gtt.side,
        terms=terms,
        last_price=desk.last_of((gtt.exchange, gtt.symbol)),
    )


def cancel(desk: Desk, call: Call) -> Reply:
    desk.exchange.cancel_gtt(call.user_id, _active(desk, call).trigger_id)
    return PROCESSING


def book(desk: Desk, call: Call) -> list[Row]:
    return [
        row
        for gtt in desk.exchange.gtt_book(call.user_id)
        for row in forever_rows(
            gtt,
            number=desk.numbers.number_of((gtt.exchange, gtt.symbol)),
            user_id=call.user_id,
            tag=desk.forever_tags.get(gtt.trigger_id),
        )
    ]


def _active(desk: Desk, call: Call) -> GttRow:
    for gtt in desk.exchange.gtt_book(call.user_id):
        if gtt.trigger_id == call.path_words["order_id"] and gtt.status is GttStatus.ACTIVE:
            return gtt
        if gtt.trigger_id == call.path_words["order_id"]:
            raise order_failure("Order is not in a pending state.")
    raise order_failure("Order not found.")
