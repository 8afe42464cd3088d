"""The endpoints of orders."""

from datetime import datetime

from services.bracket.model import OrderRequest, RowStatus, Side
from simulator.alpaca.desk import EXCHANGE, Desk
from simulator.alpaca.failures import insufficient, not_found, unprocessable, words_of
from simulator.alpaca.forms import ChangeForm, OrderForm, changed_terms, check_bracket, order_request, pair_of
from simulator.alpaca.rows import Row, is_closing, is_leg, order_row, replaced_row
from simulator.orders import Order
from simulator.wire.calls import Call, Reply
from simulator.wire.failures import Complaint, Trouble

_MOST = 500
_DEFAULT = 50


def place(desk: Desk, call: Call) -> Row:
    asked: OrderForm = call.json(OrderForm)
    _check_client_id(desk, call, asked)
    match asked.order_class or "simple":
        case "simple":
            order_id = _placed(desk, call, order_request(desk, asked))
        case "bracket":
            order_id = _bracket(desk, call, asked)
        case "oco":
            order_id = _oco(desk, call, asked)
        case other:
            raise unprocessable(f"order_class {other} is not simulated", 40010001)
    return order_row(desk, _known(desk, call, order_id))


def _check_client_id(desk: Desk, call: Call, asked: OrderForm) -> None:
    if not asked.client_order_id:
        return
    tag = desk.tag_of(asked.client_order_id)
    if any(one.tag == tag for one in desk.orders(call.user_id)):
        raise unprocessable("client_order_id must be unique", 40010001)


def _bracket(desk: Desk, call: Call, asked: OrderForm) -> str:
    request = order_request(desk, asked)
    check_bracket(asked, desk.last_of((EXCHANGE, asked.symbol)))
    if is_closing(request.side, held(desk, call.user_id, asked.symbol)):
        raise unprocessable("bracket orders must be entry orders")
    return _placed(desk, call, request)


def _oco(desk: Desk, call: Call, asked: OrderForm) -> str:
    target, stop = pair_of(desk, asked)
    if not is_closing(target.side, held(desk, call.user_id, asked.symbol)):
        raise unprocessable("oco orders must be exit orders")
    _check_available(desk, call.user_id, target)
    return desk.exchange.place_pair(call.user_id, target, stop)[0]


def _placed(desk: Desk, call: Call, request: OrderRequest) -> str:
    _check_available(desk, call.user_id, request)
    order_id = desk.exchange.place(call.user_id, request)
    order = _known(desk, call, order_id)
    if order.status is RowStatus.REJECTED and order.placed_at == order.updated_at:
        desk.unlisted.add(order_id)
        desk.unlisted.update(order.exit_ids)
        raise insufficient(f"insufficient buying power: {words_of(order.refusal, order.reason or '')}")
    return order_id


def held(desk: Desk, user_id: str, symbol: str) -> int:
    """Return the net position in a symbol, whatever it was bought as."""
    positions, holdings = desk.exchange.portfolio(user_id)
    return sum(row.quantity for row in (*positions, *holdings) if row.symbol == symbol)


def _check_available(desk: Desk, user_id: str, request: OrderRequest) -> None:
    """Refuse to close shares that another order is already closing: one order for each share."""
    position = held(desk, user_id, request.symbol)
    if not is_closing(request.side, position):
        return
    free = abs(position) - _promised(desk, user_id, request.symbol, request.side)
    if request.terms.quantity > free:
        raise insufficient(
            f"insufficient qty available for order (requested: {request.terms.quantity}, available: {free})"
        )


def _promised(desk: Desk, user_id: str, symbol: str, side: Side) -> int:
    closing = (
        one for one in desk.orders(user_id) if one.is_live and one.symbol == symbol and one.side is side
    )
    return sum(one.remaining for one in closing if one.is_promise)


def change(desk: Desk, call: Call) -> Row:
    order = _changeable(desk, call, verb="replaced")
    terms = changed_terms(call.json(ChangeForm), order)
    before = order_row(desk, order)
    desk.exchange.modify(call.user_id, order.order_id, terms=terms)
    desk.replaced[before["id"]] = before
    return order_row(desk, _known(desk, call, order.order_id))


def cancel(desk: Desk, call: Call) -> Reply:
    order = _changeable(desk, call, verb="canceled")
    desk.exchange.cancel(call.user_id, order.order_id)
    return Reply(204, b"")


def _changeable(desk: Desk, call: Call, *, verb: str) -> Order:
    order, generation = desk.found(call.user_id, call.path_words["order_id"])
    row = order_row(desk, order)
    if generation != order.modifications:
        raise unprocessable(f"order in replaced status cannot be {verb}")
    is_early = row["status"] in ("accepted", "pending_new") and verb == "replaced"
    if not order.is_live or is_early:
        raise unprocessable(f'order is already in "{row["status"]}" state')
    return order


def one(desk: Desk, call: Call) -> Row:
    order, generation = desk.found(call.user_id, call.path_words["order_id"])
    if generation < order.modifications:
        return replaced_row(desk, order, generation)
    return order_row(desk, order)


def by_client_id(desk: Desk, call: Call) -> Row:
    asked = "".join(call.query_values("client_order_id"))
    for order in desk.orders(call.user_id):
        for generation in range(order.modifications + 1):
            if desk.client_id_of(order, generation) == asked:
                is_past = generation < order.modifications
                return replaced_row(desk, order, generation) if is_past else order_row(desk, order)
    raise not_found(f"order not found for {asked}")


def book(desk: Desk, call: Call) -> list[Row]:
    """Return the latest orders first; exits are below their entry, and what they replaced is nowhere."""
    rows = [row for order in desk.orders(call.user_id) if not is_leg(order) for row in _chain(desk, order)]
    rows = [row for row in rows if _is_asked(call, row)]
    rows.sort(key=lambda row: str(row["submitted_at"]), reverse=_said(call, "direction") != "asc")
    return rows[: min(int(_said(call, "limit") or _DEFAULT), _MOST)]


def _chain(desk: Desk, order: Order) -> list[Row]:
    past = [replaced_row(desk, order, generation) for generation in range(order.modifications)]
    return [order_row(desk, order), *reversed(past)]


def _is_asked(call: Call, row: Row) -> bool:
    status, symbols = _said(call, "status") or "open", _said(call, "symbols")
    is_open = row["status"] in ("new", "partially_filled", "pending_new", "accepted")
    if (status == "open" and not is_open) or (status == "closed" and is_open):
        return False
    after, until = _moment(call, "after"), _moment(call, "until")
    at = datetime.fromisoformat(row["submitted_at"])
    if symbols and row["symbol"] not in symbols.split(","):
        return False
    return (after is None or at > after) and (until is None or at < until)


def _moment(call: Call, name: str) -> datetime | None:
    text = _said(call, name)
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError as exc:
        raise Complaint(Trouble.BAD_INPUT, f"invalid {name} {text}") from exc


def _said(call: Call, name: str) -> str:
    return "".join(call.query_values(name))


def _known(desk: Desk, call: Call, order_id: str) -> Order:
    return next(order for order in desk.exchange.orders(call.user_id) if order.order_id == order_id)
