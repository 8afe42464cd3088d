"""POST /api/v1/placebracketorder/"""

from flask import Response, request
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from limiter import PLACING, limiter, placing_limit
from restx_api.call_logging import log_this_call
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketTold, documented
from restx_api.placing import read_order, refuse_while_stopping, with_idempotency_key
from restx_api.schemas import BracketOrderSchema
from restx_api.shaping import placed_shape
from services.bracket_order_service import place_bracket_order_with_auth

api = Namespace("placebracketorder", description="Place an entry with its stop and target.")

_REFUSES = (
    "price_off_tick",
    "quantity_off_lot",
    "price_relationship",
    "price_insane",
    "entry_rejected",
    "killed",
    "idempotency_conflict",
    "symbol_conflict",
    "cannot_protect",
    "would_trigger_now",
    "market_closed",
    "past_cutoff",
    "exchange_not_served",
    "entry_stale",
    "broker_error",
)


@api.route("/")
class PlaceBracketOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE, counted=False),)

    @documented(api, takes=BracketOrderSchema, answers=BracketTold, refuses=_REFUSES)
    @limiter.shared_limit(placing_limit, scope=PLACING)
    def post(self) -> Response:
        """Place a bracket order: an entry that arms a stop and a target, which cancel each other."""
        log_this_call("placebracketorder")
        refuse_while_stopping()
        keyed = with_idempotency_key(body(), request.headers.get("Idempotency-Key"))
        asked = read_order(desk(), caller(), keyed)
        return success(placed_shape(place_bracket_order_with_auth(desk(), asked, caller())))
