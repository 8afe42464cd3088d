"""Which path is which endpoint of Angel One's."""

from simulator.angel import login, market, orders, portfolio
from simulator.angel.desk import Desk
from simulator.angel.dialect import AngelDialect
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.limits import SlidingLimits
from simulator.wire.router import Route, Router

_SECURE = "/rest/secure/angelbroking"
_ORDER, _USER, _PORTFOLIO = f"{_SECURE}/order/v1", f"{_SECURE}/user/v1", f"{_SECURE}/portfolio/v1"

_PRIVATE: tuple[Route[Desk], ...] = (
    ("POST", f"{_ORDER}/placeOrder", orders.place),
    ("POST", f"{_ORDER}/modifyOrder", orders.modify),
    ("POST", f"{_ORDER}/cancelOrder", orders.cancel),
    ("GET", f"{_ORDER}/getOrderBook", orders.book),
    ("GET", f"{_ORDER}/details/<unique_id>", orders.one),
    ("GET", f"{_ORDER}/getTradeBook", orders.trades),
    ("GET", f"{_ORDER}/getPosition", portfolio.positions),
    ("GET", f"{_PORTFOLIO}/getHolding", portfolio.holdings),
    ("GET", f"{_USER}/getRMS", portfolio.limits),
    ("GET", f"{_USER}/getProfile", portfolio.profile),
    ("POST", f"{_USER}/logout", login.log_out),
    ("POST", f"{_ORDER}/getLtpData", market.last_price),
    ("POST", f"{_SECURE}/market/v1/quote", market.quotes),
    ("POST", f"{_SECURE}/market/v1/quote/", market.quotes),
)
_PUBLIC: tuple[Route[Desk], ...] = (
    ("POST", "/rest/auth/angelbroking/user/v1/loginByPassword", login.by_password),
    ("GET", "/OpenAPI_File/files/OpenAPIScripMaster.json", market.scripts),
    ("GET", "/sim/books", login.books),
    *SIM,
)


def router(desk: Desk, limits: SlidingLimits | None) -> Router[Desk]:
    """Return what answers Angel's calls; limits None lets everything through."""
    return Router(desk, dialect=AngelDialect(), private=_PRIVATE, public=_PUBLIC, limits=limits)
