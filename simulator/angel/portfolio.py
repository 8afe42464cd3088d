"""The endpoints of what the client owns, and who the client is."""

from simulator.angel.desk import Desk
from simulator.angel.rows import Row, holding_row, position_row
from simulator.wire.calls import Call


def positions(desk: Desk, call: Call) -> list[Row] | None:
    return [
        position_row(row, number=desk.numbers.number_of((row.exchange, row.symbol)))
        for row in desk.exchange.positions(call.user_id)
    ] or None


def holdings(desk: Desk, call: Call) -> list[Row] | None:
    return [
        holding_row(row, number=desk.numbers.number_of(key), last=desk.last_of(key))
        for row in desk.exchange.deliveries(call.user_id)
        if (key := (row.exchange, row.symbol))
    ] or None


def limits(desk: Desk, call: Call) -> Row:
    state = desk.exchange.funds(call.user_id)
    return {
        "net": str(state.available),
        "availablecash": str(state.available),
        "availableintradaypayin": "0",
        "availablelimitmargin": "0",
        "collateral": "0",
        "m2munrealized": "0",
        "m2mrealized": "0",
        "utiliseddebits": str(state.used),
        "utilisedspan": None,
        "utilisedexposure": None,
        "utilisedpayout": "0",
    }


def profile(desk: Desk, call: Call) -> Row:
    return {
        "clientcode": call.user_id,
        "name": call.user_id,
        "email": "",
        "mobileno": "",
        "exchanges": sorted({listing.instrument.exchange for listing in desk.listings}),
        "products": ["DELIVERY", "INTRADAY", "MARGIN"],
        "lastlogintime": "",
        "brokerid": "B2C",
    }
