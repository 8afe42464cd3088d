"""Upstox (API v2 and v3): what it can do, and the way to an account there."""

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
from broker.upstox.account import UpstoxAccount
from broker.upstox.api.instruments_api import get_instruments
from broker.upstox.login import UpstoxLogin
from broker.upstox.mapping import TAG_LENGTH
from broker.upstox.session import EVIDENCE_PAUSE, QUOTE_PAUSE, READ_PAUSE, open_session
from services.bracket.model import OrderType, Topology
from utils.clock import SystemClock

# A GTT of product I dies with its day, one of product D waits for a year.
_OVERNIGHT = frozenset({"CNC:NSE", "CNC:BSE", "NRML:NFO", "NRML:BFO", "NRML:MCX", "NRML:CDS", "NRML:BCD"})
_HELD = _OVERNIGHT | {"MIS"}

_CAPABILITIES = BrokerCapabilities(
    topologies=dict.fromkeys(_HELD, Topology.NATIVE),
    fallbacks=dict.fromkeys(_HELD, Topology.MORPH),  # no GTT holds a position that is there already
    native_entry_types=frozenset({OrderType.LIMIT}),
    overnight=_OVERNIGHT,
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"}),
    stop_market_exchanges=frozenset({"NSE"}),
    modifications_per_order=25,
    tag_length=TAG_LENGTH,
    gtt_minimum_distance=Decimal(0),
    gives_quotes=True,
    quote_pause=QUOTE_PAUSE,
    read_pause=READ_PAUSE,
    evidence_pause=EVIDENCE_PAUSE,
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Upstox can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself. Raises ValueError for a damaged token."""
    return UpstoxAccount(open_session(settings, credentials.auth_token), _CAPABILITIES, SystemClock())


def open_stream(
    _credentials: AccountCredentials, _settings: BrokerSettings, _number_of: InstrumentNumber
) -> PushStream | None:
    """Return nothing: what happens is found by reading, and by the app's webhook."""
    return None


def daily_login() -> DailyLogin:
    """Return how a person logs in at Upstox."""
    return UpstoxLogin()


def list_instruments(
    settings: BrokerSettings, _auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what Upstox's files of the day list. Raises ReadFailed."""
    return get_instruments(settings, progress)
