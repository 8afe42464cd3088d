"""How an OpenAlgo server wants to be talked to: POST with JSON, the account's key in every body.

Its limits count by address, all keys behind it together: 10 order calls a second, 50 others. It asks its own
broker at each call and gives it long: an order that we hear nothing of may still be under way minutes later.
"""

from dataclasses import replace
from datetime import timedelta

import msgspec

from broker.base import BrokerSettings
from broker.http import Answer, BrokerSession
from broker.limiter import AccountLimiter, BudgetUse, Lane, Window
from utils.clock import SystemClock

API_ROOT = "http://127.0.0.1:5000"  # where OpenAlgo listens unless told otherwise
API = "/api/v1"

# The server counts arrivals, we count departures: what is sent within a second and a bit can arrive in one.
_SECOND = timedelta(milliseconds=1200)
ORDER_WINDOWS = (Window(9, _SECOND),)
READ_WINDOWS = (Window(30, _SECOND),)
QUOTE_WINDOWS = (Window(12, _SECOND),)
QUOTES_AT_ONCE = 10  # one call each
QUOTE_PAUSE = timedelta(seconds=1)
READ_PAUSE = timedelta(milliseconds=300)

# Its answer takes its broker's time and its own; reported: 12 s. To give up early makes orders unknown.
WRITE_SECONDS = 10.0
# It gives its broker 120 s: only after that is an order that no book shows not on its way any more.
QUIESCENCE = timedelta(seconds=130)

Body = dict[str, object]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class OpenalgoSession:
    """One account's connections to its server. Thread-safe."""

    def __init__(self, wire: BrokerSession, key: str) -> None:
        """Raises ValueError, without repeating it, for a damaged key."""
        self._wire = wire
        self._key = checked(key)

    def renew(self, key: str) -> None:
        """Speak with another key from the next call on. Raises ValueError for a damaged one."""
        self._key = checked(key)

    def write(self, name: str, body: Body, *, lane: Lane) -> Answer:
        """Send one write, once. Raises RateLimited or NotSent when no byte left, OutcomeUnknown otherwise."""
        return self._wire.write("POST", f"{API}/{name}", lane=lane, json=self._encoded(body))

    def ask(self, name: str, body: Body | None = None, *, lane: Lane = Lane.READ) -> Answer:
        """Ask for something. Raises ReadFailed when there is no whole answer, or no room."""
        return self._wire.ask(f"{API}/{name}", lane=lane, json=self._encoded(body or {}))

    def rate_use(self) -> tuple[BudgetUse, ...]:
        return self._wire.rate_use()

    def close(self) -> None:
        self._wire.close()

    def _encoded(self, body: Body) -> bytes:
        return _ENCODER.encode({"apikey": self._key} | body)


def open_session(settings: BrokerSettings, key: str) -> OpenalgoSession:
    """Return a session for one account; no call is made. Raises ValueError for a damaged key."""
    seconds = max(settings.timeout_seconds, WRITE_SECONDS)
    return OpenalgoSession(open_wire(replace(settings, timeout_seconds=seconds)), key)


def open_wire(settings: BrokerSettings) -> BrokerSession:
    """Return the connections alone, for what does not take its key in a body."""
    return BrokerSession(
        settings.api_roots.get("openalgo", API_ROOT),
        {},
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
    )


def checked(key: str) -> str:
    """Return a key as it is. Raises ValueError, without repeating it, for one that cannot be sent."""
    if not key or len(key) > 256 or not all("!" <= letter <= "~" for letter in key):
        raise ValueError("an openalgo key is 1 to 256 printable characters without spaces")
    return key
