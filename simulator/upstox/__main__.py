"""python -m simulator.upstox --port 5030 --state upstox.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import sys

from simulator.upstox.broker import simulated_upstox
from simulator.wire.process import Program, run


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.upstox",
            description="Upstox's API, simulated.",
            usual_app="SIM001:simkey:simsecret:simtoken",
            build=simulated_upstox,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
