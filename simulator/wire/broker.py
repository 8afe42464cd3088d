"""A simulated broker as a whole: the desk and everything that speaks for it, on one port."""

import threading
from collections.abc import Callable

from simulator.wire.desk import Desk
from simulator.wire.postbacks import Postbacks
from simulator.wire.server import WireServer


class SimulatedBroker:
    """Serves from `start` to `close`; the exchange and its time are its owner's."""

    def __init__(self, desk: Desk, server: WireServer, *, postbacks: Postbacks | None = None) -> None:
        self._served = desk
        self._server = server
        self._postbacks = postbacks
        self.url = server.url
        self.socket_url = server.socket_url
        self.chores: list[Callable[[], None]] = []  # done at each tick, after the exchange's own

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="broker-http", daemon=True).start()

    def tick(self) -> None:
        """Let happen what time has made due, faults among it."""
        self._served.exchange.tick()
        self._served.mischief.step()
        for chore in self.chores:
            chore()

    def close(self) -> None:
        """Stop serving; the exchange stays open."""
        self._served.cut_sockets("")
        self._server.ending.set()
        self._server.shutdown()
        self._server.server_close()
        if self._postbacks is not None:
            self._postbacks.close()
