"""The addresses that the published `openalgo` client calls, so that it works here unchanged."""

from flask_restx import Namespace

from restx_api.openalgo.books import api as books_ns
from restx_api.openalgo.gtt import api as gtt_ns
from restx_api.openalgo.market import api as market_ns
from restx_api.openalgo.orders import api as orders_ns

NAMESPACES: tuple[Namespace, ...] = (orders_ns, books_ns, gtt_ns, market_ns)
