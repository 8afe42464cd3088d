"""GET /api/v1/ping, and POST for clients that check their key with it"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, count_anybody, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import Pong, PongToKey, documented
from restx_api.schemas import NothingSchema
from services.announcements import utc_milliseconds

api = Namespace("ping", description="Whether the service answers.")


@api.route("/")
class Ping(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = ()

    @documented(api, answers=Pong, refuses=("rate_limited",))
    def get(self) -> Response:
        """Tell the server's time."""
        count_anybody()
        return success({"message": "pong", "time": utc_milliseconds(desk().clock.now())})

    @for_scopes(Scope.READ, Scope.TRADE)
    @documented(api, takes=NothingSchema, answers=PongToKey)
    def post(self) -> Response:
        """Tell that the key is right, and which broker it speaks to."""
        NothingSchema().read(body())
        return success({"message": "pong", "data": {"message": "pong", "broker": caller().broker}})
