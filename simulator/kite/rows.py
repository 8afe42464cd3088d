"""The exchange's values as Kite writes them: upper-case words, India's time without a zone, 0 for none."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from services.bracket.model import (
    GttLegRow,
    GttRow,
    GttStatus,
    OrderType,
    PositionRow,
    Product,
    RowStatus,
    Side,
    TradeRow,
)
from simulator.instruments import Listing
from simulator.kite.failures import words_of
from simulator.kite.ticks import Picture
from simulator.orders import Key, Order, average_price
from simulator.positions import Holding
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]

_STATUSES = {
    RowStatus.PENDING: "OPEN PENDING",
    RowStatus.TRIGGER_PENDING: "TRIGGER PENDING",
    RowStatus.OPEN: "OPEN",
    RowStatus.FILLED: "COMPLETE",
    RowStatus.CANCELLED: "CANCELLED",
    RowStatus.REJECTED: "REJECTED",
    RowStatus.EXPIRED: "LAPSED",
}
_GTT_STATUSES = {
    GttStatus.ACTIVE: "active",
    GttStatus.TRIGGERED: "triggered",
    GttStatus.DISABLED: "disabled",
    GttStatus.EXPIRED: "expired",
    GttStatus.CANCELLED: "cancelled",
    GttStatus.REJECTED: "rejected",
    GttStatus.DELETED: "deleted",
}
_LEVELS = 5  # of depth on each side


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def order_row(order: Order, *, token: int) -> Row:
    """Return an order as the order book shows it."""
    reason = None if order.reason is None else words_of(order.refusal, order.reason)
    tags = [order.tag] if order.tag else []
    has_arrived = order.status not in (RowStatus.PENDING, RowStatus.REJECTED)
    at = exchange_time(order.updated_at)
    return {
        "placed_by": order.account_id,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "exchange_order_id": f"1{order.order_id}" if has_arrived else None,
        "parent_order_id": None,
        "status": "AMO REQ RECEIVED" if order.waits_for_open else _STATUSES[order.status],
        "status_message": reason,
        "status_message_raw": reason,
        "order_timestamp": exchange_time(order.placed_at),
        "exchange_timestamp": at if has_arrived else None,
        "exchange_update_timestamp": at if has_arrived else None,
        "variety": "amo" if order.after_market else "regular",
        "modified": order.modifications > 0,
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "instrument_token": token,
        "order_type": order.order_type.value,
        "transaction_type": order.side.value,
        "validity": order.validity.value,
        "validity_ttl": 0,
        "product": order.product.value,
        "quantity": order.quantity,
        "disclosed_quantity": 0,
        "price": order.price or 0,
        "trigger_price": order.trigger_price or 0,
        "average_price": average_price(order) or 0,
        "filled_quantity": order.filled,
        "pending_quantity": order.remaining if order.is_live else 0,
        "cancelled_quantity": order.remaining if order.status is RowStatus.CANCELLED else 0,
        "market_protection": 0,
        "meta": {},
        "tag": order.tag,
        "tags": tags,
        "guid": None,
    }


def order_history(order: Order, states: Sequence[Order], *, token: int) -> list[Row]:
    """Return how the order came to be what it is; states are empty when nobody noted them."""
    born = order_row(order, token=token) | {
        "status_message": None,
        "status_message_raw": None,
        "order_timestamp": exchange_time(order.placed_at),
        "exchange_order_id": None,
        "exchange_timestamp": None,
        "exchange_update_timestamp": None,
        "filled_quantity": 0,
        "average_price": 0,
        "pending_quantity": order.quantity,
        "cancelled_quantity": 0,
    }
    rows = [born | {"status": word} for word in _BIRTH]
    for before, after in pairwise(states):
        now = order_row(after, token=token)
        rows += [order_row(before, token=token) | {"status": word} for word in _between(before, after)]
        rows.append(now)
    return rows if len(states) > 1 else [*rows, order_row(order, token=token)]


_BIRTH = ("PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING")
_CHANGE = ("MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED")


def _between(before: Order, after: Order) -> tuple[str, ...]:
    if after.modifications > before.modifications:
        return _CHANGE
    return ("CANCEL PENDING",) if after.status is RowStatus.CANCELLED else ()


def trade_row(trade: TradeRow, *, token: int) -> Row:
    """Return a fill as the trade book shows it."""
    at = exchange_time(trade.at)
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.broker_order_id,
        "exchange_order_id": f"1{trade.broker_order_id}",
        "exchange": trade.exchange,
        "tradingsymbol": trade.symbol,
        "instrument_token": token,
        "product": trade.product,
        "transaction_type": trade.side.value,
        "quantity": trade.quantity,
        "average_price": trade.price,
        "fill_timestamp": at,
        "order_timestamp": at.partition(" ")[2],
        "exchange_timestamp": at,
    }


def position_row(position: PositionRow, trades: list[TradeRow], *, token: int, last: Decimal) -> Row:
    """Return a net position, with what today's trades of it bought and sold."""
    average = position.average_price or Decimal(0)
    value = -position.quantity * average
    profit = position.quantity * (last - average)
    bought, sold = _traded(trades, Side.BUY), _traded(trades, Side.SELL)
    return {
        "tradingsymbol": position.symbol,
        "exchange": position.exchange,
        "instrument_token": token,
        "product": position.product,
        "quantity": position.quantity,
        "overnight_quantity": position.quantity - (bought[0] - sold[0]),
        "multiplier": 1,
        "average_price": average,
        "close_price": 0,
        "last_price": last,
        "value": value,
        "pnl": profit,
        "m2m": profit,
        "unrealised": profit,
        "realised": 0,
        "buy_quantity": bought[0],
        "buy_value": bought[1],
        "sell_quantity": sold[0],
        "sell_value": sold[1],
    }


def _traded(trades: list[TradeRow], side: Side) -> tuple[int, Decimal]:
    own = [trade for trade in trades if trade.side is side]
    quantity = sum(trade.quantity for trade in own)
    return quantity, sum((trade.quantity * trade.price for trade in own), Decimal(0))


def holding_row(holding: Holding, *, token: int, last: Decimal) -> Row:
    """Return delivered shares, those on their way (T+1) apart."""
    average = (holding.cost / holding.total).quantize(Decimal("0.0001")) if holding.total else Decimal(0)
    return {
        "tradingsymbol": holding.symbol,
        "exchange": holding.exchange,
        "instrument_token": token,
        "isin": "",
        "product": Product.CNC.value,
        "price": 0,
        "quantity": holding.quantity,
        "used_quantity": 0,
        "t1_quantity": holding.t1_quantity,
        "realised_quantity": holding.quantity,
        "authorised_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": None,
        "discrepancy": False,
        "average_price": average,
        "last_price": last,
        "close_price": 0,
        "pnl": holding.total * (last - average),
        "day_change": 0,
        "day_change_percentage": 0,
    }


def gtt_row(gtt: GttRow, *, user_id: str, token: int, last: Decimal) -> Row:
    """Return a trigger with its legs; the one that fired carries what became of its order."""
    return {
        "id": int(gtt.trigger_id),
        "user_id": user_id,
        "parent_trigger": None,
        "type": "single" if len(gtt.legs) == 1 else "two-leg",
        "created_at": exchange_time(gtt.created_at),
        "updated_at": exchange_time(gtt.updated_at or gtt.created_at),
        "expires_at": None if gtt.expires_at is None else exchange_time(gtt.expires_at),
        "status": _GTT_STATUSES[gtt.status],
        "condition": {
            "exchange": gtt.exchange,
            "last_price": last,
            "tradingsymbol": gtt.symbol,
            "trigger_values": [leg.trigger_price for leg in gtt.legs],
            "instrument_token": token,
        },
        "orders": [_gtt_order(gtt, leg) for leg in gtt.legs],
        "meta": {},
    }


def _gtt_order(gtt: GttRow, leg: GttLegRow) -> Row:
    return {
        "exchange": gtt.exchange,
        "tradingsymbol": gtt.symbol,
        "product": gtt.product,
        "order_type": OrderType.LIMIT.value,
        "transaction_type": gtt.side.value,
        "quantity": leg.quantity,
        "price": leg.price,
        "result": _gtt_result(gtt, leg),
    }


def _gtt_result(gtt: GttRow, leg: GttLegRow) -> Row | None:
    if leg.child_order_id is None and leg.child_reason is None:
        return None
    failed = leg.child_reason is not None
    reason = words_of(leg.child_refusal, leg.child_reason) if leg.child_reason is not None else ""
    at = exchange_time(gtt.updated_at or gtt.created_at)
    result = {
        "status": "failed" if failed else "success",
        "order_id": leg.child_order_id or "",
        "rejection_reason": reason,
    }
    meta = f'{{"app_id": 0, "gtt": {gtt.trigger_id}}}'
    return {"timestamp": at, "triggered_at": at, "order_result": result, "meta": meta}


def quote_row(picture: Picture) -> Row:
    """Return a full quote; only the simulated accounts trade here, so the market's own volume is 0."""
    at = exchange_time(picture.at)
    return {
        "instrument_token": picture.token,
        "timestamp": at,
        "last_trade_time": at,
        "last_price": picture.last,
        "last_quantity": 0,
        "buy_quantity": picture.bid_quantity,
        "sell_quantity": picture.ask_quantity,
        "volume": 0,
        "average_price": picture.last,
        "oi": 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "net_change": picture.last - picture.day.close,
        "lower_circuit_limit": picture.lower_band or 0,
        "upper_circuit_limit": picture.upper_band or 0,
        "ohlc": ohlc(picture),
        "depth": {
            "buy": _depth(picture.bid, picture.bid_quantity),
            "sell": _depth(picture.ask, picture.ask_quantity),
        },
    }


def ohlc(picture: Picture) -> Row:
    day = picture.day
    return {"open": day.open, "high": day.high, "low": day.low, "close": day.close}


def _depth(best: Decimal | None, quantity: int) -> list[Row]:
    """Kite always lists five levels, the empty ones as zeros."""
    levels = [] if best is None else [{"price": best, "quantity": quantity, "orders": 1}]
    return levels + [{"price": 0, "quantity": 0, "orders": 0}] * (_LEVELS - len(levels))


def index_columns(key: Key, *, token: int) -> dict[str, str]:
    """Return an index's line of the instruments dump: it is quoted, and has no tick or lot to trade."""
    return {
        "instrument_token": str(token),
        "exchange_token": str(token >> 8),
        "tradingsymbol": key[1],
        "name": key[1],
        "last_price": "0",
        "expiry": "",
        "strike": "0",
        "tick_size": "0",
        "lot_size": "0",
        "instrument_type": "EQ",
        "segment": "INDICES",
        "exchange": key[0],
    }


def instrument_columns(listing: Listing, *, token: int) -> dict[str, str]:
    """Return one line of the instruments dump."""
    instrument = listing.instrument
    expiry = instrument.expiry.isoformat() if instrument.expiry else ""
    return {
        "instrument_token": str(token),
        "exchange_token": str(token >> 8),
        "tradingsymbol": instrument.symbol,
        "name": instrument.name,
        "last_price": "0",
        "expiry": expiry,
        "strike": str(instrument.strike or 0),
        "tick_size": str(instrument.tick_size),
        "lot_size": str(instrument.lot_size),
        "instrument_type": instrument.kind,
        "segment": instrument.exchange
        if instrument.kind == "EQ"
        else f"{instrument.exchange}-{instrument.kind}",
        "exchange": instrument.exchange,
    }
