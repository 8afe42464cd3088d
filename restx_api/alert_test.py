"""POST /api/v1/alerttest/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import AlertTested, documented
from restx_api.schemas import AlertTestSchema
from restx_api.trials import try_alert, webhook_of

api = Namespace("alerttest", description="What an alert would do, or why it would be refused. Sends nothing.")


@api.route("/")
class AlertTest(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=AlertTestSchema, answers=AlertTested, refuses=("not_found",))
    def post(self) -> Response:
        """Read a message as the webhook would, and tell its dialect, order, rounding and legs."""
        asked = AlertTestSchema().read(body())
        webhook = webhook_of(desk(), caller(), asked.webhook)
        return success(try_alert(desk(), caller(), asked.message, webhook=webhook))
