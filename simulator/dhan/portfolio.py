"""The endpoints of what the client owns, and who the client is."""

from simulator.dhan.desk import Desk
from simulator.dhan.rows import Row, holding_row, position_row
from simulator.wire.calls import Call


def positions(desk: Desk, call: Call) -> list[Row]:
    return [
        position_row(row, number=desk.numbers.number_of((row.exchange, row.symbol)), user_id=call.user_id)
        for row in desk.exchange.positions(call.user_id)
    ]


def holdings(desk: Desk, call: Call) -> list[Row]:
    rows = desk.exchange.deliveries(call.user_id)
    return [holding_row(row, number=desk.numbers.number_of((row.exchange, row.symbol))) for row in rows]


def funds(desk: Desk, call: Call) -> Row:
    state = desk.exchange.funds(call.user_id)
    return {
        "dhanClientId": call.user_id,
        "availabelBalance": state.available,
        "sodLimit": state.available + state.used,
        "collateralAmount": 0,
        "receiveableAmount": 0,
        "utilizedAmount": state.used,
        "blockedPayoutAmount": 0,
        "withdrawableBalance": state.available,
    }


def profile(desk: Desk, call: Call) -> Row:
    (app,) = desk.sessions.apps_of(call.user_id)
    return {
        "dhanClientId": call.user_id,
        "tokenValidity": "31/12/2030 00:00",
        "activeSegment": "Equity, Derivative, Currency, Commodity",
        "ddpi": "Active",
        "mtf": "Active",
        "dataPlan": "Active" if app.gives_quotes else "Deactive",
        "dataValidity": "2030-12-31 00:00:00.0",
    }
