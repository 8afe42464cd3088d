"""POST /api/v1/placegttorder/, modifygttorder/, cancelgttorder/ and gttorderbook/"""

from collections.abc import Iterator
from decimal import Decimal

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from limiter import ORDERS, limiter, order_limit
from restx_api.call_logging import log_this_call
from restx_api.callers import body, caller, desk
from restx_api.envelope import success
from restx_api.models import documented
from restx_api.openalgo.answers import ORDER_REFUSALS, GttChangedTold, GttPlacedTold, RowsTold
from restx_api.openalgo.keys import WRONG_KEY, for_openalgo
from restx_api.openalgo.schemas import (
    GttFields,
    OpenalgoGttBookSchema,
    OpenalgoGttNamedSchema,
    OpenalgoModifyGttSchema,
    OpenalgoPlaceGttSchema,
)
from restx_api.openalgo.shapes import Shape, gtt_shape
from restx_api.placing import refuse_while_stopping
from services import account_books
from services.bracket.model import GttStatus, OrderType, Product, Side, Terms
from services.bracket.violations import Violation, invalid
from services.errors import BracketDenied
from services.plain.changes import Changed, cancel_gtt, modify_gtt
from services.plain.orders import GttAsked, place_plain_gtt
from utils.constants import VALID_ACTIONS

api = Namespace(
    "openalgo gtt",
    path="/",
    description="Triggers that rest at the broker, as the published client sets them.",
)

_GUARD = (for_openalgo(Scope.TRADE),)
_MIS = "GTT supports only CNC (delivery) or NRML (overnight F&O); MIS is intraday-only."


@api.route("/placegttorder/")
class PlaceGttOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api,
        takes=OpenalgoPlaceGttSchema,
        answers=GttPlacedTold,
        refuses=(*ORDER_REFUSALS, "killed", "symbol_conflict"),
        wrong_key=WRONG_KEY,
    )
    @limiter.shared_limit(order_limit, scope=ORDERS)
    def post(self) -> Response:
        """Set a single trigger or an OCO pair; not in a symbol in which a bracket is open."""
        log_this_call("placegttorder")
        refuse_while_stopping()
        order = place_plain_gtt(desk(), _asked(OpenalgoPlaceGttSchema().read(body())), caller())
        message = "GTT placed" if order.broker_order_id else "GTT sent, broker has not confirmed it"
        return success(
            {"trigger_id": order.broker_order_id or order.id, "protected": False, "message": message}
        )


@api.route("/modifygttorder/")
class ModifyGttOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api,
        takes=OpenalgoModifyGttSchema,
        answers=GttChangedTold,
        refuses=(*ORDER_REFUSALS, "not_found"),
        wrong_key=WRONG_KEY,
    )
    @limiter.shared_limit(order_limit, scope=ORDERS)
    def post(self) -> Response:
        """Replace a trigger as a whole; the symbol and the side stay."""
        log_this_call("modifygttorder")
        asked = OpenalgoModifyGttSchema().read(body())
        return success(_changed(modify_gtt(desk(), asked.trigger_id, _asked(asked), caller())))


@api.route("/cancelgttorder/")
class CancelGttOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api,
        takes=OpenalgoGttNamedSchema,
        answers=GttChangedTold,
        refuses=("order_rejected", "broker_error", "not_found"),
        wrong_key=WRONG_KEY,
    )
    def post(self) -> Response:
        """Delete a trigger; never one that protects a bracket."""
        log_this_call("cancelgttorder")
        asked = OpenalgoGttNamedSchema().read(body())
        return success(_changed(cancel_gtt(desk(), asked.trigger_id, caller())))


@api.route("/gttorderbook/")
class GttOrderBook(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_openalgo(Scope.READ, Scope.TRADE),)

    @documented(
        api, takes=OpenalgoGttBookSchema, answers=RowsTold, refuses=("broker_error",), wrong_key=WRONG_KEY
    )
    def post(self) -> Response:
        """Tell the active triggers, those of brackets too; status: all tells the others of late as well."""
        asked = OpenalgoGttBookSchema().read(body())
        rows = [
            row
            for row in account_books.gtt_book(desk(), caller())
            if asked.status == "all" or row.status is GttStatus.ACTIVE
        ]
        symbols = frozenset((row.exchange, row.symbol) for row in rows)
        quotes = account_books.quotes(desk(), caller(), symbols)
        return success({"data": [gtt_shape(row, quotes.get((row.exchange, row.symbol))) for row in rows]})


def _changed(changed: Changed) -> Shape:
    return {"trigger_id": changed.order_id, "confirmed": changed.is_confirmed}


def _asked(fields: GttFields) -> GttAsked:
    """Return the GTT a body asks for. Raises BracketDenied with every fault."""
    if faults := list(_faults(fields)):
        raise BracketDenied(faults)
    return GttAsked(
        strategy=fields.strategy,
        exchange=fields.exchange.strip().upper(),
        symbol=fields.symbol.strip().upper(),
        product=Product(fields.product.strip().upper()),
        side=Side(fields.action.strip().upper()),
        terms=_single(fields) if fields.trigger_type == "single" else _pair(fields),
    )


def _single(fields: GttFields) -> Terms:
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=fields.quantity,
        trigger_price=fields.triggerprice_sl or fields.triggerprice_tg,
        price=fields.price,
    )


def _pair(fields: GttFields) -> Terms:
    return Terms(
        order_type=OrderType.LIMIT,
        quantity=fields.quantity,
        trigger_price=fields.triggerprice_sl,
        price=fields.stoploss,
        target_trigger=fields.triggerprice_tg,
        target_price=fields.target,
    )


def _faults(fields: GttFields) -> Iterator[Violation]:
    if fields.action.strip().upper() not in VALID_ACTIONS:
        yield invalid("action", "Invalid action. Must be BUY or SELL (case insensitive)")
    product = fields.product.strip().upper()
    if product not in (Product.CNC, Product.NRML):
        yield invalid(
            "product", _MIS if product == Product.MIS else f"product {product} has no GTT: CNC or NRML"
        )
    if fields.pricetype.strip().upper() != OrderType.LIMIT:
        yield invalid("pricetype", f"pricetype {fields.pricetype} has no GTT: what fires is a LIMIT order")
    if fields.expires_at:
        yield invalid("expires_at", "expires_at cannot be chosen: leave it out")
    yield from _single_faults(fields) if fields.trigger_type == "single" else _pair_faults(fields)


def _single_faults(fields: GttFields) -> Iterator[Violation]:
    given = [value for value in (fields.triggerprice_sl, fields.triggerprice_tg) if value]
    if len(given) != 1 or given[0] < 0:
        yield invalid("triggerprice_sl", "SINGLE needs one of triggerprice_sl and triggerprice_tg above 0")
    if fields.price <= 0:
        yield invalid("price", f"price {fields.price} must be greater than 0")


def _pair_faults(fields: GttFields) -> Iterator[Violation]:
    names = ("triggerprice_sl", "stoploss", "triggerprice_tg", "target")
    values: dict[str, Decimal] = {name: getattr(fields, name) for name in names}
    for name, value in values.items():
        if value <= 0:
            yield invalid(name, f"OCO needs {name} greater than 0, not {value}")
    if values["triggerprice_sl"] >= values["triggerprice_tg"]:
        yield invalid(
            "triggerprice_sl", "Stoploss trigger must be less than target trigger (triggerprice_tg)."
        )
