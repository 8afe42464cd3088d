"""Angel One (SmartAPI): what it can do, and the way to an account there."""

from collections.abc import Callable

from broker.angel.account import AngelAccount
from broker.angel.api.instruments_api import get_instruments
from broker.angel.login import AngelLogin
from broker.angel.mapping import TAG_LENGTH
from broker.angel.scripts import EXCHANGES, Scripts
from broker.angel.session import EVIDENCE_PAUSE, QUOTE_PAUSE, READ_PAUSE, open_session
from broker.base import (
    AccountCredentials,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    DailyLogin,
    InstrumentNumber,
    ListedInstrument,
    PushStream,
)
from services.bracket.model import OrderType, Topology
from utils.clock import SystemClock

_CAPABILITIES = BrokerCapabilities(
    # One resting stop everywhere. Its triggers (GTT) do not cancel each other, and ROBO orders are blocked.
    topologies=dict.fromkeys(
        ("MIS", "CNC:NSE", "CNC:BSE", "NRML:NFO", "NRML:BFO", "NRML:MCX", "NRML:CDS"), Topology.MORPH
    ),
    overnight=frozenset(),  # a stop is for the day
    exchanges=EXCHANGES,
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.SL}),
    stop_market_exchanges=frozenset(),
    modifications_per_order=25,
    tag_length=TAG_LENGTH,
    gives_quotes=True,
    quote_pause=QUOTE_PAUSE,
    read_pause=READ_PAUSE,
    evidence_pause=EVIDENCE_PAUSE,
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Angel One can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself.

    Raises ValueError when the token is not "api_key:jwt".
    """
    return AngelAccount(
        open_session(settings, credentials.auth_token),
        _CAPABILITIES,
        scripts=Scripts(settings.names),
        clock=SystemClock(),
    )


def open_stream(
    _credentials: AccountCredentials, _settings: BrokerSettings, _number_of: InstrumentNumber
) -> PushStream | None:
    """Return nothing: what happens is found by reading, and by postbacks."""
    return None


def daily_login() -> DailyLogin:
    """Return how a person logs in at Angel One."""
    return AngelLogin()


def list_instruments(
    settings: BrokerSettings, _auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what Angel's file of the day lists. Raises ReadFailed."""
    return get_instruments(settings, progress)
