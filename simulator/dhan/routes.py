"""Which path is which endpoint of Dhan's."""

from simulator.dhan import forevers, login, market, orders, portfolio, super_orders
from simulator.dhan.desk import Desk
from simulator.dhan.dialect import DhanDialect
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.limits import SlidingLimits
from simulator.wire.router import Route, Router

_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", "/v2/orders", orders.place),
    ("PUT", "/v2/orders/<order_id>", orders.modify),
    ("DELETE", "/v2/orders/<order_id>", orders.cancel),
    ("GET", "/v2/orders", orders.book),
    ("GET", "/v2/orders/<order_id>", orders.one),
    ("GET", "/v2/orders/external/<correlation_id>", orders.by_correlation),
    ("GET", "/v2/trades", orders.trades),
    ("GET", "/v2/trades/<order_id>", orders.trades_of_order),
    ("POST", "/v2/super/orders", super_orders.place),
    ("PUT", "/v2/super/orders/<order_id>", super_orders.modify),
    ("DELETE", "/v2/super/orders/<order_id>/<leg>", super_orders.cancel),
    ("GET", "/v2/super/orders", super_orders.book),
    ("POST", "/v2/forever/orders", forevers.place),
    ("PUT", "/v2/forever/orders/<order_id>", forevers.modify),
    ("DELETE", "/v2/forever/orders/<order_id>", forevers.cancel),
    ("GET", "/v2/forever/orders", forevers.book),
    ("GET", "/v2/positions", portfolio.positions),
    ("GET", "/v2/holdings", portfolio.holdings),
    ("GET", "/v2/fundlimit", portfolio.funds),
    ("GET", "/v2/profile", portfolio.profile),
    ("POST", "/v2/marketfeed/quote", market.quote),
    ("POST", "/v2/marketfeed/ltp", market.last_price),
)
_PUBLIC: tuple[Route[Desk], ...] = (
    ("POST", "/app/generateAccessToken", login.generate_token),
    ("GET", "/api-data/api-scrip-master-detailed.csv", market.instruments),
    ("GET", "/sim/books", login.books),
    *SIM,
)


def router(desk: Desk, limits: SlidingLimits | None) -> Router[Desk]:
    """Return what answers Dhan's calls; limits None lets everything through."""
    return Router(desk, dialect=DhanDialect(), private=_PRIVATE, public=_PUBLIC, limits=limits)
