"""The exchange's values as an OpenAlgo server writes them: no tag, no fills, and the word of another row."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.bracket.model import GttRow, PositionRow, RowStatus, Side, TradeRow
from simulator.instruments import Listing
from simulator.openalgo.forms import PRICE_TYPES
from simulator.orders import Order, average_price
from simulator.positions import Holding
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]

COMPLETE, CANCELLED = "complete", "cancelled"
# PENDING has none: the server repeats the word of the row before.
WORDS = {
    RowStatus.OPEN: "open",
    RowStatus.TRIGGER_PENDING: "trigger pending",
    RowStatus.FILLED: COMPLETE,
    RowStatus.CANCELLED: CANCELLED,
    RowStatus.REJECTED: "rejected",
    RowStatus.EXPIRED: CANCELLED,
}
_PRICE_TYPES = {ours: word for word, ours in PRICE_TYPES.items()}


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%d-%b-%Y %H:%M:%S")


def order_row(order: Order, word: str) -> Row:
    """Return an order as the book shows it; quantities are texts, as some brokers' are."""
    return {
        "action": order.side.value,
        "symbol": order.symbol,
        "exchange": order.exchange,
        "orderid": order.order_id,
        "product": order.product.value,
        "quantity": str(order.quantity),
        "price": order.price or 0.0,
        "pricetype": _PRICE_TYPES[order.order_type],
        "order_status": word,
        "trigger_price": order.trigger_price or 0.0,
        "timestamp": exchange_time(order.updated_at),
    }


def status_row(order: Order, word: str, *, has_average: bool) -> Row:
    """Return an order as orderstatus shows it: with an average price, if there is one."""
    average = average_price(order) if has_average and word == COMPLETE else None
    return order_row(order, word) | {"average_price": average or 0.0}


def statistics(rows: list[Row]) -> Row:
    words = [row["order_status"] for row in rows]
    return {
        "total_buy_orders": sum(row["action"] == Side.BUY for row in rows),
        "total_sell_orders": sum(row["action"] == Side.SELL for row in rows),
        "total_completed_orders": words.count(COMPLETE),
        "total_open_orders": words.count("open"),
        "total_rejected_orders": words.count("rejected"),
    }


def trade_row(trade: TradeRow, *, has_quantity: bool) -> Row:
    """Return a trade: without a number of its own, and its time without a date."""
    return {
        "action": trade.side.value,
        "symbol": trade.symbol,
        "exchange": trade.exchange,
        "orderid": trade.broker_order_id,
        "product": trade.product,
        "quantity": trade.quantity if has_quantity else 0.0,
        "average_price": trade.price,
        "timestamp": trade.at.astimezone(EXCHANGE_ZONE).strftime("%H:%M:%S"),
        "trade_value": trade.price * trade.quantity,
    }


def gtt_row(gtt: GttRow, *, last: Decimal) -> Row:
    """Return a GTT as the list shows it: as waiting, for others are not in it, and without any order's id."""
    return {
        "trigger_id": gtt.trigger_id,
        "trigger_type": "single" if len(gtt.legs) == 1 else "two-leg",
        "status": "active",
        "symbol": gtt.symbol,
        "exchange": gtt.exchange,
        "trigger_prices": [leg.trigger_price for leg in gtt.legs],
        "last_price": last,
        "legs": [
            {
                "action": gtt.side.value,
                "quantity": leg.quantity,
                "price": leg.price,
                "pricetype": "LIMIT",
                "product": gtt.product,
            }
            for leg in gtt.legs
        ],
        "created_at": _gtt_time(gtt.created_at),
        "updated_at": _gtt_time(gtt.updated_at),
        "expires_at": _gtt_time(gtt.expires_at),
    }


def _gtt_time(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(EXCHANGE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def position_row(row: PositionRow, *, last: Decimal) -> Row:
    average = row.average_price or Decimal(0)
    return {
        "symbol": row.symbol,
        "exchange": row.exchange,
        "product": row.product,
        "quantity": str(row.quantity),
        "average_price": format(average, ".2f"),
        "ltp": last,
        "pnl": ((last - average) * row.quantity).quantize(Decimal("0.01")),
    }


def holding_row(held: Holding, *, last: Decimal) -> Row:
    average = held.cost / held.total if held.total else Decimal(0)
    return {
        "symbol": held.symbol,
        "exchange": held.exchange,
        "product": "CNC",
        "quantity": held.quantity,
        "t1_quantity": held.t1_quantity,
        "pledged_quantity": 0,
        "average_price": average.quantize(Decimal("0.01")),
        "pnl": ((last - average) * held.total).quantize(Decimal("0.01")),
        "pnlpercent": 0.0,
    }


def instrument_row(listing: Listing, number: int) -> Row:
    one = listing.instrument
    return {
        "symbol": one.symbol,
        "brsymbol": one.symbol,
        "name": one.name,
        "exchange": one.exchange,
        "brexchange": one.exchange,
        "token": str(number),
        "expiry": f"{one.expiry:%d-%b-%y}".upper() if one.expiry else "",
        "strike": one.strike if one.strike is not None else Decimal("-0.01"),
        "lotsize": one.lot_size,
        "instrumenttype": "" if one.kind == "EQ" else one.kind,
        "tick_size": one.tick_size,
    }
