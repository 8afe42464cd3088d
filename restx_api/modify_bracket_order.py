"""POST /api/v1/modifybracketorder/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketTold, documented
from restx_api.schemas import ModifySchema
from restx_api.shaping import bracket_shape
from services.bracket_change_service import modify_bracket_order

api = Namespace("modifybracketorder", description="Change prices, trailing or the time exit.")

_REFUSES = ("not_found", "bracket_closed", "price_off_tick", "price_relationship", "would_trigger_now")


@api.route("/")
class ModifyBracketOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE),)

    @documented(api, takes=ModifySchema, answers=BracketTold, refuses=(*_REFUSES, "past_cutoff"))
    def post(self) -> Response:
        """Change a bracket. A stop that would trigger at once is refused."""
        asked = ModifySchema().read(body())
        bracket = modify_bracket_order(desk(), caller(), asked.bracket_id, changes=asked.changes)
        return success({"message": "Bracket modified", **bracket_shape(bracket)})
