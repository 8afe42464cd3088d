"""A story of one account: the real service over a simulated exchange, in virtual time.

Prices move, people act and calls go wrong as the test tells it; time passes by `wait` and `at`. At its
end every story is held against what must always be true, whatever it was about.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from broker.base import BrokerSettings
from broker.paper import PaperAccount
from broker.paper.session import PaperSession
from database.analyzer_db import AnalyzerLog
from database.apilog_db import OrderLog
from database.auth_db import Caller, Scope
from database.bracket_db import Listed, events_of, list_brackets, load, verify_chain
from database.session import Database
from database.signal_db import SignalLog
from database.symbol import Listing, SymbolTable
from services.bracket.lifecycle import replay
from services.bracket.model import (
    Bracket,
    BrokerCapabilities,
    GttRow,
    Leg,
    Mode,
    Moment,
    OrderRequest,
    OrderRow,
    OrderType,
    Overlay,
    Product,
    Role,
    Side,
    State,
    Terms,
)
from services.bracket.quantities import legs_of
from services.bracket.request import BracketOrderRequest
from services.bracket.tags import is_ours
from services.bracket_announcer import BracketAnnouncer
from services.bracket_change_service import BracketChanges, modify_bracket_order
from services.bracket_order_service import Placed, place_bracket_order_with_auth
from services.bracket_supervisor import SupervisorPorts
from services.desk import Desk
from services.event_codec import decode_event
from services.market_sessions import MarketSessions
from simulator import ExchangeSettings, SimulatedExchange, load_instruments
from simulator.settings import SessionHours
from tests.hard_cases.clocks import MONDAY_TEN, OurClock, WorldClock
from tests.hard_cases.diary import LIVE, Diary
from tests.hard_cases.line import Line
from tests.hard_cases.stepping import SteppedSupervisor, SteppedWorker, connects_to
from tests.stores import a_database, an_account, some_secrets
from utils.constants import EXCHANGE_ZONE

Symbol = tuple[str, str]
SBIN: Symbol = ("NSE", "SBIN")
NIFTY: Symbol = ("NFO", "NIFTY29DEC26FUT")
OPENING = {SBIN: Decimal(802), NIFTY: Decimal(25000), ("BSE", "SBIN"): Decimal(802)}
OPENING |= {("NSE", "INFY"): Decimal(1500), ("MCX", "CRUDEOIL18DEC26FUT"): Decimal(5400)}
A_FUTURE: dict[str, Any] = {
    "symbol": NIFTY[1],
    "exchange": NIFTY[0],
    "product": "NRML",
    "quantity": 65,
    "entry_price": Decimal(24990),
    "sl_price": Decimal(24800),
    "target_price": Decimal(25400),
}
_LEAST_STEP = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and when a story plays."""

    start: datetime = MONDAY_TEN
    exchange: ExchangeSettings = field(default_factory=lambda: ExchangeSettings(hours=SessionHours()))
    capabilities: BrokerCapabilities | None = None  # None: those of the paper broker


class Story:
    """The parts of one story, and the verbs tests tell it with. The world moves by them only."""

    def __init__(self, folder: Path, setting: Setting | None = None) -> None:
        setting = setting or Setting()
        self.world = WorldClock(setting.start)
        self.clock = OurClock(self.world)
        self.exchange = SimulatedExchange(
            self.world, setting.exchange, listings=load_instruments(), opening_prices=OPENING
        )
        self.db: Database = a_database(folder)
        self.account = an_account(self.db)
        broker = PaperAccount(PaperSession(account_id=self.account.id, exchange=self.exchange))
        broker.capabilities = setting.capabilities or broker.capabilities
        self.line = Line(broker)
        self.diary = Diary(self.exchange, self.account.id)
        self.heard: list[str] = []
        self.caller = Caller(
            key_id="testkey1",
            account_id=self.account.id,
            owner_id=self.account.owner_id,
            broker="paper",
            scopes=frozenset(Scope),
            mode=Mode.LIVE,
        )
        self._is_down = False
        self._has_surplus = False
        self._start_service()

    # --- the service

    @property
    def worker(self) -> SteppedWorker:
        return self.supervisor.worker(self.account.id, Mode.LIVE)

    def kill(self) -> None:
        """kill -9: whatever was in memory is gone, orders stay at the broker."""
        self.line.close()
        self._is_down = True

    def restart(self) -> None:
        """Start the service again, in a process that shares nothing with the last one but the database."""
        self.line.close()
        self.clock.boot()
        self._start_service()
        self.wait(1)

    def _start_service(self) -> None:
        announcer = BracketAnnouncer(self.db, self.clock, self._hear)
        sessions = MarketSessions(follow_calendar=True)
        symbols = SymbolTable(self.db, self.clock)
        ports = SupervisorPorts(
            db=self.db,
            box=some_secrets().box,
            clock=self.clock,
            broker_settings=BrokerSettings(api_roots={}, paper_state="", paper_prices=""),
            announcer=announcer,
            live_sessions=sessions,
            paper_sessions=sessions,
            symbols=symbols,
            connect=connects_to(self.line),
        )
        self.supervisor = SteppedSupervisor(ports, self.line.capabilities)
        for exchange in ("NSE", "BSE", "NFO", "MCX"):
            listed = [
                Listing(instrument=one)
                for key, one in self.exchange.instruments.items()
                if key[0] == exchange
            ]
            symbols.replace_instruments(listed, broker="paper", exchange=exchange)
        self.desk = Desk(
            db=self.db,
            clock=self.clock,
            secrets=some_secrets(self.clock),
            symbols=symbols,
            supervisor=self.supervisor,
            announcer=announcer,
            order_log=OrderLog(self.db, self.clock),
            analyzer_log=AnalyzerLog(self.db, self.clock),
            signal_log=SignalLog(self.db, self.clock),
        )
        self._is_down = False
        self.worker.settle()

    def _hear(self, payload: dict[str, object], _account: str, _owner: str) -> None:
        self.heard.append(str(payload["status"]))

    # --- asking the service

    def place(self, **wanted: Any) -> Bracket:
        """Place BUY 10 NSE:SBIN MIS at 800, stop 790, target 815, but for what is wanted; wait 3 s."""
        placed = self.ask_to_place(**wanted)
        assert placed.bracket is not None
        self.wait(3)
        return self.again(placed.bracket)

    def ask_to_place(self, **wanted: Any) -> Placed:
        """Place without letting time pass."""
        request = BracketOrderRequest(
            symbol="SBIN",
            exchange="NSE",
            product="MIS",
            action="BUY",
            quantity=10,
            entry_price=Decimal(800),
            sl_price=Decimal(790),
            target_price=Decimal(815),
        )
        return place_bracket_order_with_auth(self.desk, replace(request, **wanted), self.caller)

    def hold(self, **wanted: Any) -> Bracket:
        """Place, let the entry fill at 799 in whole, and wait until it is protected in calm."""
        placed = self.place(**wanted)
        self.price("799", after=6)
        held = self.again(placed)
        assert held.state is State.PROTECTED, held.state
        return held

    def modify(self, bracket: Bracket, **changes: Any) -> None:
        modify_bracket_order(self.desk, self.caller, bracket.id, changes=BracketChanges(**changes))

    # --- the world

    def price(
        self,
        last: str,
        *,
        bid: str | None = None,
        ask: str | None = None,
        depth: int | None = None,
        symbol: Symbol = SBIN,
        after: float = 1.0,
    ) -> None:
        """Move the market, and let `after` seconds pass. bid and ask are the last price unless told."""
        self.exchange.set_price(
            *symbol, last=Decimal(last), bid=Decimal(bid or last), ask=Decimal(ask or last), depth=depth
        )
        self.wait(after)

    def somebody(
        self,
        side: Side,
        quantity: int,
        *,
        product: Product = Product.MIS,
        symbol: Symbol = SBIN,
        after: float = 8.0,
        **terms: Any,
    ) -> str:
        """Let a person trade in the same symbol at another terminal, at the market unless terms are told."""
        plain = Terms(order_type=OrderType.MARKET, quantity=quantity)
        order = OrderRequest(
            tag="",
            exchange=symbol[0],
            symbol=symbol[1],
            product=product,
            side=side,
            terms=replace(plain, **terms),
        )
        order_id = self.exchange.place_foreign(self.account.id, order)
        self.wait(after)
        return order_id

    def cancel_elsewhere(self, row: OrderRow, *, after: float = 3.0) -> None:
        """Let a person cancel one of our orders at another terminal."""
        self.exchange.cancel(self.account.id, row.broker_order_id)
        self.wait(after)

    def wait(self, seconds: float) -> None:
        """Let time pass, from one thing that is due to the next."""
        left = seconds
        while True:
            self._settle()
            if left <= 0:
                return
            pause = left if self._is_down else max(_LEAST_STEP, self.worker.seconds_to_wait())
            self.world.advance(min(pause, left))
            left -= pause

    def at(self, clock: str, *, days: int = 0) -> None:
        """Jump to a time of day, exchange time, of today or a later day; what is due happens then."""
        local = self.world.now().astimezone(EXCHANGE_ZONE) + timedelta(days=days)
        hour, minute = clock.split(":")
        target = local.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        self.world.advance((target - self.world.now()).total_seconds())
        self._settle()

    def evening(self) -> None:
        """Let the session end."""
        self.at("15:30")
        self.exchange.close_session()
        self.wait(12)

    def morning(self) -> None:
        """Let the broker turn its books over and the next day open."""
        self.exchange.end_of_day()
        self.at("09:15", days=1)
        self.wait(12)

    def night(self) -> None:
        self.evening()
        self.morning()

    def until(self, fulfils: Callable[[Bracket], bool], *, within: float = 60.0) -> Bracket:
        """Let time pass until the newest bracket fulfils something; fail when it never does."""
        for _ in range(int(within / 0.5)):
            if fulfils(self.bracket):
                return self.bracket
            self.wait(0.5)
        raise AssertionError(f"not within {within} s: {self.bracket.state}, {self.legs(self.bracket)}")

    def _settle(self) -> None:
        if not self._is_down:
            self.worker.settle()

    # --- what is so

    @property
    def bracket(self) -> Bracket:
        """The newest bracket, as stored."""
        page = list_brackets(self.db, self.account.id, state=Listed.ALL, limit=1, cursor=None)
        return page.brackets[0]

    def state(self) -> State:
        """The newest bracket's state."""
        return self.bracket.state

    def states(self) -> list[State]:
        """Every state the newest bracket was ever in."""
        return [event.new for event in self.events("StateChanged")]

    def again(self, bracket: Bracket) -> Bracket:
        """The same bracket as it is stored now."""
        found = load(self.db, bracket.id)
        assert found is not None
        return found

    def orders(self, role: Role) -> list[OrderRow]:
        """Our orders of a role that the exchange ever had, oldest first, as they were last."""
        mine = [row for row in self.diary.orders.values() if row.tag is not None and is_ours(row.tag)]
        return [row for row in mine if row.tag is not None and row.tag[8] == role]

    def exits(self) -> list[OrderRow]:
        """Our exits that are live at the exchange."""
        return [row for row in self.orders(Role.EXIT) if row.status in LIVE]

    def brought(self) -> list[OrderRow]:
        """The exits that native brackets brought and that are live at the exchange, stop first."""
        rows = [row for row in self.diary.orders.values() if row.parent_order_id is not None]
        return [row for row in rows if row.status in LIVE]

    def exit(self) -> OrderRow:
        """Our only live exit."""
        (row,) = self.exits()
        return row

    def entry(self) -> OrderRow:
        """The only entry that ever reached the exchange."""
        (row,) = self.orders(Role.ENTRY)
        return row

    def gtts(self) -> list[GttRow]:
        return list(self.exchange.gtt_book(self.account.id))

    def position(self, product: Product = Product.MIS, symbol: str = "SBIN") -> int:
        """What the account truly holds, signed; delivery with holdings."""
        days, holdings = self.exchange.portfolio(self.account.id)
        return sum(
            row.quantity for row in (*days, *holdings) if (row.symbol, row.product) == (symbol, product)
        )

    def alarms(self, bracket: Bracket | None = None) -> set[str]:
        """The kinds of alarm that were ever raised for a bracket, the newest one unless told."""
        stored = events_of(self.db, (bracket or self.bracket).id)
        raised = [decode_event(one.kind, one.payload) for one in stored if one.kind == "AlarmRaised"]
        return {str(getattr(event, "kind", "")) for event in raised}

    def events(self, kind: str) -> list[Any]:
        """The newest bracket's events of a kind."""
        stored = events_of(self.db, self.bracket.id)
        return [decode_event(one.kind, one.payload) for one in stored if one.kind == kind]

    def needs_attention(self) -> bool:
        return Overlay.NEEDS_ATTENTION in self.bracket.overlays

    @staticmethod
    def legs(bracket: Bracket, role: Role = Role.EXIT) -> list[Leg]:
        return legs_of(bracket, role)

    # --- what must always be so

    def expect_surplus(self) -> None:
        """Say that somebody else takes shares in this story before our exits can know of it."""
        self._has_surplus = True

    def end(self) -> None:
        """Hold the story against what is always so, and close what is open."""
        try:
            self._check()
        finally:
            self.diary.close()
            self.line.close()
            self.exchange.close()
            self.db.close()

    def _check(self) -> None:
        assert self._is_down or not self.worker.stuck
        if not self._has_surplus:
            assert self.diary.surplus == 0, "live exits could have taken more than was held"
            assert self.diary.reversed_by == 0, "the position changed its side"
        page = list_brackets(self.db, self.account.id, state=Listed.ALL, limit=50, cursor=None)
        for bracket in page.brackets:
            self._check_stored(bracket)

    def _check_stored(self, bracket: Bracket) -> None:
        """The state is the fold of the stored events, and nobody has touched them."""
        stored = events_of(self.db, bracket.id)
        events = ((decode_event(e.kind, e.payload), Moment(e.at, 0.0, "replay")) for e in stored)
        folded = replay(events)
        assert verify_chain(self.db, bracket.id) is None
        assert folded is not None
        assert (folded.state, folded.version) == (bracket.state, bracket.version)
        assert [leg.filled for leg in folded.legs] == [leg.filled for leg in bracket.legs]
