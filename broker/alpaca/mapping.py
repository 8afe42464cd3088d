"""Our words to Alpaca's and back: orders, fills, positions, quotes. Pure.

Alpaca has one position in a symbol, whatever it was bought for. What day orders did is MIS, the rest is CNC.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from broker.alpaca.chains import Chain, Orders
from broker.alpaca.refusals import read_error, refusal_kind, write_error
from broker.alpaca.schemas import Account, Fill, Order, Position, Snapshot
from broker.alpaca.words import (
    EXCHANGE,
    HELD,
    LIVE,
    ORDER_TYPE_OF,
    ORDER_TYPES,
    SIDE_OF,
    SIDES,
    STOPS,
    WORKING,
    at_least,
    at_most,
    exchange_of,
    product_of,
    status_of,
    time_in_force,
)
from broker.base import (
    Funds,
    GttRequest,
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
from services.bracket.model import OrderType, Product, Purpose, RowStatus, Side, Validity

TAG_LENGTH = 128

Body = dict[str, object]
Theirs = TypeVar("Theirs")
Ours = TypeVar("Ours")

encode = msgspec.json.Encoder(decimal_format="number").encode
_ORDER = msgspec.json.Decoder(Order)
_ORDERS = msgspec.json.Decoder(list[Order])
_FILLS = msgspec.json.Decoder(list[Fill])
_POSITIONS = msgspec.json.Decoder(list[Position])
_ACCOUNT = msgspec.json.Decoder(Account)
_SNAPSHOTS = msgspec.json.Decoder(dict[str, Snapshot | None])


# Ours to Alpaca's


def order_body(order: OrderRequest) -> Body:
    """Return what places one order, a bracket when it brings its exits.

    Raises OrderRejected for what Alpaca is known to refuse.
    """
    if order.disclosed_quantity:
        raise OrderRejected("Alpaca shows the whole order: disclosed_quantity is not possible")
    body = _head(order.symbol, order.exchange, order.side, order.terms.quantity, tag=order.tag) | {
        "type": ORDER_TYPES[order.terms.order_type],
        "time_in_force": time_in_force(order.product, order.validity),
        **_price_fields(order.terms),
    }
    return body | _bracket(order) if order.terms.is_native else body


def _head(symbol: str, exchange: str, side: Side, quantity: int, *, tag: str) -> Body:
    if exchange != EXCHANGE:
        raise OrderRejected(f"Alpaca takes no orders for {exchange}")
    if len(tag) > TAG_LENGTH:
        raise OrderRejected(f"tag {tag} is longer than {TAG_LENGTH} characters")
    body: Body = {"symbol": symbol, "qty": quantity, "side": SIDES[side]}
    return body | ({"client_order_id": tag} if tag else {})


def _price_fields(terms: Terms) -> Body:
    fields: Body = {}
    if terms.order_type in (OrderType.LIMIT, OrderType.SL):
        fields["limit_price"] = priced(terms.price, "price", terms)
    if terms.order_type in (OrderType.SL, OrderType.SL_M):
        fields["stop_price"] = priced(terms.trigger_price, "trigger price", terms)
    return fields


def priced(price: Decimal | None, name: str, terms: Terms) -> Decimal:
    """Return a price. Raises OrderRejected, before anything is sent, for none."""
    if not price:
        raise OrderRejected(f"a {terms.order_type} order needs a {name}")
    return price


def _bracket(order: OrderRequest) -> Body:
    if order.validity is not Validity.DAY:
        raise OrderRejected("a bracket order is for the day or until cancelled, not IOC")
    terms = order.terms
    stop = priced(terms.stop_trigger, "stop price", terms)
    return _exits("bracket", priced(terms.target_price, "target price", terms), stop, terms.stop_limit)


def oco_body(gtt: GttRequest) -> Body:
    """Return what places two exits of which one cancels the other. Raises OrderRejected."""
    terms = gtt.terms
    if terms.target_price is None and terms.target_trigger is None:
        raise OrderRejected("Alpaca holds no trigger with one leg: place a stop order instead")
    target = priced(terms.target_price, "target price", terms)
    stop = priced(terms.trigger_price, "stop price", terms)
    return (
        _head(gtt.symbol, gtt.exchange, gtt.side, terms.quantity, tag=gtt.tag)
        | {"type": "limit", "time_in_force": time_in_force(gtt.product, Validity.DAY)}
        | _exits("oco", target, stop, terms.price)
    )


def _exits(order_class: str, target: Decimal, stop: Decimal, limit: Decimal | None) -> Body:
    loss = {"stop_price": stop} | ({} if limit is None else {"limit_price": limit})
    return {"order_class": order_class, "take_profit": {"limit_price": target}, "stop_loss": loss}


def change_body(chain: Chain, terms: Terms) -> Body:
    """Return what gives an order new terms; nothing of what stays. Raises OrderRejected for another type.

    How many shares a bracket's exit covers is Alpaca's business.
    """
    now = chain.current
    if ORDER_TYPES[terms.order_type] != now.type:
        raise OrderRejected(f"Alpaca changes no {now.type} order into {ORDER_TYPES[terms.order_type]}")
    wanted: Body = _price_fields(terms)
    if chain.parent_id is None or now.order_class == "oco":
        wanted["qty"] = terms.quantity
    shown = {"limit_price": now.limit_price, "stop_price": now.stop_price, "qty": ordered(chain)}
    return {name: value for name, value in wanted.items() if value != shown[name]}


# Alpaca's to ours: answers to writes


def placed(answer: Answer) -> Order:
    """Return the order that an answer shows. Raises what a write may raise."""
    if answer.status not in (200, 201):
        raise write_error(answer)
    try:
        return _ORDER.decode(answer.body)
    except (ValueError, RecursionError) as exc:
        raise OutcomeUnknown(f"HTTP {answer.status} with an answer that shows no order") from exc


def taken(answer: Answer) -> None:
    """Take an answer to a cancel: 204 without a body. Raises what a write may raise."""
    if answer.status not in (200, 204):
        raise write_error(answer)


# Alpaca's to ours: answers to reads. A row that lacks a field fails the whole read.


def read(answer: Answer, decoder: "msgspec.json.Decoder[Theirs]", convert: Callable[[Theirs], Ours]) -> Ours:
    """Return what an answer says. Raises ReadFailed or AuthDead."""
    if answer.status != 200:
        raise read_error(answer)
    try:
        return convert(decoder.decode(answer.body))
    except (ValueError, RecursionError) as exc:
        raise ReadFailed(f"HTTP 200 with an answer that is not Alpaca's: {exc}") from exc


def one_order(answer: Answer) -> Order:
    """Return one order with its legs. Raises ReadFailed or AuthDead."""
    return read(answer, _ORDER, lambda row: row)


def order_list(answer: Answer) -> list[Order]:
    """Return a page of orders as Alpaca has them. Raises ReadFailed or AuthDead."""
    return read(answer, _ORDERS, list)


def fills(answer: Answer) -> list[Fill]:
    """Return a page of fills. Raises ReadFailed or AuthDead."""
    return read(answer, _FILLS, list)


def order_rows(orders: Orders, hidden: Iterable[str], *, since: datetime) -> tuple[OrderRow, ...]:
    """Return the order book: what lives, and what ended since then. Raises ValueError."""
    left_out = set(hidden)
    return tuple(
        order_row(chain, orders)
        for chain in orders.chains.values()
        if chain.first_id not in left_out and (is_live(chain, orders) or chain.current.updated_at >= since)
    )


def order_row(chain: Chain, orders: Orders) -> OrderRow:
    """Return one order under the id it was placed under. Raises ValueError for impossible rows."""
    now, status = chain.current, row_status(chain, orders)
    is_leg, is_rejected = chain.parent_id is not None, status is RowStatus.REJECTED
    parent = orders.chains.get(chain.parent_id or "")
    is_exit = parent is not None and parent.current.order_class != "oco"
    is_stop = now.type in STOPS
    first = chain.members[0]
    is_first = first.id == chain.first_id and not is_leg and first.order_class != "oco"
    return OrderRow(
        broker_order_id=chain.first_id,
        tag=(first.client_order_id or None) if is_first and not _is_made_up(first) else None,
        exchange=exchange_of(now.asset_class),
        symbol=now.symbol,
        product=product_of(now.time_in_force),
        side=_side(now.side),
        order_type=_order_type(now.type),
        quantity=ordered(chain),
        status=status,
        filled=filled(chain),
        price=now.limit_price,
        trigger_price=now.stop_price,
        average_price=average(chain),
        updated_at=now.updated_at.astimezone(UTC),
        reason="rejected" if is_rejected else None,
        refusal=refusal_kind("") if is_rejected else None,
        parent_order_id=chain.parent_id if is_exit else None,
        exit_purpose=(Purpose.STOP if is_stop else Purpose.TARGET) if is_exit else None,
    )


def _is_made_up(order: Order) -> bool:
    """Whether Alpaca gave the client id itself, as it does where nobody else does: it is a UUID then."""
    return len(order.client_order_id) == 36 and order.client_order_id.count("-") == 4


def row_status(chain: Chain, orders: Orders) -> RowStatus:
    """Return an order's status: quantities first, the word second. Raises ValueError for impossible ones."""
    now = chain.current
    status = _proven(status_of(now.status, now.time_in_force), filled(chain), of=ordered(chain))
    if now.status == HELD and works_beside(chain, orders):
        status = RowStatus.OPEN
    waits = now.type in STOPS and filled(chain) == 0
    return RowStatus.TRIGGER_PENDING if status is RowStatus.OPEN and waits else status


def works_beside(chain: Chain, orders: Orders) -> bool:
    """Whether a stop that is called held works: it does once the target that it is linked with does."""
    parent = orders.chains.get(chain.parent_id or "")
    if parent is None or chain.current.type not in STOPS:
        return False
    is_oco = parent.current.order_class == "oco"
    targets = [parent] if is_oco else [one for one in orders.exits_of(parent.first_id) if one is not chain]
    return any(one.current.status in WORKING for one in targets)


def is_live(chain: Chain, orders: Orders) -> bool:
    return row_status(chain, orders) in LIVE | {RowStatus.UNKNOWN}


def _proven(status: RowStatus, done: int, *, of: int) -> RowStatus:
    if not 0 <= done <= of:
        raise ValueError(f"filled {done} of {of}")
    if done == of > 0 and status in LIVE:
        return RowStatus.FILLED  # the quantities run ahead of the word
    if status is RowStatus.FILLED and done < of:
        return RowStatus.UNKNOWN
    return status


def ordered(chain: Chain) -> int:
    """Return the total quantity: what is ordered now, and what filled before it was replaced."""
    now = chain.current
    quantity = now.filled_qty if now.qty is None else now.qty
    return at_least(quantity) + sum(at_most(one.filled_qty) for one in chain.before)


def filled(chain: Chain) -> int:
    now = chain.current
    is_whole = now.status == "filled"
    done = at_least(now.filled_qty) if is_whole else at_most(now.filled_qty)
    return done + sum(at_most(one.filled_qty) for one in chain.before)


def average(chain: Chain) -> Decimal | None:
    """Return the average price of all fills, None while there are none or no price is told."""
    parts = [(one.filled_qty, one.filled_avg_price) for one in (*chain.before, chain.current)]
    told = [(quantity, price) for quantity, price in parts if quantity and price]
    total = sum((quantity for quantity, _ in told), Decimal(0))
    if not total or len(told) < len([quantity for quantity, _ in parts if quantity]):
        return None
    if len(told) == 1:
        return told[0][1]
    return sum((quantity * price for quantity, price in told), Decimal(0)) / total


def trade_rows(found: Iterable[Fill], orders: Orders) -> tuple[TradeRow, ...]:
    """Return the fills, each under the id that its order goes by. Raises ValueError."""
    return tuple(_trade_row(row, orders) for row in found)


def _trade_row(row: Fill, orders: Orders) -> TradeRow:
    first_id = orders.first_of(row.order_id)
    chain = orders.chains.get(first_id)
    return TradeRow(
        trade_id=row.id,
        broker_order_id=first_id,
        exchange=EXCHANGE if chain is None else exchange_of(chain.current.asset_class),
        symbol=row.symbol,
        product="" if chain is None else product_of(chain.current.time_in_force),
        side=_side(row.side),
        quantity=at_least(row.qty),
        price=row.price,
        at=row.transaction_time.astimezone(UTC),
    )


def position_rows(answer: Answer, orders: Orders) -> tuple[PositionRow, ...]:
    """Return net positions, what day orders made of each apart. Raises ReadFailed or AuthDead."""
    by_day = _by_day(orders)
    return read(answer, _POSITIONS, lambda rows: tuple(one for row in rows for one in _parts(row, by_day)))


def _by_day(orders: Orders) -> Mapping[str, int]:
    done: Counter[str] = Counter()
    for chain in orders.chains.values():
        now = chain.current
        if product_of(now.time_in_force) != Product.CNC and exchange_of(now.asset_class) == EXCHANGE:
            done[now.symbol] += _side(now.side).sign * filled(chain)
    return done


def _parts(row: Position, by_day: Mapping[str, int]) -> list[PositionRow]:
    """Return a position's parts: never more in either than there is, nor of another sign."""
    net = at_most(abs(row.qty)) * (-1 if row.side == "short" else 1)
    least, most = min(net, 0), max(net, 0)
    day = min(max(by_day.get(row.symbol, 0), least), most)
    parts = {Product.MIS: day, Product.CNC: net - day}
    return [
        PositionRow(
            exchange=exchange_of(row.asset_class),
            symbol=row.symbol,
            product=product.value,
            quantity=quantity,
            average_price=row.avg_entry_price,
        )
        for product, quantity in parts.items()
        if quantity
    ]


def quotes(answer: Answer) -> dict[Symbol, Quote]:
    """Return the quotes by symbol. Raises ReadFailed or AuthDead."""
    return read(
        answer,
        _SNAPSHOTS,
        lambda found: {
            (EXCHANGE, symbol): quote
            for symbol, row in found.items()
            if row is not None and (quote := _quote(row)) is not None
        },
    )


def _quote(row: Snapshot) -> Quote | None:
    trade, best = row.latestTrade, row.latestQuote
    if trade is None or trade.p <= 0:
        return None
    return Quote(
        last=trade.p,
        at=trade.t.astimezone(UTC),
        bid=best.bp or None if best else None,
        ask=best.ap or None if best else None,
    )


def funds(answer: Answer) -> Funds:
    """Return dollars that new orders may use, and dollars held. Raises ReadFailed or AuthDead."""
    return read(answer, _ACCOUNT, lambda row: Funds(available=row.buying_power, used=row.initial_margin))


def account_number(answer: Answer) -> str:
    """Return whose keys they are. Raises ReadFailed or AuthDead."""
    return read(answer, _ACCOUNT, lambda row: row.account_number)


def _side(word: str) -> Side:
    if word not in SIDE_OF:
        raise ValueError(f"unknown side {word}")
    return SIDE_OF[word]


def _order_type(word: str) -> OrderType:
    if word not in ORDER_TYPE_OF:
        raise ValueError(f"unknown order type {word}")
    return ORDER_TYPE_OF[word]
