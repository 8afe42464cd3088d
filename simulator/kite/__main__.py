"""python -m simulator.kite --port 5010 --state kite.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import argparse
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from simulator.exchange import SimulatedExchange
from simulator.instruments import load_instruments
from simulator.kite.desk import Desk
from simulator.kite.limits import Limits
from simulator.kite.routes import Router
from simulator.kite.server import KiteServer
from simulator.kite.sessions import App, Sessions
from simulator.settings import ExchangeSettings, WalkSettings
from utils.clock import SystemClock

_TICK_SECONDS = 0.1


def main() -> int:
    """Serve; return 0 when told to end."""
    wish = _parser().parse_args()
    clock, listings = SystemClock(), load_instruments()
    settings = ExchangeSettings(
        acceptance_delay=timedelta(seconds=wish.acceptance_delay),
        walk=WalkSettings() if wish.walk else None,
        ends_days_by_itself=True,
    )
    exchange = SimulatedExchange(clock, settings, path=wish.state, listings=listings)
    desk = Desk(exchange, listings=listings, sessions=Sessions(_apps(wish.app), clock))
    server = KiteServer(wish.port, Router(desk, Limits(clock)).answer)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    _serve(server, exchange)
    return 0


def _serve(server: KiteServer, exchange: SimulatedExchange) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, name="kite-http", daemon=True).start()
    while not stop.wait(_TICK_SECONDS):
        exchange.tick()
    server.shutdown()
    exchange.close()


def _apps(texts: list[str]) -> list[App]:
    return [_app(text) for text in texts or ["SIM001:simkey:simsecret:simtoken"]]


def _app(text: str) -> App:
    user_id, api_key, api_secret, access_token = text.split(":")
    gives_quotes = not user_id.endswith("!")
    return App(
        user_id=user_id.rstrip("!"),
        api_key=api_key,
        api_secret=api_secret,
        access_token=access_token or None,
        gives_quotes=gives_quotes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator.kite", description="Kite Connect, simulated.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--state", type=Path, help="the exchange's file; without one it is in memory")
    parser.add_argument(
        "--app",
        action="append",
        metavar="USER:KEY:SECRET:TOKEN",
        help="an app of a user; an empty TOKEN logs in first, a user with ! has no market data (free plan)",
    )
    parser.add_argument("--acceptance-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--walk", action="store_true", help="let prices wander by themselves")
    return parser


if __name__ == "__main__":
    sys.exit(main())
