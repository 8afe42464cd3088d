"""The endpoints of super orders."""

from simulator.dhan.desk import Desk
from simulator.dhan.failures import bad_input
from simulator.dhan.forms import ChangeForm, SuperForm, changed_terms, check_super, order_request
from simulator.dhan.orders import PROCESSING, existing, said
from simulator.dhan.rows import Row, super_row
from simulator.dhan.supers import ENTRY, STOP, TARGET, Super
from simulator.wire.calls import Call, Reply


def place(desk: Desk, call: Call) -> Row:
    asked: SuperForm = call.json(SuperForm)
    request = order_request(desk, asked)
    check_super(asked, desk.last_of((request.exchange, request.symbol)))
    order_id = desk.supers.place(call.user_id, request, stop=asked.stopLossPrice, target=asked.targetPrice)
    return said(desk, call, order_id)


def modify(desk: Desk, call: Call) -> Row:
    found = desk.supers.one(call.user_id, call.path_words["order_id"])
    asked: ChangeForm = call.json(ChangeForm)
    match asked.legName:
        case "TARGET_LEG":
            desk.supers.move(found, TARGET, asked.targetPrice)
        case "STOP_LOSS_LEG":
            desk.supers.move(found, STOP, asked.stopLossPrice)
        case "ENTRY_LEG":
            _change_whole(desk, call, found, asked)
        case _:
            raise bad_input("Invalid legName")
    return said(desk, call, found.order_id)


def _change_whole(desk: Desk, call: Call, found: Super, asked: ChangeForm) -> None:
    terms = changed_terms(asked, existing(desk, call))
    desk.exchange.modify(call.user_id, found.order_id, terms=terms)
    desk.supers.move(found, TARGET, asked.targetPrice)
    desk.supers.move(found, STOP, asked.stopLossPrice)


def cancel(desk: Desk, call: Call) -> Reply:
    found, leg = desk.supers.one(call.user_id, call.path_words["order_id"]), call.path_words["leg"]
    if leg not in (ENTRY, STOP, TARGET):
        raise bad_input("Invalid legName")
    desk.supers.cancel(found, leg)
    return PROCESSING


def book(desk: Desk, call: Call) -> list[Row]:
    return [
        super_row(found, entry, number=desk.numbers.number_of(found.key), last=desk.last_of(found.key))
        for found, entry in desk.supers.of(call.user_id)
    ]
