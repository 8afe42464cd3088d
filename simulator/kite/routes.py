"""Which path is which endpoint of Kite's."""

from simulator.kite import admin, gtts, login, margins, market, orders, portfolio
from simulator.kite.desk import Desk
from simulator.kite.dialect import KiteDialect
from simulator.kite.limits import Limits
from simulator.wire.admin import PUBLIC as SIM
from simulator.wire.router import Route
from simulator.wire.router import Router as AnyRouter

_PRIVATE: tuple[Route[Desk], ...] = (
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
_OPEN: tuple[Route[Desk], ...] = (
    ("GET", "/connect/login", login.page),
    ("POST", "/session/token", login.exchange_token),
    ("DELETE", "/session/token", login.end_session),
    ("POST", "/sim/login", admin.log_in),
    ("GET", "/sim/books", admin.books),
    *SIM,
)


class Router(AnyRouter[Desk]):
    """Kite's endpoints. limits None lets everything through."""

    def __init__(self, desk: Desk, limits: Limits | None) -> None:
        super().__init__(desk, dialect=KiteDialect(), private=_PRIVATE, public=_OPEN, limits=limits)
