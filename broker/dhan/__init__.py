"""Dhan (DhanHQ v2): what it can do, and the way to an account there."""

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
from broker.dhan.account import DhanAccount
from broker.dhan.api.instruments_api import get_instruments
from broker.dhan.login import DhanLogin
from broker.dhan.mapping import TAG_LENGTH
from broker.dhan.session import NAME, open_session
from broker.dhan.stream import WS_ROOT, DhanStream
from services.bracket.model import OrderType, Topology
from utils.clock import SystemClock

# What holds the exits of a super order that cannot be had, or is no more: one resting stop, by day.
_INTRADAY = frozenset({"MIS", "NRML:NFO", "NRML:BFO", "NRML:MCX", "NRML:CDS", "NRML:BCD"})
_DELIVERY = frozenset({"CNC:NSE", "CNC:BSE"})

_CAPABILITIES = BrokerCapabilities(
    topologies=dict.fromkeys(_INTRADAY, Topology.NATIVE) | dict.fromkeys(_DELIVERY, Topology.OCO),
    fallbacks=dict.fromkeys(_INTRADAY, Topology.MORPH),
    native_entry_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),  # there is no entry trigger
    overnight=_DELIVERY,  # super orders and stops are for the day
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"}),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.SL}),
    stop_market_exchanges=frozenset(),  # a stop-loss market order fills at once, or is refused
    modifications_per_order=25,
    tag_length=TAG_LENGTH,
    gives_quotes=True,  # with the data plan; an account without one finds out, see DhanAccount.learn
    quote_pause=timedelta(seconds=1.1),  # one call a second, and a little slack
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Dhan can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself.

    Raises ValueError when the token is not "client_id:access_token".
    """
    return DhanAccount(open_session(settings, credentials.auth_token), _CAPABILITIES, SystemClock())


def open_stream(
    credentials: AccountCredentials, settings: BrokerSettings, number_of: InstrumentNumber
) -> DhanStream | None:
    """Return the account's WebSocket, not yet connected. Raises ValueError for a damaged token.

    None where the API is somebody else's and nobody said where its WebSocket is.
    """
    root = settings.ws_roots.get(NAME, None if NAME in settings.api_roots else WS_ROOT)
    return None if root is None else DhanStream(root, credentials.auth_token, clock=SystemClock())


def daily_login() -> DailyLogin:
    """Return how a person logs in at Dhan."""
    return DhanLogin()


def list_instruments(
    settings: BrokerSettings, _auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what Dhan's file of the day lists. Raises ReadFailed."""
    return get_instruments(settings, progress)
