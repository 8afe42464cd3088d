"""Which accounts are worked, and by which thread: one worker per account and mode, started when needed."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerCapabilities,
    BrokerSettings,
    Quote,
    ReadFailed,
    Renewable,
    Symbol,
)
from broker.limiter import Counting
from broker.measured import MeasuredAccount
from broker.paper import connect_driven
from broker.registry import import_broker_module
from database.account_db import Account, account, auth_token_of, list_accounts
from database.bracket_db import accounts_at_work
from database.secret_box import SecretBox
from database.sent_calls import calls_sent_since
from database.session import Database
from database.symbol import SymbolTable
from services.account_streams import AccountStreams, OpenStream, open_broker_stream
from services.account_worker import AccountWorker, WorkerPorts
from services.bracket.model import Mode, Moment
from services.bracket.observation import Timing, TradingSession
from services.bracket_announcer import BracketAnnouncer
from services.cadence import Cadence
from services.errors import BrokerUnavailable, HeldAfterRestore
from services.kill_switch import KillSwitch
from services.market_sessions import MarketSessions
from services.threads import start_thread
from utils.clock import Clock

logger = logging.getLogger(__name__)

PAPER = "paper"
_BROKERS_DAY = timedelta(hours=15)  # the longest any broker's limit looks back
_SECOND = 1.0


Connect = Callable[[str, AccountCredentials, BrokerSettings], BrokerAccount]


def connect_broker(name: str, credentials: AccountCredentials, settings: BrokerSettings) -> BrokerAccount:
    """Return an account at the broker of this name, its calls timed."""
    account = import_broker_module(name).connect(credentials, settings)
    # Its capabilities are a property with a setter: what an account learns of itself must show through.
    return MeasuredAccount(name, account)  # pyright: ignore[reportReturnType]  # reads and writes as the attribute does


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorPorts:
    """What the supervisor needs of the world."""

    db: Database
    box: SecretBox
    clock: Clock
    broker_settings: BrokerSettings
    announcer: BracketAnnouncer
    live_sessions: MarketSessions
    paper_sessions: MarketSessions
    symbols: SymbolTable
    cadence: Cadence = field(default_factory=Cadence)
    timing: Timing = field(default_factory=Timing)
    # By broker, where it is not what the broker declares; that of `timing` is never asked.
    quiescence: Mapping[str, timedelta] = field(default_factory=dict)
    connect: Connect = connect_broker
    open_stream: OpenStream = open_broker_stream


_STOP_SECONDS = 3.5  # the process has five in all


def broker_for(account_broker: str, mode: Mode) -> str:
    """Return who gets the orders: in analyze mode the paper market, whatever the account's broker."""
    return PAPER if mode is Mode.ANALYZE else account_broker


class BracketSupervisor:
    """Starts the workers of accounts with open brackets, and of others when a first bracket comes."""

    def __init__(self, ports: SupervisorPorts) -> None:
        self._ports = ports
        self._workers: dict[tuple[str, Mode], AccountWorker] = {}
        self._threads: list[threading.Thread] = []
        self._connections: dict[tuple[str, str], BrokerAccount] = {}
        self._tokens: dict[str, str] = {}  # in use, by account
        self._streams = AccountStreams(ports.db, ports.broker_settings, ports.open_stream)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._is_held = False

    def start(self) -> None:
        """Start working every account: what is open is looked at before anything new is taken.

        An account's paper brackets get their worker when there are some: most accounts never have any.
        """
        self._is_held = False
        closed_after = self._ports.clock.now() - self._ports.timing.watch
        at_work = accounts_at_work(self._ports.db, Mode.ANALYZE, closed_after)
        for one in list_accounts(self._ports.db):
            try:
                self.worker(one.id, Mode.LIVE)
                if one.id in at_work:
                    self.worker(one.id, Mode.ANALYZE)
            except BrokerUnavailable as exc:
                # The stops of all the others must not wait for this account's login.
                logger.critical("account %s cannot be worked: %s", one.name, exc)

    def hold(self) -> None:
        """Work no account, whoever asks, until `start`: what is stored may be older than what is open."""
        self._is_held = True

    def stop(self) -> None:
        """Let the workers finish what they are storing, and end. Stops stay at the broker."""
        self._stop.set()
        for worker in self.workers():
            worker.wake()
        with self._lock:
            streams = self._streams.stop()
        ends_at = self._ports.clock.monotonic() + _STOP_SECONDS
        # All of them together: one that hangs must not cost the others' time.
        for thread in (*self._threads, *streams):
            thread.join(timeout=max(0.0, ends_at - self._ports.clock.monotonic()))

    @property
    def ports(self) -> SupervisorPorts:
        return self._ports

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def worker(self, account_id: str, mode: Mode) -> AccountWorker:
        """Return the account's worker, started if need be.

        Raises KeyError for an unknown account, BrokerUnavailable for one without a usable login, and
        HeldAfterRestore.
        """
        self._refuse_held()
        with self._lock:
            found = self._workers.get((account_id, mode))
            if found is None:
                found = self._start_worker(account_id, mode)
            return found

    def renew(self, account_id: str, auth_token: str) -> None:
        """Have the account speak with a new token: its worker goes on by itself, or starts.

        Raises KeyError for an unknown account, BrokerUnavailable when the token is no use.
        """
        self._refuse_held()
        owner = account(self._ports.db, account_id)
        if owner is None:
            raise KeyError(account_id)
        with self._lock:
            connection = self._connections.get((account_id, owner.broker))
            if connection is not None:
                self._renew(owner, connection, auth_token)
        if connection is None:
            self.worker(account_id, Mode.LIVE)

    def _refuse_held(self) -> None:
        if self._is_held:
            raise HeldAfterRestore(
                "The database was restored from a backup: nothing is sent before `restore --confirm`"
            )

    def _renew(self, owner: Account, connection: BrokerAccount, auth_token: str) -> None:
        try:
            if isinstance(connection, Renewable):
                connection.renew(auth_token)
            self._tokens[owner.id] = auth_token
            for (account_id, mode), worker in self._workers.items():
                if account_id == owner.id:
                    worker.renewed()
                    if mode is Mode.LIVE:
                        self._open_pushes(owner, worker, auth_token)
        except ValueError as exc:
            raise BrokerUnavailable(f"account {owner.name} has no usable broker login") from exc

    def _open_pushes(self, owner: Account, worker: AccountWorker, auth_token: str) -> None:
        """Open the account's push stream, and find out what its session may do."""
        credentials = AccountCredentials(account_id=owner.id, auth_token=auth_token)
        self._streams.start(owner.broker, credentials, worker.pushes)
        worker.line.read(_learn).add_done_callback(_note_not_learnt)

    def token_in_use(self, account_id: str) -> str | None:
        """Return the token the account's connection speaks with; None without one."""
        with self._lock:
            return self._tokens.get(account_id)

    def running(self, account_id: str, mode: Mode) -> AccountWorker | None:
        """Return the account's worker if it has one."""
        with self._lock:
            return self._workers.get((account_id, mode))

    def workers(self) -> list[AccountWorker]:
        with self._lock:
            return list(self._workers.values())

    def capabilities(self, broker_name: str) -> BrokerCapabilities:
        found, quiescence = import_broker_module(broker_name).capabilities(), self._ports.quiescence
        return replace(found, absence_quiescence=quiescence.get(broker_name, found.absence_quiescence))

    def sessions(self, broker_name: str) -> MarketSessions:
        return self._ports.paper_sessions if broker_name == PAPER else self._ports.live_sessions

    def _start_worker(self, account_id: str, mode: Mode) -> AccountWorker:
        found = account(self._ports.db, account_id)
        if found is None:
            raise KeyError(account_id)
        worker = AccountWorker(account_id, self._worker_ports(found, mode))
        self._workers[account_id, mode] = worker
        name = f"worker-{account_id[-6:]}-{mode}"
        self._threads.append(start_thread(name, worker.run, self._stop))
        if mode is Mode.LIVE:
            self._open_pushes(found, worker, self._tokens.get(account_id, ""))
        return worker

    def _worker_ports(self, owner: Account, mode: Mode) -> WorkerPorts:
        ports = self._ports
        sessions = self.sessions(broker_for(owner.broker, mode))

        def session_of(exchange: str, now: Moment) -> TradingSession:
            return sessions.trading_session(exchange, now)

        return WorkerPorts(
            mode=mode,
            broker=self._broker(owner, mode),
            db=ports.db,
            clock=ports.clock,
            session_of=session_of,
            kill_switch=KillSwitch(ports.db, owner, ports.clock),
            announce=ports.announcer.notify,
            cadence=ports.cadence,
            timing=self._timing(broker_for(owner.broker, mode)),
        )

    def _timing(self, broker_name: str) -> Timing:
        return replace(self._ports.timing, quiescence=self.capabilities(broker_name).absence_quiescence)

    def _broker(self, owner: Account, mode: Mode) -> BrokerAccount:
        """Return who gets a worker's orders. In analyze mode a live broker lends its quotes and no more."""
        if mode is Mode.LIVE or owner.broker == PAPER:
            return self._connected(owner, broker_for(owner.broker, mode))
        ports = self._ports
        credentials = AccountCredentials(account_id=owner.id, auth_token="")
        if auth_token_of(ports.db, ports.box, owner.id) is not None:
            self._connected(owner, owner.broker)
        return connect_driven(
            credentials,
            ports.broker_settings,
            live_quotes=partial(self._live_quotes, owner),
            listed=partial(ports.symbols.instrument, broker=owner.broker),
            quote_pause=self.capabilities(owner.broker).quote_pause,
        )

    def _live_quotes(self, owner: Account, symbols: frozenset[Symbol]) -> dict[Symbol, Quote] | None:
        """Return the live broker's quotes; None while nobody has ever logged in there."""
        live = self._connections.get((owner.id, owner.broker))
        return None if live is None else live.quotes(symbols)

    def _connected(self, owner: Account, broker_name: str) -> BrokerAccount:
        """Return the account's one connection to a broker: its rate limit is one too."""
        found = self._connections.get((owner.id, broker_name))
        if found is None:
            token = auth_token_of(self._ports.db, self._ports.box, owner.id) or ""
            credentials = AccountCredentials(account_id=owner.id, auth_token=token)
            try:
                found = self._ports.connect(broker_name, credentials, self._ports.broker_settings)
            except ValueError as exc:
                raise BrokerUnavailable(f"account {owner.name} has no usable broker login") from exc
            if broker_name == owner.broker:
                self._tokens[owner.id] = token
            if isinstance(found, Counting) and broker_name != PAPER:
                # The broker counts over our restarts.
                now = self._ports.clock.now()
                found.count_sent(
                    [now - sent for sent in calls_sent_since(self._ports.db, owner.id, now - _BROKERS_DAY)]
                )
            self._connections[owner.id, broker_name] = found
        return found


def _learn(broker: BrokerAccount) -> None:
    if isinstance(broker, Renewable):
        broker.learn()


def _note_not_learnt(reply: "Future[None]") -> None:
    error = None if reply.cancelled() else reply.exception()
    if isinstance(error, ReadFailed | AuthDead):
        logger.warning("what a broker session may do is not known yet: %s", error)
