"""POST /api/v1/bracketorderbook/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from database.bracket_db import Listed
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import BracketBook, documented
from restx_api.schemas import BookSchema
from restx_api.shaping import bracket_shape
from services.bracket_order_service import bracket_order_book

api = Namespace("bracketorderbook", description="The account's brackets.")


@api.route("/")
class BracketOrderBook(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=BookSchema, answers=BracketBook)
    def post(self) -> Response:
        """List brackets, newest first, a page at a time."""
        asked = BookSchema().read(body())
        page = bracket_order_book(
            desk(), caller(), state=Listed(asked.state), limit=asked.limit, cursor=asked.cursor
        )
        return success(
            {"brackets": [bracket_shape(bracket) for bracket in page.brackets], "next_cursor": page.cursor}
        )
