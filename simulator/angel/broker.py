"""The simulated Angel One as a whole, on one port."""

from simulator.angel.desk import Desk
from simulator.angel.dialect import KEY_HEADER
from simulator.angel.limits import limits
from simulator.angel.orders import postbacks
from simulator.angel.routes import router
from simulator.wire.broker import SimulatedBroker
from simulator.wire.process import Venue
from simulator.wire.server import WireServer
from simulator.wire.sessions import Sessions


def simulated_angel(venue: Venue, *, has_limits: bool = True) -> SimulatedBroker:
    """Return the broker, serving from `start` to `close`."""
    desk = Desk(venue.exchange, listings=venue.listings, sessions=Sessions(venue.apps, venue.clock))
    answers = router(desk, limits(venue.clock) if has_limits else None)
    server = WireServer(venue.port, answers.answer, plan=desk.plan, client_header=KEY_HEADER)
    return SimulatedBroker(desk, server, postbacks=postbacks(desk))
