"""How Alpaca wants to be talked to: hosts, keys, rate limits.

Key ids of paper accounts begin with PK, those of live accounts with AK. The host follows the key: only a key
that says that it is a live one is sent to the live host, where a paper key is worth nothing anyway. Alpaca
counts 200 calls a minute and account, whatever they are; market data has a host and 200 calls of its own.
"""

from dataclasses import dataclass
from datetime import timedelta

from broker.base import BrokerSettings
from broker.http import BrokerSession
from broker.limiter import AccountLimiter, BudgetUse, Window
from utils.clock import SystemClock

NAME = "alpaca"
DATA = "alpacadata"  # ALPACADATA_API_ROOT sets its address
LIVE_ROOT = "https://api.alpaca.markets"
PAPER_ROOT = "https://paper-api.alpaca.markets"
DATA_ROOT = "https://data.alpaca.markets"
LIVE_KEYS = "AK"
KEY_HEADER = "APCA-API-KEY-ID"
SECRET_HEADER = "APCA-API-SECRET-KEY"  # noqa: S105  # the name of a header

# Alpaca counts arrivals, we count departures: what left within a minute and a bit may arrive within one.
_MINUTE = timedelta(seconds=62)
_SECOND = timedelta(milliseconds=1200)
# 190 a minute together. The pauses keep the reads of a busy account below their share: 45 of the order book,
# 20 of positions and fills, the rest for following replaced orders and pages.
ORDER_WINDOWS = (Window(8, _SECOND), Window(85, _MINUTE))
READ_WINDOWS = (Window(6, _SECOND), Window(105, _MINUTE))
QUOTE_WINDOWS = (Window(3, _SECOND), Window(180, _MINUTE))
READ_PAUSE = timedelta(seconds=1.35)
EVIDENCE_PAUSE = timedelta(seconds=6)
QUOTE_PAUSE = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What an account speaks with. The secret is never printed."""

    key_id: str
    secret: str

    @property
    def is_live(self) -> bool:
        return self.key_id.startswith(LIVE_KEYS)

    def headers(self) -> dict[str, str]:
        return {KEY_HEADER: self.key_id, SECRET_HEADER: self.secret}

    def __repr__(self) -> str:
        return f"Keys({self.key_id[:2]}...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaSession:
    """One account's connections: orders and books, and market data."""

    wire: BrokerSession
    data: BrokerSession

    def identify(self, keys: Keys) -> None:
        """Speak with other keys from the next call on."""
        self.wire.identify(keys.headers())
        self.data.identify(keys.headers())

    def rate_use(self) -> tuple[BudgetUse, ...]:
        quotes = (use for use in self.data.rate_use() if use.budget == "quotes")
        return (*(use for use in self.wire.rate_use() if use.budget != "quotes"), *quotes)

    def close(self) -> None:
        self.wire.close()
        self.data.close()


def open_session(settings: BrokerSettings, auth_token: str) -> AlpacaSession:
    """Return a session for one account; no call is made.

    Raises ValueError when the token is not "key_id:secret"; the text never repeats it.
    """
    keys = keys_of(auth_token)
    root = settings.api_roots.get(NAME, home_of(keys))
    return AlpacaSession(
        wire=_opened(root, keys, settings),
        data=_opened(settings.api_roots.get(DATA, _data_root(root)), keys, settings),
    )


def home_of(keys: Keys) -> str:
    """Return the host that a key belongs to: the live one for keys that say so, else the paper one."""
    return LIVE_ROOT if keys.is_live else PAPER_ROOT


def _data_root(root: str) -> str:
    """Return where market data is: beside an API that is not Alpaca's own, which must not see the keys."""
    return DATA_ROOT if root.rstrip("/") in (LIVE_ROOT, PAPER_ROOT) else root


def keys_of(auth_token: str) -> Keys:
    """Return key id and secret of a stored token. Raises ValueError for a damaged one."""
    key_id, _, secret = auth_token.partition(":")
    if not (key_id and secret and all("!" <= letter <= "~" for letter in auth_token)):
        raise ValueError("an alpaca token must look like key_id:secret")
    return Keys(key_id=key_id, secret=secret)


def _opened(root: str, keys: Keys, settings: BrokerSettings) -> BrokerSession:
    return BrokerSession(
        root,
        {"Accept": "application/json", **keys.headers()},
        limiter=AccountLimiter(SystemClock(), orders=ORDER_WINDOWS, reads=READ_WINDOWS, quotes=QUOTE_WINDOWS),
        timeout_seconds=settings.timeout_seconds,
    )
