"""The endpoints that say what orders would cost before they are placed."""

from decimal import Decimal
from typing import Any

import msgspec

from services.bracket.model import OrderRequest, OrderType, Product, Side, Terms
from simulator.kite.calls import Call
from simulator.kite.desk import Desk
from simulator.kite.failures import InputFailure
from simulator.kite.rows import Row

_NOTHING = Decimal(0)


class _Asked(msgspec.Struct):
    exchange: str
    tradingsymbol: str
    transaction_type: Side
    product: Product
    order_type: OrderType
    quantity: int
    price: Decimal = _NOTHING
    trigger_price: Decimal = _NOTHING


def of_orders(desk: Desk, call: Call) -> list[Row]:
    return [_row(desk, call, asked) for asked in _read(call)]


def of_basket(desk: Desk, call: Call) -> Row:
    """Return the sum; what orders of one basket save each other is not simulated."""
    rows = of_orders(desk, call)
    total = {"type": "", "total": sum((row["total"] for row in rows), _NOTHING)}
    return {"initial": total, "final": total, "orders": rows}


def _read(call: Call) -> list[_Asked]:
    try:
        return msgspec.json.decode(call.body, type=list[_Asked])
    except msgspec.MsgspecError as exc:
        raise InputFailure(f"Invalid orders: {exc}") from exc


def _row(desk: Desk, call: Call, asked: _Asked) -> Row:
    total = desk.exchange.required_margin(call.user_id, _request(asked))
    parts: dict[str, Any] = dict.fromkeys(_PARTS, _NOTHING) | {"var": total}
    return {
        "type": "commodity" if asked.exchange == "MCX" else "equity",
        "tradingsymbol": asked.tradingsymbol,
        "exchange": asked.exchange,
        **parts,
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 1,
        "charges": {"total": 0},
        "total": total,
    }


_PARTS = ("span", "exposure", "option_premium", "additional", "bo", "cash", "var")


def _request(asked: _Asked) -> OrderRequest:
    terms = Terms(
        order_type=asked.order_type,
        quantity=asked.quantity,
        price=asked.price or None,
        trigger_price=asked.trigger_price or None,
    )
    return OrderRequest(
        tag="",
        exchange=asked.exchange,
        symbol=asked.tradingsymbol,
        product=asked.product,
        side=asked.transaction_type,
        terms=terms,
    )
