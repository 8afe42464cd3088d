"""python -m simulator.fyers --port 5020 --state fyers.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import sys
from decimal import Decimal

from simulator.fyers.broker import SimulatedFyers
from simulator.wire.process import Program, Venue, run


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.fyers",
            description="Fyers' API v3, simulated.",
            usual_app="SIM001:SIMAPP-100:simsecret:simtoken",
            build=_built,
            gtt_minimum_distance=Decimal(0),
        )
    )


def _built(venue: Venue) -> SimulatedFyers:
    return SimulatedFyers(
        venue.exchange, venue.clock, listings=venue.listings, apps=venue.apps, port=venue.port
    )


if __name__ == "__main__":
    sys.exit(main())
