"""POST /api/v1/bracketorderstatus/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from database.bracket_db import events_of
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketWithTimeline, documented
from restx_api.schemas import BracketNamedSchema
from restx_api.shaping import bracket_shape, timeline
from services.bracket_order_service import bracket_order_status

api = Namespace("bracketorderstatus", description="One bracket with its legs and its history.")


@api.route("/")
class BracketOrderStatus(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=BracketNamedSchema, answers=BracketWithTimeline, refuses=("not_found",))
    def post(self) -> Response:
        """Tell where a bracket stands: legs, protection, and everything that happened to it."""
        asked = BracketNamedSchema().read(body())
        bracket = bracket_order_status(desk(), caller(), asked.bracket_id)
        events = events_of(desk().db, bracket.id)
        return success({**bracket_shape(bracket), "timeline": timeline(bracket, events)})
