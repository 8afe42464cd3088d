"""The broker's rows as these clients read them: amounts are numbers, times are exchange time in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from database.symbol import Listing
from services.announcements import utc_milliseconds
from services.bracket.model import (
    GttLegRow,
    GttRow,
    Instrument,
    OrderRow,
    PositionRow,
    Quote,
    RowStatus,
    Side,
    TradeRow,
)
from utils.constants import EXCHANGE_ZONE

Shape = dict[str, object]

# PENDING is taken and rests nowhere yet, an unknown word may be live: neither is over.
ORDER_STATUS: Mapping[RowStatus, str] = {
    RowStatus.PENDING: "open",
    RowStatus.TRIGGER_PENDING: "trigger pending",
    RowStatus.OPEN: "open",
    RowStatus.FILLED: "complete",
    RowStatus.CANCELLED: "cancelled",
    RowStatus.REJECTED: "rejected",
    RowStatus.EXPIRED: "expired",
    RowStatus.UNKNOWN: "unknown",
}


def order_shape(row: OrderRow) -> Shape:
    """Return one row of the order book."""
    return {
        "action": str(row.side),
        "symbol": row.symbol,
        "exchange": row.exchange,
        "orderid": row.broker_order_id,
        "product": row.product,
        "quantity": row.quantity,
        "filled_quantity": row.filled,
        "price": number(row.price),
        "pricetype": str(row.order_type),
        "order_status": ORDER_STATUS[row.status],
        "trigger_price": number(row.trigger_price),
        "average_price": number(row.average_price),
        "timestamp": exchange_time(row.updated_at),
        "rejection_reason": row.reason,
    }


def statistics(rows: Sequence[OrderRow]) -> Shape:
    """Return the counts that come with an order book."""
    states = [ORDER_STATUS[row.status] for row in rows]
    return {
        "total_buy_orders": sum(row.side is Side.BUY for row in rows),
        "total_sell_orders": sum(row.side is Side.SELL for row in rows),
        "total_completed_orders": states.count("complete"),
        "total_open_orders": states.count("open") + states.count("trigger pending"),
        "total_rejected_orders": states.count("rejected"),
    }


def trade_shape(row: TradeRow) -> Shape:
    """Return one row of the trade book."""
    return {
        "action": str(row.side),
        "symbol": row.symbol,
        "exchange": row.exchange,
        "orderid": row.broker_order_id,
        "product": row.product,
        "quantity": row.quantity,
        "average_price": number(row.price),
        "trade_value": number(row.price * row.quantity),
        "timestamp": exchange_time(row.at),
    }


def position_shape(row: PositionRow, quote: Quote | None) -> Shape:
    """Return one row of the position book; ltp and pnl are null while there is no price."""
    pnl = None
    if quote is not None and row.average_price is not None:
        pnl = (quote.last - row.average_price) * row.quantity
    return {
        "symbol": row.symbol,
        "exchange": row.exchange,
        "product": row.product,
        "quantity": row.quantity,
        "average_price": None if row.average_price is None else format(row.average_price, ".2f"),
        "ltp": None if quote is None else number(quote.last),
        "pnl": None if pnl is None else number(pnl.quantize(Decimal("0.01"))),
    }


def quote_shape(quote: Quote) -> Shape:
    """Return what is known of a market; an empty side is 0, as these clients know it."""
    return {"ltp": number(quote.last), "bid": number(quote.bid), "ask": number(quote.ask)}


def instrument_shape(instrument: Instrument) -> Shape:
    """Return one symbol."""
    expiry = instrument.expiry
    return {
        "symbol": instrument.symbol,
        "brsymbol": instrument.symbol,
        "name": instrument.name,
        "exchange": instrument.exchange,
        "brexchange": instrument.exchange,
        "expiry": "" if expiry is None else f"{expiry:%d-%b-%y}".upper(),
        "strike": number(instrument.strike),
        "lotsize": instrument.lot_size,
        "instrumenttype": instrument.kind,
        "tick_size": number(instrument.tick_size),
        "freeze_qty": instrument.freeze_quantity,
    }


def listing_shape(listing: Listing) -> Shape:
    """Return one symbol with the broker's token."""
    return {**instrument_shape(listing.instrument), "token": listing.token}


def gtt_shape(row: GttRow, quote: Quote | None) -> Shape:
    """Return one GTT; what fires is always a limit order."""
    return {
        "trigger_id": row.trigger_id,
        "trigger_type": "single" if len(row.legs) == 1 else "two-leg",
        "status": str(row.status),
        "symbol": row.symbol,
        "exchange": row.exchange,
        "trigger_prices": [number(leg.trigger_price) for leg in row.legs],
        "last_price": None if quote is None else number(quote.last),
        "legs": [_gtt_leg(row, leg) for leg in row.legs],
        "created_at": utc_milliseconds(row.created_at),
        "updated_at": None if row.updated_at is None else utc_milliseconds(row.updated_at),
        "expires_at": None if row.expires_at is None else utc_milliseconds(row.expires_at),
    }


def _gtt_leg(row: GttRow, leg: GttLegRow) -> Shape:
    return {
        "action": str(row.side),
        "quantity": leg.quantity,
        "price": number(leg.price),
        "pricetype": "LIMIT",
        "product": row.product,
    }


def number(value: Decimal | None) -> float:
    """Return an amount as a JSON number, 0 for none: these clients calculate with it as it comes."""
    return 0.0 if value is None else float(value)


def exchange_time(at: datetime | None) -> str:
    """Return a time as these clients show it; empty while there is none."""
    return "" if at is None else f"{at.astimezone(EXCHANGE_ZONE):%d-%b-%Y %H:%M:%S}"
