"""Which path is which endpoint, who may call it, and how its outcome becomes an answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from simulator.kite import admin, gtts, login, margins, market, orders, portfolio
from simulator.kite.calls import Call, Reply, failure, success
from simulator.kite.desk import Desk
from simulator.kite.failures import KiteFailure, failure_of
from simulator.kite.limits import Limits
from simulator.refusals import Refused

Endpoint = Callable[[Desk, Call], Any]

_PRIVATE: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", "/orders/<variety>", orders.place),
    ("PUT", "/orders/<variety>/<order_id>", orders.modify),
    ("DELETE", "/orders/<variety>/<order_id>", orders.cancel),
    ("GET", "/orders", orders.book),
    ("GET", "/orders/<order_id>", orders.history),
    ("GET", "/orders/<order_id>/trades", orders.trades_of_order),
    ("GET", "/trades", orders.trades),
    ("POST", "/gtt/triggers", gtts.place),
    ("GET", "/gtt/triggers", gtts.book),
    ("GET", "/gtt/triggers/<trigger_id>", gtts.one),
    ("PUT", "/gtt/triggers/<trigger_id>", gtts.modify),
    ("DELETE", "/gtt/triggers/<trigger_id>", gtts.delete),
    ("POST", "/margins/orders", margins.of_orders),
    ("POST", "/margins/basket", margins.of_basket),
    ("GET", "/portfolio/positions", portfolio.positions),
    ("GET", "/portfolio/holdings", portfolio.holdings),
    ("GET", "/user/margins", portfolio.margins),
    ("GET", "/user/margins/<segment>", portfolio.margins_of_segment),
    ("GET", "/user/profile", portfolio.profile),
    ("GET", "/quote", market.quote),
    ("GET", "/quote/ltp", market.last_price),
    ("GET", "/quote/ohlc", market.open_high_low_close),
    ("GET", "/instruments", market.instruments),
    ("GET", "/instruments/historical/<token>/<interval>", market.candles),
    ("GET", "/instruments/<exchange>", market.instruments_of_exchange),
)
_OPEN: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/connect/login", login.page),
    ("POST", "/session/token", login.exchange_token),
    ("DELETE", "/session/token", login.end_session),
    ("POST", "/sim/command", admin.command),
    ("POST", "/sim/token", admin.token),
    ("POST", "/sim/login", admin.log_in),
    ("POST", "/sim/app", admin.addresses),
    ("GET", "/sim/sockets", admin.sockets),
    ("POST", "/sim/sockets/cut", admin.cut_sockets),
    ("GET", "/sim/calls", admin.calls),
    ("GET", "/sim/books", admin.books),
    ("GET", "/sim/faults", admin.faults),
    ("POST", "/sim/faults", admin.add_fault),
    ("DELETE", "/sim/faults", admin.clear_faults),
)


class Router:
    """Answers calls. Thread-safe, as what it works on is."""

    def __init__(self, desk: Desk, limits: Limits | None) -> None:
        self._desk = desk
        self._limits = limits
        self._open = frozenset(endpoint for _, _, endpoint in _OPEN)
        rules = [Rule(path, methods=[method], endpoint=end) for method, path, end in (*_PRIVATE, *_OPEN)]
        self._urls = Map(rules, strict_slashes=False, merge_slashes=False).bind("kite")

    def answer(self, call: Call) -> Reply:
        """Return the whole answer to a call, whatever it comes to."""
        reply = self._answer(call)
        self._desk.tally.count(call, reply.status)
        return reply

    def _answer(self, call: Call) -> Reply:
        try:
            data = self._carried_out(call)
        except KiteFailure as exc:
            return failure(exc.status, exc.error_type, exc.message)
        except Refused as exc:
            told = failure_of(exc)
            return failure(told.status, told.error_type, told.message)
        return data if isinstance(data, Reply) else success(data)

    def _carried_out(self, call: Call) -> Any:
        endpoint, words = self._found(call)
        call = replace(call, path_words=words)
        if endpoint in self._open:
            return endpoint(self._desk, call)
        app = self._desk.sessions.app_of(call.authorization)
        if self._limits is not None:
            self._limits.count(app.user_id, method=call.method, path=call.path)
        with self._desk.journal.acting(app.api_key):
            return endpoint(self._desk, replace(call, user_id=app.user_id))

    def _found(self, call: Call) -> tuple[Endpoint, dict[str, str]]:
        try:
            endpoint, words = self._urls.match(call.path, method=call.method)
        except MethodNotAllowed as exc:
            raise KiteFailure(405, "GeneralException", "Method not allowed.") from exc
        except HTTPException as exc:
            raise KiteFailure(404, "GeneralException", "Route not found") from exc
        found: Endpoint = endpoint
        return found, dict(words)
