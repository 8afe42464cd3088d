"""A whole desk over a paper exchange set by hand: workers run for real, the broker may be faulty."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from broker.base import AccountCredentials, BrokerAccount, BrokerSettings
from broker.paper import PaperAccount, capabilities
from broker.paper.session import PaperSession
from database.analyzer_db import AnalyzerLog
from database.apilog_db import OrderLog
from database.auth_db import Caller, Scope
from database.bracket_db import load
from database.session import Database
from database.signal_db import SignalLog
from database.symbol import Listing, SymbolTable
from services.bracket.model import Bracket, Mode
from services.bracket.observation import Timing
from services.bracket.request import BracketOrderRequest
from services.bracket_announcer import BracketAnnouncer
from services.bracket_order_service import Placed, place_bracket_order_with_auth
from services.bracket_supervisor import PAPER, BracketSupervisor, SupervisorPorts
from services.cadence import Cadence
from services.desk import Desk
from services.market_sessions import MarketSessions
from services.threads import start_thread
from simulator import ExchangeSettings, SimulatedExchange, load_instruments
from tests.faulty_broker import FaultyBroker
from tests.replays import assert_all_replay
from tests.stores import a_database, an_account, some_secrets
from utils.clock import SystemClock

# The real rules with short waits, so that proofs by time take tenths of seconds.
HASTY = Timing(
    quiescence=timedelta(milliseconds=300),
    alarm_after=timedelta(milliseconds=300),
    emergency_after=timedelta(seconds=1),
    unknown_alarm_after=timedelta(milliseconds=500),
    change_lapse=timedelta(milliseconds=200),
    rung=timedelta(milliseconds=200),
)
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class RunningDesk:
    """A desk at work with one paper account."""

    desk: Desk
    exchange: SimulatedExchange
    broker: FaultyBroker
    caller: Caller
    heard: list[dict[str, object]]

    def place(self, **overrides: Any) -> Placed:
        """Place BUY 10 NSE:SBIN MIS at 800, stop 790, target 815, with what the test wants different."""
        request = BracketOrderRequest(
            symbol="SBIN",
            exchange="NSE",
            product="MIS",
            action="BUY",
            quantity=10,
            entry_price=Decimal("800"),
            sl_price=Decimal("790"),
            target_price=Decimal("815"),
        )
        return place_bracket_order_with_auth(self.desk, replace(request, **overrides), self.caller)

    def price(self, last: str, **more: Any) -> None:
        self.exchange.set_price("NSE", "SBIN", last=Decimal(last), **more)

    def until(self, bracket_id: str, fulfils: Callable[[Bracket], bool]) -> Bracket:
        """Return the bracket as soon as it fulfils what the test waits for; fail when it never does."""
        for _ in _tries():
            bracket = load(self.desk.db, bracket_id)
            if bracket is not None and fulfils(bracket):
                return bracket
        raise AssertionError(f"not in time: {bracket}")

    def until_told(self, *statuses: str) -> list[object]:
        """Return all that was told so far, as soon as these are among it; fail when they never are."""
        for _ in _tries():
            if set(statuses) <= set(self.statuses()):
                return self.statuses()
        raise AssertionError(f"not told in time: {self.statuses()}")

    def statuses(self) -> list[object]:
        return [payload["status"] for payload in self.heard]


def _tries() -> Iterator[None]:
    tick = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.01)):
        yield
        tick.wait(0.01)


@contextmanager
def a_running_desk(
    folder: Path, *, timing: Timing = HASTY, db: Database | None = None
) -> Iterator[RunningDesk]:
    """Give a desk whose workers run; everything is stopped and closed at the end, db with it."""
    clock = SystemClock()
    db = db or a_database(folder)
    account = an_account(db)
    exchange = SimulatedExchange(clock, ExchangeSettings(), listings=load_instruments())
    exchange.set_price("NSE", "SBIN", last=Decimal("802"))
    session = PaperSession(account_id=account.id, exchange=exchange)
    broker = FaultyBroker(PaperAccount(session))
    heard: list[dict[str, object]] = []
    announcer = BracketAnnouncer(db, clock, lambda payload, _account, _owner: heard.append(payload))
    symbols = SymbolTable(db, clock)
    _list_symbols(symbols)
    supervisor = BracketSupervisor(
        SupervisorPorts(
            db=db,
            box=some_secrets().box,
            clock=clock,
            broker_settings=BrokerSettings(api_roots={}, paper_state="", paper_prices=""),
            announcer=announcer,
            live_sessions=MarketSessions(follow_calendar=False),
            paper_sessions=MarketSessions(follow_calendar=False),
            symbols=symbols,
            timing=timing,
            quiescence={PAPER: timing.quiescence},
            cadence=Cadence(unsettled=timedelta(milliseconds=100), entry=timedelta(milliseconds=100)),
            connect=_connect_to(broker),
        )
    )
    desk = Desk(
        db=db,
        clock=clock,
        secrets=some_secrets(clock),
        symbols=symbols,
        supervisor=supervisor,
        announcer=announcer,
        order_log=OrderLog(db, clock),
        analyzer_log=AnalyzerLog(db, clock),
        signal_log=SignalLog(db, clock),
    )
    caller = Caller(
        key_id="testkey1",
        account_id=account.id,
        owner_id=account.owner_id,
        broker="paper",
        scopes=frozenset(Scope),
        mode=Mode.LIVE,
    )
    stop = threading.Event()
    thread = start_thread("announcer", announcer.run, stop)
    try:
        yield RunningDesk(desk, exchange, broker, caller, heard)
    finally:
        broker.released.set()
        supervisor.stop()
        stop.set()
        thread.join()
        exchange.close()
        try:
            assert_all_replay(db)
        finally:
            db.close()


def _connect_to(broker: FaultyBroker) -> Callable[[str, AccountCredentials, BrokerSettings], BrokerAccount]:
    def connect(_name: str, _credentials: AccountCredentials, _settings: BrokerSettings) -> BrokerAccount:
        return broker

    return connect


def _list_symbols(symbols: SymbolTable) -> None:
    rows = [Listing(instrument=listing.instrument) for listing in load_instruments()]
    listed = [row for row in rows if row.instrument.exchange == "NSE"]
    symbols.replace_instruments(listed, broker="paper", exchange="NSE")


assert capabilities().pushes_orders  # the tests rely on pushes from the paper market
