"""The exchange's values as Upstox writes them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.bracket.model import PositionRow, Product, TradeRow
from simulator.instruments import Listing
from simulator.orders import Order, average_price
from simulator.positions import Holding
from simulator.upstox.failures import words_of
from simulator.upstox.words import PLACES, PRODUCTS, SEGMENTS, STATUSES
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]
_CLOSE = datetime.min.time().replace(hour=23, minute=59, second=59)


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def named_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%d-%b-%Y %H:%M:%S")


def microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def order_row(order: Order, *, instrument_key: str, reference: str | None) -> Row:
    """Return an order as the order book shows it; reference is the GTT that placed it."""
    is_taken = order.reason is None
    return {
        "exchange": PLACES[order.exchange],
        "product": PRODUCTS[order.product],
        "price": order.price or 0,
        "quantity": order.quantity,
        "status": STATUSES[order.status],
        "guid": None,
        "tag": order.tag or None,
        "instrument_token": instrument_key,
        "placed_by": order.account_id,
        "trading_symbol": order.symbol,
        "tradingsymbol": order.symbol,
        "order_type": order.order_type.value,
        "validity": order.validity.value,
        "trigger_price": order.trigger_price or 0,
        "disclosed_quantity": 0,
        "transaction_type": order.side.value,
        "average_price": average_price(order) or 0,
        "filled_quantity": order.filled,
        "pending_quantity": order.remaining if order.is_live else 0,
        "status_message": None if is_taken else words_of(order.refusal, order.reason or ""),
        "status_message_raw": order.reason,
        "exchange_order_id": f"1{order.order_id}" if is_taken else None,
        "parent_order_id": None,
        "order_id": order.order_id,
        "variety": "SIMPLE",
        "order_timestamp": exchange_time(order.updated_at),
        "exchange_timestamp": exchange_time(order.updated_at) if is_taken else None,
        "is_amo": order.after_market,
        "order_request_id": str(order.modifications + 1),
        "order_ref_id": reference or f"udapi-{order.order_id}",
    }


def trade_row(trade: TradeRow, *, instrument_key: str, reference: str | None) -> Row:
    return {
        "exchange": PLACES[trade.exchange],
        "product": PRODUCTS[Product(trade.product)],
        "trading_symbol": trade.symbol,
        "tradingsymbol": trade.symbol,
        "instrument_token": instrument_key,
        "order_type": "LIMIT",
        "transaction_type": trade.side.value,
        "quantity": trade.quantity,
        "exchange_order_id": f"1{trade.broker_order_id}",
        "order_id": trade.broker_order_id,
        "exchange_timestamp": named_time(trade.at),
        "average_price": trade.price,
        "trade_id": trade.trade_id,
        "order_ref_id": reference or f"udapi-{trade.broker_order_id}",
        "order_timestamp": named_time(trade.at),
    }


def position_row(position: PositionRow, *, instrument_key: str, last: Decimal) -> Row:
    quantity, cost = position.quantity, position.average_price or Decimal(0)
    return {
        "exchange": SEGMENTS[position.exchange].partition("_")[0],
        "multiplier": 1.0,
        "value": quantity * last,
        "pnl": quantity * (last - cost),
        "product": PRODUCTS[Product(position.product)],
        "instrument_token": instrument_key,
        "average_price": cost,
        "overnight_quantity": 0,
        "day_buy_quantity": max(quantity, 0),
        "day_sell_quantity": max(-quantity, 0),
        "quantity": quantity,
        "last_price": last,
        "unrealised": 0,
        "realised": 0,
        "trading_symbol": position.symbol,
        "tradingsymbol": position.symbol,
        "close_price": last,
    }


def holding_row(holding: Holding, *, instrument_key: str, last: Decimal) -> Row:
    cost = (holding.cost / holding.total).quantize(Decimal("0.0001")) if holding.total else Decimal(0)
    return {
        "isin": instrument_key.partition("|")[2],
        "cnc_used_quantity": 0,
        "collateral_type": "WC",
        "company_name": holding.symbol,
        "haircut": 0.2,
        "product": "D",
        "quantity": holding.quantity,
        "trading_symbol": holding.symbol,
        "tradingsymbol": holding.symbol,
        "last_price": last,
        "close_price": last,
        "pnl": 0,
        "day_change": 0,
        "day_change_percentage": 0,
        "instrument_token": instrument_key,
        "average_price": cost,
        "collateral_quantity": 0,
        "collateral_update_quantity": 0,
        "t1_quantity": holding.t1_quantity,
        "exchange": holding.exchange,
    }


def listed(listing: Listing, instrument_key: str) -> Row:
    """Return one instrument of the day's file; a tick is told in paise."""
    one = listing.instrument
    plain: Row = {
        "segment": SEGMENTS[one.exchange],
        "name": one.name,
        "exchange": PLACES[one.exchange],
        "instrument_type": one.kind if one.kind != "EQ" or one.exchange == "NSE" else "A",
        "instrument_key": instrument_key,
        "lot_size": one.lot_size,
        "freeze_quantity": one.freeze_quantity or 0,
        "exchange_token": instrument_key.partition("|")[2],
        "tick_size": one.tick_size * 100,
        "trading_symbol": one.symbol,
    }
    if one.expiry is None:
        return plain
    expiry = datetime.combine(one.expiry, _CLOSE, tzinfo=EXCHANGE_ZONE)
    underlying = one.symbol.partition(f"{one.expiry:%d%b%y}".upper())[0]
    contract = {
        "expiry": int(expiry.timestamp()) * 1000,
        "strike_price": one.strike or 0,
        "underlying_symbol": underlying,
        "trading_symbol": f"{underlying} {one.kind} {one.expiry:%d %b %y}".upper(),
    }
    return plain | contract
