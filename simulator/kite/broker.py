"""The simulated broker as a whole: the desk and everything that speaks for it, on one port."""

import threading
from collections.abc import Sequence

from simulator.exchange import SimulatedExchange
from simulator.instruments import Listing
from simulator.kite.desk import Desk
from simulator.kite.limits import Limits
from simulator.kite.postbacks import Postbacks
from simulator.kite.routes import Router
from simulator.kite.server import KiteServer
from simulator.kite.sessions import App, Sessions
from simulator.kite.sockets import SocketHub
from utils.clock import Clock


class SimulatedKite:
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
        self._postbacks = Postbacks(self.desk)
        sockets = SocketHub(self.desk)
        router = Router(self.desk, Limits(clock) if has_limits else None)
        self._server = KiteServer(port, router.answer, plan=self.desk.plan, sockets=sockets)
        self.url = self._server.url
        self.socket_url = self._server.socket_url

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="kite-http", daemon=True).start()

    def tick(self) -> None:
        """Let happen what time has made due, faults among it."""
        self.desk.exchange.tick()
        self.desk.mischief.step()

    def close(self) -> None:
        """Stop serving; the exchange stays open."""
        self.desk.cut_sockets("")
        self._server.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._postbacks.close()
