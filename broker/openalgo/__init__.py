"""Any OpenAlgo server as the broker, and with it the brokers that it knows."""

from collections.abc import Callable

from broker.base import (
    AccountCredentials,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    DailyLogin,
    InstrumentNumber,
    ListedInstrument,
    PushStream,
    ReadFailed,
)
from broker.openalgo.account import OpenalgoAccount
from broker.openalgo.api.instruments_api import get_instruments
from broker.openalgo.behind import with_oco
from broker.openalgo.session import QUIESCENCE, QUOTE_PAUSE, READ_PAUSE, open_session
from services.bracket.model import Topology
from utils.clock import SystemClock

_CAPABILITIES = BrokerCapabilities(
    # GTTs are used only where OPENALGO_GTT names the broker behind the server: see behind.py.
    topologies={"MIS": Topology.MORPH, "CNC": Topology.MORPH, "NRML": Topology.MORPH},
    overnight=frozenset(),
    stop_market_exchanges=frozenset(),  # one broker in a few still takes them, and nobody says which
    modifications_per_order=20,  # of the brokers behind it, the least
    tag_length=0,  # what it shows of an order has no tag in it
    absence_quiescence=QUIESCENCE,
    gives_quotes=True,
    quote_pause=QUOTE_PAUSE,
    read_pause=READ_PAUSE,
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what an OpenAlgo server can do, whoever is behind it."""
    return _CAPABILITIES


def capabilities_with(settings: BrokerSettings) -> BrokerCapabilities:
    """Return what the server can do that the settings describe."""
    behind = settings.openalgo_gtt
    return _CAPABILITIES if behind is None else with_oco(_CAPABILITIES, behind)


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself. Raises ValueError for a damaged key."""
    return OpenalgoAccount(
        open_session(settings, credentials.auth_token),
        capabilities_with(settings),
        clock=SystemClock(),
        plain=_CAPABILITIES,
        behind=settings.openalgo_gtt,
    )


def open_stream(
    _credentials: AccountCredentials, _settings: BrokerSettings, _number_of: InstrumentNumber
) -> PushStream | None:
    """Return nothing: the server's stream of orders has gaps that nobody tells of; the books are read."""
    return None


def daily_login() -> DailyLogin | None:
    """Return nothing: a key does not end. The server's own login at its broker is made at its own page."""
    return None


def list_instruments(
    settings: BrokerSettings, auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return what the server lists; it wants an account's key for it. Raises ReadFailed or AuthDead."""
    if not auth_token:
        raise ReadFailed("the server lists its instruments for those who have a key: give the account one")
    return get_instruments(settings, auth_token, progress)
