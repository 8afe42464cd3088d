"""Runs the service, or the simulated Kite, as if LATER_HOURS more hours had passed.

`main` is what gunicorn loads instead of app.main; as a module it is the simulator. Both take the time from
SystemClock alone, which is told where to read it before anything asks.
"""

import os
import sys
from datetime import UTC, datetime, timedelta

from flask import Flask

import app
from simulator.kite import __main__ as kite
from utils.clock import SystemClock

_LATER = timedelta(hours=float(os.environ.get("LATER_HOURS", "0")))


def _wall() -> datetime:
    return datetime.now(UTC) + _LATER


_, _monotonic = SystemClock.__init__.__defaults__ or (None, None)
SystemClock.__init__.__defaults__ = (_wall, _monotonic)


def main() -> Flask:
    """Return the service at work."""
    return app.main()


if __name__ == "__main__":
    sys.exit(kite.main())
