"""The simulated Kite as a whole, on one port."""

from collections.abc import Sequence

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.kite.desk import Desk
from simulator.kite.limits import Limits
from simulator.kite.postbacks import kite_postbacks
from simulator.kite.routes import Router
from simulator.kite.server import KiteServer
from simulator.kite.sessions import App, Sessions
from simulator.kite.sockets import TickerHub
from simulator.wire.broker import SimulatedBroker
from utils.clock import Clock


class SimulatedKite(SimulatedBroker):
    """Serves from `start` to `close`; the exchange and its time are its owner's. port 0 takes a free one."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        clock: Clock,
        *,
        listings: Sequence[Listing],
        apps: Sequence[App],
        port: int = 0,
        has_limits: bool = True,
    ) -> None:
        self.desk = Desk(exchange, listings=listings, sessions=Sessions(apps, clock))
        router = Router(self.desk, Limits(clock) if has_limits else None)
        server = KiteServer(port, router.answer, plan=self.desk.plan)
        server.sockets, server.refusing = TickerHub(self.desk).admit, router.refused
        super().__init__(self.desk, server, postbacks=kite_postbacks(self.desk))
