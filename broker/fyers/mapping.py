"""Our words to Fyers' and back. Pure: no network, no clock."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from broker.amounts import finite, gtt_legs, limit_and_trigger, price_or_none
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
    Symbol,
    Terms,
    TradeRow,
)
from broker.fyers.refusals import IN_TRANSIT, envelope_of, read_error, refusal_kind, write_error
from broker.fyers.schemas import (
    AccessToken,
    Fund,
    FundsAnswer,
    Gtt,
    GttsAnswer,
    Holding,
    HoldingsAnswer,
    NamedQuote,
    Order,
    OrdersAnswer,
    Placed,
    Position,
    PositionsAnswer,
    ProfileAnswer,
    QuotesAnswer,
    QuoteValues,
    Trade,
    TradesAnswer,
)
from broker.fyers.tickers import Tickers, exchange_of, symbol_of
from broker.http import Answer
from broker.positions import PositionPart, net_positions
from services.bracket.model import GttLegRow, GttStatus, OrderType, Product, RowStatus, Side
from utils.constants import EXCHANGE_ZONE

TAG_LENGTH = 30
GTT_TAG = "GTT"  # Fyers puts it before the tag of a GTT, and of the order that it places
GTT_PRODUCTS = frozenset({Product.CNC, Product.NRML, Product.MTF})

PRODUCTS = {Product.MIS: "INTRADAY", Product.CNC: "CNC", Product.NRML: "MARGIN", Product.MTF: "MTF"}
ORDER_TYPES = {OrderType.LIMIT: 1, OrderType.MARKET: 2, OrderType.SL_M: 3, OrderType.SL: 4}
ROW_STATUSES = {
    1: RowStatus.CANCELLED,
    2: RowStatus.FILLED,
    4: RowStatus.PENDING,  # in transit: not at the exchange yet
    5: RowStatus.REJECTED,
    6: RowStatus.OPEN,  # or waiting for its trigger: see _row_status
    7: RowStatus.EXPIRED,
}
GTT_STATUSES = {
    1: GttStatus.CANCELLED,
    2: GttStatus.TRIGGERED,
    4: GttStatus.UNKNOWN,  # in transit: it may be there, it protects nothing yet
    5: GttStatus.REJECTED,
    6: GttStatus.ACTIVE,
    7: GttStatus.EXPIRED,
}
_OUR_PRODUCTS = {theirs: ours.value for ours, theirs in PRODUCTS.items()}
_OUR_ORDER_TYPES = {number: ours for ours, number in ORDER_TYPES.items()}
_SIDES = {1: Side.BUY, -1: Side.SELL}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_LIVE_STATUSES = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})
_TWO_LEGS = 2  # gtt_oco_ind

_OWN_TAG = "1:"  # "2:" is Fyers' own, of what was placed without one
_TAG = re.compile(f"[0-9A-Za-z]{{1,{TAG_LENGTH}}}")
_USED, _AVAILABLE = 2, 10  # the ids of two rows of the funds

PLACED, MODIFIED, CANCELLED = 1101, 1102, 1103

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PLACED = msgspec.json.Decoder(Placed)
_ACCESS_TOKEN = msgspec.json.Decoder(AccessToken)
_ORDERS = msgspec.json.Decoder(OrdersAnswer)
_TRADES = msgspec.json.Decoder(TradesAnswer)
_GTTS = msgspec.json.Decoder(GttsAnswer)
_POSITIONS = msgspec.json.Decoder(PositionsAnswer)
_HOLDINGS = msgspec.json.Decoder(HoldingsAnswer)
_QUOTES = msgspec.json.Decoder(QuotesAnswer)
_QUOTE_VALUES = msgspec.json.Decoder(QuoteValues)
_FUNDS = msgspec.json.Decoder(FundsAnswer)
_PROFILE = msgspec.json.Decoder(ProfileAnswer)

Fyers = TypeVar("Fyers")
Ours = TypeVar("Ours")
Body = dict[str, object]


# Ours to Fyers'


def order_body(order: OrderRequest, tickers: Tickers) -> bytes:
    """Return the JSON that places one order.

    Raises OrderRejected, before anything is sent, for what Fyers is known to refuse.
    """
    limit, stop = limit_and_trigger(order.terms)
    body: Body = {
        "symbol": tickers.of((order.exchange, order.symbol)),
        "qty": order.terms.quantity,
        "type": ORDER_TYPES[order.terms.order_type],
        "side": order.side.sign,
        "productType": PRODUCTS[order.product],
        "limitPrice": limit,
        "stopPrice": stop,
        "validity": order.validity.value,
        "disclosedQty": order.disclosed_quantity,
        "offlineOrder": False,
        "stopLoss": 0,
        "takeProfit": 0,
    }
    return _ENCODER.encode(body | _tag_field(order.tag))


def modify_body(broker_order_id: str, terms: Terms) -> bytes:
    """Return the JSON that gives an order new terms; qty is the total, and what is left out stays."""
    limit, stop = limit_and_trigger(terms)
    prices: Body = {"limitPrice": limit} if terms.order_type in (OrderType.LIMIT, OrderType.SL) else {}
    if terms.order_type in _STOPS:
        prices["stopPrice"] = stop
    body = {"id": broker_order_id, "type": ORDER_TYPES[terms.order_type], **prices, "qty": terms.quantity}
    return _ENCODER.encode(body)


def id_body(order_id: str) -> bytes:
    """Return the JSON that names an order or a GTT."""
    return _ENCODER.encode({"id": order_id})


def _tag_field(tag: str) -> Body:
    if not tag:
        return {}
    if _TAG.fullmatch(tag) is None:
        raise OrderRejected(f"tag {tag} is not 1 to {TAG_LENGTH} letters and digits")
    return {"orderTag": tag}


def gtt_body(gtt: GttRequest, tickers: Tickers) -> bytes:
    """Return the JSON that places one GTT; an OCO when the terms have a target.

    Raises OrderRejected for a product without GTT.
    """
    if gtt.product not in GTT_PRODUCTS:
        raise OrderRejected(f"{gtt.product} has no GTT: it would fire for a position that is gone")
    body: Body = {
        "side": gtt.side.sign,
        "symbol": tickers.of((gtt.exchange, gtt.symbol)),
        "productType": PRODUCTS[gtt.product],
        "orderInfo": _order_info(gtt.terms),
    }
    return _ENCODER.encode(body | _tag_field(gtt.tag))


def gtt_change_body(trigger_id: str, gtt: GttRequest) -> bytes:
    """Return the JSON that gives a GTT new legs. Raises OrderRejected when one is incomplete."""
    return _ENCODER.encode({"id": trigger_id, "orderInfo": _order_info(gtt.terms)})


def _order_info(terms: Terms) -> dict[str, Body]:
    """Return both legs: leg1 waits above the market and leg2 below, whichever of them is the stop."""
    return {
        f"leg{number}": {"price": price, "triggerPrice": trigger, "qty": terms.quantity}
        for number, (trigger, price) in enumerate(reversed(gtt_legs(terms)), start=1)
    }


def login_body(auth_code: str, app_id_hash: str) -> bytes:
    """Return the JSON that turns the code of a login into a token."""
    return _ENCODER.encode({"grant_type": "authorization_code", "appIdHash": app_id_hash, "code": auth_code})


# Fyers' to ours: answers to writes


def ack(answer: Answer, code: int) -> OrderAck:
    """Return the ack of a write that is done when its answer has this code. Raises what a write may raise."""
    said = envelope_of(answer)
    if answer.status != 200 or said is None or said.s != "ok" or said.code != code:
        raise write_error(answer)
    try:
        return OrderAck(broker_order_id=_PLACED.decode(answer.body).id)
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"code {code} with an answer that is not Fyers': {exc}") from exc


def is_in_transit(answer: Answer) -> bool:
    """Whether the request was sent on and nobody has answered for it: the book has to be asked."""
    said = envelope_of(answer)
    return said is not None and said.code == IN_TRANSIT


def access_token(answer: Answer) -> str:
    """Return the token of a login. Raises what a write may raise."""
    if answer.status != 200:
        raise write_error(answer)
    try:
        return _ACCESS_TOKEN.decode(answer.body).access_token
    except (ValueError, RecursionError) as exc:
        raise write_error(answer) from exc


def logged_in(token: str, profile: Answer) -> LoggedIn:
    """Return the session of a login, and whose it is. Raises ReadFailed or AuthDead."""
    return LoggedIn(auth_token=token, user_id=user_id(profile))


# Fyers' to ours: answers to reads. A row that lacks a field fails the whole read.


def order_rows(answer: Answer) -> tuple[OrderRow, ...]:
    """Return the order book. Raises ReadFailed or AuthDead."""
    return _read(answer, _ORDERS, lambda found: tuple(map(_order_row, found.order_book)))


def trade_rows(answer: Answer) -> tuple[TradeRow, ...]:
    """Return the trade book. Raises ReadFailed or AuthDead."""
    return _read(answer, _TRADES, lambda found: tuple(map(_trade_row, found.trade_book)))


def gtt_rows(answer: Answer) -> tuple[GttRow, ...]:
    """Return the GTT book; what fired names no orders there. Raises ReadFailed or AuthDead."""
    return _read(answer, _GTTS, lambda found: tuple(map(_gtt_row, found.order_book)))


def position_rows(positions: Answer, holdings: Answer) -> tuple[PositionRow, ...]:
    """Return net positions; delivery = holdings, those of T+1, and today's own. Raises ReadFailed, AuthDead.

    A sale of held shares leaves the quantity of the morning as it is and shows as a negative CNC position.
    """
    net = _read(positions, _POSITIONS, lambda found: list(map(_net_part, found.net_positions)))
    held = _read(holdings, _HOLDINGS, lambda found: list(map(_held_part, found.holdings)))
    return net_positions(net + held)


def quotes(answer: Answer, symbols: dict[str, Symbol], at: datetime) -> dict[Symbol, Quote]:
    """Return the quotes; symbols says what each ticker was asked for. Fyers tells no time: it is `at`.

    Raises ReadFailed or AuthDead.
    """
    return _read(
        answer,
        _QUOTES,
        lambda found: {
            symbols[row.n]: _quote(row, at) for row in found.d if row.s == "ok" and row.n in symbols
        },
    )


def funds(answer: Answer) -> Funds:
    """Return the equity segment's cash, in rupees. Raises ReadFailed or AuthDead."""
    return _read(answer, _FUNDS, lambda found: _funds(found.fund_limit))


def user_id(answer: Answer) -> str:
    """Return whose session it is. Raises ReadFailed or AuthDead."""
    return _read(answer, _PROFILE, lambda found: found.data.fy_id)


def _read(answer: Answer, decoder: "msgspec.json.Decoder[Fyers]", convert: Callable[[Fyers], Ours]) -> Ours:
    if answer.status != 200:
        raise read_error(answer)
    try:
        return convert(decoder.decode(answer.body))
    except (ValueError, KeyError, RecursionError) as exc:
        said = envelope_of(answer)
        if said is not None and said.s == "error":
            raise read_error(answer) from exc  # Fyers has errors in answers with HTTP 200 too
        raise ReadFailed(f"HTTP 200 with an answer that is not Fyers': {exc}") from exc


def _order_row(row: Order) -> OrderRow:
    exchange = exchange_of(row.exchange, row.segment)
    order_type = _OUR_ORDER_TYPES[row.type]
    status, reason = _row_status(row, order_type), row.message or None
    return OrderRow(
        broker_order_id=row.id,
        tag=_tag(row.order_tag),
        exchange=exchange,
        symbol=symbol_of(row.symbol, exchange),
        product=_product(row.product_type),
        side=_SIDES[row.side],
        order_type=order_type,
        quantity=row.qty,
        status=status,
        filled=row.filled_qty,
        price=price_or_none(row.limit_price),
        trigger_price=price_or_none(row.stop_price),
        average_price=price_or_none(row.traded_price) if row.filled_qty else None,
        updated_at=_time(row.order_date_time),
        reason=reason,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def _row_status(row: Order, order_type: OrderType) -> RowStatus:
    if not 0 <= row.filled_qty <= row.qty:
        raise ValueError(f"order {row.id}: filled {row.filled_qty} of {row.qty}")
    status = ROW_STATUSES.get(row.status, RowStatus.UNKNOWN)
    filled_up = row.filled_qty == row.qty > 0
    if filled_up and status in _LIVE_STATUSES:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and not filled_up:
        return RowStatus.UNKNOWN  # word and quantities contradict each other
    if status is RowStatus.OPEN and order_type in _STOPS and not _has_triggered(row):
        return RowStatus.TRIGGER_PENDING
    return status


def _has_triggered(row: Order) -> bool:
    """Whether a stop works as a limit by now: 6 stands for waiting and for working alike.

    What has filled has fired, and so has what the market is through while the row is written.
    """
    if row.filled_qty:
        return True
    if row.lp is None or row.lp <= 0 or row.stop_price <= 0:
        return False
    return (row.lp - row.stop_price) * row.side >= 0


def _trade_row(row: Trade) -> TradeRow:
    exchange = exchange_of(row.exchange, row.segment)
    return TradeRow(
        trade_id=row.trade_number,
        broker_order_id=row.order_number,
        exchange=exchange,
        symbol=symbol_of(row.symbol, exchange),
        product=_product(row.product_type),
        side=_SIDES[row.side],
        quantity=row.traded_qty,
        price=finite(row.trade_price),
        at=_time(row.order_date_time),
    )


def _gtt_row(row: Gtt) -> GttRow:
    exchange = exchange_of(row.exchange, row.segment)
    status = GTT_STATUSES.get(row.ord_status, GttStatus.UNKNOWN)
    created = datetime.fromtimestamp(row.create_time_epoch, UTC)
    return GttRow(
        trigger_id=row.id,
        exchange=exchange,
        symbol=symbol_of(row.symbol, exchange),
        product=_product(row.product_type),
        side=_SIDES[row.tran_side],
        status=status,
        legs=_gtt_legs(row, refused=status is GttStatus.REJECTED),
        created_at=created,
        tag=_gtt_tag(row),
    )


def _gtt_legs(row: Gtt, *, refused: bool) -> tuple[GttLegRow, ...]:
    legs = [(row.price_trigger, row.price_limit, row.qty)]
    if row.gtt_oco_ind == _TWO_LEGS:
        legs.append((row.price2_trigger, row.price2_limit, row.qty2))
    reason = (row.oms_msg or "rejected") if refused else None
    return tuple(
        GttLegRow(
            trigger_price=finite(trigger),
            price=finite(price),
            quantity=quantity,
            child_reason=reason,
            child_refusal=refusal_kind(reason) if reason else None,
        )
        for trigger, price, quantity in sorted(legs)
    )


def _gtt_tag(row: Gtt) -> str | None:
    tag = _tag(row.ordertag or row.order_tag)
    return None if tag is None else tag.removeprefix(GTT_TAG)


def _tag(text: str | None) -> str | None:
    if text is None or not text.startswith(_OWN_TAG):
        return None
    return text.removeprefix(_OWN_TAG) or None


def _product(text: str) -> str:
    return _OUR_PRODUCTS.get(text, text)  # others, such as BO, are placed by other hands only


def _net_part(row: Position) -> PositionPart:
    exchange = exchange_of(row.exchange, row.segment)
    key = (exchange, symbol_of(row.symbol, exchange), _product(row.product_type))
    return key, row.net_qty, row.net_avg


def _held_part(row: Holding) -> PositionPart:
    exchange = exchange_of(row.exchange, row.segment)
    key = (exchange, symbol_of(row.symbol, exchange), Product.CNC.value)
    # Shares that come tomorrow have rows of their own; whether `quantity` counts them there is not said.
    return key, max(row.quantity, row.qty_t1), row.cost_price


def _quote(row: NamedQuote, at: datetime) -> Quote:
    values = _QUOTE_VALUES.decode(row.v)
    return Quote(last=finite(values.lp), at=at, bid=price_or_none(values.bid), ask=price_or_none(values.ask))


def _funds(rows: Iterable[Fund]) -> Funds:
    amounts = {row.id: row.equity_amount for row in rows}
    return Funds(available=finite(amounts[_AVAILABLE]), used=finite(amounts[_USED]))


def _time(text: str) -> datetime:
    local = datetime.strptime(text, "%d-%b-%Y %H:%M:%S").replace(tzinfo=EXCHANGE_ZONE)
    return local.astimezone(UTC)
