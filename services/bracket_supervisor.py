"""Which accounts are worked, and by which thread: one worker per account and mode, started when needed."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
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
from broker.registry import capabilities_of, import_broker_module
from database.account_db import Account, account, auth_token_of, list_accounts
from database.bracket_db import accounts_at_work
from database.secret_box import SecretBox
from database.sent_calls import calls_sent_since
from database.session import Database
from database.symbol import SymbolTable
from services.account_streams import AccountStreams, OpenStream, open_broker_stream
from services.account_worker import AccountWorker, WorkerPorts
from services.bracket.events import Event
from services.bracket.model import Bracket, Mode, Moment
from services.bracket.observation import Timing, TradingSession
from services.bracket_announcer import BracketAnnouncer
from services.cadence import Cadence
from services.entries import Entries
from services.errors import BrokerUnavailable, HeldAfterRestore
from services.kill_switch import KillSwitch
from services.market_sessions import MarketSessions
from services.ownership import Hold, Ownership, SoleHold
from services.placed_gtts import remind_of_gtts
from services.probe.report import NOTHING_PROBED, Reports, narrowed, report_of
from services.remote_account import RemoteAccount
from services.threads import start_thread
from utils.clock import Clock

logger = logging.getLogger(__name__)

PAPER = "paper"
_BROKERS_DAY = timedelta(hours=15)  # the longest any broker's limit looks back
_LET_GO_SECONDS = 0.4  # others wait for the accounts
_SOLE_HOLD = SoleHold()


class NotOurs(BrokerUnavailable):
    """Another process works the account by now."""


Connect = Callable[[str, AccountCredentials, BrokerSettings], BrokerAccount]


def connect_broker(
    name: str, credentials: AccountCredentials, settings: BrokerSettings, *, reports: Reports = NOTHING_PROBED
) -> BrokerAccount:
    """Return an account at the broker of this name, its calls timed; what its probe saw fail it cannot do."""
    account = import_broker_module(name).connect(credentials, settings)
    narrow = partial(narrowed, report=report_of(reports, credentials.account_id, broker=name))
    # Its capabilities are a property with a setter: what an account learns of itself must show through.
    return MeasuredAccount(name, account, narrow=narrow)  # pyright: ignore[reportReturnType]  # reads and writes as the attribute does


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
    reports: Reports = field(default_factory=dict)  # what probes found out
    connect: Connect = connect_broker
    open_stream: OpenStream = open_broker_stream
    ownership: Ownership | None = None  # None: this process works every account
    entries: Entries | None = None  # who waits for entries that others send; with ownership


_STOP_SECONDS = 3.5  # the process has five in all

AnyWorker = AccountWorker | RemoteAccount


def broker_for(account_broker: str, mode: Mode) -> str:
    """Return who gets the orders: in analyze mode the paper market, whatever the account's broker."""
    return PAPER if mode is Mode.ANALYZE else account_broker


@dataclass(frozen=True, slots=True)
class _Work:
    """A worker at work."""

    worker: AccountWorker
    thread: threading.Thread
    stop: threading.Event
    hold: Hold

    def end(self) -> None:
        """Have it end soon."""
        self.stop.set()
        self.worker.wake()


class BracketSupervisor:
    """Starts the workers of accounts with open brackets, and of others when a first bracket comes.

    Where processes share the accounts, it works those of the shards that are this process's.
    """

    def __init__(self, ports: SupervisorPorts) -> None:
        self._ports = ports
        self._at_work: dict[tuple[str, Mode], _Work] = {}
        self._leaving: list[threading.Thread] = []
        self._connections: dict[tuple[str, str], BrokerAccount] = {}
        self._tokens: dict[str, str] = {}  # in use, by account
        self._unusable: set[str] = set()  # accounts that were told of: no worker could start
        self._streams = AccountStreams(ports.db, ports.broker_settings, ports.open_stream)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._is_held = False

    def start(self) -> None:
        """Start working every account: what is open is looked at before anything new is taken.

        An account's paper brackets get their worker when there are some: most accounts never have any.
        """
        self.release()
        closed_after = self._ports.clock.now() - self._ports.timing.watch
        at_work = accounts_at_work(self._ports.db, Mode.ANALYZE, closed_after)
        for one in list_accounts(self._ports.db):
            self._start_safely(one, has_paper=one.id in at_work)

    def hold(self) -> None:
        """Work no account, whoever asks, until `release`: what is stored may be older than what is open."""
        self._is_held = True

    def release(self) -> None:
        """Work accounts again."""
        self._is_held = False

    def tend(self) -> None:
        """Bring the workers in line with the shards that are this process's. Raises NotRead."""
        self._end([key for key, work in self._running() if self._hold(key[0]) != work.hold], seconds=0.0)
        ours = [one for one in list_accounts(self._ports.db) if self.works(one.id)]
        fresh = [one for one in ours if self.running(one.id, Mode.LIVE) is None]
        if not fresh or self.is_stopping:
            return
        closed_after = self._ports.clock.now() - self._ports.timing.watch
        at_work = accounts_at_work(self._ports.db, Mode.ANALYZE, closed_after)
        for one in fresh:
            if one.id not in self._unusable:
                self._start_safely(one, has_paper=one.id in at_work)

    def let_go(self, shards: frozenset[int], *, seconds: float) -> None:
        """End the work on shards, and wait so long for what is under way."""
        ownership = self._ports.ownership
        if ownership is not None:
            keys = [key for key, _ in self._running() if ownership.shard_of(key[0]) in shards]
            self._end(keys, seconds=seconds)

    def stop(self, *, give_back: Callable[[], None] | None = None) -> None:
        """Let the workers finish what they are storing, and end. Stops stay at the broker.

        give_back is called as soon as all have ended, or after a moment: others wait for the accounts.
        """
        self._stop.set()
        ends_at = self._ports.clock.monotonic() + _STOP_SECONDS
        works = [work for _, work in self._running()]
        for work in works:
            work.end()
        with self._lock:
            threads = [*(work.thread for work in works), *self._leaving, *self._streams.stop()]
        # All of them together: one that hangs must not cost the others' time.
        if give_back is not None:
            self._join(threads, self._ports.clock.monotonic() + _LET_GO_SECONDS)
            give_back()
        self._join(threads, ends_at)

    def _start_safely(self, one: Account, *, has_paper: bool) -> None:
        try:
            self.start_worker(one.id, Mode.LIVE)
            if has_paper:
                self.start_worker(one.id, Mode.ANALYZE)
        except NotOurs:
            # Given away while others were being started. It may be ours again at any time, and is tried then.
            logger.info("account %s went to another process before it was worked here", one.name)
        except BrokerUnavailable as exc:
            # The stops of all the others must not wait for this account's login.
            self._unusable.add(one.id)
            logger.critical("account %s cannot be worked: %s", one.name, exc)

    def _running(self) -> list[tuple[tuple[str, Mode], _Work]]:
        with self._lock:
            return list(self._at_work.items())

    def _end(self, keys: Collection[tuple[str, Mode]], *, seconds: float) -> None:
        with self._lock:
            ended = [self._at_work.pop(key) for key in keys if key in self._at_work]
            for work in ended:
                work.end()
            gone = {account_id for account_id, _ in keys} - {account_id for account_id, _ in self._at_work}
            streams = self._forget_connections(gone)
        threads = [*(work.thread for work in ended), *streams]
        self._join(threads, self._ports.clock.monotonic() + seconds)
        self._leaving = [thread for thread in (*self._leaving, *threads) if thread.is_alive()]

    def _forget_connections(self, account_ids: Collection[str]) -> list[threading.Thread]:
        self._connections = {
            key: found for key, found in self._connections.items() if key[0] not in account_ids
        }
        for account_id in account_ids:
            self._tokens.pop(account_id, None)
        return self._streams.end(account_ids)

    def _join(self, threads: Iterable[threading.Thread], ends_at: float) -> None:
        for thread in threads:
            thread.join(timeout=max(0.0, ends_at - self._ports.clock.monotonic()))

    @property
    def ports(self) -> SupervisorPorts:
        return self._ports

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def works(self, account_id: str) -> bool:
        """Whether this process works the account."""
        return self._hold(account_id) is not None

    def worker(self, account_id: str, mode: Mode) -> AnyWorker:
        """Return the account's worker, started if need be, or what can be asked of another process's.

        Raises KeyError for an unknown account, BrokerUnavailable for one without a usable login, and
        HeldAfterRestore.
        """
        self._refuse_held()
        return (
            self.start_worker(account_id, mode) if self.works(account_id) else self._remote(account_id, mode)
        )

    def start_worker(self, account_id: str, mode: Mode) -> AccountWorker:
        """Return the account's worker here, started if need be. Raises as `worker` does, and NotOurs."""
        self._refuse_held()
        with self._lock:
            found, hold = self._at_work.get((account_id, mode)), self._hold(account_id)
            if hold is None:
                raise NotOurs(f"account {account_id} is worked by another process")
            if found is not None and found.hold == hold:
                return found.worker
            if found is not None:  # of an epoch that is over: it may not act any more
                found.end()
                self._leaving.append(found.thread)
            return self._start_worker(account_id, mode, hold)

    def hand_over(self, bracket: Bracket, events: tuple[Event, ...], at: Moment) -> "Future[Bracket]":
        """Have a bracket just stored looked after. The future resolves when its entry has been answered."""
        account_id, mode = bracket.plan.account_id, bracket.plan.mode
        if self._ports.entries is None:
            return self.start_worker(account_id, mode).submit(bracket, events, at)
        reply = self._ports.entries.expect(bracket)
        worker = self.running(account_id, mode)
        if worker is not None:  # a hint comes as well, but it takes the longer way
            worker.stored_elsewhere()
        return reply

    def forget_entry(self, bracket_id: str) -> None:
        """Nobody waits for this bracket's entry any more."""
        if self._ports.entries is not None:
            self._ports.entries.forget(bracket_id)

    @property
    def sends_entries(self) -> bool:
        """Whether an entry is intended where it is stored. Where accounts are shared its worker intends it:

        only a process that holds the account's lease may mean to send.
        """
        return self._ports.ownership is None

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
        self._unusable.discard(account_id)
        if connection is None and self.works(account_id):
            self.start_worker(account_id, Mode.LIVE)

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
            for (account_id, mode), work in self._at_work.items():
                if account_id == owner.id:
                    work.worker.renewed()
                    if mode is Mode.LIVE:
                        self._open_pushes(owner, work.worker, auth_token)
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
            found = self._at_work.get((account_id, mode))
        return None if found is None else found.worker

    def workers(self) -> list[AccountWorker]:
        """Return the workers of this process."""
        return [work.worker for _, work in self._running()]

    def capabilities(self, broker_name: str) -> BrokerCapabilities:
        found, quiescence = capabilities_of(broker_name, self._ports.broker_settings), self._ports.quiescence
        return replace(found, absence_quiescence=quiescence.get(broker_name, found.absence_quiescence))

    def sessions(self, broker_name: str) -> MarketSessions:
        return self._ports.paper_sessions if broker_name == PAPER else self._ports.live_sessions

    def _hold(self, account_id: str) -> Hold | None:
        ownership = self._ports.ownership
        return _SOLE_HOLD if ownership is None else ownership.hold_of(account_id)

    def _remote(self, account_id: str, mode: Mode) -> RemoteAccount:
        owner, ports = self._known(account_id), self._ports
        broker_name, ownership = broker_for(owner.broker, mode), ports.ownership
        return RemoteAccount(
            account_id=account_id,
            mode=mode,
            shard=None if ownership is None else ownership.shard_of(account_id),
            db=ports.db,
            clock=ports.clock,
            capabilities=narrowed(
                self.capabilities(broker_name), report_of(ports.reports, account_id, broker=broker_name)
            ),
            quiescence=self._timing(broker_name).quiescence,
            kill_switch=KillSwitch(ports.db, owner, ports.clock),
            session_of=self._sessions_of(broker_name),
        )

    def _known(self, account_id: str) -> Account:
        found = account(self._ports.db, account_id)
        if found is None:
            raise KeyError(account_id)
        return found

    def _start_worker(self, account_id: str, mode: Mode, hold: Hold) -> AccountWorker:
        found = self._known(account_id)
        worker = AccountWorker(account_id, self._worker_ports(found, mode, hold))
        stop = threading.Event()
        if self.is_stopping:
            stop.set()
        name = f"worker-{account_id[-6:]}-{mode}"
        thread = start_thread(name, worker.run, stop)
        self._at_work[account_id, mode] = _Work(worker, thread, stop, hold)
        if mode is Mode.LIVE:
            self._open_pushes(found, worker, self._tokens.get(account_id, ""))
        return worker

    def _sessions_of(self, broker_name: str) -> Callable[[str, Moment], TradingSession]:
        sessions = self.sessions(broker_name)

        def session_of(exchange: str, now: Moment) -> TradingSession:
            return sessions.trading_session(exchange, now)

        return session_of

    def _worker_ports(self, owner: Account, mode: Mode, hold: Hold) -> WorkerPorts:
        ports, broker_name = self._ports, broker_for(owner.broker, mode)
        return WorkerPorts(
            mode=mode,
            broker=self._broker(owner, mode),
            db=ports.db,
            clock=ports.clock,
            session_of=self._sessions_of(broker_name),
            kill_switch=KillSwitch(ports.db, owner, ports.clock),
            announce=ports.announcer.notify,
            cadence=ports.cadence,
            timing=self._timing(broker_name),
            hold=hold,
        )

    def _timing(self, broker_name: str) -> Timing:
        return replace(self._ports.timing, quiescence=self.capabilities(broker_name).absence_quiescence)

    def _broker(self, owner: Account, mode: Mode) -> BrokerAccount:
        """Return who gets a worker's orders. In analyze mode a live broker lends its quotes and no more."""
        if mode is Mode.LIVE or owner.broker == PAPER:
            found = self._connected(owner, broker_for(owner.broker, mode))
            remind_of_gtts(self._ports.db, owner, found)  # another process may have placed some meanwhile
            return found
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
