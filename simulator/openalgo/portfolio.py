"""The endpoints of what the user owns, of who is behind the server, and of its mode."""

from simulator.openalgo.forms import Keyed, OfSymbol
from simulator.openalgo.rows import Row, holding_row, position_row
from simulator.wire.calls import Call
from simulator.wire.desk import Desk

BEHIND = "zerodha"  # whose rules for GTTs the exchange has


def positions(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    return {
        "data": [
            position_row(row, last=desk.last_of((row.exchange, row.symbol)))
            for row in desk.exchange.positions(call.user_id)
        ]
    }


def open_position(desk: Desk, call: Call) -> Row:
    asked: OfSymbol = call.json(OfSymbol)
    wanted = (asked.exchange, asked.symbol, asked.product)
    held = [
        row.quantity
        for row in desk.exchange.positions(call.user_id)
        if (row.exchange, row.symbol, row.product) == wanted
    ]
    return {"quantity": str(sum(held))}


def holdings(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    rows = [
        holding_row(held, last=desk.last_of((held.exchange, held.symbol)))
        for held in desk.exchange.deliveries(call.user_id)
    ]
    return {"data": {"holdings": rows, "statistics": {}}}


def funds(desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    state = desk.exchange.funds(call.user_id)
    return {
        "data": {
            "availablecash": format(state.available, ".2f"),
            "collateral": "0.00",
            "m2mrealized": "0.00",
            "m2munrealized": "0.00",
            "utiliseddebits": format(state.used, ".2f"),
        }
    }


def ping(_desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    return {"data": {"broker": BEHIND, "message": "pong"}}


def analyzer(_desk: Desk, call: Call) -> Row:
    call.json(Keyed)
    return {"data": {"analyze_mode": False, "mode": "live", "total_logs": 0}}
