"""Alpaca's calls for orders, one function each: build the body, send it once, read the answer."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from broker.alpaca import mapping, ocos
from broker.alpaca.book import FRESH, PAGE, OrderBook
from broker.alpaca.chains import Chain
from broker.alpaca.mapping import Body, change_body, encode, oco_body, order_body
from broker.alpaca.refusals import UNCHANGED
from broker.alpaca.schemas import Fill, Order
from broker.alpaca.session import AlpacaSession
from broker.alpaca.words import STOPS
from broker.base import (
    AuthDead,
    Funds,
    GttRequest,
    GttRow,
    NotSent,
    OrderAck,
    OrderRejected,
    OrderRequest,
    OrderRow,
    OutcomeUnknown,
    PositionRow,
    ReadFailed,
    Terms,
    TradeRow,
)
from broker.limiter import Lane
from services.bracket.model import OrderType, RefusalKind

ORDERS = "/v2/orders"
FILLS_PAGE = 100

Rows = TypeVar("Rows")


def place_order_api(order: OrderRequest, session: AlpacaSession) -> OrderAck:
    """Place one order, a bracket when it brings its exits. The failures of a write.

    An answer that says nothing, or that the client id is taken, is asked about once, by that id: only an
    order that is found counts.
    """
    body = order_body(order)
    return OrderAck(broker_order_id=_placed(body, order.tag, _lane(order.uses_reserve), session).id)


def place_gtt_order_api(gtt: GttRequest, session: AlpacaSession) -> OrderAck:
    """Place two exits of which one cancels the other; the same as place_order_api otherwise."""
    made = _placed(oco_body(gtt), gtt.tag, _lane(gtt.uses_reserve), session)
    return OrderAck(broker_order_id=ocos.trigger_id_of(made.id))


def _placed(body: Body, tag: str, lane: Lane, session: AlpacaSession) -> Order:
    try:
        return mapping.placed(session.wire.write("POST", ORDERS, lane=lane, json=encode(body)))
    except OutcomeUnknown:
        found = find_order(tag, session)
        if found is None:
            raise
        return found
    except OrderRejected as exc:
        if exc.kind is not RefusalKind.DUPLICATE_TAG or not tag:
            raise
        found = find_order(tag, session)
        if found is None:
            raise OutcomeUnknown(f"an order {tag} exists, and could not be read") from exc
        if (found.symbol, found.side) != (body["symbol"], body["side"]):
            raise  # somebody else's, or another of ours: not the one that was asked for
        return found


def find_order(tag: str, session: AlpacaSession) -> Order | None:
    """Return the order with a client id of ours, None when Alpaca shows none: which proves nothing."""
    if not tag:
        return None
    try:
        answer = session.wire.read(f"{ORDERS}:by_client_order_id", params={"client_order_id": tag})
        found = mapping.one_order(answer)
    except (ReadFailed, AuthDead):
        return None
    return found if found.client_order_id == tag else None


def modify_order_api(
    broker_order_id: str, terms: Terms, *, session: AlpacaSession, book: OrderBook, uses_reserve: bool
) -> None:
    """Ask for new terms; Alpaca replaces the order by one with another id. The failures of a write."""
    _changed(broker_order_id, terms, session=session, book=book, lane=_lane(uses_reserve))


def _changed(first_id: str, terms: Terms, *, session: AlpacaSession, book: OrderBook, lane: Lane) -> None:
    def change(chain: Chain) -> None:
        body = change_body(chain, terms)
        if not body:
            return
        answer = session.wire.write("PATCH", _path(chain.current.id), lane=lane, json=encode(body))
        try:
            book.note(first_id, mapping.placed(answer))
        except OrderRejected as exc:
            if UNCHANGED not in exc.reason:
                raise

    _at_current(first_id, change, session=session, book=book)


def cancel_order_api(broker_order_id: str, *, session: AlpacaSession, book: OrderBook) -> None:
    """Ask for a cancel; of one exit of a bracket, it takes the other one too. The failures of a write."""

    def cancel(chain: Chain) -> None:
        mapping.taken(session.wire.write("DELETE", _path(chain.current.id), lane=Lane.EXIT))

    _at_current(broker_order_id, cancel, session=session, book=book)


def _at_current(
    first_id: str, act: Callable[[Chain], None], *, session: AlpacaSession, book: OrderBook
) -> None:
    """Do something to the order that stands now for one of ours.

    What is known of it may be old: refused there, it is followed to what replaced it, and done once more if
    that is another order. A refusal changed nothing, so nothing is done twice.
    """
    known = book.known(first_id)
    chain = known or _followed(first_id, first_id, session)
    try:
        act(chain)
    except OrderRejected as exc:
        if known is None or exc.kind not in (RefusalKind.ALREADY_DONE, RefusalKind.NOT_FOUND):
            raise
        current = _followed(first_id, chain.current.id, session, parent_id=chain.parent_id)
        if current.current.id == chain.current.id:
            raise
        act(current)


def _followed(first_id: str, order_id: str, session: AlpacaSession, *, parent_id: str | None = None) -> Chain:
    """Return an order as it stands, by what replaced what. Raises OrderRejected, NotSent or AuthDead."""
    seen: set[str] = set()
    found = _existing(order_id, session)
    while found.replaced_by is not None and found.replaced_by not in seen:
        seen.add(found.replaced_by)
        found = _existing(found.replaced_by, session)
    is_exit = found.order_class in ("bracket", "oto") and not found.legs
    return Chain(first_id=first_id, members=(found,), parent_id=parent_id or ("" if is_exit else None))


def _existing(order_id: str, session: AlpacaSession) -> Order:
    answer = session.wire.read(_path(order_id), params={"nested": "true"})
    if answer.status in (404, 422):
        raise OrderRejected(f"Alpaca shows no order {order_id}", RefusalKind.NOT_FOUND)
    try:
        return mapping.one_order(answer)
    except ReadFailed as exc:
        raise NotSent(f"order {order_id} could not be read: {exc}") from exc


def modify_gtt_order_api(
    trigger_id: str, gtt: GttRequest, *, session: AlpacaSession, book: OrderBook
) -> None:
    """Give both exits their new terms, the stop first. The failures of a write.

    Alpaca changes one order at a time. Refused at the second, the first has changed: unknown, not refused.
    """
    target_id, lane = ocos.target_id_of(trigger_id), _lane(gtt.uses_reserve)
    stop_id = _stop_of(target_id, session, book)
    for count, (first_id, terms) in enumerate(_pair_of_terms(gtt.terms, stop_id, target_id)):
        try:
            _changed(first_id, terms, session=session, book=book, lane=lane)
        except (OrderRejected, NotSent) as exc:
            if count == 0:
                raise
            raise OutcomeUnknown(f"the stop of {trigger_id} changed, its target did not: {exc}") from exc


def _stop_of(target_id: str, session: AlpacaSession, book: OrderBook) -> str:
    known = book.exits_of(target_id)
    if known:
        return known[0].first_id
    legs = _existing(target_id, session).legs or []
    stop = next((leg for leg in legs if leg.type in STOPS), None)
    if stop is None:
        raise NotSent(f"the stop beside order {target_id} is not known yet")
    return stop.id


def _pair_of_terms(terms: Terms, stop_id: str, target_id: str) -> Sequence[tuple[str, Terms]]:
    stop = Terms(
        order_type=OrderType.SL_M if terms.price is None else OrderType.SL,
        quantity=terms.quantity,
        price=terms.price,
        trigger_price=terms.trigger_price,
    )
    target = Terms(order_type=OrderType.LIMIT, quantity=terms.quantity, price=terms.target_price)
    return (stop_id, stop), (target_id, target)


def cancel_gtt_order_api(trigger_id: str, *, session: AlpacaSession, book: OrderBook) -> None:
    """Ask for a cancel of both exits. The failures of a write."""
    cancel_order_api(ocos.target_id_of(trigger_id), session=session, book=book)


class OrderPages:
    """What an OrderBook reads from."""

    def __init__(self, session: AlpacaSession) -> None:
        self._session = session

    def latest(self, *, after: datetime, until: datetime | None) -> list[Order]:
        params = {
            "status": "all",
            "limit": str(PAGE),
            "nested": "true",
            "direction": "desc",
            "after": _told(after),
        }
        if until is not None:
            params["until"] = _told(until)
        return mapping.order_list(self._session.wire.read(ORDERS, params=params))

    def one(self, order_id: str) -> Order:
        return mapping.one_order(self._session.wire.read(_path(order_id), params={"nested": "true"}))


def get_order_book(book: OrderBook) -> tuple[OrderRow, ...]:
    """Return the orders that live and those that ended today. Raises ReadFailed or AuthDead."""
    found = book.read()
    return _possible(lambda: mapping.order_rows(found, ocos.hidden(found), since=book.day_began()))


def get_gtt_book(book: OrderBook) -> tuple[GttRow, ...]:
    """Return the OCO orders, out of the orders just read. Raises ReadFailed or AuthDead."""
    found = book.recent(FRESH)
    return _possible(lambda: ocos.gtt_rows(found, since=book.day_began()))


def get_trade_book(session: AlpacaSession, book: OrderBook) -> tuple[TradeRow, ...]:
    """Return the day's fills. Raises ReadFailed or AuthDead."""
    fills = _fills(session, book.day_began())
    found = book.recent()
    if any(fill.order_id not in found.first_ids for fill in fills):
        found = book.read()
    return _possible(lambda: mapping.trade_rows(fills, found))


def _fills(session: AlpacaSession, since: datetime) -> list[Fill]:
    found: list[Fill] = []
    while True:
        params = {"after": _told(since), "direction": "asc", "page_size": str(FILLS_PAGE)}
        if found:
            params["page_token"] = found[-1].id
        page = mapping.fills(session.wire.read("/v2/account/activities/FILL", params=params))
        found += page
        if len(page) < FILLS_PAGE:
            return found


def get_positions(session: AlpacaSession, book: OrderBook) -> tuple[PositionRow, ...]:
    """Return net positions. Two calls, not one instant. Raises ReadFailed or AuthDead."""
    answer = session.wire.read("/v2/positions")
    found = book.recent()
    return _possible(lambda: mapping.position_rows(answer, found))


def get_funds(session: AlpacaSession) -> Funds:
    """Return dollars. Raises ReadFailed or AuthDead."""
    return mapping.funds(session.wire.read("/v2/account"))


def _possible(make: Callable[[], Rows]) -> Rows:
    try:
        return make()
    except ValueError as exc:
        raise ReadFailed(f"a book of Alpaca's has an impossible row: {exc}") from exc


def _told(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _lane(uses_reserve: bool) -> Lane:
    return Lane.EXIT if uses_reserve else Lane.ENTRY


def _path(order_id: str) -> str:
    return f"{ORDERS}/{quote(order_id, safe='')}"
