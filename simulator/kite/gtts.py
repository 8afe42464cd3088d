"""The endpoints of good-till-triggered orders."""

from services.bracket.model import GttRow
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import KiteFailure
from simulator.kite.forms import gtt_request
from simulator.kite.rows import Row, gtt_row


def place(desk: Desk, call: Call) -> Row:
    return {"trigger_id": int(desk.exchange.place_gtt(call.user_id, gtt_request(call.form)))}


def modify(desk: Desk, call: Call) -> Row:
    trigger_id = call.path_words["trigger_id"]
    desk.exchange.modify_gtt(call.user_id, trigger_id, gtt=gtt_request(call.form))
    return {"trigger_id": int(trigger_id)}


def delete(desk: Desk, call: Call) -> Row:
    trigger_id = call.path_words["trigger_id"]
    desk.exchange.cancel_gtt(call.user_id, trigger_id)
    return {"trigger_id": int(trigger_id)}


def book(desk: Desk, call: Call) -> list[Row]:
    return [_row(desk, call, gtt) for gtt in desk.exchange.gtt_book(call.user_id)]


def one(desk: Desk, call: Call) -> Row:
    for gtt in desk.exchange.gtt_book(call.user_id):
        if gtt.trigger_id == call.path_words["trigger_id"]:
            return _row(desk, call, gtt)
    raise KiteFailure(404, "GeneralException", "Trigger does not exist.")


def _row(desk: Desk, call: Call, gtt: GttRow) -> Row:
    key = gtt.exchange, gtt.symbol
    return gtt_row(gtt, user_id=call.user_id, token=desk.token_of(key), last=desk.last_of(key))
