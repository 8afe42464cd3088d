"""python -m simulator.alpaca --port 5040 --state alpaca.state

An account is USER:KEY:SECRET:TOKEN: KEY is its key id, TOKEN the secret key that goes with it.
"""

import sys

from simulator.alpaca.broker import INSTRUMENTS, NATIVE, simulated_alpaca
from simulator.wire.process import Program, run

USUAL = "PA0000000001:PKSIMULATED:unused:simsecret"


def main() -> int:
    """Serve; return 0 when told to end."""
    return run(
        Program(
            name="simulator.alpaca",
            description="Alpaca, simulated.",
            usual_app=USUAL,
            build=simulated_alpaca,
            instruments=INSTRUMENTS,
            native=NATIVE,
            ends_days=False,  # India's midnight is in the middle of New York's day
        )
    )


if __name__ == "__main__":
    sys.exit(main())
