"""Our words to OpenAlgo's and back. Pure: no network, no clock."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from broker.amounts import limit_and_trigger
from broker.base import (
    Funds,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    OutcomeUnknown,
    PositionRow,
    Quote,
    ReadFailed,
    Terms,
    TradeRow,
)
from broker.http import Answer
from broker.openalgo.refusals import read_error, refusal_kind, write_error
from broker.openalgo.schemas import (
    Confirmation,
    Failure,
    FundValues,
    Holding,
    Holdings,
    Order,
    Orders,
    Placed,
    Pong,
    Position,
    QuoteValues,
    Semi,
    Success,
    Trade,
)
from broker.openalgo.session import Body
from broker.openalgo.times import moment
from broker.positions import PositionPart, net_positions
from services.bracket.model import OrderType, Product, RowStatus, Side

PRODUCTS = {Product.MIS: "MIS", Product.CNC: "CNC", Product.NRML: "NRML"}
PRICE_TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.SL: "SL",
    OrderType.SL_M: "SL-M",
}
# Its words alone prove nothing: see _row_status, and settling.py for those of an end.
ROW_STATUSES = {
    "open": RowStatus.OPEN,
    "trigger pending": RowStatus.TRIGGER_PENDING,
    "trigger_pending": RowStatus.TRIGGER_PENDING,
    "complete": RowStatus.FILLED,
    "rejected": RowStatus.REJECTED,
    "cancelled": RowStatus.CANCELLED,
    "canceled": RowStatus.CANCELLED,
    "expired": RowStatus.EXPIRED,
}
_OUR_PRICE_TYPES = {theirs: ours for ours, theirs in PRICE_TYPES.items()}
SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
STRATEGY = "OpenBracket"

_PLACED = msgspec.json.Decoder(Placed)
_SEMI = msgspec.json.Decoder(Semi)
_CONFIRMATION = msgspec.json.Decoder(Confirmation)
_ORDERS = msgspec.json.Decoder(Success[Orders])
_TRADES = msgspec.json.Decoder(Success[list[Trade]])
_POSITIONS = msgspec.json.Decoder(Success[list[Position]])
_HOLDINGS = msgspec.json.Decoder(Success[Holdings])
_QUOTE = msgspec.json.Decoder(Success[QuoteValues])
_FUNDS = msgspec.json.Decoder(Success[FundValues])
_PONG = msgspec.json.Decoder(Success[Pong])
_ERROR = msgspec.json.Decoder(Failure)

Place = tuple[str, str, Side, str]  # exchange, symbol, side, product: what a modify has to repeat
Theirs = TypeVar("Theirs")
Ours = TypeVar("Ours")


# Ours to OpenAlgo's


def order_body(order: OrderRequest) -> Body:
    """Return what places one order. The tag goes as the strategy, which the server's log tells, and no book.

    Raises OrderRejected, before anything is sent, for a product that it does not have.
    """
    place = (order.exchange, order.symbol, order.side, _product(order.product))
    return _order(place, order.terms, strategy=order.tag, disclosed=order.disclosed_quantity)


def modify_body(broker_order_id: str, place: Place, terms: Terms) -> Body:
    """Return what gives an order new terms: it is said whole again, the quantity being the total."""
    return {"orderid": broker_order_id} | _order(place, terms, strategy="", disclosed=0)


def cancel_body(broker_order_id: str) -> Body:
    """Return what cancels an order."""
    return {"strategy": STRATEGY, "orderid": broker_order_id}


def _order(place: Place, terms: Terms, *, strategy: str, disclosed: int) -> Body:
    exchange, symbol, side, product = place
    price, trigger = limit_and_trigger(terms)
    return {
        "strategy": strategy or STRATEGY,
        "exchange": exchange,
        "symbol": symbol,
        "action": side.value,
        "product": product,
        "pricetype": PRICE_TYPES[terms.order_type],
        "quantity": str(terms.quantity),
        "price": format(price, "f"),
        "trigger_price": format(trigger, "f"),
        "disclosed_quantity": str(disclosed),
    }


def _product(product: Product) -> str:
    if product not in PRODUCTS:
        raise OrderRejected(f"OpenAlgo has no product {product}: MIS, CNC or NRML")
    return PRODUCTS[product]


# OpenAlgo's to ours: answers to writes


def ack(answer: Answer) -> OrderAck:
    """Return the ack of a write to an order. Raises what a write may raise."""
    refuse_unconfirmed(answer)
    try:
        return OrderAck(broker_order_id=str(_PLACED.decode(answer.body).orderid))
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"HTTP 200 without the id of an order: {exc}") from exc


def refuse_unconfirmed(answer: Answer) -> None:
    """Raise unless the answer says that the broker behind the server has taken the request."""
    if answer.status != 200 or answer.decoded(_ERROR) is not None:
        raise write_error(answer)
    if answer.decoded(_SEMI) is not None:
        raise OutcomeUnknown("the server is in semi-auto mode: the order waits until somebody approves it")
    said = answer.decoded(_CONFIRMATION)
    if said is not None and not said.confirmed:
        raise OutcomeUnknown("the server's own broker has not confirmed it")


# OpenAlgo's to ours: answers to reads. A row that lacks a field fails the whole read.


def order_rows(orders: Answer, trades: Answer) -> tuple[OrderRow, ...]:
    """Return the order book with what the trades say was filled; the trades were read after the orders.

    Raises ReadFailed or AuthDead.
    """
    fills: defaultdict[str, list[_Fill]] = defaultdict(list)
    for order_id, fill in read(trades, _TRADES, lambda rows: [_fill_of(row) for row in rows]):
        fills[order_id].append(fill)
    return read(
        orders, _ORDERS, lambda found: tuple(_order_row(row, fills[str(row.orderid)]) for row in found.orders)
    )


def trade_rows(answer: Answer, today: datetime) -> tuple[TradeRow, ...]:
    """Return the trade book. Trades have no number: they get one by their place among their order's.

    Raises ReadFailed or AuthDead.
    """
    counts: Counter[str] = Counter()

    def row(trade: Trade) -> TradeRow:
        order_id = str(trade.orderid)
        counts[order_id] += 1
        return _trade_row(trade, f"{order_id}-{counts[order_id]}", today)

    return read(answer, _TRADES, lambda rows: tuple(row(trade) for trade in rows))


def position_rows(positions: Answer, holdings: Answer | None) -> tuple[PositionRow, ...]:
    """Return net positions; delivery is what is held, what settles tomorrow, and today's own.

    holdings None: the server has them among its positions. Raises ReadFailed or AuthDead.
    """
    parts = read(positions, _POSITIONS, lambda rows: [_position_part(row) for row in rows])
    if holdings is not None:
        parts += read(holdings, _HOLDINGS, lambda found: [_held_part(row) for row in found.holdings])
    return net_positions(parts)


def quote(answer: Answer, at: datetime) -> Quote | None:
    """Return a quote; the server tells no time: it is `at`. None for one without a price.

    Raises ReadFailed or AuthDead.
    """
    return read(answer, _QUOTE, lambda found: _quote(found, at))


def funds(answer: Answer) -> Funds:
    """Return cash, in rupees. Raises ReadFailed or AuthDead."""
    return read(
        answer,
        _FUNDS,
        lambda found: Funds(available=number(found.availablecash), used=number(found.utiliseddebits)),
    )


def broker_behind(answer: Answer) -> str:
    """Return the name of the broker that the server is logged in at. Raises ReadFailed or AuthDead."""
    return read(answer, _PONG, lambda found: found.broker.lower())


def read(
    answer: Answer, decoder: "msgspec.json.Decoder[Success[Theirs]]", to: Callable[[Theirs], Ours]
) -> Ours:
    """Return what a read brought, made ours. Raises ReadFailed or AuthDead."""
    if answer.status != 200 or answer.decoded(_ERROR) is not None:
        raise read_error(answer)
    try:
        return to(decoder.decode(answer.body).data)
    except (ValueError, KeyError, InvalidOperation, RecursionError) as exc:
        raise ReadFailed(f"HTTP 200 with an answer that is not OpenAlgo's: {exc!r}") from exc


_Fill = tuple[int, Decimal]  # quantity, price


def _fill_of(row: Trade) -> tuple[str, _Fill]:
    return str(row.orderid), (_traded(row), number(row.average_price))


def _traded(row: Trade) -> int:
    """Return a trade's quantity; where the server says 0, its value over its price is the quantity."""
    quantity, price = number(row.quantity), number(row.average_price)
    if not quantity and price:
        quantity = (number(row.trade_value) / price).quantize(Decimal("0.0001"))
    if quantity <= 0:
        raise ValueError(f"a trade of order {row.orderid} has no quantity")
    return whole(quantity)


def _order_row(row: Order, fills: Iterable[_Fill]) -> OrderRow:
    fills = list(fills)
    quantity, traded = _count(row.quantity), sum(count for count, _ in fills)
    filled = max(traded, _count(row.filled_quantity))
    status = _row_status(row, quantity=quantity, filled=filled)
    reason = row.rejection_reason or None
    return OrderRow(
        broker_order_id=str(row.orderid),
        tag=None,
        exchange=row.exchange,
        symbol=row.symbol,
        product=row.product,
        side=SIDES[row.action.upper()],
        order_type=_OUR_PRICE_TYPES[(row.pricetype or row.price_type).upper()],
        quantity=quantity,
        status=status,
        filled=filled,
        price=number(row.price) or None,
        trigger_price=number(row.trigger_price) or None,
        average_price=_average(fills) if traded == filled else number(row.average_price) or None,
        updated_at=moment(row.timestamp),
        reason=reason,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def _row_status(row: Order, *, quantity: int, filled: int) -> RowStatus:
    """Return the status that word and quantities agree on.

    Where the server's adapter for its broker has no word for a row it repeats that of the row before, so
    "complete" is believed with all the trades only, and any other word gives way to them.
    """
    if not 0 <= filled <= quantity:
        raise ValueError(f"order {row.orderid}: filled {filled} of {quantity}")
    word = " ".join((row.order_status or row.status).lower().split())
    status = ROW_STATUSES.get(word, RowStatus.UNKNOWN)
    if filled == quantity > 0:
        return RowStatus.FILLED
    return RowStatus.UNKNOWN if status is RowStatus.FILLED else status


def _average(fills: Iterable[_Fill]) -> Decimal | None:
    fills = list(fills)
    quantity = sum(count for count, _ in fills)
    if not quantity:
        return None
    return sum((count * price for count, price in fills), Decimal(0)) / quantity


def _trade_row(row: Trade, trade_id: str, today: datetime) -> TradeRow:
    at = moment(row.timestamp, today=today)
    if at is None:
        raise ValueError(f"a trade of order {row.orderid} has no time that can be read: {row.timestamp!r}")
    return TradeRow(
        trade_id=trade_id,
        broker_order_id=str(row.orderid),
        exchange=row.exchange,
        symbol=row.symbol,
        product=row.product,
        side=SIDES[row.action.upper()],
        quantity=_traded(row),
        price=number(row.average_price),
        at=at,
    )


def _position_part(row: Position) -> PositionPart:
    key = (row.exchange, row.symbol, row.product)
    return key, _count(row.quantity), number(row.average_price) or None


def _held_part(row: Holding) -> PositionPart:
    quantity = _count(row.quantity) + _count(row.t1_quantity)
    return (row.exchange, row.symbol, Product.CNC.value), quantity, number(row.average_price) or None


def _quote(found: QuoteValues, at: datetime) -> Quote | None:
    last = number(found.ltp)
    if last <= 0:
        return None
    return Quote(last=last, at=at, bid=number(found.bid) or None, ask=number(found.ask) or None)


def _count(raw: msgspec.Raw) -> int:
    return whole(number(raw))


def whole(value: Decimal) -> int:
    """Return a quantity. Raises ValueError for a broken one."""
    if value != value.to_integral_value():
        raise ValueError(f"{value} is not a whole quantity")
    return int(value)


def number(raw: msgspec.Raw) -> Decimal:
    """Return an amount that is a number or a text; 0 for "" and null."""
    text = bytes(raw).decode("utf-8").strip('"').replace(",", "").strip()
    if text in ("", "null"):
        return Decimal(0)
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(f"{text} is no amount")
    return value
