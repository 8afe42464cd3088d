"""The paper broker: the simulated exchange in this process, behind the port every broker has."""

from collections.abc import Callable
from datetime import timedelta

from broker.base import (
    AccountCredentials,
    BrokerSettings,
    DailyLogin,
    InstrumentNumber,
    ListedInstrument,
    PushStream,
)
from broker.paper.account import PaperAccount
from broker.paper.capabilities import capabilities
from broker.paper.driven import DrivenPaperAccount, LiveListing, LiveQuotes
from broker.paper.market import PaperMarket, close_market, market_of
from broker.paper.session import PaperSession
from simulator import load_instruments

__all__ = [
    "PaperAccount",
    "PaperMarket",
    "capabilities",
    "close_market",
    "connect",
    "daily_login",
    "list_instruments",
    "market_of",
    "open_stream",
]


def daily_login() -> DailyLogin | None:
    """Return nothing: there is no session that could end."""
    return None


def open_stream(
    _credentials: AccountCredentials, _settings: BrokerSettings, _number_of: InstrumentNumber
) -> PushStream | None:
    """Return nothing: the market's own pushes come by `listen`."""
    return None


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> PaperAccount:
    """Return the account at the market of settings.paper_state; any account id is welcome.

    Raises ValueError, naming the part, when settings.paper_prices cannot be read.
    """
    market = market_of(settings)
    return PaperAccount(PaperSession(account_id=credentials.account_id, exchange=market.exchange))


def connect_driven(
    credentials: AccountCredentials,
    settings: BrokerSettings,
    *,
    live_quotes: LiveQuotes,
    listed: LiveListing,
    quote_pause: timedelta,
) -> DrivenPaperAccount:
    """Return the account at the same market, which follows a live broker's quotes for its symbols.

    listed tells how that broker lists a symbol: what it lists can be traded here too.
    quote_pause is the least time that broker wants between two quote calls.
    """
    session = PaperSession(account_id=credentials.account_id, exchange=market_of(settings).exchange)
    return DrivenPaperAccount(session, live_quotes, listed=listed, quote_pause=quote_pause)


def list_instruments(
    _settings: BrokerSettings, _auth_token: str | None, _progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what the simulated exchange lists."""
    return tuple(ListedInstrument(instrument=listing.instrument) for listing in load_instruments())
