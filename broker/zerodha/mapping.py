"""Our words to Kite's and back. Pure: no network, no clock."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from broker.amounts import finite, gtt_legs, price_or_none
from broker.base import (
    Funds,
    GttRequest,
    GttRow,
    LoggedIn,
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
from broker.positions import PositionPart, net_positions, position_row
from broker.zerodha.refusals import read_error, refusal_kind, write_error
from broker.zerodha.row_memory import RowMemory
from broker.zerodha.schemas import (
    AccessToken,
    DepthLevel,
    Gtt,
    GttOrder,
    Holding,
    LastPrice,
    Margins,
    MarketQuote,
    Order,
    PlacedGtt,
    PlacedOrder,
    Positions,
    Profile,
    Success,
    Trade,
)
from services.bracket.model import GttLegRow, GttStatus, OrderType, Product, RowStatus, Side
from utils.constants import EXCHANGE_ZONE

TAG_LENGTH = 20  # Kite rejects a longer one, it does not cut it
GTT_PRODUCTS = frozenset({Product.CNC, Product.NRML, Product.MTF})

# Orders between two states are live but protect nothing: "pending" can last a second or all day.
ROW_STATUSES = {
    "PUT ORDER REQ RECEIVED": RowStatus.PENDING,
    "PUT ORDER REQUEST RECEIVED": RowStatus.PENDING,  # the documentation's spelling of the same
    "VALIDATION PENDING": RowStatus.PENDING,
    "OPEN PENDING": RowStatus.PENDING,
    "AMO REQ RECEIVED": RowStatus.PENDING,
    "MODIFY VALIDATION PENDING": RowStatus.PENDING,
    "MODIFY PENDING": RowStatus.PENDING,
    "MODIFIED": RowStatus.PENDING,  # between two states: OPEN or TRIGGER PENDING follows
    "UPDATE": RowStatus.PENDING,  # a push's word, does not say whether a stop still rests
    "CANCEL PENDING": RowStatus.PENDING,
    "TRIGGER PENDING": RowStatus.TRIGGER_PENDING,
    "OPEN": RowStatus.OPEN,
    "COMPLETE": RowStatus.FILLED,
    "CANCELLED": RowStatus.CANCELLED,
    "CANCEL": RowStatus.CANCELLED,  # the postback page's spelling
    "REJECTED": RowStatus.REJECTED,
    "LAPSED": RowStatus.EXPIRED,
}
GTT_STATUSES = {
    "active": GttStatus.ACTIVE,
    "triggered": GttStatus.TRIGGERED,
    "disabled": GttStatus.DISABLED,
    "expired": GttStatus.EXPIRED,
    "cancelled": GttStatus.CANCELLED,
    "rejected": GttStatus.REJECTED,
    "deleted": GttStatus.DELETED,
}
_LIVE_STATUSES = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})

_PLACED_ORDER = msgspec.json.Decoder(Success[PlacedOrder])
_PLACED_GTT = msgspec.json.Decoder(Success[PlacedGtt])
_ACCESS_TOKEN = msgspec.json.Decoder(Success[AccessToken])
_ORDERS = msgspec.json.Decoder(Success[list[msgspec.Raw]])
_ORDER = msgspec.json.Decoder(Order)
_TRADES = msgspec.json.Decoder(Success[list[Trade]])
_GTTS = msgspec.json.Decoder(Success[list[Gtt]])
_POSITIONS = msgspec.json.Decoder(Success[Positions])
_HOLDINGS = msgspec.json.Decoder(Success[list[Holding]])
_LAST_PRICES = msgspec.json.Decoder(Success[dict[str, LastPrice]])
_QUOTES = msgspec.json.Decoder(Success[dict[str, MarketQuote]])
_MARGINS = msgspec.json.Decoder(Success[Margins])
_PROFILE = msgspec.json.Decoder(Success[Profile])
_JSON = msgspec.json.Encoder(decimal_format="number")

Kite = TypeVar("Kite")
Ours = TypeVar("Ours")


# Ours to Kite's


def order_form(order: OrderRequest) -> dict[str, str]:
    """Return the form fields that place one regular order.

    Raises OrderRejected, before anything is sent, for what Kite is known to refuse.
    """
    if len(order.tag) > TAG_LENGTH:
        raise OrderRejected(f"tag {order.tag} is longer than {TAG_LENGTH} characters")
    form = {
        "variety": "regular",
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "transaction_type": order.side.value,
        "quantity": str(order.terms.quantity),
        "product": order.product.value,
        "order_type": order.terms.order_type.value,
        "validity": order.validity.value,
    }
    if order.disclosed_quantity:
        form["disclosed_quantity"] = str(order.disclosed_quantity)
    return form | _price_fields(order.terms) | {"tag": order.tag}


def modify_form(broker_order_id: str, terms: Terms) -> dict[str, str]:
    """Return the form fields that give an order new terms; quantity is the total, as Kite wants it."""
    return {
        "variety": "regular",
        "order_id": broker_order_id,
        "quantity": str(terms.quantity),
        "order_type": terms.order_type.value,
    } | _price_fields(terms)


def _price_fields(terms: Terms) -> dict[str, str]:
    match terms.order_type:
        case OrderType.LIMIT:
            return {"price": _needed(terms.price, "price", terms)}
        case OrderType.SL:
            return {
                "price": _needed(terms.price, "price", terms),
                "trigger_price": _needed(terms.trigger_price, "trigger price", terms),
            }
        case OrderType.SL_M:
            return {
                "trigger_price": _needed(terms.trigger_price, "trigger price", terms),
                "market_protection": "-1",  # Kite's own slab; without one the order is refused
            }
        case OrderType.MARKET:
            return {"market_protection": "-1"}


def _needed(price: Decimal | None, name: str, terms: Terms) -> str:
    if price is None:
        raise OrderRejected(f"a {terms.order_type} order needs a {name}")
    return format(price, "f")


def gtt_form(gtt: GttRequest) -> dict[str, str]:
    """Return the form fields that place, or replace, one GTT; two-leg when the terms have a target.

    Raises OrderRejected for a product without GTT: Kite looks only when it fires, days later.
    """
    if gtt.product not in GTT_PRODUCTS:
        raise OrderRejected(f"{gtt.product} has no GTT: it would fire for a position that is gone")
    legs = gtt_legs(gtt.terms)
    condition = {
        "exchange": gtt.exchange,
        "tradingsymbol": gtt.symbol,
        "trigger_values": [trigger for trigger, _ in legs],
        "last_price": gtt.last_price,
    }
    return {
        "condition": _JSON.encode(condition).decode(),
        "orders": _JSON.encode([_gtt_order(gtt, price) for _, price in legs]).decode(),
        "type": "single" if len(legs) == 1 else "two-leg",
    }


def _gtt_order(gtt: GttRequest, price: Decimal) -> dict[str, str | int | Decimal]:
    return {
        "exchange": gtt.exchange,
        "tradingsymbol": gtt.symbol,
        "transaction_type": gtt.side.value,
        "quantity": gtt.terms.quantity,
        "order_type": "LIMIT",  # the only type a GTT fires
        "product": gtt.product.value,
        "price": price,
    }


# Kite's to ours: answers to writes


def order_ack(answer: Answer) -> OrderAck:
    """Return the ack of a placed order. Raises what a write may raise."""
    return OrderAck(broker_order_id=_written(answer, _PLACED_ORDER).order_id)


def gtt_ack(answer: Answer) -> OrderAck:
    """Return the ack of a GTT; its id is the trigger id. Raises what a write may raise."""
    return OrderAck(broker_order_id=str(_written(answer, _PLACED_GTT).trigger_id))


def logged_in(answer: Answer, api_key: str) -> LoggedIn:
    """Return the session of a login, and whose it is. Raises what a write may raise."""
    found = _written(answer, _ACCESS_TOKEN)
    return LoggedIn(auth_token=f"{api_key}:{found.access_token}", user_id=found.user_id)


def _written(answer: Answer, decoder: "msgspec.json.Decoder[Success[Kite]]") -> Kite:
    if answer.status != 200:
        raise write_error(answer)
    try:
        return decoder.decode(answer.body).data
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"HTTP 200 with an answer that is not Kite's: {exc}") from exc


# Kite's to ours: answers to reads. A row that lacks a field fails the whole read.


def order_rows(answer: Answer, memory: RowMemory | None = None) -> tuple[OrderRow, ...]:
    """Return the order book; rows a memory knows are not read again. Raises ReadFailed or AuthDead."""
    remembered = memory or RowMemory()
    return _read(answer, _ORDERS, lambda rows: remembered.rows(map(bytes, rows), _order_row_of))


def order_history(answer: Answer) -> tuple[OrderRow, ...]:
    """Return what one order went through, oldest first. Raises ReadFailed or AuthDead.

    A book shows an order once; a history is never empty: without a row it says nothing.
    """
    rows = _read(answer, _ORDERS, lambda found: tuple(_order_row_of(bytes(row)) for row in found))
    if not rows:
        raise ReadFailed("the history of an order has no row")
    return rows


def trade_rows(answer: Answer) -> tuple[TradeRow, ...]:
    """Return the trade book. Raises ReadFailed or AuthDead."""
    return _read(answer, _TRADES, lambda rows: tuple(map(_trade_row, rows)))


def gtt_rows(answer: Answer) -> tuple[GttRow, ...]:
    """Return the GTT book. Raises ReadFailed or AuthDead."""
    return _read(answer, _GTTS, lambda rows: tuple(map(_gtt_row, rows)))


def position_rows(positions: Answer, holdings: Answer) -> tuple[PositionRow, ...]:
    """Return net positions; delivery = holdings, those of T+1, and today's own. Raises ReadFailed, AuthDead.

    A sale of held shares leaves the holding as it is and shows as a negative CNC position of the day.
    """
    net = _read(positions, _POSITIONS, _net_parts)
    return net_positions(net + _read(holdings, _HOLDINGS, _held_parts))


def holding_rows(holdings: Answer) -> tuple[PositionRow, ...]:
    """Return what lies in the demat account or comes tomorrow. Raises ReadFailed or AuthDead."""
    parts = _read(holdings, _HOLDINGS, _held_parts)
    return tuple(position_row(key, quantity, price) for key, quantity, price in parts)


def _net_parts(positions: Positions) -> list[PositionPart]:
    return [
        ((row.exchange, row.tradingsymbol, row.product), row.quantity, row.average_price)
        for row in positions.net
    ]


def _held_parts(holdings: list[Holding]) -> list[PositionPart]:
    return [
        (
            (row.exchange, row.tradingsymbol, Product.CNC.value),
            row.quantity + row.t1_quantity,
            row.average_price,
        )
        for row in holdings
    ]


def last_prices(answer: Answer) -> dict[tuple[str, str], Decimal]:
    """Return last prices by (exchange, symbol). Raises ReadFailed or AuthDead."""
    return _read(
        answer,
        _LAST_PRICES,
        lambda rows: {_instrument(name): finite(row.last_price) for name, row in rows.items()},
    )


def quotes(answer: Answer) -> dict[tuple[str, str], Quote]:
    """Return the quotes, by (exchange, symbol); one without a time is left out, it could be any age.

    Raises ReadFailed or AuthDead.
    """
    return _read(answer, _QUOTES, _quotes)


def funds(answer: Answer) -> Funds:
    """Return the equity segment's cash, in rupees. Raises ReadFailed or AuthDead."""
    return _read(
        answer, _MARGINS, lambda value: Funds(available=value.equity.net, used=value.equity.utilised.debits)
    )


def user_id(answer: Answer) -> str:
    """Return whose session it is. Raises ReadFailed or AuthDead."""
    return _read(answer, _PROFILE, lambda profile: profile.user_id)


def _read(
    answer: Answer,
    decoder: "msgspec.json.Decoder[Success[Kite]]",
    convert: Callable[[Kite], Ours],
) -> Ours:
    if answer.status != 200:
        raise read_error(answer)
    try:
        return convert(decoder.decode(answer.body).data)
    except (ValueError, RecursionError) as exc:
        raise ReadFailed(f"HTTP 200 with an answer that is not Kite's: {exc}") from exc


def _order_row_of(text: bytes) -> OrderRow:
    return _order_row(_ORDER.decode(text))


def _order_row(row: Order) -> OrderRow:
    reason = row.status_message or None
    status = _row_status(row)
    return OrderRow(
        broker_order_id=row.order_id,
        tag=row.tag or None,
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        product=row.product,
        side=Side(row.transaction_type),
        order_type=OrderType(row.order_type),
        quantity=row.quantity,
        status=status,
        filled=row.filled_quantity,
        price=price_or_none(row.price),
        trigger_price=price_or_none(row.trigger_price),
        average_price=price_or_none(row.average_price),
        updated_at=_latest(row.order_timestamp, row.exchange_timestamp, row.exchange_update_timestamp),
        reason=reason,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def _row_status(row: Order) -> RowStatus:
    if not 0 <= row.filled_quantity <= row.quantity:
        raise ValueError(f"order {row.order_id}: filled {row.filled_quantity} of {row.quantity}")
    status = ROW_STATUSES.get(row.status, RowStatus.UNKNOWN)
    filled_up = row.filled_quantity == row.quantity > 0
    if filled_up and status in _LIVE_STATUSES:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and not filled_up:
        return RowStatus.UNKNOWN  # word and quantities contradict each other
    return status


def _trade_row(row: Trade) -> TradeRow:
    return TradeRow(
        trade_id=row.trade_id,
        broker_order_id=row.order_id,
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        product=row.product,
        side=Side(row.transaction_type),
        quantity=row.quantity,
        price=finite(row.average_price),
        at=_time(row.fill_timestamp),
    )


def _gtt_row(row: Gtt) -> GttRow:
    pairs = zip(row.condition.trigger_values, row.orders, strict=True)
    legs = sorted((_gtt_leg(trigger, order) for trigger, order in pairs), key=lambda leg: leg.trigger_price)
    if not legs:
        raise ValueError(f"GTT {row.id} has no legs")
    return GttRow(
        trigger_id=str(row.id),
        exchange=row.condition.exchange,
        symbol=row.condition.tradingsymbol,
        product=row.orders[0].product,
        side=Side(row.orders[0].transaction_type),
        status=GTT_STATUSES.get(row.status, GttStatus.UNKNOWN),
        legs=tuple(legs),
        created_at=_time(row.created_at),
        updated_at=_time(row.updated_at) if row.updated_at else None,
        expires_at=_time(row.expires_at) if row.expires_at else None,
    )


def _gtt_leg(trigger: Decimal, order: GttOrder) -> GttLegRow:
    child = order.result.order_result if order.result else None
    refused = child is not None and child.status != "success"
    reason = (child.rejection_reason or child.status) if child and refused else None
    return GttLegRow(
        trigger_price=finite(trigger),
        price=finite(order.price),
        quantity=order.quantity,
        child_order_id=(child.order_id or None) if child else None,
        child_reason=reason,
        child_refusal=refusal_kind(reason) if reason else None,
    )


def _quotes(rows: dict[str, MarketQuote]) -> dict[tuple[str, str], Quote]:
    return {_instrument(name): _quote(row, row.timestamp) for name, row in rows.items() if row.timestamp}


def _instrument(name: str) -> tuple[str, str]:
    exchange, separator, symbol = name.partition(":")
    if not separator:
        raise ValueError(f"quote for {name}, which names no exchange")
    return exchange, symbol


def _quote(row: MarketQuote, timestamp: str) -> Quote:
    return Quote(
        last=finite(row.last_price),
        at=_time(timestamp),
        bid=_best(row.depth.buy) if row.depth else None,
        ask=_best(row.depth.sell) if row.depth else None,
        lower_band=price_or_none(row.lower_circuit_limit),
        upper_band=price_or_none(row.upper_circuit_limit),
    )


def _best(levels: list[DepthLevel]) -> Decimal | None:
    return price_or_none(levels[0].price) if levels else None


def _latest(*texts: str | None) -> datetime | None:
    return max(map(_time, _given(texts)), default=None)


def _given(texts: Iterable[str | None]) -> list[str]:
    return [text for text in texts if text]


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=EXCHANGE_ZONE)  # Kite's times are the exchange's, without a zone
    return moment.astimezone(UTC)
