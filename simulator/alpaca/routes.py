"""Which path is which endpoint of Alpaca's."""

from simulator.alpaca import market, orders, portfolio
from simulator.alpaca.desk import Desk
from simulator.alpaca.dialect import AlpacaDialect
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.limits import SlidingLimits
from simulator.wire.router import Route, Router

_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", "/v2/orders", orders.place),
    ("GET", "/v2/orders", orders.book),
    ("GET", "/v2/orders/<order_id>", orders.one),
    ("GET", "/v2/orders:by_client_order_id", orders.by_client_id),
    ("PATCH", "/v2/orders/<order_id>", orders.change),
    ("DELETE", "/v2/orders/<order_id>", orders.cancel),
    ("GET", "/v2/positions", portfolio.positions),
    ("GET", "/v2/positions/<symbol>", portfolio.position),
    ("GET", "/v2/account", portfolio.account),
    ("GET", "/v2/account/activities/FILL", portfolio.fills),
    ("GET", "/v2/clock", portfolio.clock),
    ("GET", "/v2/assets", portfolio.assets),
    ("GET", "/v2/assets/<symbol>", portfolio.asset),
    ("GET", "/v2/stocks/snapshots", market.snapshots),
    ("GET", "/v2/stocks/trades/latest", market.latest_trades),
    ("GET", "/v2/stocks/quotes/latest", market.latest_quotes),
)
_PUBLIC: tuple[Route[Desk], ...] = (("GET", "/sim/books", portfolio.books), *SIM)


def router(desk: Desk, limits: SlidingLimits | None) -> Router[Desk]:
    """Return what answers Alpaca's calls; limits None lets everything through."""
    return Router(desk, dialect=AlpacaDialect(), private=_PRIVATE, public=_PUBLIC, limits=limits)
