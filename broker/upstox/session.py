"""How Upstox wants to be talked to: two hosts, a bearer token, rate limits; and the keys of instruments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from broker.base import BrokerSettings, InstrumentNames, NotSent, OrderRejected, ReadFailed, Symbol
from broker.http import BrokerSession
from broker.limiter import AccountLimiter, BudgetUse, Window
from utils.clock import SystemClock

NAME = "upstox"
ORDERS = "upstoxhft"  # the name of the host that takes orders, among the addresses of the settings
API_ROOT = "https://api.upstox.com"
ORDERS_ROOT = "https://api-hft.upstox.com"
FILES_ROOT = "https://assets.upstox.com"

# Upstox counts arrivals, we count departures: what left within a second and a bit may arrive within one.
_SECOND = timedelta(milliseconds=1100)
_MINUTE = timedelta(seconds=61)
_HALF_HOUR = timedelta(seconds=1803)

# Placing, changing and cancelling count together, GTTs among them.
ORDER_WINDOWS = (Window(10, _SECOND), Window(500, _MINUTE), Window(2000, _HALF_HOUR))
# Reads are counted for each endpoint apart, 2,000 in half an hour: the pauses below keep each under it.
READ_WINDOWS = (Window(40, _SECOND), Window(500, _MINUTE))
QUOTE_WINDOWS = (Window(5, _SECOND), Window(300, _MINUTE))
READ_PAUSE = timedelta(seconds=1)  # orders and GTTs: 1,800 times in half an hour, the rest is for changes
EVIDENCE_PAUSE = timedelta(seconds=1)
QUOTE_PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstoxSession:
    """One user's connections, and what is listed under which key."""

    wire: BrokerSession
    orders: BrokerSession  # the host that takes regular orders, within the same rate limits
    names: InstrumentNames

    def instrument_key(self, symbol: Symbol) -> str:
        """Return an instrument's key. Raises OrderRejected for one not listed, NotSent if nobody knows."""
        try:
            found = self.names.number_of(NAME, symbol)
        except ReadFailed as exc:
            raise NotSent(str(exc)) from exc
        if found is None:
            place = ":".join(symbol)
            raise OrderRejected(f"Upstox lists no {place}: run `instruments sync --broker {NAME}`")
        return found

    def authorize(self, auth_token: str) -> None:
        """Speak with another token from now on. Raises ValueError for a damaged one."""
        words = authorization(auth_token)
        self.wire.authorize(words)
        self.orders.authorize(words)

    def rate_use(self) -> tuple[BudgetUse, ...]:
        return self.wire.rate_use()

    def count_sent(self, ages: Sequence[timedelta]) -> None:
        self.wire.count_sent(ages)

    def close(self) -> None:
        self.wire.close()
        self.orders.close()


def open_session(settings: BrokerSettings, auth_token: str) -> UpstoxSession:
    """Return a session for one account; no call is made.

    Raises ValueError for a token that cannot be sent; the text never repeats it.
    """
    headers = {"Authorization": authorization(auth_token)}
    limiter = _limiter()
    return UpstoxSession(
        wire=_wire(settings, _root(settings), headers, limiter),
        orders=_wire(
            settings, settings.api_roots.get(ORDERS, _root(settings, ORDERS_ROOT)), headers, limiter
        ),
        names=settings.names,
    )


def open_wire(settings: BrokerSettings, root: str = API_ROOT) -> BrokerSession:
    """Return a connection without a token, for the login and for files."""
    return _wire(settings, _root(settings, root), {}, _limiter())


def authorization(auth_token: str) -> str:
    """Return the header for a token. Raises ValueError, without repeating it, for a damaged one."""
    if not auth_token or not all("!" <= letter <= "~" for letter in auth_token):
        raise ValueError("an upstox token is one word of printable characters")
    return f"Bearer {auth_token}"


def _root(settings: BrokerSettings, root: str = API_ROOT) -> str:
    return settings.api_roots.get(NAME, root)


def _limiter() -> AccountLimiter:
    return AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS)


def _wire(
    settings: BrokerSettings, root: str, headers: dict[str, str], limiter: AccountLimiter
) -> BrokerSession:
    return BrokerSession(
        root,
        {"Accept": "application/json", **headers},
        limiter=limiter,
        timeout_seconds=settings.timeout_seconds,
    )
