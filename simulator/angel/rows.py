"""The exchange's values as Angel One writes them: whole numbers as texts, prices as numbers, India's time."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.bracket.model import PositionRow, Product, TradeRow
from simulator.angel.desk import unique_id
from simulator.angel.failures import words_of
from simulator.angel.words import ORDER_TYPES, PRODUCTS, STATUSES, trading_symbol
from simulator.instruments import Listing
from simulator.orders import Order, average_price
from simulator.positions import Holding
from utils.constants import EXCHANGE_ZONE

Row = dict[str, Any]
_PAISE = 100


def exchange_time(moment: datetime) -> str:
    return moment.astimezone(EXCHANGE_ZONE).strftime("%d-%b-%Y %H:%M:%S")


def order_row(order: Order, *, number: int, variety: str) -> Row:
    """Return an order as the order book shows it."""
    at = exchange_time(order.updated_at)
    return {
        "variety": variety,
        "ordertype": ORDER_TYPES[order.order_type],
        "producttype": PRODUCTS[order.product],
        "duration": order.validity.value,
        "price": order.price or 0,
        "triggerprice": order.trigger_price or 0,
        "quantity": str(order.quantity),
        "disclosedquantity": "0",
        "squareoff": 0,
        "stoploss": 0,
        "trailingstoploss": 0,
        "tradingsymbol": trading_symbol(order.key),
        "transactiontype": order.side.value,
        "exchange": order.exchange,
        "symboltoken": str(number),
        "ordertag": order.tag or "",
        "instrumenttype": "",
        "strikeprice": -1,
        "optiontype": "",
        "expirydate": "",
        "lotsize": "1",
        "cancelsize": "0" if order.is_live else str(order.remaining),
        "averageprice": average_price(order) or 0,
        "filledshares": str(order.filled),
        "unfilledshares": str(order.remaining),
        "orderid": order.order_id,
        "text": "" if order.reason is None else words_of(order.refusal, order.reason),
        "status": STATUSES[order.status],
        "orderstatus": STATUSES[order.status],
        "updatetime": at,
        "exchtime": exchange_time(order.placed_at),
        "exchorderupdatetime": at,
        "fillid": "",
        "filltime": "",
        "parentorderid": "",
        "uniqueorderid": unique_id(order.order_id),
        "exchangeorderid": f"1{order.order_id}",
    }


def trade_row(trade: TradeRow) -> Row:
    """Return a fill as the trade book shows it: its time has no day."""
    return {
        "exchange": trade.exchange,
        "producttype": PRODUCTS[Product(trade.product)],
        "tradingsymbol": trading_symbol((trade.exchange, trade.symbol)),
        "instrumenttype": "",
        "symbolgroup": "EQ",
        "strikeprice": "-1",
        "optiontype": "",
        "expirydate": "",
        "marketlot": "1",
        "precision": "2",
        "multiplier": "-1",
        "tradevalue": str(trade.price * trade.quantity),
        "transactiontype": trade.side.value,
        "fillprice": str(trade.price),
        "fillsize": str(trade.quantity),
        "orderid": trade.broker_order_id,
        "fillid": f"{trade.broker_order_id}-{trade.trade_id}",
        "filltime": trade.at.astimezone(EXCHANGE_ZONE).strftime("%H:%M:%S"),
    }


def position_row(row: PositionRow, *, number: int) -> Row:
    """Return a net position, every number a text."""
    average = str(row.average_price or 0)
    bought, sold = max(row.quantity, 0), max(-row.quantity, 0)
    return {
        "exchange": row.exchange,
        "symboltoken": str(number),
        "producttype": PRODUCTS[Product(row.product)],
        "tradingsymbol": trading_symbol((row.exchange, row.symbol)),
        "symbolname": row.symbol,
        "instrumenttype": "",
        "multiplier": "-1",
        "buyqty": str(bought),
        "sellqty": str(sold),
        "cfbuyqty": "0",
        "cfsellqty": "0",
        "buyavgprice": average if bought else "0",
        "sellavgprice": average if sold else "0",
        "avgnetprice": average,
        "netqty": str(row.quantity),
        "netprice": average,
    }


def holding_row(held: Holding, *, number: int, last: Decimal) -> Row:
    """Return what lies in the demat account, with what comes tomorrow beside it."""
    return {
        "tradingsymbol": trading_symbol((held.exchange, held.symbol)),
        "exchange": held.exchange,
        "isin": "",
        "t1quantity": held.t1_quantity,
        "realisedquantity": held.quantity,
        "quantity": held.total,
        "authorisedquantity": 0,
        "product": "DELIVERY",
        "collateralquantity": None,
        "collateraltype": None,
        "haircut": 0,
        "averageprice": held.cost / held.total,
        "ltp": last,
        "symboltoken": str(number),
        "close": last,
        "profitandloss": 0,
        "pnlpercentage": 0,
    }


def script_row(listing: Listing, *, number: int) -> dict[str, str]:
    """Return an instrument as the file of the day has it; strike and tick in paise."""
    one = listing.instrument
    return {
        "token": str(number),
        "symbol": trading_symbol(listing.key),
        "name": one.name,
        "expiry": "" if one.expiry is None else one.expiry.strftime("%d%b%Y").upper(),
        "strike": "-1.000000" if one.strike is None else f"{one.strike * _PAISE:.6f}",
        "lotsize": str(one.lot_size),
        "instrumenttype": _type_of(listing),
        "exch_seg": one.exchange,
        "tick_size": f"{one.tick_size * _PAISE:.6f}",
    }


def _type_of(listing: Listing) -> str:
    kind, exchange = listing.instrument.kind, listing.instrument.exchange
    if kind == "EQ":
        return ""
    if exchange == "MCX":
        return "FUTCOM" if kind == "FUT" else "OPTFUT"
    return "FUTIDX" if kind == "FUT" else "OPTIDX"
