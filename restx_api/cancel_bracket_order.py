"""POST /api/v1/cancelbracketorder/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketTold, documented
from restx_api.schemas import CancelSchema
from restx_api.shaping import bracket_shape
from services.bracket.model import IfFilled
from services.bracket_change_service import cancel_bracket_order

api = Namespace("cancelbracketorder", description="Cancel the entry; a stop is never dropped by default.")


@api.route("/")
class CancelBracketOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE),)

    @documented(api, takes=CancelSchema, answers=BracketTold, refuses=("not_found", "bracket_closed"))
    def post(self) -> Response:
        """Cancel the entry. With shares held, if_filled says what becomes of them."""
        asked = CancelSchema().read(body())
        bracket = cancel_bracket_order(
            desk(),
            caller(),
            asked.bracket_id,
            if_filled=None if asked.if_filled is None else IfFilled(asked.if_filled),
            confirm=asked.confirm,
            leave_exits=asked.leave_exits,
        )
        return success({"message": "Cancel requested", **bracket_shape(bracket)})
