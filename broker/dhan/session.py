"""How Dhan wants to be talked to: address, token, rate limits; and the numbers it knows instruments by."""

from dataclasses import dataclass
from datetime import timedelta

from broker.base import BrokerSettings, InstrumentNames, NotSent, ReadFailed
from broker.http import BrokerSession
from broker.limiter import AccountLimiter, Window
from utils.clock import SystemClock

NAME = "dhan"
API_ROOT = "https://api.dhan.co"
AUTH_ROOT = "https://auth.dhan.co"
FILES_ROOT = "https://images.dhan.co"
TOKEN_HEADER = "access-token"  # noqa: S105  # the name of a header

# Dhan counts arrivals, we count departures: what left within a second and a bit may arrive within one.
_SECOND = timedelta(milliseconds=1100)
_READ_SECOND = timedelta(milliseconds=1300)
_MINUTE = timedelta(seconds=61)
_HOUR = timedelta(seconds=3605)
_TRADING_DAY = timedelta(hours=15)

ORDER_WINDOWS = (
    Window(10, _SECOND),
    Window(250, _MINUTE),
    Window(1000, _HOUR),
    Window(7000, _TRADING_DAY),
)
READ_WINDOWS = (Window(20, _READ_SECOND),)
QUOTE_WINDOWS = (Window(1, _SECOND),)


@dataclass(frozen=True, slots=True, kw_only=True)
class DhanSession:
    """One client's connection, and what is listed under which number."""

    wire: BrokerSession
    client_id: str
    names: InstrumentNames

    def security_id(self, exchange: str, symbol: str) -> str:
        """Return an instrument's number. Raises NotSent for one that is not listed, or not to be read."""
        try:
            found = self.names.number_of(NAME, (exchange, symbol))
        except ReadFailed as exc:
            raise NotSent(str(exc)) from exc
        if found is None:
            raise NotSent(f"Dhan lists no {exchange}:{symbol}; run instruments sync --broker dhan")
        return found


def open_session(settings: BrokerSettings, auth_token: str) -> DhanSession:
    """Return a session for one account; no call is made.

    Raises ValueError when the token is not "client_id:access_token"; the text never repeats it.
    """
    client_id, access_token = token_parts(auth_token)
    headers = {TOKEN_HEADER: access_token, "client-id": client_id}
    return DhanSession(wire=open_wire(settings, API_ROOT, headers), client_id=client_id, names=settings.names)


def open_wire(settings: BrokerSettings, root: str, headers: dict[str, str]) -> BrokerSession:
    """Return a connection to one of Dhan's hosts; all of them are where the API is said to be."""
    return BrokerSession(
        settings.api_roots.get(NAME, root),
        {"Accept": "application/json", **headers},
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
    )


def token_parts(auth_token: str) -> tuple[str, str]:
    """Return client id and access token of a stored token. Raises ValueError for a damaged one."""
    client_id, _, access_token = auth_token.partition(":")
    if not (client_id and access_token and all("!" <= letter <= "~" for letter in auth_token)):
        raise ValueError("a dhan token must look like client_id:access_token")
    return client_id, access_token
