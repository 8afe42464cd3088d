"""The service with account limits so wide that they never bind, for timing against the stub only.

Kite's real limit of ten orders a second and account would be all that a throughput run measures.
No setting of the service can do this, on purpose: at a real broker it would get the account banned.
"""

from datetime import timedelta

from flask import Flask

import app
from broker.limiter import Window
from broker.zerodha import session

_UNBOUND = (Window(1_000_000, timedelta(seconds=1)),)


def main() -> Flask:
    """Do what `app:main` does, with the wide limits."""
    session.ORDER_WINDOWS = session.READ_WINDOWS = session.QUOTE_WINDOWS = _UNBOUND
    return app.main()
