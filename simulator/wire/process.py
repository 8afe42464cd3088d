"""A simulated broker as a program: `python -m simulator.<broker> --port 5010 --state FILE`.

Prints one line with its address once it answers, and serves until it is ended.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

from simulator.exchange import SimulatedExchange
from simulator.instruments import BUNDLED, Listing, load_instruments
from simulator.settings import ExchangeSettings, NativeSettings, SessionHours, WalkSettings
from simulator.wire.broker import SimulatedBroker
from simulator.wire.sessions import App
from utils.clock import Clock, SystemClock

_TICK_SECONDS = 0.1
_ENDS = (signal.SIGTERM, signal.SIGINT)
_SQUARE_OFF = time(15, 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """What a broker is built around."""

    exchange: SimulatedExchange
    clock: Clock
    listings: Sequence[Listing]
    apps: Sequence[App]
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A broker's part of its program. usual_app is served when no --app is given."""

    name: str
    description: str
    usual_app: str
    build: Callable[[Venue], SimulatedBroker]
    instruments: Path = BUNDLED
    native: NativeSettings = field(default_factory=NativeSettings)
    ends_days: bool = True  # at India's midnight
    gtt_minimum_distance: Decimal = ExchangeSettings().gtt_minimum_distance  # a share of the last price


def run(program: Program) -> int:
    """Serve as the command line says; return 0 when told to end."""
    wish = _parser(program).parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # before any thread starts, which inherits it
    clock, listings = SystemClock(), load_instruments(program.instruments)
    exchange = SimulatedExchange(clock, _settings(wish, program), path=wish.state, listings=listings)
    apps = _apps(wish, program)
    broker = program.build(
        Venue(exchange=exchange, clock=clock, listings=listings, apps=apps, port=wish.port)
    )
    broker.start()
    sys.stdout.write(f"{broker.url}\n")
    sys.stdout.flush()
    _until_told_to_end(broker.tick)
    broker.close()
    exchange.close()
    return 0


def _settings(wish: argparse.Namespace, program: Program) -> ExchangeSettings:
    return ExchangeSettings(
        gtt_minimum_distance=program.gtt_minimum_distance,
        acceptance_delay=timedelta(seconds=wish.acceptance_delay),
        walk=WalkSettings() if wish.walk else None,
        native=program.native,
        ends_days_by_itself=program.ends_days,
        hours=SessionHours() if wish.market_hours else None,
        squares_off_at=_SQUARE_OFF if wish.market_hours else None,
    )


def _until_told_to_end(tick: Callable[[], None]) -> None:
    # Asked for, not handled: a handler that sets an event waits for ever when it interrupts the wait for it.
    while signal.sigtimedwait(_ENDS, _TICK_SECONDS) is None:
        tick()


def _apps(wish: argparse.Namespace, program: Program) -> list[App]:
    apps = [_app(text) for text in wish.app or [program.usual_app]]
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


def _parser(program: Program) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program.name, description=program.description)
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
