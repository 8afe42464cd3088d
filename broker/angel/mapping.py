"""Our words to Angel One's and back. Pure: no network, no clock."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeVar

import msgspec

from broker.amounts import finite, price_or_none
from broker.angel.notes import OrderNote
from broker.angel.refusals import envelope_of, read_error, refusal_kind, write_error
from broker.angel.schemas import (
    Book,
    Filled,
    Holding,
    Limits,
    MarketQuote,
    Order,
    Placed,
    Position,
    Profile,
    Quotes,
    Session,
    Trade,
)
from broker.angel.scripts import EXCHANGES, ScriptName, symbol_of
from broker.base import (
    Funds,
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
from services.bracket.model import OrderType, Product, RefusalKind, RowStatus, Side
from utils.constants import EXCHANGE_ZONE

TAG_LENGTH = 19  # "less than 20"
STOP_VARIETY, USUAL_VARIETY = "STOPLOSS", "NORMAL"

PRODUCTS = {
    Product.MIS: "INTRADAY",
    Product.CNC: "DELIVERY",
    Product.NRML: "CARRYFORWARD",
    Product.MTF: "MARGIN",
}
ORDER_TYPES = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.SL: "STOPLOSS_LIMIT",
    OrderType.SL_M: "STOPLOSS_MARKET",
}
ROW_STATUSES = {
    "put order req received": RowStatus.PENDING,
    "validation pending": RowStatus.PENDING,
    "open pending": RowStatus.PENDING,
    "after market order req received": RowStatus.PENDING,
    "modify after market order req received": RowStatus.PENDING,
    # Between two states: whether a stop rests, and as what, only the next word says.
    "modify validation pending": RowStatus.PENDING,
    "modify pending": RowStatus.PENDING,
    "modified": RowStatus.PENDING,
    "not modified": RowStatus.PENDING,
    "cancel pending": RowStatus.PENDING,
    "not cancelled": RowStatus.PENDING,
    "trigger pending": RowStatus.TRIGGER_PENDING,
    "open": RowStatus.OPEN,
    "complete": RowStatus.FILLED,
    "cancelled": RowStatus.CANCELLED,
    "cancelled after market order": RowStatus.CANCELLED,
    "rejected": RowStatus.REJECTED,
}
_OUR_PRODUCTS = {theirs: ours.value for ours, theirs in PRODUCTS.items()}
_OUR_ORDER_TYPES = {theirs: ours for ours, theirs in ORDER_TYPES.items()}
_STOPS = frozenset({OrderType.SL, OrderType.SL_M})
_LIVE_STATUSES = frozenset({RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN})

_PLACED = msgspec.json.Decoder(Filled[Placed], strict=False)
_SESSION = msgspec.json.Decoder(Filled[Session])
_PROFILE = msgspec.json.Decoder(Filled[Profile])
_ORDERS = msgspec.json.Decoder(Book[Order], strict=False)
_ORDER = msgspec.json.Decoder(Filled[Order], strict=False)
_TRADES = msgspec.json.Decoder(Book[Trade], strict=False)
_POSITIONS = msgspec.json.Decoder(Book[Position], strict=False)
_HOLDINGS = msgspec.json.Decoder(Book[Holding], strict=False)
_QUOTES = msgspec.json.Decoder(Filled[Quotes], strict=False)
_LIMITS = msgspec.json.Decoder(Filled[Limits], strict=False)

Angels = TypeVar("Angels")
Ours = TypeVar("Ours")
Body = dict[str, str]


# Ours to Angel's: every number is a text


def order_body(order: OrderRequest, script: ScriptName) -> Body:
    """Return what places one order. Raises OrderRejected, unsent, for what Angel is known to refuse."""
    if order.exchange not in EXCHANGES:
        raise OrderRejected(f"Angel One takes no orders for {order.exchange}")
    price, trigger = _prices(order.terms)
    note = note_of(order, script)
    body = {
        "variety": note.variety,
        "tradingsymbol": note.trading_symbol,
        "symboltoken": note.token,
        "transactiontype": order.side.value,
        "exchange": note.exchange,
        "ordertype": ORDER_TYPES[order.terms.order_type],
        "producttype": note.product_type,
        "duration": note.duration,
        "price": price,
        "triggerprice": trigger,
        "squareoff": "0",
        "stoploss": "0",
        "quantity": str(order.terms.quantity),
    }
    return body | _tag_field(order.tag) | _disclosed(order.disclosed_quantity)


def note_of(order: OrderRequest, script: ScriptName) -> OrderNote:
    """Return what later calls about this order have to repeat."""
    return OrderNote(
        variety=STOP_VARIETY if order.terms.order_type in _STOPS else USUAL_VARIETY,
        exchange=order.exchange,
        trading_symbol=script.trading_symbol,
        token=script.token,
        product_type=PRODUCTS[order.product],
        duration=order.validity.value,
    )


def modify_body(broker_order_id: str, terms: Terms, note: OrderNote) -> Body:
    """Return what gives an order new terms; quantity is the total.

    The variety is the order's, whatever it becomes. The trigger price always goes along: without it a change
    of a stop is answered with success and does nothing.
    """
    price, trigger = _prices(terms)
    return {
        "variety": note.variety,
        "orderid": broker_order_id,
        "ordertype": ORDER_TYPES[terms.order_type],
        "producttype": note.product_type,
        "duration": note.duration,
        "price": price,
        "quantity": str(terms.quantity),
        "tradingsymbol": note.trading_symbol,
        "symboltoken": note.token,
        "exchange": note.exchange,
        "triggerprice": trigger,
    }


def cancel_body(broker_order_id: str, note: OrderNote | None) -> Body:
    """Return what cancels an order; one that nobody knows is called an ordinary one."""
    return {"variety": note.variety if note else USUAL_VARIETY, "orderid": broker_order_id}


def login_body(*, client_code: str, pin: str, code: str) -> Body:
    """Return what logs a client in."""
    return {"clientcode": client_code, "password": pin, "totp": code}


def quote_body(asked: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Return what asks for quotes of exchanges and numbers."""
    tokens: dict[str, list[str]] = {}
    for exchange, token in sorted(asked):
        tokens.setdefault(exchange, []).append(token)
    return {"mode": "FULL", "exchangeTokens": tokens}


def _prices(terms: Terms) -> tuple[str, str]:
    """Return price and trigger price; 0 is Angel's word for none."""
    match terms.order_type:
        case OrderType.LIMIT:
            return _needed(terms.price, "price", terms), "0"
        case OrderType.SL:
            return _needed(terms.price, "price", terms), _needed(terms.trigger_price, "trigger price", terms)
        case OrderType.SL_M:
            # NSE bans it for options, BSE for all, and the API wants a protection that it has no field for.
            raise OrderRejected("a stop at Angel One has a limit", RefusalKind.STOP_MARKET_BANNED)
        case OrderType.MARKET:
            return "0", "0"


def _needed(price: Decimal | None, name: str, terms: Terms) -> str:
    if not price:
        raise OrderRejected(f"a {terms.order_type} order needs a {name}")
    return format(price, "f")


def _tag_field(tag: str) -> Body:
    if len(tag) > TAG_LENGTH:
        raise OrderRejected(f"tag {tag} is longer than {TAG_LENGTH} characters")
    return {"ordertag": tag} if tag else {}


def _disclosed(quantity: int) -> Body:
    return {"disclosedquantity": str(quantity)} if quantity else {}


# Angel's to ours: answers to writes


def placed(answer: Answer) -> Placed:
    """Return the ids that a write is answered with. Raises what a write may raise."""
    said = envelope_of(answer)
    if answer.status != 200 or said is None or not said.is_good:
        raise write_error(answer)
    try:
        return _PLACED.decode(answer.body).data
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"success with an answer that names no order: {exc}") from exc


def jwt_of(answer: Answer) -> str:
    """Return the token of a login. Raises what a write may raise."""
    said = envelope_of(answer)
    if answer.status != 200 or said is None or not said.is_good:
        raise write_error(answer)
    try:
        return _SESSION.decode(answer.body).data.jwt_token.removeprefix("Bearer ")
    except (ValueError, RecursionError):
        # The words of the decoder might hold what it could not read: a token.
        raise OutcomeUnknown("a login without a token") from None


# Angel's to ours: answers to reads. A row that lacks a field fails the whole read.


def orders(answer: Answer) -> tuple[Order, ...]:
    """Return the order book as Angel has it. Raises ReadFailed or AuthDead."""
    return _read(answer, _ORDERS, lambda found: tuple(found.data or ()))


def one_order(answer: Answer) -> Order:
    """Return the order that a look-up found. Raises ReadFailed or AuthDead."""
    return _read(answer, _ORDER, lambda found: found.data)


def order_rows(rows: Iterable[Order]) -> tuple[OrderRow, ...]:
    """Return rows of the order book in our words. Raises ReadFailed."""
    try:
        return tuple(map(_order_row, rows))
    except (ValueError, KeyError) as exc:
        raise ReadFailed(f"a row of the order book cannot be read: {exc}") from exc


def trade_rows(answer: Answer, today: date) -> tuple[TradeRow, ...]:
    """Return the trade book, whose times have no day: they are today's. Raises ReadFailed or AuthDead."""
    return _read(answer, _TRADES, lambda found: tuple(_trade_row(row, today) for row in found.data or ()))


def position_rows(positions: Answer, holdings: Answer) -> tuple[PositionRow, ...]:
    """Return net positions; delivery = holdings (with T+1) and today's own. Raises ReadFailed or AuthDead."""
    net = _read(positions, _POSITIONS, lambda found: list(map(_net_part, found.data or ())))
    held = _read(holdings, _HOLDINGS, lambda found: list(map(_held_part, found.data or ())))
    return net_positions(net + held)


def quotes(answer: Answer, asked: Mapping[tuple[str, str], Symbol], at: datetime) -> dict[Symbol, Quote]:
    """Return the quotes; asked says which exchange and number is which symbol. Raises ReadFailed or AuthDead.

    The times in the answer are the last trade's and the feed's; the quote itself is as of `at`.
    """
    return _read(
        answer,
        _QUOTES,
        lambda found: {
            asked[row.exchange, row.symbol_token]: _quote(row, at)
            for row in found.data.fetched or ()
            if (row.exchange, row.symbol_token) in asked and row.ltp > 0
        },
    )


def funds(answer: Answer) -> Funds:
    """Return cash in rupees. Raises ReadFailed or AuthDead."""
    return _read(answer, _LIMITS, lambda found: _funds(found.data))


def client_code(answer: Answer) -> str:
    """Return whose session it is. Raises ReadFailed or AuthDead."""
    return _read(answer, _PROFILE, lambda found: found.data.clientcode)


def _read(answer: Answer, decoder: "msgspec.json.Decoder[Angels]", convert: Callable[[Angels], Ours]) -> Ours:
    said = envelope_of(answer)
    if answer.status != 200 or said is None or not said.is_good:
        raise read_error(answer)
    try:
        return convert(decoder.decode(answer.body))
    except (ValueError, KeyError, RecursionError) as exc:
        raise ReadFailed(f"success with an answer that is not Angel One's: {exc}") from exc


def _order_row(row: Order) -> OrderRow:
    status, reason = _row_status(row), row.text or None
    return OrderRow(
        broker_order_id=row.orderid,
        tag=row.ordertag or None,
        exchange=row.exchange,
        symbol=symbol_of(row.tradingsymbol, row.exchange),
        product=_product(row.producttype),
        side=Side(row.transactiontype),
        order_type=_OUR_ORDER_TYPES[row.ordertype],
        quantity=row.quantity,
        status=status,
        filled=row.filledshares,
        price=price_or_none(row.price),
        trigger_price=price_or_none(row.triggerprice),
        average_price=price_or_none(row.averageprice) if row.filledshares else None,
        updated_at=_latest(row.updatetime, row.exchtime, row.exchorderupdatetime),
        reason=reason,
        refusal=refusal_kind(reason or "") if status is RowStatus.REJECTED else None,
    )


def _row_status(row: Order) -> RowStatus:
    if not 0 <= row.filledshares <= row.quantity:
        raise ValueError(f"order {row.orderid}: filled {row.filledshares} of {row.quantity}")
    status = _word(row)
    filled_up = row.filledshares == row.quantity > 0
    if filled_up and status in _LIVE_STATUSES:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and not filled_up:
        return RowStatus.UNKNOWN  # word and quantities contradict each other
    return status


def _word(row: Order) -> RowStatus:
    """Return what both fields of a row say; where they do not agree, nobody knows."""
    words = {word.strip() for word in (row.status, row.orderstatus) if word.strip()}
    found = {ROW_STATUSES.get(word, RowStatus.UNKNOWN) for word in words}
    return found.pop() if len(found) == 1 else RowStatus.UNKNOWN


def _trade_row(row: Trade, today: date) -> TradeRow:
    at = datetime.combine(today, time.fromisoformat(row.filltime), tzinfo=EXCHANGE_ZONE)
    return TradeRow(
        trade_id=row.fillid,
        broker_order_id=row.orderid,
        exchange=row.exchange,
        symbol=symbol_of(row.tradingsymbol, row.exchange),
        product=_product(row.producttype),
        side=Side(row.transactiontype),
        quantity=row.fillsize,
        price=finite(row.fillprice),
        at=at.astimezone(UTC),
    )


def _product(text: str) -> str:
    return _OUR_PRODUCTS.get(text, text)  # others, such as BO, are placed by other hands only


def _net_part(row: Position) -> PositionPart:
    key = (row.exchange, symbol_of(row.tradingsymbol, row.exchange), _product(row.producttype))
    return key, row.netqty, row.netprice


def _held_part(row: Holding) -> PositionPart:
    key = (row.exchange, symbol_of(row.tradingsymbol, row.exchange), Product.CNC.value)
    # Whether `quantity` counts what comes tomorrow is not said: the parts are told beside it.
    return key, max(row.quantity, row.realisedquantity + row.t1quantity), row.averageprice


def _quote(row: MarketQuote, at: datetime) -> Quote:
    return Quote(
        last=finite(row.ltp),
        at=at,
        bid=price_or_none(row.depth.buy[0].price) if row.depth and row.depth.buy else None,
        ask=price_or_none(row.depth.sell[0].price) if row.depth and row.depth.sell else None,
        lower_band=price_or_none(row.lower_circuit),
        upper_band=price_or_none(row.upper_circuit),
    )


def _funds(row: Limits) -> Funds:
    return Funds(available=finite(row.availablecash), used=finite(row.utiliseddebits))


def _latest(*texts: str | None) -> datetime | None:
    return max((_moment(text) for text in texts if text), default=None)


def _moment(text: str) -> datetime:
    local = datetime.strptime(text, "%d-%b-%Y %H:%M:%S").replace(tzinfo=EXCHANGE_ZONE)
    return local.astimezone(UTC)
