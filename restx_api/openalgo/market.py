"""POST /api/v1/quotes/, search/ and symbol/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk
from restx_api.envelope import success
from restx_api.models import documented
from restx_api.openalgo.answers import FactsTold, RowsTold
from restx_api.openalgo.keys import WRONG_KEY, for_openalgo
from restx_api.openalgo.schemas import OpenalgoSearchSchema, OpenalgoSymbolSchema, SymbolNamed
from restx_api.openalgo.shapes import instrument_shape, listing_shape, quote_shape
from services import listings
from services.account_books import quotes
from services.errors import NotFound

api = Namespace(
    "openalgo market", path="/", description="Symbols and prices, as the published client asks for them."
)

_GUARD = (for_openalgo(Scope.READ, Scope.TRADE),)


@api.route("/quotes/")
class Quotes(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api,
        takes=OpenalgoSymbolSchema,
        answers=FactsTold,
        refuses=("not_found", "broker_error"),
        wrong_key=WRONG_KEY,
    )
    def post(self) -> Response:
        """Tell last price, best bid and best ask."""
        key = _key(OpenalgoSymbolSchema().read(body()))
        quote = quotes(desk(), caller(), frozenset({key})).get(key)
        if quote is None:
            raise NotFound(f"there is no quote of {key[1]} on {key[0]}")
        return success({"data": quote_shape(quote)})


@api.route("/search/")
class Search(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(api, takes=OpenalgoSearchSchema, answers=RowsTold, wrong_key=WRONG_KEY)
    def post(self) -> Response:
        """Find symbols by symbol, name, strike, expiry or kind: "nifty 25000 ce"."""
        asked = OpenalgoSearchSchema().read(body())
        exchange = None if asked.exchange is None else asked.exchange.strip().upper()
        found = listings.search(desk(), caller(), asked.query, exchange=exchange)
        message = f"Found {len(found)} matching symbols"
        return success({"data": [instrument_shape(one) for one in found], "message": message})


@api.route("/symbol/")
class Symbol(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = _GUARD

    @documented(
        api, takes=OpenalgoSymbolSchema, answers=FactsTold, refuses=("not_found",), wrong_key=WRONG_KEY
    )
    def post(self) -> Response:
        """Tell a symbol's tick, lot and freeze quantity."""
        exchange, symbol = _key(OpenalgoSymbolSchema().read(body()))
        found = listings.listing(desk(), caller(), exchange, symbol=symbol)
        if found is None:
            raise NotFound(f"symbol {symbol} is not in the instrument list of {exchange}")
        return success({"data": listing_shape(found)})


def _key(asked: SymbolNamed) -> tuple[str, str]:
    return (asked.exchange.strip().upper(), asked.symbol.strip().upper())
