"""The endpoints of good-till-triggered orders."""

from services.bracket.model import GttStatus
from simulator.fyers.desk import Desk
from simulator.fyers.forms import changed_gtt, gtt_request, named
from simulator.fyers.rows import Row, gtt_row
from simulator.wire.calls import Call
from utils.constants import EXCHANGE_ZONE


def place(desk: Desk, call: Call) -> Row:
    trigger_id = desk.exchange.place_gtt(call.user_id, gtt_request(desk, call))
    return {"code": 1101, "message": "Successfully placed order", "id": trigger_id}


def modify(desk: Desk, call: Call) -> Row:
    gtt, request = changed_gtt(desk, call)
    desk.exchange.modify_gtt(call.user_id, gtt.trigger_id, gtt=request)
    return {"code": 1102, "message": "Successfully modified order", "id": gtt.trigger_id}


def cancel(desk: Desk, call: Call) -> Row:
    gtt = desk.gtt(call.user_id, named(call))
    desk.exchange.cancel_gtt(call.user_id, gtt.trigger_id)
    return {"code": 1103, "message": "Successfully cancelled order", "id": gtt.trigger_id}


def book(desk: Desk, call: Call) -> Row:
    """Tell what waits, and what ended today."""
    today = desk.sessions.now().astimezone(EXCHANGE_ZONE).date()
    return {
        "orderBook": [
            gtt_row(gtt, last=desk.last_of(gtt.key))
            for gtt in desk.gtts(call.user_id)
            if gtt.status is GttStatus.ACTIVE or gtt.updated_at.astimezone(EXCHANGE_ZONE).date() == today
        ]
    }
