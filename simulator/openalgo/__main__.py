"""python -m simulator.openalgo --port 5030 --state openalgo.state

Prints one line with its address once it answers, and serves until it is ended. The key of the usual account
is simkey.
"""

import sys
from decimal import Decimal

from simulator.openalgo.broker import SimulatedOpenalgo
from simulator.wire.process import Program, Venue, run


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.openalgo",
            description="An OpenAlgo server, simulated.",
            usual_app="SIM001:simkey:none:simkey",
            build=_built,
            gtt_minimum_distance=Decimal(0),
        )
    )


def _built(venue: Venue) -> SimulatedOpenalgo:
    return SimulatedOpenalgo(
        venue.exchange, venue.clock, listings=venue.listings, apps=venue.apps, port=venue.port
    )


if __name__ == "__main__":
    sys.exit(main())
