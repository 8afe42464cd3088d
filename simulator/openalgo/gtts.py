"""The endpoints of GTTs: the list has those that wait, and says nothing of the others."""

from datetime import timedelta

from services.bracket.model import GttRow, GttStatus
from simulator.openalgo.faults import BOOK, LATE_GTTS, MISSING_GTTS
from simulator.openalgo.forms import GttChange, GttNamed, GttPlacement, Keyed, gtt_request
from simulator.openalgo.rows import Row, gtt_row
from simulator.wire.calls import Call
from simulator.wire.desk import Desk

_LAG = timedelta(seconds=3)


def place(desk: Desk, call: Call) -> Row:
    asked: GttPlacement = call.json(GttPlacement)
    return {"trigger_id": desk.exchange.place_gtt(call.user_id, gtt_request(desk, asked))}


def modify(desk: Desk, call: Call) -> Row:
    asked: GttChange = call.json(GttChange)
    desk.exchange.modify_gtt(call.user_id, asked.trigger_id, gtt=gtt_request(desk, asked))
    return {"trigger_id": asked.trigger_id}


def cancel(desk: Desk, call: Call) -> Row:
    asked: GttNamed = call.json(GttNamed)
    desk.exchange.cancel_gtt(call.user_id, asked.trigger_id)
    return {"trigger_id": asked.trigger_id}


def book(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    body = call.body.decode("utf-8", "replace")
    struck = desk.plan.fault_for(BOOK, call.path, body=body, client="").name
    rows = [row for row in desk.exchange.gtt_book(call.user_id) if _is_listed(desk, row, struck)]
    return {"data": [gtt_row(row, last=desk.last_of((row.exchange, row.symbol))) for row in rows]}


def _is_listed(desk: Desk, row: GttRow, struck: str) -> bool:
    if struck == MISSING_GTTS.name:
        return False
    if struck != LATE_GTTS.name:
        return row.status is GttStatus.ACTIVE
    since = desk.sessions.now() - _LAG
    waited = row.status is GttStatus.ACTIVE or (row.updated_at is not None and row.updated_at > since)
    return waited and row.created_at <= since
