"""The service with account limits so wide that they never bind, for timing against the stub only.

Kite's real limit of ten orders a second and account would be all that a throughput run measures.
No setting of the service can do this, on purpose: at a real broker it would get the account banned.
"""

from flask import Flask

import app
import worker
from broker.limiter import Window
from broker.zerodha import session

_CALLS = 1_000_000


def _widened(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    return tuple(Window(_CALLS, window.length) for window in windows)


def widen() -> None:
    """Give this process the wide limits."""
    for name in ("ORDER_WINDOWS", "READ_WINDOWS", "QUOTE_WINDOWS"):
        setattr(session, name, _widened(getattr(session, name)))


def main() -> Flask:
    """Do what `app:main` does, with the wide limits."""
    widen()
    return app.main()


if __name__ == "__main__":
    widen()
    worker.main()
