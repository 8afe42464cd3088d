"""The simulated OpenAlgo server as a whole, on one port."""

from collections.abc import Sequence

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.openalgo.faults import OPENALGO_FAULTS
from simulator.openalgo.limits import Limits
from simulator.openalgo.routes import Router
from simulator.wire.broker import SimulatedBroker
from simulator.wire.desk import Desk
from simulator.wire.server import WireServer
from simulator.wire.sessions import App, Sessions
from utils.clock import Clock


class SimulatedOpenalgo(SimulatedBroker):
    """Serves from `start` to `close`; the exchange and its time are its owner's. port 0 takes a free one.

    An app is a user's key: its api_key and its access_token are the same.
    """

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
        sessions = Sessions(apps, clock)
        self.desk = Desk(exchange, listings=listings, sessions=sessions, faults=OPENALGO_FAULTS)
        router = Router(self.desk, Limits(clock) if has_limits else None)
        super().__init__(self.desk, WireServer(port, router.answer, plan=self.desk.plan))
