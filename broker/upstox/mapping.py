"""Our words to Upstox's and back: orders, trades, positions, quotes. Pure but for instruments' names."""

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
from broker.http import Answer
from broker.positions import PositionPart, net_positions
from broker.upstox.refusals import read_error, reason_of, refusal_kind, write_error
from broker.upstox.schemas import (
    Gtt,
    GttIds,
    Holding,
    Margins,
    MarketQuote,
    Order,
    OrderId,
    OrderIds,
    Position,
    Profile,
    Success,
    Trade,
)
from broker.upstox.session import NAME
from broker.upstox.words import EXCHANGE_OF, ORDER_TYPE_OF, ORDER_TYPES, PRODUCTS, product_of
from services.bracket.model import OrderType, Product, RowStatus, Side
from utils.constants import EXCHANGE_ZONE

TAG_LENGTH = 40
OWN_PROTECTION = -1  # the exchange's own band for what would be a market order

ROW_STATUSES = {
    "put order req received": RowStatus.PENDING,
    "validation pending": RowStatus.PENDING,
    "open pending": RowStatus.PENDING,
    "after market order req received": RowStatus.PENDING,
    "modify after market order req received": RowStatus.PENDING,
    "trigger pending": RowStatus.TRIGGER_PENDING,
    "open": RowStatus.OPEN,
    "modify pending": RowStatus.OPEN,
    "modify validation pending": RowStatus.OPEN,
    "modified": RowStatus.OPEN,
    "not modified": RowStatus.OPEN,
    "cancel pending": RowStatus.OPEN,
    "not cancelled": RowStatus.OPEN,
    "complete": RowStatus.FILLED,
    "cancelled": RowStatus.CANCELLED,
    "cancelled after market order": RowStatus.CANCELLED,
    "rejected": RowStatus.REJECTED,
}
LIVE_STATUSES = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
_WORKS = "open"
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_PROTECTED = frozenset({OrderType.MARKET, OrderType.SL_M})
_PRICED = frozenset({OrderType.LIMIT, OrderType.SL})
_NOTHING = Decimal(0)
_NAMED_MONTHS = "%d-%b-%Y %H:%M:%S"

_PLACED = msgspec.json.Decoder(Success[OrderIds])
_CHANGED = msgspec.json.Decoder(Success[OrderId])
_GTT_CHANGED = msgspec.json.Decoder(Success[GttIds])
_ORDERS = msgspec.json.Decoder(Success[list[Order]])
_GTTS = msgspec.json.Decoder(Success[list[Gtt]])
_TRADES = msgspec.json.Decoder(Success[list[Trade]])
_POSITIONS = msgspec.json.Decoder(Success[list[Position]])
_HOLDINGS = msgspec.json.Decoder(Success[list[Holding]])
_QUOTES = msgspec.json.Decoder(Success[dict[str, MarketQuote]])
_MARGINS = msgspec.json.Decoder(Success[Margins])
_PROFILE = msgspec.json.Decoder(Success[Profile])
encode = msgspec.json.Encoder(decimal_format="number").encode

Body = dict[str, object]
Said = TypeVar("Said")
Ours = TypeVar("Ours")


# Ours to Upstox's


def order_body(order: OrderRequest, instrument_key: str) -> Body:
    """Return what places one regular order. Raises OrderRejected for what Upstox is known to refuse."""
    if len(order.tag) > TAG_LENGTH:
        raise OrderRejected(f"tag {order.tag} is longer than {TAG_LENGTH} characters")
    return {
        "quantity": order.terms.quantity,
        "product": PRODUCTS[order.product],
        "validity": order.validity.value,
        **_price_fields(order.terms),
        "tag": order.tag,
        "slice": False,
        "instrument_token": instrument_key,
        "transaction_type": order.side.value,
        "disclosed_quantity": order.disclosed_quantity,
        "is_amo": False,
    }


def modify_body(order_id: str, terms: Terms) -> Body:
    """Return what gives an order new terms; quantity is the total, as Upstox wants it."""
    return {
        "order_id": order_id,
        "quantity": terms.quantity,
        "validity": "DAY",
        **_price_fields(terms),
        "disclosed_quantity": 0,
    }


def _price_fields(terms: Terms) -> Body:
    order_type = terms.order_type
    fields: Body = {
        "order_type": ORDER_TYPES[order_type],
        "price": priced(terms.price, "price", terms) if order_type in _PRICED else _NOTHING,
        "trigger_price": _NOTHING,
    }
    if order_type in _STOPS:
        fields["trigger_price"] = priced(terms.trigger_price, "trigger price", terms)
    if order_type in _PROTECTED:
        fields["market_protection"] = OWN_PROTECTION
    return fields


def priced(price: Decimal | None, name: str, terms: Terms) -> Decimal:
    """Return a price. Raises OrderRejected, before anything is sent, when there is none."""
    if not price:
        raise OrderRejected(f"a {terms.order_type} order needs a {name}")
    return price


# Upstox's to ours: answers to writes


def ack(answer: Answer) -> OrderAck:
    """Return the ack of a placed order. Raises what a write may raise."""
    return OrderAck(broker_order_id=_one(_taken(answer, _PLACED).order_ids, answer))


def changed(answer: Answer, order_id: str) -> None:
    """Take the answer to a change or cancel of an order. Raises what a write may raise."""
    _same(_taken(answer, _CHANGED).order_id, order_id)


def gtt_ack(answer: Answer) -> str:
    """Return the id of a placed GTT. Raises what a write may raise."""
    return _one(_taken(answer, _GTT_CHANGED).gtt_order_ids, answer)


def gtt_changed(answer: Answer, gtt_id: str) -> None:
    """Take the answer to a change or cancel of a GTT. Raises what a write may raise."""
    _same(gtt_ack(answer), gtt_id)


def _taken(answer: Answer, decoder: "msgspec.json.Decoder[Success[Said]]") -> Said:
    if answer.status != 200:
        raise write_error(answer)
    try:
        found = decoder.decode(answer.body)
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown("HTTP 200 with an answer that names no order") from exc
    if found.status != "success":  # partial_success too
        raise OutcomeUnknown(f"HTTP 200 with status {found.status}")
    return found.data


def _one(ids: Sequence[str], answer: Answer) -> str:
    if len(ids) != 1:
        raise OutcomeUnknown(f"HTTP {answer.status} with {len(ids)} orders for one")
    return ids[0]


def _same(said: str, asked: str) -> None:
    if said != asked:
        raise OutcomeUnknown(f"the answer is about {said}, not {asked}")


# Upstox's to ours: answers to reads. A row that lacks a field fails the whole read.


def read(
    answer: Answer, decoder: "msgspec.json.Decoder[Success[Said]]", convert: Callable[[Said], Ours]
) -> Ours:
    """Return what an answer says. Raises ReadFailed or AuthDead."""
    if answer.status != 200:
        raise read_error(answer)
    try:
        found = decoder.decode(answer.body)
        if found.status != "success":
            raise ValueError(f"its status is {found.status}")
        return convert(found.data)
    except (ValueError, RecursionError) as exc:
        raise ReadFailed(f"HTTP 200 with an answer that is not Upstox's: {exc}") from exc


def orders(answer: Answer) -> tuple[Order, ...]:
    """Return the order book as Upstox has it. Raises ReadFailed or AuthDead."""
    return read(answer, _ORDERS, tuple)


def gtts(answer: Answer) -> tuple[Gtt, ...]:
    """Return the GTTs as Upstox has them. Raises ReadFailed or AuthDead."""
    return read(answer, _GTTS, tuple)


def trade_rows(answer: Answer, names: InstrumentNames, parts: Mapping[str, str]) -> tuple[TradeRow, ...]:
    """Return the trades; parts are the ids that orders of brackets go by. Raises ReadFailed or AuthDead."""
    return read(answer, _TRADES, lambda rows: tuple(_trade_row(row, names, parts) for row in rows))


def _trade_row(row: Trade, names: InstrumentNames, parts: Mapping[str, str]) -> TradeRow:
    exchange, symbol = symbol_of(row.instrument_token, row.trading_symbol, names)
    at = latest(row.exchange_timestamp, row.order_timestamp)
    if at is None:
        raise ValueError(f"trade {row.trade_id} has no time")
    return TradeRow(
        trade_id=row.trade_id,
        broker_order_id=parts.get(row.order_id, row.order_id),
        exchange=exchange,
        symbol=symbol,
        product=product_of(row.product, exchange),
        side=Side(row.transaction_type),
        quantity=row.quantity,
        price=finite(row.average_price),
        at=at,
    )


def order_row(row: Order, names: InstrumentNames) -> OrderRow:
    """Return a row of the order book. Raises ValueError for an impossible one."""
    exchange, symbol = symbol_of(row.instrument_token, row.trading_symbol, names)
    status = row_status(row)
    reason = reason_of(row.status_message) if row.status_message else None
    return OrderRow(
        broker_order_id=row.order_id,
        tag=row.tag or None,
        exchange=exchange,
        symbol=symbol,
        product=product_of(row.product, exchange),
        side=Side(row.transaction_type),
        order_type=order_type_of(row.order_type),
        quantity=row.quantity,
        status=status,
        filled=row.filled_quantity,
        price=price_or_none(row.price),
        trigger_price=price_or_none(row.trigger_price),
        average_price=price_or_none(row.average_price) if row.filled_quantity else None,
        updated_at=latest(row.order_timestamp, row.exchange_timestamp),
        reason=reason if status is RowStatus.REJECTED else None,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def row_status(row: Order) -> RowStatus:
    """Return a row's status: quantities first, the word second. Raises ValueError for impossible ones."""
    status, filled = ROW_STATUSES.get(row.status, RowStatus.UNKNOWN), row.filled_quantity
    if not 0 <= filled <= row.quantity:
        raise ValueError(f"order {row.order_id}: filled {filled} of {row.quantity}")
    filled_up = filled == row.quantity > 0
    if filled_up and status in LIVE_STATUSES:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and not filled_up:
        return RowStatus.UNKNOWN
    waits = order_type_of(row.order_type) in _STOPS and not filled
    if waits and status is RowStatus.OPEN and row.status != _WORKS:
        return RowStatus.PENDING  # a stop between two states: whether it rests, the next word tells
    return status


def position_rows(positions: Answer, holdings: Answer, names: InstrumentNames) -> tuple[PositionRow, ...]:
    """Return net positions; delivery = holdings and today's own. Raises ReadFailed or AuthDead."""
    net = read(positions, _POSITIONS, lambda rows: [_net_part(row, names) for row in rows])
    held = read(holdings, _HOLDINGS, lambda rows: [_held_part(row, names) for row in rows])
    return net_positions(net + held)


def _net_part(row: Position, names: InstrumentNames) -> PositionPart:
    exchange, symbol = symbol_of(row.instrument_token, row.trading_symbol, names)
    return (
        (exchange, symbol, product_of(row.product, exchange)),
        row.quantity,
        price_or_none(row.average_price),
    )


def _held_part(row: Holding, names: InstrumentNames) -> PositionPart:
    exchange, symbol = symbol_of(row.instrument_token, row.trading_symbol, names)
    key = (exchange, symbol, Product.CNC.value)
    return key, row.quantity + row.t1_quantity, price_or_none(row.average_price)


def quotes(answer: Answer, asked: Mapping[str, Symbol], *, at: datetime) -> dict[Symbol, Quote]:
    """Return the quotes by symbol; asked says which key is which. Raises ReadFailed or AuthDead.

    Upstox names them by exchange and symbol, and tells the key with each; its time is the last trade's.
    """
    return read(
        answer,
        _QUOTES,
        lambda found: {
            asked[row.instrument_token]: _quote(row, at)
            for row in found.values()
            if row.instrument_token in asked and row.last_price > 0
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
    return read(
        answer,
        _MARGINS,
        lambda found: Funds(available=found.equity.available_margin, used=found.equity.used_margin),
    )


def user_id(answer: Answer) -> str:
    """Return whose session it is. Raises ReadFailed or AuthDead."""
    return read(answer, _PROFILE, lambda found: found.user_id)


# Words and numbers


def symbol_of(instrument_key: str, shown: str | None, names: InstrumentNames) -> Symbol:
    """Return an instrument of ours; one that is not listed goes by a name unlike any of ours."""
    segment, _, number = instrument_key.partition("|")
    exchange = EXCHANGE_OF.get(segment)
    if exchange is None:
        return segment, shown or number
    return names.symbol_of(NAME, exchange, instrument_key) or (exchange, f"{shown or ''}#{number}")


def order_type_of(word: str) -> OrderType:
    """Return our word for an order type. Raises ValueError for an unknown one."""
    if word not in ORDER_TYPE_OF:
        raise ValueError(f"unknown order type {word}")
    return ORDER_TYPE_OF[word]


def latest(*texts: str | None) -> datetime | None:
    """Return the latest of some times, which are the exchange's without a zone. Raises ValueError."""
    return max((moment(text) for text in texts if text), default=None)


def moment(text: str) -> datetime:
    """Return a time: the order book writes `2026-12-28 10:30:00`, the trade book `28-Dec-2026 10:30:00`."""
    if text[2:3] == "-":
        found = datetime.strptime(text, _NAMED_MONTHS).replace(tzinfo=EXCHANGE_ZONE)
    else:
        found = datetime.fromisoformat(text)
    return (found.replace(tzinfo=EXCHANGE_ZONE) if found.tzinfo is None else found).astimezone(UTC)


def keys_asked(symbols: Iterable[Symbol], names: InstrumentNames) -> dict[str, Symbol]:
    """Return the key of each symbol that is listed. Raises ReadFailed."""
    found = ((names.number_of(NAME, symbol), symbol) for symbol in sorted(symbols))
    return {key: symbol for key, symbol in found if key is not None}
