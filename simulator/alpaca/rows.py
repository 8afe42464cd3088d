"""The exchange's values as Alpaca writes them: numbers are strings, times are UTC."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.bracket.model import PositionRow, Product, Purpose, RowStatus, Side, TradeRow, Validity
from simulator.alpaca.desk import Desk, wire_id
from simulator.alpaca.forms import type_of
from simulator.instruments import Listing
from simulator.orders import Order, average_price

Row = dict[str, Any]

_STATUSES = {
    RowStatus.PENDING: "pending_new",
    RowStatus.TRIGGER_PENDING: "new",
    RowStatus.OPEN: "new",
    RowStatus.FILLED: "filled",
    RowStatus.CANCELLED: "canceled",
    RowStatus.REJECTED: "rejected",
    RowStatus.EXPIRED: "expired",
}
_ENDS = {RowStatus.FILLED: "filled_at", RowStatus.CANCELLED: "canceled_at", RowStatus.EXPIRED: "expired_at"}


def told(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def asset_id(symbol: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, symbol))


def order_row(desk: Desk, order: Order, *, nested: bool = True) -> Row:
    """Return an order as it is now, its exits below it."""
    generation = order.modifications
    row = {
        "id": wire_id(order.order_id, generation),
        "client_order_id": desk.client_id_of(order, generation),
        "created_at": told(order.placed_at),
        "updated_at": told(order.updated_at),
        "submitted_at": told(order.placed_at),
        "filled_at": None,
        "expired_at": None,
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": wire_id(order.order_id, generation - 1) if generation else None,
        "asset_id": asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": None,
        "qty": str(order.quantity),
        "filled_qty": str(order.filled),
        "filled_avg_price": _text(average_price(order)),
        "order_class": order_class_of(order),
        "order_type": type_of(order),
        "type": type_of(order),
        "side": order.side.value.lower(),
        "time_in_force": _time_in_force(order),
        "limit_price": _text(order.price),
        "stop_price": _text(order.trigger_price),
        "status": status_of(order),
        "extended_hours": False,
        "legs": _legs(desk, order) if nested else None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
    }
    if order.status in _ENDS:
        row[_ENDS[order.status]] = told(order.updated_at)
    return row


def replaced_row(desk: Desk, order: Order, generation: int) -> Row:
    """Return what an order was before it was replaced; without memory of it, as it is now."""
    own_id = wire_id(order.order_id, generation)
    row = desk.replaced.get(own_id) or order_row(desk, order)
    return row | {
        "id": own_id,
        "client_order_id": desk.client_id_of(order, generation),
        "status": "replaced",
        "replaced_by": wire_id(order.order_id, generation + 1),
        "replaces": wire_id(order.order_id, generation - 1) if generation else None,
        "filled_qty": "0",
        "filled_avg_price": None,
        "replaced_at": row["updated_at"],
        "legs": None,
    }


def order_class_of(order: Order) -> str:
    if order.exit_ids or order.parent_id is not None:
        return "bracket"
    return "oco" if order.twin_id is not None else "simple"


def is_leg(order: Order) -> bool:
    """Whether an order is shown below another one: an exit of a bracket, the stop of an OCO."""
    is_lower = order.twin_id is not None and order.exit_purpose is Purpose.STOP
    return order.parent_id is not None or is_lower


def status_of(order: Order) -> str:
    """Return an order's state in Alpaca's word: a stop beside its target is held, at work or not."""
    if order.is_held or (order.exit_purpose is Purpose.STOP and order.status is RowStatus.TRIGGER_PENDING):
        return "held"
    if order.status is RowStatus.OPEN and order.filled:
        return "partially_filled"
    return _STATUSES[order.status]


def _legs(desk: Desk, order: Order) -> list[Row] | None:
    if is_leg(order):
        return None
    ids = order.exit_ids or ((order.twin_id,) if order.twin_id is not None else ())
    legs = [one for one in desk.orders(order.account_id) if one.order_id in ids]
    return [order_row(desk, one) for one in legs] or None


def _time_in_force(order: Order) -> str:
    if order.validity is Validity.IOC:
        return "ioc"
    return "gtc" if order.product is Product.CNC else "day"


def fill_row(trade: TradeRow, order: Order | None) -> Row:
    """Return a fill as an activity of the account."""
    generation = 0 if order is None else order.modifications
    return {
        "id": f"{trade.at.astimezone(UTC):%Y%m%d%H%M%S%f}::{trade.trade_id}",
        "activity_type": "FILL",
        "transaction_time": told(trade.at),
        "type": "partial_fill" if order is not None and order.remaining else "fill",
        "price": str(trade.price),
        "qty": str(trade.quantity),
        "side": trade.side.value.lower(),
        "symbol": trade.symbol,
        "leaves_qty": str(0 if order is None else order.remaining),
        "order_id": wire_id(trade.broker_order_id, generation),
        "cum_qty": str(trade.quantity if order is None else order.filled),
        "order_status": "filled" if order is None else status_of(order),
    }


def position_row(position: PositionRow, *, last: Decimal) -> Row:
    """Return a position: one for each symbol, its quantity negative when short."""
    average = position.average_price or Decimal(0)
    value, cost = position.quantity * last, position.quantity * average
    return {
        "asset_id": asset_id(position.symbol),
        "symbol": position.symbol,
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "avg_entry_price": str(average),
        "qty": str(position.quantity),
        "qty_available": str(position.quantity),
        "side": "long" if position.quantity > 0 else "short",
        "market_value": str(value),
        "cost_basis": str(cost),
        "unrealized_pl": str(value - cost),
        "unrealized_plpc": "0",
        "unrealized_intraday_pl": "0",
        "unrealized_intraday_plpc": "0",
        "current_price": str(last),
        "lastday_price": str(last),
        "change_today": "0",
    }


def asset_row(listing: Listing) -> Row:
    one = listing.instrument
    return {
        "id": asset_id(one.symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": one.symbol,
        "name": one.name,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "maintenance_margin_requirement": 30,
        "attributes": [],
    }


def is_closing(side: Side, position: int) -> bool:
    """Whether an order of this side makes a position smaller."""
    return position * side.sign < 0


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
