"""The simulated Fyers as a whole, on one port."""

from collections.abc import Sequence

from simulator.exchange import SimulatedExchange
from simulator.fyers.desk import Desk
from simulator.fyers.limits import Limits
from simulator.fyers.routes import Router
from simulator.fyers.rows import order_row, tag_of
from simulator.fyers.sessions import Sessions
from simulator.instruments import Listing
from simulator.wire.broker import SimulatedBroker
from simulator.wire.calls import encoded
from simulator.wire.journal import Update
from simulator.wire.postbacks import Letter, Postbacks
from simulator.wire.server import WireServer
from simulator.wire.sessions import App
from utils.clock import Clock


class SimulatedFyers(SimulatedBroker):
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
        server = WireServer(port, router.answer, plan=self.desk.plan)
        super().__init__(self.desk, server, postbacks=Postbacks(self.desk, _letter))


def _letter(update: Update) -> Letter:
    """Return an order's state as Fyers posts it: unsigned."""
    order = update.order
    row = order_row(order, tag=tag_of(order.tag), last=order.price or order.value, states=(order,))
    return Letter(status=str(row["status"]), order_id=order.order_id, body=lambda _app, _fault: encoded(row))
