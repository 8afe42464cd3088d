"""Our words to Dhan's and back: orders, trades, positions, quotes. Pure but for the names of instruments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from broker.amounts import finite, price_or_none
from broker.base import (
    Funds,
    InstrumentNames,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    OutcomeUnknown,
    PositionRow,
    Quote,
    ReadFailed,
    Symbol,
    Terms,
    TradeRow,
)
from broker.dhan.refusals import read_error, refusal_kind, write_error
from broker.dhan.schemas import (
    Holding,
    Limits,
    MarketQuote,
    Order,
    Placed,
    Position,
    Profile,
    Quotes,
    Trade,
)
from broker.dhan.segments import (
    EXCHANGE_OF,
    ORDER_TYPE_OF,
    ORDER_TYPES,
    PRODUCT_OF,
    PRODUCTS,
    SEGMENTS,
    needed,
    segment_of,
)
from broker.dhan.session import NAME
from broker.http import Answer
from broker.positions import PositionKey, PositionPart, net_positions
from services.bracket.model import OrderType, Product, RefusalKind, RowStatus, Side
from utils.constants import EXCHANGE_ZONE

TAG_LENGTH = 30

# "PENDING" is every order that rests: whether it waits for its trigger, the prices tell.
ROW_STATUSES = {
    "TRANSIT": RowStatus.PENDING,
    "PENDING": RowStatus.OPEN,
    "CONFIRM": RowStatus.OPEN,
    "PART_TRADED": RowStatus.OPEN,
    "TRIGGERED": RowStatus.OPEN,  # an exit of a super order whose order went to the exchange
    "TRADED": RowStatus.FILLED,
    "CLOSED": RowStatus.FILLED,  # a super order: entry, and one exit sent for all of it
    "REJECTED": RowStatus.REJECTED,
    "CANCELLED": RowStatus.CANCELLED,
    "EXPIRED": RowStatus.EXPIRED,
}
LIVE_STATUSES = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_MARKET"})
_EVERYWHERE = ("NSE", "BSE")  # where a holding may be listed: Dhan tells no exchange with it

_PLACED = msgspec.json.Decoder(Placed)
_ORDERS = msgspec.json.Decoder(list[Order])
_ORDER = msgspec.json.Decoder(Order)
_TRADES = msgspec.json.Decoder(list[Trade])
_POSITIONS = msgspec.json.Decoder(list[Position])
_HOLDINGS = msgspec.json.Decoder(list[Holding])
_QUOTES = msgspec.json.Decoder(Quotes)
_LIMITS = msgspec.json.Decoder(Limits)
_PROFILE = msgspec.json.Decoder(Profile)
encode = msgspec.json.Encoder(decimal_format="number").encode

Body = dict[str, str | int | bool | Decimal]
Dhans = TypeVar("Dhans")
Ours = TypeVar("Ours")
_NOTHING = Decimal(0)


# Ours to Dhan's


def order_body(order: OrderRequest, *, client_id: str, security_id: str) -> Body:
    """Return what places one regular order. Raises OrderRejected for what Dhan is known to refuse."""
    return {
        **_head(order, client_id=client_id, security_id=security_id),
        "validity": order.validity.value,
        "quantity": order.terms.quantity,
        "disclosedQuantity": order.disclosed_quantity,
        "afterMarketOrder": False,
        **_price_fields(order.terms),
    }


def modify_body(broker_order_id: str, terms: Terms, *, client_id: str) -> Body:
    """Return what gives an order new terms; quantity is the total, as Dhan wants it."""
    return {
        "dhanClientId": client_id,
        "orderId": broker_order_id,
        "orderType": _order_type(terms),
        "quantity": terms.quantity,
        "disclosedQuantity": 0,
        "validity": "DAY",
        **_price_fields(terms),
    }


def _head(order: OrderRequest, *, client_id: str, security_id: str) -> Body:
    check_tag(order.tag)
    return {
        "dhanClientId": client_id,
        "correlationId": order.tag,
        "transactionType": order.side.value,
        "exchangeSegment": segment_of(order.exchange),
        "productType": PRODUCTS[order.product],
        "orderType": _order_type(order.terms),
        "securityId": security_id,
    }


def check_tag(tag: str) -> None:
    """Refuse a tag that Dhan would not give back as it is."""
    if len(tag) > TAG_LENGTH:
        raise OrderRejected(f"tag {tag} is longer than {TAG_LENGTH} characters")


def _order_type(terms: Terms) -> str:
    if terms.order_type is OrderType.SL_M:
        # Dhan fills one at once, or refuses it: no stop of ours may rest on that.
        raise OrderRejected("Dhan lets no stop-loss market order rest", RefusalKind.STOP_MARKET_BANNED)
    return ORDER_TYPES[terms.order_type]


def _price_fields(terms: Terms) -> Body:
    match terms.order_type:
        case OrderType.LIMIT:
            return {"price": priced(terms.price, "price", terms), "triggerPrice": _NOTHING}
        case OrderType.SL:
            return {
                "price": priced(terms.price, "price", terms),
                "triggerPrice": priced(terms.trigger_price, "trigger price", terms),
            }
        case OrderType.MARKET | OrderType.SL_M:
            return {"price": _NOTHING, "triggerPrice": _NOTHING}


def priced(price: Decimal | None, name: str, terms: Terms) -> Decimal:
    """Return a price. Raises OrderRejected for none, which Dhan takes for 0 and refuses (DH-905)."""
    return needed(price or None, f"a {terms.order_type} order needs a {name}")


def super_body(order: OrderRequest, *, client_id: str, security_id: str) -> Body:
    """Return what places a super order: an entry that brings its stop and target."""
    terms = order.terms
    if terms.order_type not in (OrderType.LIMIT, OrderType.MARKET):
        raise OrderRejected(f"a super order cannot begin with a {terms.order_type} order")
    is_limit = terms.order_type is OrderType.LIMIT
    return {
        **_head(order, client_id=client_id, security_id=security_id),
        "quantity": terms.quantity,
        # A MARKET one with any other price is refused: "Invalid Price for orderType".
        "price": priced(terms.price, "price", terms) if is_limit else _NOTHING,
        "targetPrice": priced(terms.target_price, "target price", terms),
        "stopLossPrice": priced(terms.stop_trigger, "stop price", terms),
        "trailingJump": _NOTHING,  # trailing is ours: one hand moves a stop
    }


# Dhan's to ours: answers to writes


def order_ack(answer: Answer) -> OrderAck:
    """Return the ack of a placed order. Raises what a write may raise."""
    if answer.status not in (200, 201, 202):
        raise write_error(answer)
    try:
        return OrderAck(broker_order_id=_PLACED.decode(answer.body).orderId)
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"HTTP {answer.status} with an answer that names no order") from exc


def taken(answer: Answer) -> None:
    """Take an answer to a change or a cancel: 202 with an empty body means that it is being processed.

    Raises what a write may raise.
    """
    if answer.status == 202 and not answer.body.strip():
        return
    order_ack(answer)


# Dhan's to ours: answers to reads. A row that lacks a field fails the whole read.


def read(answer: Answer, decoder: "msgspec.json.Decoder[Dhans]", convert: Callable[[Dhans], Ours]) -> Ours:
    """Return what an answer says. Raises ReadFailed or AuthDead."""
    if answer.status != 200:
        raise read_error(answer)
    try:
        return convert(decoder.decode(answer.body))
    except (ValueError, RecursionError) as exc:
        raise ReadFailed(f"HTTP 200 with an answer that is not Dhan's: {exc}") from exc


def orders(answer: Answer) -> tuple[Order, ...]:
    """Return the order book as Dhan has it. Raises ReadFailed or AuthDead."""
    return read(answer, _ORDERS, tuple)


def one_order(answer: Answer) -> Order:
    """Return the order that a look-up found. Raises ReadFailed or AuthDead."""
    return read(answer, _ORDER, lambda row: row)


def trades(answer: Answer) -> tuple[Trade, ...]:
    """Return the trade book as Dhan has it. Raises ReadFailed or AuthDead."""
    return read(answer, _TRADES, tuple)


def order_row(row: Order, names: InstrumentNames, *, broker_order_id: str | None = None) -> OrderRow:
    """Return a row of the order book; another id where it is part of a super order. Raises ValueError."""
    exchange, symbol = symbol_of(row.exchangeSegment, row.securityId, row.tradingSymbol, names)
    status, reason = row_status(row), row.omsErrorDescription or None
    return OrderRow(
        broker_order_id=broker_order_id or row.orderId,
        tag=row.correlationId or None,
        exchange=exchange,
        symbol=symbol,
        product=product_of(row.productType),
        side=Side(row.transactionType),
        order_type=order_type_of(row.orderType),
        quantity=row.quantity,
        status=status,
        filled=row.filledQty,
        price=price_or_none(row.price),
        trigger_price=price_or_none(row.triggerPrice),
        average_price=price_or_none(row.averageTradedPrice),
        updated_at=latest(row.createTime, row.updateTime, row.exchangeTime),
        reason=reason if status is RowStatus.REJECTED else None,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def row_status(row: Order) -> RowStatus:
    """Return a row's status: quantities first, the word second. Raises ValueError for impossible ones."""
    status = proven(ROW_STATUSES.get(row.orderStatus, RowStatus.UNKNOWN), row.filledQty, of=row.quantity)
    waits = row.orderType in _STOPS and row.triggerPrice > 0 and row.filledQty == 0
    return RowStatus.TRIGGER_PENDING if status is RowStatus.OPEN and waits else status


def proven(status: RowStatus, filled: int, *, of: int) -> RowStatus:
    """Return a status that does not contradict what is filled. Raises ValueError for impossible ones."""
    if not 0 <= filled <= of:
        raise ValueError(f"filled {filled} of {of}")
    filled_up = filled == of > 0
    if filled_up and status in LIVE_STATUSES:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and not filled_up:
        return RowStatus.UNKNOWN
    return status


def trade_row(row: Trade, names: InstrumentNames, *, broker_order_id: str | None = None) -> TradeRow:
    """Return a row of the trade book. Raises ValueError."""
    exchange, symbol = symbol_of(row.exchangeSegment, row.securityId, row.tradingSymbol, names)
    at = latest(row.exchangeTime, row.createTime)
    if at is None:
        raise ValueError(f"trade {row.exchangeTradeId} has no time")
    return TradeRow(
        trade_id=row.exchangeTradeId,
        broker_order_id=broker_order_id or row.orderId,
        exchange=exchange,
        symbol=symbol,
        product=product_of(row.productType),
        side=Side(row.transactionType),
        quantity=row.tradedQuantity,
        price=finite(row.tradedPrice),
        at=at,
    )


def position_rows(positions: Answer, holdings: Answer, names: InstrumentNames) -> tuple[PositionRow, ...]:
    """Return net positions; delivery = holdings and today's own. Raises ReadFailed or AuthDead."""
    net = read(positions, _POSITIONS, lambda rows: _net_parts(rows, names))
    held = read(holdings, _HOLDINGS, lambda rows: _held_parts(rows, names))
    return net_positions(net + held)


def _net_parts(rows: Sequence[Position], names: InstrumentNames) -> list[PositionPart]:
    return [(_net_key(row, names), row.netQty, row.costPrice) for row in rows]


def _net_key(row: Position, names: InstrumentNames) -> PositionKey:
    symbol = symbol_of(row.exchangeSegment, row.securityId, row.tradingSymbol, names)
    return (*symbol, product_of(row.productType))


def _held_parts(rows: Sequence[Holding], names: InstrumentNames) -> list[PositionPart]:
    return [((*_held(row, names), Product.CNC.value), row.totalQty, row.avgCostPrice) for row in rows]


def _held(row: Holding, names: InstrumentNames) -> Symbol:
    found = (names.symbol_of(NAME, exchange, row.securityId) for exchange in _EVERYWHERE)
    return next((symbol for symbol in found if symbol), None) or ("NSE", row.tradingSymbol or row.securityId)


def quotes(answer: Answer, asked: Mapping[tuple[str, str], Symbol], *, at: datetime) -> dict[Symbol, Quote]:
    """Return the quotes by symbol; asked says which segment and number is which. Raises ReadFailed, AuthDead.

    Dhan gives the time of the last trade and none of the quote itself: it is as of now.
    """
    return read(
        answer,
        _QUOTES,
        lambda found: {
            asked[segment, number]: _quote(row, at)
            for segment, rows in found.data.items()
            for number, row in rows.items()
            if (segment, number) in asked and row.last_price > 0
        },
    )


def _quote(row: MarketQuote, at: datetime) -> Quote:
    return Quote(
        last=finite(row.last_price),
        at=at,
        bid=price_or_none(row.depth.buy[0].price) if row.depth and row.depth.buy else None,
        ask=price_or_none(row.depth.sell[0].price) if row.depth and row.depth.sell else None,
        lower_band=price_or_none(row.lower_circuit_limit),
        upper_band=price_or_none(row.upper_circuit_limit),
    )


def funds(answer: Answer) -> Funds:
    """Return cash in rupees. Raises ReadFailed or AuthDead."""
    return read(answer, _LIMITS, lambda row: Funds(available=row.availabelBalance, used=row.utilizedAmount))


def profile(answer: Answer) -> Profile:
    """Return whose session it is, and whether it has market data. Raises ReadFailed or AuthDead."""
    return read(answer, _PROFILE, lambda row: row)


# Words and numbers


def symbol_of(segment: str, number: str, shown: str | None, names: InstrumentNames) -> Symbol:
    """Return an instrument of ours; one that is not listed goes by a name unlike any of ours."""
    exchange = EXCHANGE_OF.get(segment)
    if exchange is None:
        return segment, shown or number
    return names.symbol_of(NAME, exchange, number) or (exchange, f"{shown or ''}#{number}")


def product_of(word: str) -> str:
    """Return our word for a product; an unknown one is left as it is: it is none of ours."""
    found = PRODUCT_OF.get(word)
    return word if found is None else found.value


def order_type_of(word: str) -> OrderType:
    """Return our word for an order type. Raises ValueError for an unknown one."""
    if word not in ORDER_TYPE_OF:
        raise ValueError(f"unknown order type {word}")
    return ORDER_TYPE_OF[word]


def latest(*texts: str | None) -> datetime | None:
    """Return the latest of some times, which are the exchange's without a zone. Raises ValueError."""
    return max(map(moment, _given(texts)), default=None)


def _given(texts: Iterable[str | None]) -> list[str]:
    return [text for text in texts if text and text != "NA" and not text.startswith("0001")]


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=EXCHANGE_ZONE)
    return found.astimezone(UTC)


def numbers_asked(symbols: Iterable[Symbol], names: InstrumentNames) -> dict[tuple[str, str], Symbol]:
    """Return segment and number of each symbol that is listed. Raises ReadFailed."""
    found = {symbol: names.number_of(NAME, symbol) for symbol in sorted(symbols) if symbol[0] in SEGMENTS}
    return {(SEGMENTS[symbol[0]], number): symbol for symbol, number in found.items() if number is not None}
