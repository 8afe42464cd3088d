"""The simulated Dhan as a whole, on one port."""

from simulator.dhan.desk import Desk
from simulator.dhan.dialect import TOKEN_HEADER
from simulator.dhan.limits import limits
from simulator.dhan.routes import router
from simulator.dhan.sockets import OrderHub
from simulator.dhan.updates import postbacks
from simulator.wire.broker import SimulatedBroker
from simulator.wire.process import Venue
from simulator.wire.server import WireServer
from simulator.wire.sessions import Sessions


def simulated_dhan(venue: Venue, *, has_limits: bool = True) -> SimulatedBroker:
    """Return the broker, serving from `start` to `close`."""
    desk = Desk(venue.exchange, listings=venue.listings, sessions=Sessions(venue.apps, venue.clock))
    answers = router(desk, limits(venue.clock) if has_limits else None)
    server = WireServer(venue.port, answers.answer, plan=desk.plan, client_header=TOKEN_HEADER)
    server.sockets, server.refusing = OrderHub(desk).admit, answers.refused
    broker = SimulatedBroker(desk, server, postbacks=postbacks(desk))
    broker.chores.append(desk.supers.step)
    return broker
