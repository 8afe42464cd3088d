"""Which path is which endpoint of Upstox's."""

from simulator.upstox import gtt_orders, login, market, orders, portfolio
from simulator.upstox.desk import Desk
from simulator.upstox.dialect import UpstoxDialect
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.limits import SlidingLimits
from simulator.wire.router import Route, Router

_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", "/v3/order/place", orders.place),
    ("PUT", "/v3/order/modify", orders.modify),
    ("DELETE", "/v3/order/cancel", orders.cancel),
    ("GET", "/v2/order/retrieve-all", orders.book),
    ("GET", "/v2/order/details", orders.details),
    ("GET", "/v2/order/trades/get-trades-for-day", orders.trades),
    ("POST", "/v3/order/gtt/place", gtt_orders.place),
    ("PUT", "/v3/order/gtt/modify", gtt_orders.modify),
    ("DELETE", "/v3/order/gtt/cancel", gtt_orders.cancel),
    ("GET", "/v3/order/gtt", gtt_orders.book),
    ("GET", "/v2/portfolio/short-term-positions", portfolio.positions),
    ("GET", "/v2/portfolio/long-term-holdings", portfolio.holdings),
    ("GET", "/v2/user/get-funds-and-margin", portfolio.funds),
    ("GET", "/v2/user/profile", portfolio.profile),
    ("GET", "/v2/market-quote/quotes", market.quotes),
    ("GET", "/v3/market-quote/ltp", market.last_prices),
    ("DELETE", "/v2/logout", login.log_out),
)
_PUBLIC: tuple[Route[Desk], ...] = (
    ("GET", "/v2/login/authorization/dialog", login.page),
    ("POST", "/v2/login/authorization/token", login.token),
    ("GET", "/market-quote/instruments/exchange/<name>.json.gz", market.instruments),
    ("POST", "/sim/login", login.code),
    ("GET", "/sim/books", login.books),
    *SIM,
)


def router(desk: Desk, limits: SlidingLimits | None) -> Router[Desk]:
    """Return what answers Upstox's calls; limits None lets everything through."""
    dialect = UpstoxDialect(desk.sessions)
    return Router(desk, dialect=dialect, private=_PRIVATE, public=_PUBLIC, limits=limits)
