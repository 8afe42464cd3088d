"""POST /api/v1/explainbracketorder/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import ExplanationTold, documented
from restx_api.schemas import BracketNamedSchema
from restx_api.shaping import explanation_shape
from services.bracket_change_service import explain_bracket_order

api = Namespace("explainbracketorder", description="Why a bracket is as it is, and what happens next.")


@api.route("/")
class ExplainBracketOrder(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=BracketNamedSchema, answers=ExplanationTold, refuses=("not_found",))
    def post(self) -> Response:
        """Tell what is wanted and seen per leg, the last broker read, running clocks, and what is next."""
        asked = BracketNamedSchema().read(body())
        return success(explanation_shape(explain_bracket_order(desk(), caller(), asked.bracket_id)))
