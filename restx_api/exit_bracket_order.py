"""POST /api/v1/exitbracketorder/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketTold, documented
from restx_api.schemas import BracketNamedSchema
from restx_api.shaping import bracket_shape
from services.bracket_change_service import exit_bracket_order

api = Namespace("exitbracketorder", description="Leave at the market now.")


@api.route("/")
class ExitBracketOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE),)

    @documented(api, takes=BracketNamedSchema, answers=BracketTold, refuses=("not_found", "bracket_closed"))
    def post(self) -> Response:
        """Leave the position at the market and cancel what is left of the entry."""
        asked = BracketNamedSchema().read(body())
        bracket = exit_bracket_order(desk(), caller(), asked.bracket_id)
        return success({"message": "Exit requested", **bracket_shape(bracket)})
