"""python -m simulator.angel --port 5030 --state angel.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import sys

from simulator.angel.broker import simulated_angel
from simulator.wire.process import Program, run


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.angel",
            description="Angel One's SmartAPI, simulated.",
            usual_app="SIM001:simkey:1234:simtoken",
            build=simulated_angel,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
