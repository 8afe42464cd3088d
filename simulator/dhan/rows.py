"""The exchange's values as Dhan writes them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.bracket.model import GttLegRow, GttRow, GttStatus, PositionRow, Product, Side, TradeRow
from simulator.dhan.failures import words_of
from simulator.dhan.supers import ENTRY, STOP, TARGET, Leg, Super
from simulator.dhan.words import FOREVER_STATUSES, ORDER_TYPES, PRODUCTS, SEGMENTS, status_of
from simulator.instruments import Listing
from simulator.orders import Order, average_price
from simulator.positions import Holding
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def order_row(order: Order, *, number: int, shown: tuple[str, str | None], tag: str | None) -> Row:
    """Return an order as the order book shows it; shown is the id and the leg it goes by."""
    at = exchange_time(order.updated_at)
    return {
        "dhanClientId": order.account_id,
        "orderId": shown[0],
        "correlationId": tag,
        "orderStatus": status_of(order),
        "transactionType": order.side.value,
        "exchangeSegment": SEGMENTS[order.exchange],
        "productType": PRODUCTS[order.product],
        "orderType": ORDER_TYPES[order.order_type],
        "validity": order.validity.value,
        "tradingSymbol": order.symbol,
        "securityId": str(number),
        "quantity": order.quantity,
        "disclosedQuantity": 0,
        "price": order.price or 0,
        "triggerPrice": order.trigger_price or 0,
        "afterMarketOrder": order.after_market,
        "boProfitValue": 0,
        "boStopLossValue": 0,
        "legName": shown[1],
        "createTime": exchange_time(order.placed_at),
        "updateTime": at,
        "exchangeTime": at,
        "drvExpiryDate": None,
        "drvOptionType": None,
        "drvStrikePrice": 0,
        "omsErrorCode": None,
        "omsErrorDescription": None if order.reason is None else words_of(order.refusal, order.reason),
        "algoId": "0",
        "remainingQuantity": order.remaining,
        "averageTradedPrice": average_price(order) or 0,
        "filledQty": order.filled,
    }


def super_row(one: Super, entry: Order, *, number: int, last: Decimal) -> Row:
    """Return a super order with its exits; the entry is CLOSED once one exit was sent for all of it."""
    is_closed = entry.filled == entry.quantity == one.sent
    row = order_row(entry, number=number, shown=(one.order_id, ENTRY), tag=entry.tag)
    told = {"ltp": last, "legDetails": [_super_leg(one, leg, entry) for leg in one.legs.values()]}
    return row | told | ({"orderStatus": "CLOSED"} if is_closed else {})


def _super_leg(one: Super, leg: Leg, entry: Order) -> Row:
    covered = leg.sent or entry.filled
    return {
        "orderId": one.order_id,
        "legName": leg.name,
        "transactionType": one.request.side.opposite.value,
        "totalQuatity": covered,
        "remainingQuantity": 0 if leg.status == "TRADED" else covered,
        "triggeredQuantity": leg.sent,
        "price": leg.price,
        "orderStatus": leg.status,
        "trailingJump": 0,
    }


def trade_row(trade: TradeRow, *, number: int, order_id: str, user_id: str) -> Row:
    """Return a fill; those of a super order go by its one orderId."""
    at = exchange_time(trade.at)
    return {
        "dhanClientId": user_id,
        "orderId": order_id,
        "exchangeOrderId": f"1{trade.broker_order_id}",
        "exchangeTradeId": trade.trade_id,
        "transactionType": trade.side.value,
        "exchangeSegment": SEGMENTS[trade.exchange],
        "productType": PRODUCTS[Product(trade.product)],
        "orderType": "LIMIT",
        "tradingSymbol": trade.symbol,
        "customSymbol": None,
        "securityId": str(number),
        "tradedQuantity": trade.quantity,
        "tradedPrice": trade.price,
        "createTime": at,
        "updateTime": at,
        "exchangeTime": at,
    }


def position_row(position: PositionRow, *, number: int, user_id: str) -> Row:
    quantity, cost = position.quantity, position.average_price or Decimal(0)
    return {
        "dhanClientId": user_id,
        "tradingSymbol": position.symbol,
        "securityId": str(number),
        "positionType": "LONG" if quantity > 0 else "SHORT" if quantity else "CLOSED",
        "exchangeSegment": SEGMENTS[position.exchange],
        "productType": PRODUCTS[Product(position.product)],
        "buyAvg": cost,
        "costPrice": cost,
        "buyQty": max(quantity, 0),
        "sellAvg": 0,
        "sellQty": max(-quantity, 0),
        "netQty": quantity,
        "realizedProfit": 0,
        "unrealizedProfit": 0,
        "multiplier": 1,
    }


def holding_row(holding: Holding, *, number: int) -> Row:
    average = (holding.cost / holding.total).quantize(Decimal("0.0001")) if holding.total else Decimal(0)
    return {
        "exchange": "ALL",
        "tradingSymbol": holding.symbol,
        "securityId": str(number),
        "isin": "",
        "totalQty": holding.total,
        "dpQty": holding.quantity,
        "t1Qty": holding.t1_quantity,
        "availableQty": holding.total,
        "collateralQty": 0,
        "avgCostPrice": average,
    }


def forever_rows(gtt: GttRow, *, number: int, user_id: str, tag: str | None) -> list[Row]:
    """Return a forever order: a row for each leg, all under one orderId."""
    whole = {
        "dhanClientId": user_id,
        "orderId": gtt.trigger_id,
        "correlationId": tag,
        "transactionType": gtt.side.value,
        "exchangeSegment": SEGMENTS[gtt.exchange],
        "productType": PRODUCTS[Product(gtt.product)],
        "orderType": "SINGLE" if len(gtt.legs) == 1 else "OCO",
        "tradingSymbol": gtt.symbol,
        "securityId": str(number),
        "createTime": exchange_time(gtt.created_at),
        "updateTime": exchange_time(gtt.updated_at or gtt.created_at),
        "exchangeTime": None,
    }
    return [whole | _forever_leg(gtt, leg) for leg in gtt.legs]


def _forever_leg(gtt: GttRow, leg: GttLegRow) -> Row:
    return {
        "orderStatus": _forever_status(gtt, leg),
        "quantity": leg.quantity,
        "price": leg.price,
        "triggerPrice": leg.trigger_price,
        "legName": leg_name(gtt, leg),
    }


def leg_name(gtt: GttRow, leg: GttLegRow) -> str:
    """Return which leg it is: the stop of a sale is the lower one."""
    if len(gtt.legs) == 1:
        return ENTRY
    return STOP if (leg is gtt.legs[0]) is (gtt.side is Side.SELL) else TARGET


def _forever_status(gtt: GttRow, leg: GttLegRow) -> str:
    if gtt.status is not GttStatus.TRIGGERED:
        return FOREVER_STATUSES[gtt.status]
    if leg.child_reason is not None:
        return "REJECTED"
    return "TRADED" if leg.child_order_id is not None else "CANCELLED"


_PLACES = {
    "NSE": ("NSE", "E"),
    "BSE": ("BSE", "E"),
    "NFO": ("NSE", "D"),
    "BFO": ("BSE", "D"),
    "CDS": ("NSE", "C"),
    "BCD": ("BSE", "C"),
    "MCX": ("MCX", "M"),
}


def instrument_line(listing: Listing, *, number: int) -> dict[str, str]:
    """Return one line of the detailed file; a tick is told in paise."""
    one = listing.instrument
    place, is_share = _PLACES[one.exchange], one.kind == "EQ"
    return {
        "EXCH_ID": place[0],
        "SEGMENT": place[1],
        "SECURITY_ID": str(number),
        "ISIN": "NA",
        "INSTRUMENT": "EQUITY" if is_share else "OPTIDX" if one.is_option else "FUTIDX",
        "UNDERLYING_SECURITY_ID": "",
        "UNDERLYING_SYMBOL": _underlying(listing),
        "SYMBOL_NAME": one.symbol,
        "DISPLAY_NAME": one.name,
        "INSTRUMENT_TYPE": "ES" if is_share else "OP" if one.is_option else "FUT",
        "SERIES": "EQ" if is_share else "NA",
        "LOT_SIZE": f"{one.lot_size}.0",
        "SM_EXPIRY_DATE": one.expiry.isoformat() if one.expiry else "",
        "STRIKE_PRICE": f"{one.strike:.5f}" if one.strike else "",
        "OPTION_TYPE": one.kind if one.is_option else "XX",
        "TICK_SIZE": f"{one.tick_size * 100:.4f}",
        "SM_FREEZE_QTY": str(one.freeze_quantity + 1) if one.freeze_quantity else "0",
    }


def _underlying(listing: Listing) -> str:
    one = listing.instrument
    return one.symbol if one.expiry is None else one.symbol.partition(f"{one.expiry:%d%b%y}".upper())[0]
