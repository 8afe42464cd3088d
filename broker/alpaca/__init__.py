"""Alpaca (Trading API v2, US shares): what it can do, and the way to an account there."""

from collections.abc import Callable
from decimal import Decimal

from broker.alpaca.account import AlpacaAccount
from broker.alpaca.api.instruments_api import get_instruments
from broker.alpaca.mapping import TAG_LENGTH
from broker.alpaca.session import (
    EVIDENCE_PAUSE,
    NAME,
    QUOTE_PAUSE,
    READ_PAUSE,
    home_of,
    keys_of,
    open_session,
)
from broker.alpaca.stream import AlpacaStream
from broker.base import (
    AccountCredentials,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    DailyLogin,
    InstrumentNumber,
    ListedInstrument,
    ReadFailed,
)
from services.bracket.model import OrderType, Topology
from utils.clock import SystemClock

_DAY, _DELIVERY = "MIS:US", "CNC:US"

_CAPABILITIES = BrokerCapabilities(
    topologies={_DAY: Topology.NATIVE, _DELIVERY: Topology.NATIVE},
    fallbacks={_DAY: Topology.OCO, _DELIVERY: Topology.OCO},
    native_entry_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    overnight=frozenset({_DELIVERY}),  # good until cancelled; what is MIS is for the day
    exchanges=frozenset({"US"}),
    stop_market_exchanges=frozenset({"US"}),
    oco_short_exchanges=frozenset({"US"}),
    sl_to_limit=False,  # a change never changes an order's type
    limit_to_sl=False,
    modify_after_part_fill=False,  # how the replacement counts what has filled is written nowhere
    modifications_per_order=1_000_000,  # each is another order: nobody counts
    tag_length=TAG_LENGTH,
    gtt_minimum_distance=Decimal(0),
    gives_quotes=True,
    quote_pause=QUOTE_PAUSE,
    read_pause=READ_PAUSE,
    evidence_pause=EVIDENCE_PAUSE,
    pushes_orders=False,
)


def capabilities() -> BrokerCapabilities:
    """Return what Alpaca can do."""
    return _CAPABILITIES


def connect(credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return the account, ready for calls; makes none itself.

    Raises ValueError when the token is not "key_id:secret".
    """
    return AlpacaAccount(
        open_session(settings, credentials.auth_token),
        keys_of(credentials.auth_token),
        capabilities=_CAPABILITIES,
        clock=SystemClock(),
    )


def open_stream(
    credentials: AccountCredentials, settings: BrokerSettings, number_of: InstrumentNumber
) -> AlpacaStream:
    """Return the account's stream, not yet connected. Raises ValueError for a damaged token.

    It is where the API is, unless ALPACA_WS_ROOT says otherwise.
    """
    keys = keys_of(credentials.auth_token)
    root = settings.api_roots.get(NAME, home_of(keys))
    beside = "ws" + root.rstrip("/").removeprefix("http")
    return AlpacaStream(settings.ws_roots.get(NAME, beside), keys, clock=SystemClock())


def daily_login() -> DailyLogin | None:
    """Return nothing: keys do not end with the day."""
    return None


def list_instruments(
    settings: BrokerSettings, auth_token: str | None, progress: Callable[[int], None] = lambda _: None
) -> tuple[ListedInstrument, ...]:
    """Return the shares that Alpaca lists; it takes an account's keys. Raises ReadFailed."""
    if auth_token is None:
        raise ReadFailed("Alpaca lists its assets for an account only: add one, with its keys")
    return get_instruments(settings, auth_token, progress)
