"""The endpoints of what the user owns, and who the user is."""

from simulator.upstox.desk import Desk
from simulator.upstox.rows import Row, holding_row, position_row
from simulator.wire.calls import Call


def positions(desk: Desk, call: Call) -> list[Row]:
    return [
        position_row(row, instrument_key=desk.instrument_key(key), last=desk.last_of(key))
        for row in desk.exchange.positions(call.user_id)
        for key in [(row.exchange, row.symbol)]
    ]


def holdings(desk: Desk, call: Call) -> list[Row]:
    return [
        holding_row(row, instrument_key=desk.instrument_key(key), last=desk.last_of(key))
        for row in desk.exchange.deliveries(call.user_id)
        for key in [(row.exchange, row.symbol)]
    ]


def funds(desk: Desk, call: Call) -> Row:
    state = desk.exchange.funds(call.user_id)
    amounts = {
        "used_margin": state.used,
        "payin_amount": 0,
        "span_margin": 0,
        "adhoc_margin": 0,
        "notional_cash": 0,
        "available_margin": state.available,
        "exposure_margin": 0,
    }
    return {"equity": amounts, "commodity": dict.fromkeys(amounts, 0)}


def profile(_desk: Desk, call: Call) -> Row:
    return {
        "email": "",
        "exchanges": ["NSE", "NFO", "BSE", "BFO", "MCX"],
        "products": ["D", "I", "MTF"],
        "broker": "UPSTOX",
        "user_id": call.user_id,
        "user_name": call.user_id,
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "user_type": "individual",
        "poa": False,
        "is_active": True,
    }
