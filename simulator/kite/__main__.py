"""python -m simulator.kite --port 5010 --state kite.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import sys

from simulator.kite.broker import SimulatedKite
from simulator.wire.process import Program, Venue, run


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.kite",
            description="Kite Connect, simulated.",
            usual_app="SIM001:simkey:simsecret:simtoken",
            build=_built,
        )
    )


def _built(venue: Venue) -> SimulatedKite:
    return SimulatedKite(
        venue.exchange, venue.clock, listings=venue.listings, apps=venue.apps, port=venue.port
    )


if __name__ == "__main__":
    sys.exit(main())
