"""How Angel One wants to be talked to: address, headers, token, and limits, which count each page apart."""

import socket
import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from broker.base import BrokerSettings
from broker.http import Answer, BrokerSession
from broker.limiter import AccountLimiter, SlidingLimit, Window
from utils.clock import SystemClock

NAME = "angel"
API_ROOT = "https://apiconnect.angelone.in"
FILES_ROOT = "https://margincalculator.angelone.in"
SECURE = "/rest/secure/angelbroking"
KEY_HEADER = "X-PrivateKey"

# Angel counts arrivals, we count departures: what left within a second and a bit may arrive within one.
_SECOND = timedelta(milliseconds=1200)
_MINUTE = timedelta(seconds=62)
_HOUR = timedelta(seconds=3605)

# Placing, changing and cancelling count together.
ORDER_WINDOWS = (Window(9, _SECOND), Window(500, _MINUTE), Window(1000, _HOUR))
READ_WINDOWS = (Window(12, _SECOND), Window(500, _MINUTE), Window(5000, _HOUR))
QUOTE_WINDOWS = (Window(1, _SECOND),)
# Each of these may be asked for once a second, so each has a turn of its own.
PAGES = (
    f"{SECURE}/order/v1/getOrderBook",
    f"{SECURE}/order/v1/getTradeBook",
    f"{SECURE}/order/v1/getPosition",
    f"{SECURE}/portfolio/v1/getHolding",
)
ORDER_BOOK, TRADE_BOOK, POSITIONS, HOLDINGS = PAGES
READ_PAUSE = timedelta(milliseconds=1250)  # a little more than a page's turn: no look waits for the last one
EVIDENCE_PAUSE = timedelta(milliseconds=1250)
QUOTE_PAUSE = timedelta(milliseconds=1250)

_NO_ADDRESS = "127.0.0.1"
_NO_HARDWARE = "00:00:00:00:00:00"
_ANYWHERE = ("192.0.2.1", 9)  # nobody's address: asked for the way to it, nothing is sent
_MADE_UP_BIT = 1 << 40  # in a number that Python drew for want of a network card


def _turns() -> dict[str, SlidingLimit]:
    return {page: SlidingLimit(SystemClock(), (Window(1, _SECOND),)) for page in PAGES}


@dataclass(frozen=True, slots=True, kw_only=True)
class AngelSession:
    """One client's connection, and whose turn it is."""

    wire: BrokerSession
    turns: dict[str, SlidingLimit] = field(default_factory=_turns)

    def read(self, path: str) -> Answer:
        """Send one GET, in the page's own turn where it has one. Raises ReadFailed."""
        return self.wire.read(path, own_limit=self.turns.get(path))

    def renew(self, auth_token: str) -> None:
        """Speak with another token from the next call on. Raises ValueError for a damaged one."""
        api_key, jwt = token_parts(auth_token)
        self.wire.authorize(api_key, header=KEY_HEADER)
        self.wire.authorize(f"Bearer {jwt}")


def open_session(settings: BrokerSettings, auth_token: str) -> AngelSession:
    """Return a session for one account; no call is made.

    Raises ValueError when the token is not "api_key:jwt"; the text never repeats it.
    """
    api_key, jwt = token_parts(auth_token)
    return AngelSession(wire=open_wire(settings, api_key, {"Authorization": f"Bearer {jwt}"}))


def open_wire(settings: BrokerSettings, api_key: str, headers: dict[str, str]) -> BrokerSession:
    """Return a connection to the API for an app, with these headers too."""
    return _wire(settings, API_ROOT, {**client_headers(), KEY_HEADER: api_key, **headers})


def open_files(settings: BrokerSettings) -> BrokerSession:
    """Return a connection to the file of instruments, which lies elsewhere and needs no login."""
    return _wire(settings, FILES_ROOT, {})


def client_headers() -> dict[str, str]:
    """Return what Angel wants to know of every caller: what is true of this machine, as far as it knows.

    The public address of a machine behind a router is the router's, which it cannot know: it says its own.
    """
    address = _own_address()
    return {
        "Accept": "application/json",
        "X-UserType": "USER",
        "X-SourceID": "WEB",
        "X-ClientLocalIP": address,
        "X-ClientPublicIP": address,
        "X-MACAddress": hardware_address(uuid.getnode()),
    }


def token_parts(auth_token: str) -> tuple[str, str]:
    """Return the app's key and the JWT of a stored token. Raises ValueError for a damaged one."""
    api_key, _, jwt = auth_token.partition(":")
    if not (api_key and jwt and all("!" <= letter <= "~" for letter in auth_token)):
        raise ValueError("an angel token must look like api_key:jwt")
    return api_key, jwt


def _wire(settings: BrokerSettings, root: str, headers: dict[str, str]) -> BrokerSession:
    return BrokerSession(
        settings.api_roots.get(NAME, root),
        headers,
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
    )


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(_ANYWHERE)
        except OSError:
            return _NO_ADDRESS
        address: str = way.getsockname()[0]
        return address


def hardware_address(number: int) -> str:
    """Return a network card's number as text; zeros for one that was drawn because there is no card."""
    if number & _MADE_UP_BIT:
        return _NO_HARDWARE
    return number.to_bytes(6, "big").hex(":")
