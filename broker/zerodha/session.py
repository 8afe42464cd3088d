"""How Kite wants to be talked to: address, headers, rate limits."""

from datetime import timedelta

from broker.base import BrokerSettings
from broker.http import BrokerSession
from broker.limiter import AccountLimiter, Window
from utils.clock import SystemClock

API_ROOT = "https://api.kite.trade"

# Kite counts arrivals, we count departures: 10 calls sent within a second and a bit can arrive within one.
_SECOND = timedelta(milliseconds=1100)
# Reads come in bursts, and the first of one may wait for a new connection while the next burst does not.
# They wait for room, so a wider window costs little.
_READ_SECOND = timedelta(milliseconds=1300)
_MINUTE = timedelta(seconds=61)
# The longest trading day, MCX's, has 15 hours. A window of 24 would charge yesterday afternoon's orders
# to this morning's stops.
_TRADING_DAY = timedelta(hours=15)

ORDER_WINDOWS = (Window(10, _SECOND), Window(400, _MINUTE), Window(5000, _TRADING_DAY))
READ_WINDOWS = (Window(10, _READ_SECOND),)
QUOTE_WINDOWS = (Window(1, _SECOND),)


def open_session(settings: BrokerSettings, auth_token: str | None = None) -> BrokerSession:
    """Return a session for one account, or for a login when there is no token yet; no call is made.

    Raises ValueError when the token is not "api_key:access_token"; the text never repeats it.
    """
    headers = {"X-Kite-Version": "3"}
    if auth_token is not None:
        headers["Authorization"] = authorization(auth_token)
    return BrokerSession(
        settings.api_roots.get("zerodha", API_ROOT),
        headers,
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
    )


def authorization(auth_token: str) -> str:
    """Return the header for a token. Raises ValueError, without repeating it, for a damaged one."""
    return f"token {':'.join(token_parts(auth_token))}"


def token_parts(auth_token: str) -> tuple[str, str]:
    """Return api_key and access_token of a stored token. Raises ValueError for a damaged one."""
    api_key, _, access_token = auth_token.partition(":")
    if not (api_key and access_token and all("!" <= letter <= "~" for letter in auth_token)):
        raise ValueError("a zerodha token must look like api_key:access_token")
    return api_key, access_token
