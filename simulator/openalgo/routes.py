"""Which path is which endpoint of an OpenAlgo server's."""

from dataclasses import replace

from simulator.openalgo import gtts, market, orders, portfolio
from simulator.openalgo.dialect import OpenalgoDialect
from simulator.openalgo.limits import Limits
from simulator.openalgo.rows import Row
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.calls import Call
from simulator.wire.desk import Desk
from simulator.wire.router import Route
from simulator.wire.router import Router as AnyRouter

API = "/api/v1"


def books(desk: Desk, call: Call) -> Row:
    """Tell a user's books as the server would, without a key and without counting against the limits."""
    user = "".join(call.query_values("user_id"))
    asked = replace(call, user_id=user, query=(), body=b'{"apikey":""}')
    return {
        "orders": orders.book(desk, asked)["data"]["orders"],
        "trades": orders.trades(desk, asked)["data"],
        "positions": portfolio.positions(desk, asked)["data"],
        "holdings": portfolio.holdings(desk, asked)["data"]["holdings"],
        "gtts": gtts.book(desk, asked)["data"],
    }


_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", f"{API}/placeorder", orders.place),
    ("POST", f"{API}/modifyorder", orders.modify),
    ("POST", f"{API}/cancelorder", orders.cancel),
    ("POST", f"{API}/placegttorder", gtts.place),
    ("POST", f"{API}/modifygttorder", gtts.modify),
    ("POST", f"{API}/cancelgttorder", gtts.cancel),
    ("POST", f"{API}/gttorderbook", gtts.book),
    ("POST", f"{API}/orderbook", orders.book),
    ("POST", f"{API}/orderstatus", orders.status),
    ("POST", f"{API}/tradebook", orders.trades),
    ("POST", f"{API}/positionbook", portfolio.positions),
    ("POST", f"{API}/openposition", portfolio.open_position),
    ("POST", f"{API}/holdings", portfolio.holdings),
    ("POST", f"{API}/funds", portfolio.funds),
    ("POST", f"{API}/ping", portfolio.ping),
    ("POST", f"{API}/analyzer", portfolio.analyzer),
    ("POST", f"{API}/quotes", market.quotes),
    ("POST", f"{API}/symbol", market.symbol),
    ("POST", f"{API}/search", market.search),
    ("GET", f"{API}/instruments", market.listed),
)
_OPEN: tuple[Route[Desk], ...] = (("GET", "/sim/books", books), *SIM)


class Router(AnyRouter[Desk]):
    """The server's endpoints. limits None lets everything through."""

    def __init__(self, desk: Desk, limits: Limits | None) -> None:
        super().__init__(desk, dialect=OpenalgoDialect(), private=_PRIVATE, public=_OPEN, limits=limits)
