"""The broker port: what every adapter promises, and how its failures are told apart.

BrokerError
├── OrderRejected    the broker said no; nothing was placed, changed or cancelled
├── NotSent          no byte left us; safe to try again
│   └── RateLimited  our own limiter, or the broker's 429 before it looked at the request
├── OutcomeUnknown   it may exist; ask by tag, never resend
├── AuthDead         the broker session is dead; reads are invalid, a POST's outcome is unknown
└── ReadFailed       a read gave nothing that can be trusted: not "empty", not "flat"
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, runtime_checkable

from services.bracket.model import (
    BookRead,
    BrokerCapabilities,
    GttRequest,
    GttRow,
    Instrument,
    Mode,
    OrderAck,
    OrderRequest,
    OrderRow,
    PositionRow,
    Quote,
    RefusalKind,
    Terms,
    TradeRow,
)
from utils.config import Config, OcoBroker

__all__ = [
    "AccountCredentials",
    "AuthDead",
    "BookRead",
    "BrokerAccount",
    "BrokerCapabilities",
    "BrokerError",
    "BrokerModule",
    "BrokerSettings",
    "Configurable",
    "DailyLogin",
    "FollowsGtts",
    "Funds",
    "GttRequest",
    "GttRow",
    "Instrument",
    "InstrumentNames",
    "ListedInstrument",
    "LoggedIn",
    "NotSent",
    "OrderAck",
    "OrderRejected",
    "OrderRequest",
    "OrderRow",
    "OutcomeUnknown",
    "OwnedIds",
    "PlacedGtt",
    "PositionRow",
    "PushListener",
    "PushStream",
    "Quote",
    "RateLimited",
    "ReadFailed",
    "Renewable",
    "Symbol",
    "Terms",
    "TradeRow",
    "WakeUp",
]


class BrokerError(Exception):
    """The broker, or the way to it, failed."""


class OrderRejected(BrokerError):
    """The broker refused; nothing was placed, changed or cancelled. kind says what to do next."""

    def __init__(self, reason: str, kind: RefusalKind = RefusalKind.UNCLASSIFIED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class NotSent(BrokerError):
    """No byte of the request left us (refused connection, DNS): it is safe to try again."""


class RateLimited(NotSent):
    """A limiter held the request back before the broker looked at it."""

    def __init__(self, reason: str, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class OutcomeUnknown(BrokerError):
    """The request may have been carried out. Ask by tag; never resend."""


class AuthDead(BrokerError):
    """The broker session has ended; only a login helps. What was sent counts as unknown."""


class ReadFailed(BrokerError):
    """A read gave nothing to be trusted. Keep what is known and ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCredentials:
    """What an adapter needs to speak for one account. The token is never printed."""

    account_id: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """Cash in rupees."""

    available: Decimal
    used: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedInstrument:
    """A symbol as a broker's own file lists it, with the broker's number for it where it has one."""

    instrument: Instrument
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A new broker session: its token, and whose it is in the broker's own words."""

    auth_token: str = field(repr=False)
    user_id: str


WakeUp = Callable[[], None]
Symbol = tuple[str, str]  # exchange, symbol


class BrokerAccount(Protocol):
    """One account at one broker. Thread-safe: called from at most five threads at a time.

    Every call has a time-out. Writes raise OrderRejected, NotSent, OutcomeUnknown or AuthDead, and
    nothing else; reads raise ReadFailed or AuthDead. No write is ever retried inside the adapter.
    """

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the broker can do for this account, as far as its session has found out."""
        ...

    def place_order(self, order: OrderRequest) -> OrderAck:
        """Send one order carrying its tag. An ack means accepted for processing, nothing more.

        Terms that are native (`Terms.is_native`) place the broker's own bracket in one request: the entry
        with its stop and target. The ack's id names the entry, and with it the bracket. A broker that
        takes no limit for the stop leaves `stop_limit` out.
        """
        ...

    def modify_order(self, broker_order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        """Ask for new terms, the quantity being the total. Saying the same twice does no harm.

        The id of a native bracket's exit moves that exit alone, by trigger_price and price; its quantity
        is the broker's business and is left out. The id of its entry moves the entry, which has not filled;
        where the broker wants the whole bracket again, the terms have all of it.
        uses_reserve is as in OrderRequest: only what protects nothing goes without the reserve.
        """
        ...

    def cancel_order(self, broker_order_id: str) -> None:
        """Ask for a cancel. Only a book that shows it says that it is cancelled.

        The id of a native bracket's exit takes that exit away, at some brokers the other one with it; the
        id of its entry cancels what is left of the entry. What that does to the exits is the broker's.
        """
        ...

    def place_gtt(self, gtt: GttRequest) -> OrderAck:
        """Send one GTT (two-leg when the terms have a target); the ack's id is the trigger id."""
        ...

    def modify_gtt(self, trigger_id: str, gtt: GttRequest) -> None:
        """Replace the whole GTT."""
        ...

    def cancel_gtt(self, trigger_id: str) -> None:
        """Ask for the GTT's deletion."""
        ...

    def order_book(self) -> tuple[OrderRow, ...]:
        """Return the whole day's order book, every page of it.

        A native bracket is its entry, under the id that placing it returned, and from then on a row for
        each exit with an id of its own, `parent_order_id` and `exit_purpose` (STOP or TARGET). An exit is
        PENDING while the broker holds it back, and TRIGGER_PENDING or OPEN only when it truly works,
        whatever word the broker has for it (Alpaca calls a stop that works `held`). Its quantity is what it
        covers, its fill included. A stop's `price` is its limit where the broker takes one, else None.
        Ids are stable: where a change gives an order a new one, the adapter goes on showing the first.
        The tag is on the entry at most; without one a bracket is told by its content (`tag` None). An exit
        that has ended is best shown until the day's end; one that vanishes is believed gone only slowly.
        """
        ...

    def gtt_book(self) -> tuple[GttRow, ...]:
        """Return every active GTT and those that ended lately."""
        ...

    def trade_book(self) -> tuple[TradeRow, ...]:
        """Return the whole day's trades."""
        ...

    def positions(self) -> tuple[PositionRow, ...]:
        """Return net positions; delivery products include holdings and T+1 holdings."""
        ...

    def quotes(self, symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        """Return what is known of each (exchange, symbol); a symbol without a quote is left out."""
        ...

    def funds(self) -> Funds:
        """Return cash available and used."""
        ...

    def session_alive(self) -> bool:
        """Ask the broker whether the session is live. False means dead; ReadFailed means no answer."""
        ...

    def listen(self, wake_up: WakeUp) -> None:
        """Call wake_up, from any thread, whenever the broker pushes news of orders or prices.

        A push is a hint to look; its content is never used. Brokers without one do nothing.
        """
        ...

    def close(self) -> None:
        """Give back connections and threads."""
        ...


@runtime_checkable
class Renewable(Protocol):
    """An account whose broker session ends each day: a running one takes the new token."""

    def renew(self, auth_token: str) -> None:
        """Speak with a new token from the next call on; the rate limit goes on counting.

        Raises ValueError for a damaged token: the old one stays.
        """
        ...

    def learn(self) -> None:
        """Find out what this session may do, as its plan has it; `capabilities` say it afterwards.

        Raises ReadFailed or AuthDead; then nothing was learnt.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedGtt:
    """A GTT of ours as the record has it. trigger_id None: nobody answered for it yet."""

    trigger_id: str | None
    request: GttRequest
    sent_at: datetime


OwnedIds = Callable[[Iterable[str]], frozenset[str]]  # the broker's ids -> those of orders that we placed


@runtime_checkable
class FollowsGtts(Protocol):
    """An account whose broker does not say what became of a GTT: it has to know which there were."""

    def follow(self, placed: Callable[[], Iterable[PlacedGtt]], owned: OwnedIds) -> None:
        """Take in our GTTs of before; owned tells which orders we placed, and raises ReadFailed.

        Called before the first read, and again when another process may have placed some.
        """
        ...


@runtime_checkable
class TellsUser(Protocol):
    """An account whose broker says whose session it is."""

    def user_id(self) -> str:
        """Return the broker's name for the session's user. Raises ReadFailed or AuthDead."""
        ...


class DailyLogin(Protocol):
    """How a person gets the account a new token: a page of the broker's, and what it gives back."""

    needs: tuple[str, ...]  # names of the secrets that are stored for it
    public: frozenset[str]  # those of them that are no secret, shown as they are typed
    brings: str  # what the person brings back, as the broker calls it in the address: "request_token"
    by_browser: bool  # whether the page sends the browser back to us with our state, or has to be copied from
    signs_pushes: bool  # whether is_genuine can tell; else the secret address is all there is
    unattended: tuple[str, ...]  # names of the secrets that log in without a person; none: it takes one

    def page(self, login: Mapping[str, str], state: str | None) -> str:
        """Return the address at which the person logs in; state comes back with the person."""
        ...

    def went_well(self, query: Mapping[str, str]) -> bool:
        """Whether the address a person came back to tells of a login that succeeded."""
        ...

    def log_in(self, login: Mapping[str, str], settings: "BrokerSettings", now: datetime) -> LoggedIn:
        """Return a session by the `unattended` secrets alone; the failures of `exchange`."""
        ...

    def exchange(self, request_token: str, login: Mapping[str, str], settings: "BrokerSettings") -> LoggedIn:
        """Return the session for what the person brought back.

        Raises AuthDead for a refusal; NotSent, OutcomeUnknown or RateLimited when there was no answer.
        """
        ...

    def ends_at(self, obtained: datetime) -> datetime:
        """Return when a token obtained then will die."""
        ...

    def is_genuine(self, push: bytes, login: Mapping[str, str]) -> bool:
        """Whether the broker itself signed a push for this app, compared in constant time."""
        ...


class InstrumentNames(Protocol):
    """Brokers' numbers for instruments, both ways, as their lists of the day have them.

    None for what is not listed. Raises ReadFailed when the lists could not be read.
    """

    def number_of(self, broker: str, symbol: "Symbol", /) -> str | None: ...

    def symbol_of(self, broker: str, exchange: str, number: str, /) -> "Symbol | None": ...


class NoNames:
    """Satisfies InstrumentNames where nothing is listed: for logins, downloads, brokers without numbers."""

    def number_of(self, _broker: str, _symbol: "Symbol") -> str | None:
        return None

    def symbol_of(self, _broker: str, _exchange: str, _number: str) -> "Symbol | None":
        return None


class PushListener(Protocol):
    """Who hears of a push stream. Every method may be called from the stream's thread and never blocks."""

    def on_orders(self) -> None:
        """There is news of orders. What it says is never believed: the books are read."""
        ...

    def on_quotes(self, quotes: Mapping[Symbol, Quote]) -> None:
        """Prices came."""
        ...

    def on_health(self, *, is_up: bool) -> None:
        """The stream came up, or went down: what it covers is polled while it is down."""
        ...

    def wanted(self) -> frozenset[Symbol]:
        """Return the symbols whose prices are wanted now."""
        ...


class PushStream(Protocol):
    """One account's stream of order updates and prices."""

    def run(self, stop: threading.Event, listener: PushListener) -> None:
        """Stay connected until stop is set. A broken or refused stream says nothing of the token."""
        ...


InstrumentNumber = Callable[[str, str], str | None]  # exchange, symbol -> the broker's number for it


class BrokerModule(Protocol):
    """What `broker/<name>/__init__.py` offers; a module satisfies it."""

    def daily_login(self) -> DailyLogin | None:
        """Return how a person logs in there; None where no session ends."""
        ...

    def capabilities(self) -> BrokerCapabilities:
        """Return what this broker can do; the same for all its accounts."""
        ...

    def connect(self, credentials: AccountCredentials, settings: "BrokerSettings") -> BrokerAccount:
        """Return the account, ready for calls; makes no network call itself."""
        ...

    def open_stream(
        self, credentials: AccountCredentials, settings: "BrokerSettings", number_of: InstrumentNumber
    ) -> PushStream | None:
        """Return the account's push stream, not yet connected; None for a broker without one."""
        ...

    def list_instruments(
        self,
        settings: "BrokerSettings",
        auth_token: str | None,
        progress: Callable[[int], None],
        /,
    ) -> tuple[ListedInstrument, ...]:
        """Return everything the broker's file lists that can be traded here. Raises ReadFailed.

        progress hears how many bytes of it have come so far.
        """
        ...


@runtime_checkable
class Configurable(Protocol):
    """A broker module whose broker can do more or less by how it is set up."""

    def capabilities_with(self, settings: "BrokerSettings") -> BrokerCapabilities:
        """Return what this broker can do, set up so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """What adapters need of the configuration, and the numbers of instruments."""

    api_roots: dict[str, str]  # broker name -> base address, only where it differs from the default
    paper_state: str
    paper_prices: str
    ws_roots: dict[str, str] = field(default_factory=dict)  # the same for push streams
    mode: Mode = Mode.LIVE
    timeout_seconds: float = 4.0
    openalgo_gtt: OcoBroker | None = None  # whom an OpenAlgo server is at, where its GTTs are used
    names: InstrumentNames = field(default_factory=NoNames)

    @staticmethod
    def of(config: Config) -> "BrokerSettings":
        """Return what the configuration says."""
        return BrokerSettings(
            api_roots=dict(config.broker_api_roots),
            ws_roots=dict(config.broker_ws_roots),
            paper_state=config.paper_state,
            paper_prices=config.paper_prices,
            openalgo_gtt=config.openalgo_gtt,
        )
