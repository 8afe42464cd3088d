"""One seeded world: an exchange, one account, its brackets, and a process that lives and dies beside them."""

import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from broker.base import AuthDead, OrderRejected, ReadFailed
from broker.paper import PaperAccount
from broker.paper.session import PaperSession
from database.bracket_db import (
    ExistingClaim,
    IdempotencyClaim,
    find_opposites,
    insert_bracket,
    load,
)
from database.session import StorageError
from services.account_worker import AccountWorker
from services.bracket.events import Event
from services.bracket.model import (
    Bracket,
    GttRequest,
    KillMode,
    LegKind,
    OrderRequest,
    OrderRow,
    Quote,
    RefusalKind,
    State,
    Terms,
    Topology,
)
from services.bracket.observation import Timing, TradingSession
from services.bracket_order_service import birth_sight, open_bracket
from services.recording import looked, records_of
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock
from simulator.faults import (
    FAULTS,
    Answer,
    Call,
    CallKind,
    Deed,
    Fate,
    Fault,
    Floor,
    HostDeed,
    HostFate,
    Part,
    Rows,
    Unreadable,
)
from simulator.faults.reads import TooManyRequests
from simulator.orders import Key
from worlds.agenda import Agenda, HostClock
from worlds.archive import Archive
from worlds.engine import Engine
from worlds.line import Line
from worlds.plan import ACCOUNT, LISTINGS, OPENING, BracketSeed, FaultSeed, WorldPlan
from worlds.storage import Killed, Store, not_stored

T = TypeVar("T")

FIRST_DAY, SECOND_DAY = "2026-12-07", "2026-12-08"
_HOOKS = (
    "fate",
    "meanwhile",
    "accepted",
    "spoil",
    "kills_session",
    "spoil_quotes",
    "hints",
    "hints_from_nowhere",
    "act",
    "host",
    "dies_at",
    "fails_commit",
)


class Broken(BaseException):
    """An invariant does not hold; like a death, nothing in the process may catch it and go on."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant} {text}")
        self.invariant = invariant


@dataclass(slots=True)
class Tally:
    """What one world amounts to; sums of these are the report."""

    steps: int = 0
    fills: int = 0
    kills: int = 0
    calls: int = 0
    reads: int = 0
    turns: int = 0
    commits: int = 0


class World:
    """Satisfies Beyond: what lies behind the line of every life of the process."""

    def __init__(
        self, plan: WorldPlan, store: Store, *, worker_type: type[AccountWorker] = AccountWorker
    ) -> None:
        store.empty()
        self.plan = plan
        self.store = store
        self.worker_type = worker_type
        self.dice = random.Random(f"happenings {plan.seed}")
        self.latency = random.Random(f"latency {plan.seed}")
        self.clock = VirtualClock()
        self.agenda = Agenda(self.clock)
        settings = ExchangeSettings(
            seed=plan.seed,
            acceptance_delay=timedelta(seconds=plan.acceptance_delay),
            opening_cash=Decimal(10) ** 11,
            native=plan.native,
        )
        self.exchange = SimulatedExchange(self.clock, settings, listings=LISTINGS, opening_prices=OPENING)
        self.broker = PaperAccount(PaperSession(account_id=ACCOUNT, exchange=self.exchange))
        self.broker.capabilities = replace(self.broker.capabilities, pushes_orders=plan.pushes)
        self.archive = Archive(self.exchange, ACCOUNT, self.agenda)
        self.faults = [self._fault(one) for one in plan.faults]
        self.hooks = {name: [f for f in self.faults if _uses(f, name)] for name in _HOOKS}
        self.session = TradingSession(id=FIRST_DAY)
        self.wall_error = timedelta(0)
        self.needs_login = False
        self.boots = 0
        self.engine: Engine | None = None
        self.paused: Engine | None = None
        self.is_doomed = self.had_two_engines = False
        self.down_until = 0.0
        self.kill_mode, self.kill_set_at = KillMode.OFF, 0.0
        self.brackets: dict[str, Bracket] = {}
        self.plans: dict[str, BracketSeed] = {}
        self.received_at: dict[str, float] = {}
        self.tally = Tally()
        self.fired: Counter[str] = Counter()
        self.cells: Counter[tuple[str, State]] = Counter()
        self.excuses: set[str] = set()
        self.touched: set[tuple[str, str]] = set()  # symbol, product that others have traded
        self.change_calls: Counter[str] = Counter()
        self.diary: list[str] = []
        self.keeps_diary = False
        self.jumped: dict[Key, Decimal] = {}
        self.changes = 0
        self.has_news = True
        self._wants_push = False
        self._is_calm = False
        self._owners: dict[str, str] = {}
        self._listed: dict[str, float] = {}  # native exits, by when a read could first have shown them
        self.replies: list[tuple[str, object]] = []
        self.exchange.listen(ACCOUNT, self._on_news)
        self.exchange.listen_prices(self._on_prices)
        store.db.before_commit = self._before_commit
        store.db.after_commit = self._after_commit
        self.floor = self._floor()
        self.start()

    def _fault(self, seed: FaultSeed) -> Fault:
        fault = FAULTS[seed.code](self.plan.seed, rate=seed.rate, script=seed.script)
        if seed.aim is not None:
            fault.may_strike = lambda: any(one.state is seed.aim for one in self.brackets.values())
        return fault

    # --- time

    @property
    def seconds(self) -> float:
        return self.clock.monotonic()

    def note(self, text: str) -> None:
        if self.keeps_diary:
            self.diary.append(f"{self.seconds:8.3f} {text}")

    def pass_time(self, seconds: float) -> None:
        """Let time go by with everything that is due in it; one step of the world."""
        end = self.seconds + seconds
        while (at := self._next_at()) <= end:
            if self.agenda.next_at <= at:
                self.agenda.run_next()
            else:
                self.agenda.pass_to(at)
            self._live()
        self.agenda.pass_to(end)
        self.exchange.tick()
        self._misbehave()
        self._push()
        self._live()
        self.tally.steps += 1

    def _next_at(self) -> float:
        soonest = self.agenda.next_at
        if self.engine is not None:
            soonest = min(soonest, max(self.engine.wake_at(), self.seconds))
        return soonest

    # --- the process

    @property
    def is_up(self) -> bool:
        return self.engine is not None

    def start(self) -> None:
        """Begin a life; it may end before it has read what the last one left."""
        self.boots += 1
        clock = HostClock(self.clock, f"boot{self.boots}", error=self.wall_error)
        engine = Engine(
            self.agenda,
            clock,
            db=self.store.db,
            connect=lambda is_alive: Line(self, is_alive),
            session_of=lambda _exchange, _now: self.session,
            announce=lambda _account: None,
            worker_type=self.worker_type,
        )
        self.engine = engine
        self.note(f"start {clock.boot_id}")
        try:
            self.point("recovering")
            engine.begin()
        except Killed:
            self.kill("while it recovered")
        except StorageError as exc:
            # As the thread's keeper does: say so and begin again a second later.
            self.note(f"cannot start: {exc}")
            self._end_life()
            self.restart_after(1.0)

    def kill(self, why: str, *, down: float | None = None) -> None:
        """Kill -9: memory is gone, what left us is on its way, what is on disk is on disk."""
        self.note(f"killed {why}")
        self.tally.kills += 1
        self._end_life()
        self.restart_after(self.dice.choice((0.1, 0.5, 2.0, 5.0, 15.0)) if down is None else down)

    def _end_life(self) -> None:
        self.is_doomed = False
        if self.engine is not None:
            self.engine.die()
            self.engine = None

    def restart_after(self, seconds: float) -> None:
        self.down_until = self.seconds + seconds
        self.agenda.after(seconds, self._start_if_down)

    def _start_if_down(self) -> None:
        if self.engine is None and self.seconds >= self.down_until - 1e-6:
            self.start()

    def _live(self) -> None:
        """Let the process work; it may die of it."""
        if self.is_doomed:
            self.kill("during a call")
        if self.engine is None:
            return
        try:
            if self.engine.work():
                self._refresh()
        except Killed:
            self.kill("at a commit")
            self._refresh_stored()

    def _refresh(self) -> None:
        """Look at what the worker thinks of its brackets."""
        if self.engine is None:
            return
        for tracked in self.engine.worker._roster.all():
            known = self.brackets.get(tracked.bracket.id)
            if known is not tracked.bracket:
                self.brackets[tracked.bracket.id] = tracked.bracket
                self.changes += 1
                self.has_news = True
                self.on_change(known, tracked.bracket)

    def _refresh_stored(self) -> None:
        """After a death only what is on disk counts."""
        for bracket_id, known in tuple(self.brackets.items()):
            stored = load(self.store.db, bracket_id)
            if stored is None:
                raise Broken("I13", f"{bracket_id} is not on disk")
            if stored.version < known.version:
                raise Broken("I13", f"{bracket_id} lost events: {known.version} -> {stored.version}")
            self.brackets[bracket_id] = stored
        self.has_news = True

    def on_change(self, before: Bracket | None, after: Bracket) -> None:
        """Replaced by the truth, which compares the two."""

    def point(self, name: str) -> None:
        """Pass a point at which the process may die."""
        if self._is_calm or (self.engine is None and name != "recovering"):
            return
        for fault in self.hooks["dies_at"]:
            if fault.dies_at(name):
                self._strike(fault, name)
                if self.agenda.is_in_call:
                    self.is_doomed = True
                    self.agenda.step_aside_for_ever()
                if name.startswith("during"):  # the exchange's side runs outside of the process
                    self.is_doomed = True
                    return
                raise Killed(name)

    def _before_commit(self) -> None:
        for fault in self.hooks["fails_commit"]:
            why = fault.fails_commit(self.seconds)
            if why is not None:
                self._strike(fault, why)
                raise not_stored(why)
        self.point("before commit")

    def _after_commit(self) -> None:
        self.tally.commits += 1
        self.point("after commit")

    # --- brackets

    def submit(self, seed: BracketSeed) -> bool:
        """Send an order as the service does: one transaction, then the worker. False: try again later."""
        engine = self.engine
        if engine is None or self.seconds < engine.stalled_until or not self.session.is_open:
            return False
        if self.kill_mode is not KillMode.OFF or find_opposites(self.store.db, seed.plan):
            self.note("refused at the door")
            return True
        now = engine.now
        bracket_id = f"01KWORLD{self.plan.seed % 10_000_000_000:010d}{len(self.plans):08d}"
        seen = birth_sight(seed.plan, self.session)
        bracket, events = open_bracket(bracket_id, seed.plan, seen=seen, now=now)
        cause = looked(seen, now, Timing())
        self.plans[bracket_id] = seed
        claim = None if seed.key is None else IdempotencyClaim(key=seed.key, body_hash="body")
        try:
            stored = insert_bracket(self.store.db, bracket, records_of(events, cause), claim=claim)
        except StorageError:
            del self.plans[bracket_id]
            return False
        except Killed:
            self.kill("while it stored a bracket")
            return self._adopt(bracket_id)  # what was not stored is sent again by its client
        if isinstance(stored, ExistingClaim):
            del self.plans[bracket_id]
            return True
        self._adopt(bracket_id)
        self.replies.append((bracket_id, engine.worker.submit(bracket, events, now)))
        self._live()
        return True

    def _adopt(self, bracket_id: str) -> bool:
        stored = load(self.store.db, bracket_id)
        if stored is None:
            del self.plans[bracket_id]
            return False
        self.brackets[bracket_id] = stored
        self.received_at[bracket_id] = self.seconds
        self._owners[bracket_id[-8:]] = bracket_id
        self.has_news = True
        return True

    def ask(self, bracket: Bracket, event: Event) -> None:
        """Put a person's request to the worker."""
        if self.engine is None:
            return
        self.note(f"{bracket.id[-2:]} asked {event}")
        reply = self.engine.worker.ask(bracket.id, lambda _bracket: event)
        self.replies.append((bracket.id, reply))
        self._live()

    def owner_of(self, tag: str | None) -> str | None:
        return None if tag is None else self._owners.get(tag[:8])

    # --- the line's other end

    def order_call(self, kind: CallKind, order_id: str, terms: Terms | None) -> Call:
        order = self.exchange.peek(lambda ledger: ledger.orders.get(order_id))
        is_entry = order is not None and order.tag is not None and order.tag[8:9] == "E"
        return Call(kind=kind, is_entry=is_entry, terms=terms, order=order)

    def fate_of(self, call: Call, tag: str | None) -> Fate | None:
        self.tally.calls += 1
        self.note(f"call {call.kind} {tag} {call.terms or ''}")
        if self.needs_login:
            return Fate(answer=Answer.AUTH_DEAD, answers=0.2, words="HTTP 403: login")
        if self._is_calm:
            return None
        for fault in self.hooks["kills_session"]:
            if fault.kills_session(self.seconds):
                self._strike(fault, "call refused", tag=tag)
                return Fate(answer=Answer.AUTH_DEAD, answers=0.2, words="HTTP 403")
        for fault in self.faults:
            if isinstance(fault, TooManyRequests) and fault.holds_back(self.seconds):
                self._strike(fault, "call held back", tag=tag)
                return Fate(answer=Answer.RATE_LIMITED, answers=0.1, words="HTTP 429")
        for fault in self.hooks["fate"]:
            fate = fault.fate(call, self.seconds)
            if fate is not None:
                self._strike(fault, f"{call.kind} {fate.answer}", tag=tag)
                return fate
        return None

    def check_sending(self, call: Call, order: OrderRequest | GttRequest | None, order_id: str) -> None:
        """Replaced by the truth, which knows what may leave."""

    def carry_out(self, call: Call, perform: Callable[[], T]) -> T:
        """Do what the call asks for; a fill may slip in before it."""
        if not self._is_calm:
            for fault in self.hooks["meanwhile"]:
                deed = fault.meanwhile(call, self.floor.fresh())
                if deed is not None:
                    self._record(fault, deed)
        if not self.session.is_open and call.kind in (CallKind.PLACE, CallKind.MODIFY, CallKind.CANCEL):
            raise OrderRejected("injected: markets are closed right now", RefusalKind.SESSION_CLOSED)
        done = perform()
        order_id = getattr(done, "broker_order_id", None)
        if order_id is not None and not self._is_calm:
            for fault in self.hooks["accepted"]:
                before = len(fault.struck)
                fault.accepted(order_id, self.seconds)
                if len(fault.struck) > before:
                    self._strike(fault, "hidden", order_id=order_id)
        return done

    def shown(self, part: Part) -> Rows:
        """Return the rows that one read shows. Raises ReadFailed and AuthDead."""
        self.tally.reads += 1
        if self.session_is_dead():
            return ()
        rows = self.archive.rows(part)
        if part is Part.ORDERS and self.plan.exits_listed_after:
            rows = tuple(row for row in rows if self._is_listed(row))
        if self._is_calm:
            return rows
        for fault in self.hooks["spoil"]:
            try:
                spoiled = fault.spoil(part, rows, self.archive)
            except Unreadable as exc:
                self._strike(fault, f"{part} cannot be read")
                raise ReadFailed(str(exc)) from exc
            if spoiled is not None:
                self._strike(fault, f"{part} spoiled")
                rows = spoiled
        return rows

    def _is_listed(self, row: OrderRow) -> bool:
        """Whether a broker that lists native exits beside its orders has got to this one, if it is one."""
        if row.parent_order_id is None:
            return True
        first = self._listed.setdefault(row.broker_order_id, self.seconds)
        return self.seconds - first >= self.plan.exits_listed_after

    def shown_quotes(self, symbols: frozenset[Key]) -> dict[Key, Quote]:
        if self.session_is_dead():
            raise AuthDead("HTTP 403")
        quotes = {key: quote for key in sorted(symbols) if (quote := self.exchange.quote(*key)) is not None}
        if self._is_calm:
            return quotes
        for fault in self.hooks["spoil_quotes"]:
            spoiled = fault.spoil_quotes(quotes, self.seconds)
            if spoiled is not None:
                self._strike(fault, "quotes spoiled")
                quotes = spoiled
        return quotes

    def session_is_dead(self) -> bool:
        if self.needs_login:
            return True
        if self._is_calm:
            return False
        for fault in self.hooks["kills_session"]:
            if fault.kills_session(self.seconds):
                self._strike(fault, "session dead")
                return True
        return False

    # --- pushes

    def _on_news(self) -> None:
        self.has_news = self._wants_push = True

    def _on_prices(self, symbols: frozenset[Key]) -> None:
        if self.plan.pushes and symbols & self.exchange.interests(ACCOUNT):
            self._wants_push = True

    def _push(self) -> None:
        """Pass the exchange's hints on, as far as the stream does."""
        if not self.plan.pushes:
            return
        delays: list[float] = []
        if self._wants_push:
            self._wants_push = False
            delays = self._delays()
        if not self._is_calm:
            for fault in self.hooks["hints_from_nowhere"]:
                forged = fault.hints_from_nowhere()
                if forged:
                    self._strike(fault, "hints from nowhere")
                    delays += [0.0] * forged
        for delay in delays:
            self.agenda.after(delay, self._hint)

    def _delays(self) -> list[float]:
        if not self._is_calm:
            for fault in self.hooks["hints"]:
                delays = fault.hints(self.seconds)
                if delays is not None:
                    self._strike(fault, "push")
                    return delays
        return [0.01]

    def _hint(self) -> None:
        if self.engine is not None and self.engine.broker.wake_up is not None:
            self.engine.broker.wake_up()

    # --- misbehaviour

    def _floor(self) -> Floor:
        return Floor(
            exchange=self.exchange,
            account_id=ACCOUNT,
            now=self.seconds,
            wall=self.clock.now(),
            is_open=self.session.is_open,
            jump=self._jump,
        )

    def _jump(self, key: Key, price: Decimal, depth: int | None) -> None:
        self.jumped[key] = price
        self.exchange.set_price(*key, last=price, depth=depth)

    def _misbehave(self) -> None:
        if self._is_calm:
            return
        self.floor = self._floor()
        for fault in self.hooks["act"]:
            deed = fault.act(self.floor)
            if deed is not None:
                self.floor.fresh()
                self._record(fault, deed)
        for fault in self.hooks["host"]:
            fate = fault.host(self.seconds)
            if fate is not None and self.engine is not None:
                self._strike(fault, str(fate.deed))
                self._suffer(fate)

    def _suffer(self, fate: HostFate) -> None:
        """Carry out what happens to the process."""
        engine = self.engine
        if engine is None:
            return
        match fate.deed:
            case HostDeed.KILL:
                self.kill("by chance")
            case HostDeed.POWER_CUT:
                self.wall_error += timedelta(seconds=self._tolerable(self.dice.uniform(-5.0, 5.0)))
                self.kill("by a power cut", down=fate.seconds)
            case HostDeed.STOP:
                self._stop(fate.seconds)
            case HostDeed.STALL:
                engine.stalled_until = self.seconds + fate.seconds
            case HostDeed.THREAD_DIES:
                engine.stalled_until = self.seconds + 1.0
                self.agenda.after(1.0, lambda: self._begin_again(engine))
            case HostDeed.SECOND_ENGINE:
                self._take_over(engine, fate.seconds)
            case HostDeed.WALL_JUMP:
                step = timedelta(seconds=self._tolerable(fate.seconds))
                self.wall_error += step
                engine.step_wall(step)
            case HostDeed.SAME_ORDER_TWICE:
                self._send_again()
            case HostDeed.CLIENT_GONE | HostDeed.DEAF:
                pass  # nobody waits for a reply, nobody hears an announcement: nothing else changes

    def _tolerable(self, seconds: float) -> float:
        """What has no tag is told from an older one by its time, give or take five seconds."""
        untagged = (Topology.OCO, Topology.NATIVE)
        if all(one.plan.topology not in untagged for one in self.plan.brackets):
            return seconds
        most = 2.0 - abs(self.wall_error.total_seconds())
        return max(-most, min(most, seconds))

    def _begin_again(self, engine: Engine) -> None:
        """What the keeper of a died thread does: the same worker begins anew."""
        if self.engine is not engine:
            return
        try:
            engine.begin()
        except Killed:
            self.kill("while it began again")
        except StorageError:
            self.agenda.after(1.0, lambda: self._begin_again(engine))

    def _stop(self, seconds: float) -> None:
        """SIGTERM: nothing new is begun; what is out may come back and is stored; then it is gone."""
        engine = self.engine
        if engine is None:
            return
        self.note("told to stop")
        engine.stalled_until = float("inf")
        self._finish_when_idle(engine, seconds, tries=20)

    def _finish_when_idle(self, engine: Engine, seconds: float, *, tries: int) -> None:
        if self.engine is not engine:
            return
        if tries and not engine.lanes.is_idle:
            self.agenda.after(0.2, lambda: self._finish_when_idle(engine, seconds, tries=tries - 1))
            return
        try:
            engine.worker.finish()
        except Killed:
            self.kill("while it stopped")
            return
        self._refresh()
        self._end_life()
        self.restart_after(seconds)

    def _take_over(self, engine: Engine, seconds: float) -> None:
        """A second engine starts while the first one stands still; later the first goes on for a while."""
        if self.paused is not None:
            return
        self.note("a second engine takes over")
        self.had_two_engines = True
        self.paused, self.engine = engine, None
        self.agenda.after(min(seconds, 20.0), lambda: self._resume(engine))
        self.start()

    def _resume(self, engine: Engine) -> None:
        """The old one wakes up: it may not undo or repeat anything; then it sees that it is not wanted."""
        self.paused = None
        try:
            for _ in range(3):
                engine._wake_at = 0.0
                engine.work()
        except (Killed, StorageError):
            pass
        self.note("the old engine ends")
        self.agenda.after(2.0, engine.die)

    def _send_again(self) -> None:
        for bracket_id, seed in tuple(self.plans.items()):
            if seed.key is not None and bracket_id in self.brackets:
                known = len(self.plans)
                self.submit(seed)
                if len(self.plans) > known:
                    raise Broken("I5", f"a second bracket for the key {seed.key}")

    def _record(self, fault: Fault, deed: Deed) -> None:
        self._strike(fault, deed.words, order_id=deed.order_id, touches=deed.touches)
        self.has_news = True
        for symbol, product in deed.touches:
            self.touch(symbol, product)

    def touch(self, symbol: str, product: str) -> None:
        """From now on the shares in this place are not only ours."""
        self.touched.add((symbol, product))

    def _strike(
        self,
        fault: Fault,
        words: str,
        *,
        tag: str | None = None,
        order_id: str | None = None,
        touches: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        """Count a fault that fired, in the states of the brackets that it concerns."""
        self.fired[fault.code] += 1
        self.note(f"{fault.code} {words} {tag or order_id or ''}")
        if fault.breaks_assumptions:
            self.excuses |= fault.excuses
        for bracket in self._concerned(tag, order_id, touches):
            self.cells[fault.code, bracket.state] += 1

    def _concerned(
        self, tag: str | None, order_id: str | None, touches: frozenset[tuple[str, str]]
    ) -> list[Bracket]:
        """Return the brackets whose order it is, else whose place; all when it is about none of them."""
        brackets = list(self.brackets.values())
        if not (tag or order_id or touches):
            return brackets
        names = {name for name in (tag, order_id) if name}
        orders = self.exchange.peek(lambda ledger: [ledger.orders.get(name) for name in names])
        owners = {self.owner_of(tag), *(self.owner_of(order.tag) for order in orders if order is not None)}
        own = [b for b in brackets if b.id in owners or _has_leg(b, names)]
        return own or [b for b in brackets if _place(b) in touches]

    def calm_down(self) -> None:
        """From here on nothing goes wrong any more."""
        self._is_calm = True
        self.floor = self._floor()
        for fault in self.faults:
            fault.end(self.floor)
        self.has_news = True

    @property
    def is_calm(self) -> bool:
        return self._is_calm


def _place(bracket: Bracket) -> tuple[str, str]:
    return bracket.plan.instrument.symbol, bracket.plan.product.value


def _has_leg(bracket: Bracket, names: Collection[str]) -> bool:
    """Whether a leg has one of the ids, or is the GTT on its way that is only called by its symbol."""
    symbol = bracket.plan.instrument.symbol
    return any(
        leg.broker_order_id in names
        if leg.broker_order_id is not None
        else leg.kind is LegKind.GTT and leg.is_live and symbol in names
        for leg in bracket.legs
    )


def _uses(fault: Fault, hook: str) -> bool:
    return getattr(type(fault), hook) is not getattr(Fault, hook)
