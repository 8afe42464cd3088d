"""POST /api/v1/placeorder/, modifyorder/, cancelorder/ and orderstatus/"""

from dataclasses import replace
from typing import assert_never

from flask import Response, g, request
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from database.plain_order_db import PlainOrder
from limiter import ORDERS, PLACING, limiter, order_limit, placing_limit
from restx_api.call_logging import log_this_call
from restx_api.callers import body, caller, desk
from restx_api.envelope import success
from restx_api.models import documented
from restx_api.openalgo.answers import ORDER_REFUSALS, OrderChangedTold, OrderPlacedTold, OrderStatusTold
from restx_api.openalgo.keys import WRONG_KEY, for_openalgo
from restx_api.openalgo.schemas import (
    ModifyAsked,
    OpenalgoModifyOrderSchema,
    OpenalgoOrderNamedSchema,
    OpenalgoPlaceOrderSchema,
    PlaceAsked,
)
from restx_api.openalgo.shapes import Shape, order_shape
from restx_api.openalgo.unlisted import brackets_order_shape, plain_order_shape
from restx_api.placing import refuse_while_stopping, with_idempotency_key
from restx_api.shaping import placed_shape
from services.bracket.model import OrderRow
from services.bracket.request import BracketOrderRequest, TrailRequest
from services.bracket.violations import Violation
from services.bracket_order_service import place_bracket_order_with_auth
from services.errors import BracketDenied
from services.plain.changes import Changed, cancel_order, modify_order
from services.plain.orders import place_plain_order, refuse_if_used
from services.plain.request import PlainOrderRequest
from services.plain.status import BracketsOrder, order_status

api = Namespace(
    "openalgo orders", path="/", description="Orders, as the published `openalgo` client places them."
)

_REFUSES_PLACING = (
    *ORDER_REFUSALS,
    "killed",
    "idempotency_conflict",
    "price_relationship",
    "price_insane",
    "entry_rejected",
    "symbol_conflict",
    "cannot_protect",
    "would_trigger_now",
    "market_closed",
    "past_cutoff",
    "entry_stale",
)
_REFUSES_CHANGE = (*ORDER_REFUSALS, "not_found", "bracket_closed", "price_relationship", "would_trigger_now")
_UNPROTECTED = "Order placed; it has no stop and no target, nothing protects what it fills"
_UNCONFIRMED = "Order sent, broker has not confirmed it: being looked for, do not send it again"


def _asks_for_a_bracket() -> bool:
    # The limiter also asks before the body is read, only to learn which limits there are.
    return bool({"stoploss", "target", "trailing_sl"} & g.get("body", {}).keys())


def _limit() -> str:
    return placing_limit() if _asks_for_a_bracket() else order_limit()


def _scope(_endpoint: str) -> str:
    return PLACING if _asks_for_a_bracket() else ORDERS


@api.route("/placeorder/")
class PlaceOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_openalgo(Scope.TRADE),)

    @documented(
        api,
        takes=OpenalgoPlaceOrderSchema,
        answers=OrderPlacedTold,
        refuses=_REFUSES_PLACING,
        wrong_key=WRONG_KEY,
    )
    @limiter.shared_limit(_limit, scope=_scope)
    def post(self) -> Response:
        """Place an order; with stoploss and target it is a bracket, without them nothing protects it."""
        log_this_call("placeorder")
        refuse_while_stopping()
        keyed = with_idempotency_key(body(), request.headers.get("Idempotency-Key"))
        asked = OpenalgoPlaceOrderSchema().read(keyed)
        if asked.is_bracket:
            return success(_bracket(asked))
        return success(_plain_shape(place_plain_order(desk(), _plain(asked), caller())))


@api.route("/modifyorder/")
class ModifyOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_openalgo(Scope.TRADE),)

    @documented(
        api,
        takes=OpenalgoModifyOrderSchema,
        answers=OrderChangedTold,
        refuses=(*_REFUSES_CHANGE, "killed"),
        wrong_key=WRONG_KEY,
    )
    @limiter.shared_limit(order_limit, scope=ORDERS)
    def post(self) -> Response:
        """Change an order's terms; of a bracket's entry only the price."""
        log_this_call("modifyorder")
        asked = OpenalgoModifyOrderSchema().read(body())
        return success(_changed_shape(modify_order(desk(), asked.orderid, _plain(asked), caller())))


@api.route("/cancelorder/")
class CancelOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_openalgo(Scope.TRADE),)

    @documented(
        api,
        takes=OpenalgoOrderNamedSchema,
        answers=OrderChangedTold,
        refuses=_REFUSES_CHANGE,
        wrong_key=WRONG_KEY,
    )
    def post(self) -> Response:
        """Cancel an order; of a bracket only an entry that has not filled, never a stop."""
        log_this_call("cancelorder")
        asked = OpenalgoOrderNamedSchema().read(body())
        return success(_changed_shape(cancel_order(desk(), asked.orderid, caller())))


@api.route("/orderstatus/")
class OrderStatus(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_openalgo(Scope.READ, Scope.TRADE),)

    @documented(
        api,
        takes=OpenalgoOrderNamedSchema,
        answers=OrderStatusTold,
        refuses=("not_found", "broker_error"),
        wrong_key=WRONG_KEY,
    )
    def post(self) -> Response:
        """Tell where an order stands: as the broker's book shows it, else as far as its way is known."""
        asked = OpenalgoOrderNamedSchema().read(body())
        return success({"data": _status(asked.orderid)})


def _bracket(asked: PlaceAsked) -> Shape:
    refuse_if_used(desk(), caller(), asked.client_order_id)
    trail = None if asked.trailing_sl is None else TrailRequest(points=asked.trailing_sl)
    wanted = BracketOrderRequest(
        symbol=asked.symbol,
        exchange=asked.exchange,
        product=asked.product,
        action=asked.action,
        quantity=asked.quantity,
        entry_price=asked.price or None,
        sl_price=asked.stoploss,
        target_price=asked.target,
        strategy=asked.strategy,
        pricetype=asked.pricetype,
        trigger_price=asked.trigger_price or None,
        disclosed_quantity=asked.disclosed_quantity,
        client_order_id=asked.client_order_id,
        trailing_sl=trail,
    )
    try:
        placed = place_bracket_order_with_auth(desk(), wanted, caller())
    except BracketDenied as exc:
        raise BracketDenied([_in_its_words(fault) for fault in exc.violations]) from exc
    shape = placed_shape(placed)
    # While the broker has not confirmed the entry, the bracket's own id finds it.
    return {**shape, "orderid": shape["orderid"] or shape["bracket_id"], "protected": True}


# What these clients call the fields of a bracket.
_WORDS = {"sl_price": "stoploss", "target_price": "target", "entry_price": "price"}


def _in_its_words(fault: Violation) -> Violation:
    sentence = fault.sentence
    for ours, theirs in _WORDS.items():
        sentence = sentence.replace(ours, theirs)
    return replace(fault, field=_WORDS.get(fault.field, fault.field), sentence=sentence)


def _plain(asked: PlaceAsked | ModifyAsked) -> PlainOrderRequest:
    return PlainOrderRequest(
        strategy=asked.strategy,
        symbol=asked.symbol,
        exchange=asked.exchange,
        action=asked.action,
        product=asked.product,
        pricetype=asked.pricetype,
        quantity=asked.quantity,
        price=asked.price,
        trigger_price=asked.trigger_price,
        disclosed_quantity=asked.disclosed_quantity,
        client_order_id=asked.client_order_id if isinstance(asked, PlaceAsked) else None,
    )


def _plain_shape(order: PlainOrder) -> Shape:
    is_known = order.broker_order_id is not None
    return {
        "orderid": order.broker_order_id or order.id,
        "message": _UNPROTECTED if is_known else _UNCONFIRMED,
        "protected": False,
        "mode": str(order.mode),
    }


def _changed_shape(changed: Changed) -> Shape:
    shape: Shape = {"orderid": changed.order_id, "confirmed": changed.is_confirmed}
    return shape if changed.bracket is None else {**shape, "bracket_id": changed.bracket.id}


def _status(order_id: str) -> Shape:
    found = order_status(desk(), order_id, caller())
    match found:
        case OrderRow():
            return order_shape(found)
        case PlainOrder():
            return plain_order_shape(found, desk().clock.now())
        case BracketsOrder():
            return brackets_order_shape(found, desk().clock.now())
        case _:
            assert_never(found)
