"""python -m simulator.dhan --port 5020 --state dhan.state

A client is USER:KEY:PIN:TOKEN, with the client's number for USER and KEY.
"""

import sys

from simulator.dhan.broker import simulated_dhan
from simulator.wire.process import Program, run

USUAL = "1000000001:1000000001:123456:simtoken"


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.dhan", description="DhanHQ, simulated.", usual_app=USUAL, build=simulated_dhan
        )
    )


if __name__ == "__main__":
    sys.exit(main())
