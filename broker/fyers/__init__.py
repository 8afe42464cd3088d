"""Fyers (API v3): what it can do, and the way to an account there."""

from collections.abc import Callable
from decimal import Decimal

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
from broker.fyers.account import FyersAccount
from broker.fyers.api.instruments_api import get_instruments
from broker.fyers.login import FyersLogin
from broker.fyers.mapping import TAG_LENGTH
from broker.fyers.session import EVIDENCE_PAUSE, QUOTE_PAUSE, READ_PAUSE, open_session
from broker.fyers.tickers import Tickers
from services.bracket.model import Topology
from utils.clock import SystemClock

_CAPABILITIES = BrokerCapabilities(
    topologies={
        "MIS": Topology.MORPH,  # a GTT takes no INTRADAY
        "CNC:NSE": Topology.OCO,
        "CNC:BSE": Topology.OCO,
        "NRML:NFO": Topology.OCO,
        "NRML:BFO": Topology.OCO,
        # The documentation restricts a GTT with MARGIN to no segment, and nobody has seen one there:
        # protected by day, not overnight.
        "NRML:MCX": Topology.MORPH,
        "NRML:CDS": Topology.MORPH,
    },
    overnight=frozenset({"CNC:NSE", "CNC:BSE", "NRML:NFO", "NRML:BFO"}),
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "MCX"}),
    stop_market_exchanges=frozenset({"NSE"}),
    oco_short_exchanges=frozenset({"NFO", "BFO"}),  # shares that are held can only be sold
    modifications_per_order=25,
    tag_length=TAG_LENGTH,
    gtt_minimum_distance=Decimal(0),  # a trigger must be on its side of the last price, however near
    gives_quotes=True,  # an app without the permission finds out, see FyersAccount.learn
    quote_pause=QUOTE_PAUSE,
    read_pause=READ_PAUSE,
    evidence_pause=EVIDENCE_PAUSE,
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Fyers can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself.

    Raises ValueError when the token is not "app_id:access_token".
    """
    return FyersAccount(
        open_session(settings, credentials.auth_token),
        _CAPABILITIES,
        tickers=Tickers(settings.names),
        clock=SystemClock(),
    )


def open_stream(
    _credentials: AccountCredentials, _settings: BrokerSettings, _number_of: InstrumentNumber
) -> PushStream | None:
    """Return nothing: what happens is found by reading, and by postbacks."""
    return None


def daily_login() -> DailyLogin:
    """Return how a person logs in at Fyers."""
    return FyersLogin()


def list_instruments(
    settings: BrokerSettings, _auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what Fyers' files of the day list. Raises ReadFailed."""
    return get_instruments(settings, progress)
