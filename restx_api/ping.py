"""GET /api/v1/ping"""

from flask import Response
from flask_restx import Namespace, Resource

from restx_api.callers import count_anybody, desk
from restx_api.envelope import success
from restx_api.models import Pong, documented
from services.announcements import utc_milliseconds

api = Namespace("ping", description="Whether the service answers. Needs no key.")


@api.route("/")
class Ping(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = ()

    @documented(api, answers=Pong, refuses=("rate_limited",))
    def get(self) -> Response:
        """Tell the server's time."""
        count_anybody()
        return success({"message": "pong", "time": utc_milliseconds(desk().clock.now())})
