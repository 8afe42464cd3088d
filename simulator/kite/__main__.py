"""python -m simulator.kite --port 5010 --state kite.state

Prints one line with its address once it answers, and serves until it is ended.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

from simulator.exchange import SimulatedExchange
from simulator.instruments import load_instruments
from simulator.kite.broker import SimulatedKite
from simulator.kite.sessions import App
from simulator.settings import ExchangeSettings, SessionHours, WalkSettings
from utils.clock import SystemClock

_TICK_SECONDS = 0.1
_SQUARE_OFF = time(15, 20)


def main() -> int:
    """Serve; return 0 when told to end."""
    wish = _parser().parse_args()
    clock, listings = SystemClock(), load_instruments()
    settings = ExchangeSettings(
        acceptance_delay=timedelta(seconds=wish.acceptance_delay),
        walk=WalkSettings() if wish.walk else None,
        ends_days_by_itself=True,
        hours=SessionHours() if wish.market_hours else None,
        squares_off_at=_SQUARE_OFF if wish.market_hours else None,
    )
    exchange = SimulatedExchange(clock, settings, path=wish.state, listings=listings)
    kite = SimulatedKite(exchange, clock, listings=listings, apps=_apps(wish), port=wish.port)
    kite.start()
    sys.stdout.write(f"{kite.url}\n")
    sys.stdout.flush()
    _until_told_to_end(kite.tick)
    kite.close()
    exchange.close()
    return 0


def _until_told_to_end(tick: Callable[[], None]) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(_TICK_SECONDS):
        tick()


def _apps(wish: argparse.Namespace) -> list[App]:
    apps = [_app(text) for text in wish.app or ["SIM001:simkey:simsecret:simtoken"]]
    postbacks, redirects = _addresses(wish.postback), _addresses(wish.redirect)
    return [
        replace(
            app,
            postback_url=postbacks.get(app.api_key, ""),
            redirect_url=redirects.get(app.api_key, ""),
        )
        for app in apps
    ]


def _addresses(texts: list[str]) -> dict[str, str]:
    return {key: url for key, _, url in (text.partition("=") for text in texts)}


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
    for name, purpose in (
        ("--postback", "where an app is told of its orders"),
        ("--redirect", "where the login page sends the browser back to"),
    ):
        parser.add_argument(name, action="append", default=[], metavar="KEY=URL", help=purpose)
    parser.add_argument("--acceptance-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--walk", action="store_true", help="let prices wander by themselves")
    parser.add_argument(
        "--market-hours",
        action="store_true",
        help="trade from 9:15 to 15:30 India's time only, and close intraday positions at 15:20",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
