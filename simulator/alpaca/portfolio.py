"""The endpoints of the account: who it is, what it holds, what it traded."""

from dataclasses import replace
from decimal import Decimal

from services.bracket.model import PositionRow
from simulator.alpaca import orders
from simulator.alpaca.desk import EXCHANGE, Desk
from simulator.alpaca.failures import not_found
from simulator.alpaca.rows import Row, asset_row, fill_row, position_row, told
from simulator.wire.calls import Call

_PAGE = 100


def account(desk: Desk, call: Call) -> Row:
    state = desk.exchange.funds(call.user_id)
    money = {
        "cash": state.available,
        "buying_power": state.available,
        "regt_buying_power": state.available,
        "non_marginable_buying_power": state.available,
        "equity": state.available + state.used,
        "last_equity": state.available + state.used,
        "portfolio_value": state.available + state.used,
        "initial_margin": state.used,
        "maintenance_margin": state.used,
        "long_market_value": Decimal(0),
        "short_market_value": Decimal(0),
    }
    return {
        "id": "4d3f1c86-6c0c-4a7e-9f0f-2f1f6d9a7e11",
        "account_number": call.user_id,
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": True,
        "multiplier": "1",
        "created_at": "2026-01-05T15:00:00Z",
        **{name: format(value, "f") for name, value in money.items()},
    }


def clock(desk: Desk, call: Call) -> Row:
    at = told(desk.sessions.now())
    return {"timestamp": at, "is_open": True, "next_open": at, "next_close": at}


def positions(desk: Desk, call: Call) -> list[Row]:
    days, held = desk.exchange.portfolio(call.user_id)
    net: dict[str, PositionRow] = {}
    for row in (*days, *held):
        known = net.get(row.symbol)
        net[row.symbol] = row if known is None else _joined(known, row)
    rows = (row for row in net.values() if row.quantity)
    return [position_row(row, last=desk.last_of((EXCHANGE, row.symbol))) for row in rows]


def _joined(one: PositionRow, other: PositionRow) -> PositionRow:
    larger = max(one, other, key=lambda row: abs(row.quantity))
    return replace(larger, quantity=one.quantity + other.quantity)


def position(desk: Desk, call: Call) -> Row:
    for row in positions(desk, call):
        if row["symbol"] == call.path_words["symbol"]:
            return row
    raise not_found("position does not exist")


def fills(desk: Desk, call: Call) -> list[Row]:
    by_id = {order.order_id: order for order in desk.orders(call.user_id)}
    trades = desk.exchange.trade_book(call.user_id)
    rows = [fill_row(trade, by_id.get(trade.broker_order_id)) for trade in trades]
    if "".join(call.query_values("direction")) != "asc":
        rows.reverse()
    return _page(rows, call)


def _page(rows: list[Row], call: Call) -> list[Row]:
    token, size = "".join(call.query_values("page_token")), "".join(call.query_values("page_size"))
    ids = [row["id"] for row in rows]
    begin = ids.index(token) + 1 if token in ids else 0
    return rows[begin : begin + min(int(size or _PAGE), _PAGE)]


def assets(desk: Desk, call: Call) -> list[Row]:
    return [asset_row(listing) for listing in desk.listings]


def asset(desk: Desk, call: Call) -> Row:
    for listing in desk.listings:
        if listing.instrument.symbol == call.path_words["symbol"]:
            return asset_row(listing)
    raise not_found("asset not found")


def books(desk: Desk, call: Call) -> Row:
    """Tell an account's books as Alpaca would, without keys and without counting."""
    asked = replace(
        call,
        user_id="".join(call.query_values("user_id")),
        query=(("status", "all"), ("limit", "500"), ("nested", "true")),
    )
    return {
        "orders": orders.book(desk, asked),
        "positions": positions(desk, asked),
        "fills": fills(desk, asked),
    }
