"""Which path is which endpoint of Fyers'."""

from dataclasses import replace

from simulator.fyers import gtts, login, market, orders, portfolio
from simulator.fyers.desk import Desk
from simulator.fyers.dialect import FyersDialect
from simulator.fyers.limits import Limits
from simulator.fyers.rows import Row
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.calls import Call
from simulator.wire.router import Route
from simulator.wire.router import Router as AnyRouter


def books(desk: Desk, call: Call) -> Row:
    """Tell a user's books as Fyers would, without a token and without counting against the user's limits."""
    asked = replace(call, user_id="".join(call.query_values("user_id")), query=())
    return {
        "orders": orders.book(desk, asked)["orderBook"],
        "gtts": gtts.book(desk, asked)["orderBook"],
        "positions": portfolio.positions(desk, asked)["netPositions"],
        "holdings": portfolio.holdings(desk, asked)["holdings"],
    }


_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", "/api/v3/orders/sync", orders.place),
    ("PATCH", "/api/v3/orders/sync", orders.modify),
    ("DELETE", "/api/v3/orders/sync", orders.cancel),
    ("GET", "/api/v3/orders", orders.book),
    ("GET", "/api/v3/tradebook", orders.trades),
    ("POST", "/api/v3/gtt/orders/sync", gtts.place),
    ("PATCH", "/api/v3/gtt/orders/sync", gtts.modify),
    ("DELETE", "/api/v3/gtt/orders/sync", gtts.cancel),
    ("GET", "/api/v3/gtt/orders", gtts.book),
    ("GET", "/api/v3/positions", portfolio.positions),
    ("GET", "/api/v3/holdings", portfolio.holdings),
    ("GET", "/api/v3/funds", portfolio.funds),
    ("GET", "/api/v3/profile", portfolio.profile),
    ("POST", "/api/v3/logout", login.log_out),
    ("GET", "/data/quotes", market.quotes),
)
_OPEN: tuple[Route[Desk], ...] = (
    ("GET", "/api/v3/generate-authcode", login.page),
    ("POST", "/api/v3/validate-authcode", login.validate),
    ("GET", "/sym_details/<name>.csv", market.listed),
    ("POST", "/sim/login", login.code),
    ("GET", "/sim/books", books),
    *SIM,
)


class Router(AnyRouter[Desk]):
    """Fyers' endpoints. limits None lets everything through."""

    def __init__(self, desk: Desk, limits: Limits | None) -> None:
        super().__init__(desk, dialect=FyersDialect(), private=_PRIVATE, public=_OPEN, limits=limits)
