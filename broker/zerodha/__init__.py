"""Zerodha (Kite Connect v3): what it can do, and the way to an account there."""

from collections.abc import Callable
from datetime import timedelta

from broker.base import (
    AccountCredentials,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    DailyLogin,
    InstrumentNumber,
    ListedInstrument,
)
from broker.zerodha.account import ZerodhaAccount
from broker.zerodha.api.instruments_api import get_instruments
from broker.zerodha.login import KiteLogin
from broker.zerodha.mapping import TAG_LENGTH
from broker.zerodha.session import open_session
from broker.zerodha.stream import WS_ROOT, KiteStream
from services.bracket.model import Topology
from utils.clock import SystemClock

_CAPABILITIES = BrokerCapabilities(
    topologies={
        "MIS": Topology.MORPH,  # a GTT outlives the day's square-off
        "CNC:NSE": Topology.OCO,
        "CNC:BSE": Topology.OCO,
        "NRML:NFO": Topology.OCO,
        "NRML:BFO": Topology.OCO,
        "NRML:MCX": Topology.MORPH,  # no GTT there: protected by day, not overnight
        "NRML:CDS": Topology.MORPH,
        "NRML:BCD": Topology.MORPH,
    },
    overnight=frozenset({"CNC:NSE", "CNC:BSE", "NRML:NFO", "NRML:BFO"}),
    # NSE bans SL-M for options and NFO has both; BSE has none at all.
    stop_market_exchanges=frozenset({"NSE"}),
    oco_short_exchanges=frozenset({"NFO", "BFO"}),  # in shares only a SELL OCO is taken
    modifications_per_order=25,
    tag_length=TAG_LENGTH,
    gives_quotes=True,  # by the paid plan; an account on the free one finds out, see ZerodhaAccount.learn
    quote_pause=timedelta(seconds=1.1),  # one call a second, and a little slack
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Zerodha can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself.

    Raises ValueError when the token is not "api_key:access_token".
    """
    return ZerodhaAccount(open_session(settings, credentials.auth_token), _CAPABILITIES)


def open_stream(
    credentials: AccountCredentials, settings: BrokerSettings, number_of: InstrumentNumber
) -> KiteStream | None:
    """Return the account's WebSocket, not yet connected. Raises ValueError for a damaged token.

    None where the API is somebody else's and nobody said where its WebSocket is: a simulator's token has
    no business at Kite's address.
    """
    is_kites = "zerodha" not in settings.api_roots
    root = settings.ws_roots.get("zerodha", WS_ROOT if is_kites else None)
    if root is None:
        return None
    return KiteStream(root, credentials.auth_token, number_of=number_of, clock=SystemClock())


def daily_login() -> DailyLogin:
    """Return how a person logs in at Kite."""
    return KiteLogin()


def list_instruments(
    settings: BrokerSettings, auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what Kite's file of the day lists. Raises ReadFailed."""
    return get_instruments(settings, auth_token, progress)
