"""What the page of all that is beside brackets shows."""

from decimal import Decimal

from database.plain_order_db import PlainOrder
from restx_api.shaping import Shape
from services.announcements import utc_milliseconds
from services.beside import Beside
from services.bracket.model import GttRow, OrderRow, PositionRow


def beside_shape(found: Beside) -> Shape:
    """Return one account's orders, triggers and shares that are no bracket's."""
    return {
        "read_at": utc_milliseconds(found.read_at),
        "orders": [_order(one, found.placed_here) for one in found.orders],
        "gtts": [_gtt(one, found.placed_here) for one in found.gtts],
        "shares": [_shares(one) for one in found.shares],
        "unsettled": [_unsettled(one) for one in found.unsettled],
    }


def _order(row: OrderRow, placed_here: frozenset[str]) -> Shape:
    return {
        **_what(row),
        "side": str(row.side),
        "pricetype": str(row.order_type),
        "quantity": row.quantity,
        "filled": row.filled,
        "price": _text(row.price),
        "trigger_price": _text(row.trigger_price),
        "status": str(row.status),
        "order_id": row.broker_order_id,
        "placed_here": row.broker_order_id in placed_here,
    }


def _gtt(row: GttRow, placed_here: frozenset[str]) -> Shape:
    return {
        **_what(row),
        "side": str(row.side),
        "quantity": max(leg.quantity for leg in row.legs),
        "triggers": [str(leg.trigger_price) for leg in row.legs],
        "status": str(row.status),
        "order_id": row.trigger_id,
        "placed_here": row.trigger_id in placed_here,
    }


def _shares(row: PositionRow) -> Shape:
    return {**_what(row), "quantity": row.quantity, "average_price": _text(row.average_price)}


def _unsettled(one: PlainOrder) -> Shape:
    return {
        **_what(one),
        "side": str(one.side),
        "quantity": one.terms.quantity,
        "status": str(one.status),
        "order_id": one.id,
        "sent_at": utc_milliseconds(one.sent_at),
    }


def _what(row: OrderRow | GttRow | PositionRow | PlainOrder) -> Shape:
    return {"exchange": row.exchange, "symbol": row.symbol, "product": str(row.product)}


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)
