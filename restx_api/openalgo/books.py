"""POST /api/v1/orderbook/, tradebook/, positionbook/, openposition/ and funds/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk
from restx_api.envelope import success
from restx_api.models import documented
from restx_api.openalgo.answers import FactsTold, OpenPositionTold, OrderBookTold, RowsTold
from restx_api.openalgo.keys import WRONG_KEY, for_openalgo
from restx_api.openalgo.schemas import OpenalgoPositionSchema
from restx_api.openalgo.shapes import Shape, order_shape, position_shape, statistics, trade_shape
from restx_api.schemas import NothingSchema
from services import account_books

api = Namespace(
    "openalgo books", path="/", description="The broker's books, as the published client reads them."
)

_GUARD = (for_openalgo(Scope.READ, Scope.TRADE),)


@api.route("/orderbook/")
class OrderBook(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api, takes=NothingSchema, answers=OrderBookTold, refuses=("broker_error",), wrong_key=WRONG_KEY
    )
    def post(self) -> Response:
        """Tell the day's orders, whoever placed them, and count them."""
        NothingSchema().read(body())
        rows = account_books.order_book(desk(), caller())
        return success(
            {"data": {"orders": [order_shape(row) for row in rows], "statistics": statistics(rows)}}
        )


@api.route("/tradebook/")
class TradeBook(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(api, takes=NothingSchema, answers=RowsTold, refuses=("broker_error",), wrong_key=WRONG_KEY)
    def post(self) -> Response:
        """Tell the day's trades."""
        NothingSchema().read(body())
        return success({"data": [trade_shape(row) for row in account_books.trade_book(desk(), caller())]})


@api.route("/positionbook/")
class PositionBook(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(api, takes=NothingSchema, answers=RowsTold, refuses=("broker_error",), wrong_key=WRONG_KEY)
    def post(self) -> Response:
        """Tell net positions, holdings among them, with their worth at the last price."""
        NothingSchema().read(body())
        return success({"data": _positions()})


@api.route("/openposition/")
class OpenPosition(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api,
        takes=OpenalgoPositionSchema,
        answers=OpenPositionTold,
        refuses=("broker_error",),
        wrong_key=WRONG_KEY,
    )
    def post(self) -> Response:
        """Tell the net quantity of one position; 0 when there is none."""
        asked = OpenalgoPositionSchema().read(body())
        wanted = tuple(word.strip().upper() for word in (asked.exchange, asked.symbol, asked.product))
        held = sum(
            row.quantity
            for row in account_books.position_book(desk(), caller())
            if (row.exchange, row.symbol, row.product) == wanted
        )
        return success({"quantity": str(held)})


@api.route("/funds/")
class FundsTold(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(api, takes=NothingSchema, answers=FactsTold, refuses=("broker_error",), wrong_key=WRONG_KEY)
    def post(self) -> Response:
        """Tell cash available and used; what the broker does not tell us is left out."""
        NothingSchema().read(body())
        found = account_books.funds(desk(), caller())
        data = {"availablecash": format(found.available, ".2f"), "utiliseddebits": format(found.used, ".2f")}
        return success({"data": data})


def _positions() -> list[Shape]:
    rows = account_books.position_book(desk(), caller())
    symbols = frozenset((row.exchange, row.symbol) for row in rows)
    quotes = account_books.quotes(desk(), caller(), symbols)
    return [position_shape(row, quotes.get((row.exchange, row.symbol))) for row in rows]
