"""The simulated Alpaca as a whole, on one port."""

from simulator.alpaca.desk import Desk
from simulator.alpaca.dialect import KEY_HEADER
from simulator.alpaca.limits import limits
from simulator.alpaca.routes import router
from simulator.alpaca.sockets import TradeHub
from simulator.instruments import BUNDLED
from simulator.settings import NativeSettings
from simulator.wire.broker import SimulatedBroker
from simulator.wire.process import Venue
from simulator.wire.server import WireServer
from simulator.wire.sessions import Sessions

INSTRUMENTS = BUNDLED.with_name("us_instruments.csv")
# What becomes of the exits when a part-filled entry ends is written nowhere: here they go with it.
NATIVE = NativeSettings(arms_each_fill=False, reduces_sibling=True, cancels_both=True, keeps_exits=False)


def simulated_alpaca(venue: Venue, *, has_limits: bool = True) -> SimulatedBroker:
    """Return the broker, serving from `start` to `close`."""
    desk = Desk(venue.exchange, listings=venue.listings, sessions=Sessions(venue.apps, venue.clock))
    answers = router(desk, limits(venue.clock) if has_limits else None)
    server = WireServer(venue.port, answers.answer, plan=desk.plan, client_header=KEY_HEADER)
    server.sockets, server.refusing = TradeHub(desk).admit, answers.refused
    return SimulatedBroker(desk, server)
