"""How Fyers wants to be talked to: addresses, headers, rate limits.

Fyers counts everything a user asks, whatever it is, in one account: 10 calls a second, 200 a minute. Whoever
breaks the limit of the minute more than three times in a day is locked out until tomorrow, exits and all. So
what may be sent in a minute ends well below 200, and after a 429 nothing is sent until Fyers listens again.
"""

from datetime import timedelta

from broker.base import BrokerSettings
from broker.http import BrokerSession
from broker.limiter import AccountLimiter, Window
from utils.clock import SystemClock

API_ROOT = "https://api-t1.fyers.in"
LISTS_ROOT = "https://public.fyers.in"
API = "/api/v3"

# Fyers counts arrivals, we count departures: what is sent within a second and a bit can arrive within one.
_SECOND = timedelta(milliseconds=1200)
_MINUTE = timedelta(seconds=62)

# 9 a second and 184 a minute together. The pauses in the capabilities keep a busy account's reads below
# their share; a service that is killed and comes back may have used up most of a minute's calls before.
ORDER_WINDOWS = (Window(5, _SECOND), Window(50, _MINUTE))
READ_WINDOWS = (Window(3, _SECOND), Window(114, _MINUTE))
QUOTE_WINDOWS = (Window(1, _SECOND), Window(20, _MINUTE))
READ_PAUSE = timedelta(seconds=1.65)  # the order book, and with it the GTTs: up to 76 calls a minute
EVIDENCE_PAUSE = timedelta(seconds=5)  # trades, positions and holdings: up to 38
QUOTE_PAUSE = timedelta(seconds=3.2)


def open_session(settings: BrokerSettings, auth_token: str | None = None) -> BrokerSession:
    """Return a session for one account, or for a login when there is no token yet; no call is made.

    Raises ValueError when the token is not "app_id:access_token"; the text never repeats it.
    """
    headers = {"version": "3"}
    if auth_token is not None:
        headers["Authorization"] = authorization(auth_token)
    return _session(settings, settings.api_roots.get("fyers", API_ROOT), headers)


def open_lists(settings: BrokerSettings) -> BrokerSession:
    """Return a session for the files of symbols, which lie on a server of their own and need no login."""
    return _session(settings, settings.api_roots.get("fyers", LISTS_ROOT), {})


def authorization(auth_token: str) -> str:
    """Return the header for a token. Raises ValueError, without repeating it, for a damaged one."""
    app_id, _, access_token = auth_token.partition(":")
    if not (app_id and access_token and all("!" <= letter <= "~" for letter in auth_token)):
        raise ValueError("a fyers token must look like app_id:access_token")
    return auth_token


def _session(settings: BrokerSettings, root: str, headers: dict[str, str]) -> BrokerSession:
    return BrokerSession(
        root,
        headers,
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
        stops_when_throttled=True,
    )
