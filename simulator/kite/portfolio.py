"""The endpoints of what the user owns: positions, holdings, funds, and who the user is."""

from decimal import Decimal

from services.bracket.model import OrderType, PositionRow, Product
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure
from simulator.kite.rows import Row, holding_row, position_row


def positions(desk: Desk, call: Call) -> Row:
    rows = [_position(desk, call, row) for row in desk.exchange.positions(call.user_id)]
    return {"net": rows, "day": [row for row in rows if row["buy_quantity"] or row["sell_quantity"]]}


def _position(desk: Desk, call: Call, row: PositionRow) -> Row:
    key = row.exchange, row.symbol
    trades = [
        trade
        for trade in desk.exchange.trade_book(call.user_id)
        if (trade.exchange, trade.symbol) == key and trade.product == row.product
    ]
    return position_row(row, trades, token=desk.token_of(key), last=desk.last_of(key))


def holdings(desk: Desk, call: Call) -> list[Row]:
    return [
        holding_row(row, token=desk.token_of(key), last=desk.last_of(key))
        for row in desk.exchange.deliveries(call.user_id)
        if (key := (row.exchange, row.symbol))
    ]


def margins(desk: Desk, call: Call) -> Row:
    return {"equity": _segment(desk, call), "commodity": _segment(desk, call)}


def margins_of_segment(desk: Desk, call: Call) -> Row:
    if call.path_words["segment"] not in ("equity", "commodity"):
        raise InputFailure("Invalid `segment`.")
    return _segment(desk, call)


def _segment(desk: Desk, call: Call) -> Row:
    funds = desk.exchange.funds(call.user_id)
    opening = funds.available + funds.used
    return {
        "enabled": True,
        "net": funds.available,
        "available": {
            "adhoc_margin": 0,
            "cash": opening,
            "opening_balance": opening,
            "live_balance": funds.available,
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": dict.fromkeys(_USES, Decimal(0)) | {"debits": funds.used, "exposure": funds.used},
    }


_USES = (
    "debits",
    "exposure",
    "m2m_realised",
    "m2m_unrealised",
    "option_premium",
    "payout",
    "span",
    "holding_sales",
    "turnover",
    "liquid_collateral",
    "stock_collateral",
    "delivery",
)


def profile(desk: Desk, call: Call) -> Row:
    return {
        "user_id": call.user_id,
        "user_type": "individual",
        "email": f"{call.user_id.lower()}@example.com",
        "user_name": call.user_id,
        "user_shortname": call.user_id,
        "broker": "ZERODHA",
        "exchanges": sorted({listing.instrument.exchange for listing in desk.listings}),
        "products": [product.value for product in Product],
        "order_types": [order_type.value for order_type in OrderType],
        "avatar_url": None,
        "meta": {"demat_consent": "consent"},
    }
