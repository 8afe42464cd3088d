"""The endpoints of what the user owns: positions, holdings, funds, and who the user is."""

from services.bracket.model import Product
from simulator.fyers.desk import Desk
from simulator.fyers.rows import Row, holding_rows, position_row
from simulator.positions import Holding
from simulator.wire.calls import Call


def positions(desk: Desk, call: Call) -> Row:
    rows = [
        position_row(row, last=desk.last_of((row.exchange, row.symbol)))
        for row in desk.exchange.positions(call.user_id)
    ]
    return {"netPositions": rows, "overall": {"count_total": len(rows)}}


def holdings(desk: Desk, call: Call) -> Row:
    rows = [
        row
        for held in desk.exchange.deliveries(call.user_id)
        for row in holding_rows(
            held, sold=_sold(desk, call, held), last=desk.last_of((held.exchange, held.symbol))
        )
    ]
    return {"holdings": rows, "overall": {"count_total": len(rows)}}


def _sold(desk: Desk, call: Call, held: Holding) -> int:
    return -sum(
        min(row.quantity, 0)
        for row in desk.exchange.positions(call.user_id)
        if (row.exchange, row.symbol, row.product) == (held.exchange, held.symbol, Product.CNC)
    )


def funds(desk: Desk, call: Call) -> Row:
    state = desk.exchange.funds(call.user_id)
    amounts = (
        ("Total Balance", state.available + state.used),
        ("Utilized Amount", state.used),
        ("Clear Balance", state.available),
        ("Realized Profit and Loss", 0),
        ("Collaterals", 0),
        ("Fund Transfer", 0),
        ("Receivables", 0),
        ("Adhoc Limit", 0),
        ("Limit at start of the day", state.available + state.used),
        ("Available Balance", state.available),
    )
    return {
        "fund_limit": [
            {"id": number, "title": title, "equityAmount": amount, "commodityAmount": 0}
            for number, (title, amount) in enumerate(amounts, start=1)
        ]
    }


def profile(_desk: Desk, call: Call) -> Row:
    return {"data": {"fy_id": call.user_id, "name": call.user_id, "display_name": None, "totp": True}}
