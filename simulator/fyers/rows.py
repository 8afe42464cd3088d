"""The exchange's values as Fyers writes them: numbers for words, India's time with names of months."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.bracket.model import GttStatus, OrderType, PositionRow, Product, RowStatus, TradeRow
from simulator.fyers.failures import words_of
from simulator.fyers.forms import ORDER_TYPES, PRODUCTS
from simulator.fyers.tickers import NUMBERS, ticker_of
from simulator.gtt import Gtt
from simulator.instruments import Listing
from simulator.orders import Key, Order, average_price
from simulator.positions import Holding
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]

_STATUSES = {
    RowStatus.CANCELLED: 1,
    RowStatus.FILLED: 2,
    RowStatus.PENDING: 4,
    RowStatus.REJECTED: 5,
    RowStatus.OPEN: 6,
    RowStatus.TRIGGER_PENDING: 6,
    RowStatus.EXPIRED: 7,
}
_GTT_STATUSES = {
    GttStatus.ACTIVE: 6,
    GttStatus.TRIGGERED: 2,
    GttStatus.REJECTED: 5,
    GttStatus.EXPIRED: 7,
    GttStatus.CANCELLED: 1,
    GttStatus.DELETED: 1,
    GttStatus.DISABLED: 1,
}
_TYPES = {ours: number for number, ours in ORDER_TYPES.items()}
_PRODUCTS = {ours: word for word, ours in PRODUCTS.items()}
_BEFORE_TRIGGER = {OrderType.LIMIT: OrderType.SL, OrderType.MARKET: OrderType.SL_M}


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%d-%b-%Y %H:%M:%S")


def place_of(key: Key) -> Row:
    exchange, segment = NUMBERS[key[0]]
    return {"symbol": ticker_of(key), "exchange": exchange, "segment": segment, "fyToken": ticker_of(key)}


def tag_of(tag: str | None, *, prefix: str = "") -> str:
    return f"1:{prefix}{tag}" if tag else f"2:{prefix}Untagged"


def order_row(order: Order, *, tag: str, last: Decimal, states: Sequence[Order]) -> Row:
    """Return an order as the order book shows it; states are those it went through, if anybody noted them."""
    status, words = _STATUSES[order.status], ""
    if order.reason is not None:
        words = words_of(order.refusal, order.reason)
    has_arrived = order.status not in (RowStatus.PENDING, RowStatus.REJECTED)
    return place_of(order.key) | {
        "clientId": order.account_id,
        "id": order.order_id,
        "id_fyers": order.order_id,
        "exchOrdId": f"1{order.order_id}" if has_arrived else None,
        "qty": order.quantity,
        "remainingQuantity": order.remaining if order.is_live else 0,
        "filledQty": order.filled,
        "disclosedQty": 0,
        "limitPrice": order.price or 0,
        "stopPrice": order.trigger_price or 0,
        "tradedPrice": average_price(order) or 0,
        "type": _TYPES[shown_type(order, states)],
        "side": order.side.sign,
        "productType": _PRODUCTS[order.product],
        "orderValidity": order.validity.value,
        "orderDateTime": exchange_time(order.updated_at),
        "status": status,
        "orderNumStatus": f"{order.order_id}:{status}",
        "message": words,
        "offlineOrder": order.after_market,
        "source": "ITS",
        "ex_sym": order.symbol,
        "description": order.symbol,
        "instrument": 0,
        "lp": last,
        "ch": 0,
        "chp": 0,
        "slNo": 1,
        "pan": "",
        "orderTag": tag,
        "takeProfit": 0,
        "stopLoss": 0,
    }


def shown_type(order: Order, states: Sequence[Order]) -> OrderType:
    """Return the type that is shown: a stop that has fired stays what it was until it is changed.

    So an order that rests as a limit cannot be told from one that waits by its type alone.
    """
    fired = next((state for state in states if state.triggered), None)
    if fired is None or fired.modifications != order.modifications:
        return order.order_type
    return _BEFORE_TRIGGER.get(order.order_type, order.order_type)


def trade_row(trade: TradeRow, *, order: Order, tag: str) -> Row:
    """Return a fill as the trade book shows it."""
    return place_of((trade.exchange, trade.symbol)) | {
        "clientId": order.account_id,
        "tradeNumber": f"{trade.broker_order_id}-{trade.trade_id}",
        "orderNumber": trade.broker_order_id,
        "exchangeOrderNo": f"1{trade.broker_order_id}",
        "orderDateTime": exchange_time(trade.at),
        "orderType": _TYPES[order.order_type],
        "productType": _PRODUCTS[Product(trade.product)],
        "side": trade.side.sign,
        "tradedQty": trade.quantity,
        "tradePrice": trade.price,
        "tradeValue": trade.price * trade.quantity,
        "row": int(trade.at.timestamp()),
        "orderTag": tag,
    }


def gtt_row(gtt: Gtt, *, last: Decimal) -> Row:
    """Return a GTT with its legs side by side, the upper one first; what it placed is not told."""
    legs = gtt.legs[::-1]
    second = legs[1] if len(legs) == 2 else None
    refusals = [leg.child_reason for leg in legs if leg.child_reason is not None]
    status = 5 if refusals else _GTT_STATUSES[gtt.status]
    exchange, segment = NUMBERS[gtt.exchange]
    return {
        "clientId": gtt.account_id,
        "exchange": exchange,
        "segment": segment,
        "symbol": ticker_of(gtt.key),
        "fy_token": ticker_of(gtt.key),
        "id_fyers": gtt.trigger_id,
        "id": gtt.trigger_id,
        "instrument": 0,
        "lot_size": 1,
        "multiplier": 0,
        "ord_status": status,
        "precision": 2,
        "price_limit": legs[0].price,
        "price_trigger": legs[0].trigger_price,
        "qty": legs[0].quantity,
        "price2_limit": 0 if second is None else second.price,
        "price2_trigger": 0 if second is None else second.trigger_price,
        "qty2": 0 if second is None else second.quantity,
        "product_type": _PRODUCTS[gtt.product],
        "report_type": gtt.status.value.upper(),
        "symbol_desc": gtt.symbol,
        "symbol_exch": gtt.symbol,
        "tick_size": 0.05,
        "tran_side": gtt.side.sign,
        "gtt_oco_ind": len(legs),
        "create_time": exchange_time(gtt.created_at),
        "create_time_epoch": int(gtt.created_at.timestamp()),
        "oms_msg": words_of(None, refusals[0]) if refusals else "",
        "ordertag": tag_of(gtt.tag, prefix="GTT"),
        "ltp": last,
        "ltp_ch": 0,
        "ltp_chp": 0,
    }


def position_row(row: PositionRow, *, last: Decimal) -> Row:
    """Return a net position."""
    average = row.average_price or Decimal(0)
    product = _PRODUCTS[Product(row.product)]
    key = row.exchange, row.symbol
    return place_of(key) | {
        "id": f"{ticker_of(key)}-{product}",
        "productType": product,
        "netQty": row.quantity,
        "qty": abs(row.quantity),
        "side": (row.quantity > 0) - (row.quantity < 0),
        "netAvg": average,
        "buyAvg": average if row.quantity > 0 else 0,
        "sellAvg": average if row.quantity < 0 else 0,
        "ltp": last,
        "pl": row.quantity * (last - average),
        "realized_profit": 0,
        "unrealized_profit": row.quantity * (last - average),
        "qtyMulti_com": 1,
        "rbiRefRate": 1,
        "crossCurrency": "",
        "slNo": 0,
    }


def holding_rows(held: Holding, *, sold: int, last: Decimal) -> list[Row]:
    """Return what lies in the demat account, and apart from it what comes tomorrow; sold is today's."""
    kinds = (("HLD", held.quantity, 0), ("T1", 0, held.t1_quantity))
    return [
        place_of((held.exchange, held.symbol))
        | {
            "holdingType": kind,
            "quantity": quantity,
            "qty_t1": coming,
            "remainingQuantity": max(quantity + coming - sold, 0),
            "remainingPledgeQuantity": 0,
            "collateralQuantity": 0,
            "costPrice": held.cost / held.total,
            "ltp": last,
            "marketVal": last * (quantity + coming),
            "pl": 0,
            "id": 0,
            "isin": "",
        }
        for kind, quantity, coming in kinds
        if quantity + coming
    ]


def list_row(listing: Listing) -> list[object]:
    """Return an instrument as the file of its segment has it: without names, in this order."""
    one = listing.instrument
    exchange, segment = NUMBERS[one.exchange]
    expiry = None if one.expiry is None else datetime.combine(one.expiry, _CLOSE, tzinfo=EXCHANGE_ZONE)
    return [
        ticker_of(listing.key),
        one.name,
        0 if one.expiry is None else {"FUT": 11}.get(one.kind, 14),
        one.lot_size,
        one.tick_size,
        "",
        "0915-1530|1815-1915:",
        "",
        "" if expiry is None else int(expiry.timestamp()),
        ticker_of(listing.key),
        exchange,
        segment,
        0,
        one.name if one.expiry is not None else one.symbol,
        0,
        one.strike or "-1.0",
        one.kind if one.is_option else "XX",
        "",
        "None",
        0,
        "0.0",
    ]


_CLOSE = datetime.min.time().replace(hour=15, minute=30)
