"""A seeded world without threads: the real exchange, the real core, and a driver between them.

The driver does what the account worker does (one decision after the other, store, then send; reads and
answers come back as messages), but in virtual time and with a broker line that lies as its seed says.
"""

import math
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from broker.paper import PaperAccount, capabilities
from broker.paper.session import PaperSession
from services.bracket.account import (
    claims_of,
    foreign_filled,
    index_book,
    is_complete,
    part_of_read,
    standings,
)
from services.bracket.events import (
    BracketReceived,
    ChangeAcknowledged,
    ChangeIntended,
    ChangeNotSent,
    ChangeRefused,
    Event,
    LegIntended,
    LegNotSent,
    LegRefused,
)
from services.bracket.lifecycle import Decision, answer, apply, reconcile, replay
from services.bracket.model import (
    BookRead,
    Bracket,
    GttRow,
    KillMode,
    LegKind,
    LegStatus,
    Moment,
    OrderRequest,
    OrderRow,
    OrderType,
    Overlay,
    Plan,
    PositionRow,
    Product,
    Quote,
    RefusalKind,
    Role,
    RowStatus,
    Side,
    Terms,
    TradeRow,
)
from services.bracket.observation import Read, Seen, Standing, Timing, TradingSession
from services.bracket.quantities import watches_gtts
from services.cadence import Cadence, needs_of
from services.wire import Command, commands_of, put_on_wire, unknown
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock
from simulator.orders import ended

ACCOUNT = "AB1234"
TIMING = Timing()
QUOTE_MAX_AGE = timedelta(seconds=5)
EVIDENCE_APART = timedelta(seconds=2)
CADENCE = Cadence()

Key = tuple[str, str]


class Fault(StrEnum):
    """What can happen to one call."""

    NONE = "none"
    REPLY_LOST = "reply lost after acceptance"
    LOST = "lost on the way, never accepted"
    NO_CONNECTION = "refused connection"
    LATE = "accepted seconds after we stopped waiting"
    REFUSED = "refused by the broker"
    SLOW = "a change that is acknowledged at once and carried out seconds later"


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Rates of what goes wrong, all shares of one, and its sizes in seconds."""

    calls: dict[Fault, float] = field(default_factory=dict)
    refusals: tuple[RefusalKind, ...] = (RefusalKind.MARGIN, RefusalKind.BAND, RefusalKind.UNCLASSIFIED)
    failed_reads: float = 0.0
    missing_rows: float = 0.0
    stale_parts: float = 0.0
    staleness: float = 3.0
    dead_session: float = 0.0
    stale_feed: float = 0.0
    rejected_later: float = 0.0
    crashes: float = 0.0
    user_acts: float = 0.0
    outside_acts: float = 0.0
    broker_cancels: float = 0.0
    late_by: float = 4.0


CALM = Faults()


@dataclass(slots=True)
class Call:
    """One broker call on its way; `arrives` None never gets there, `answers` None was forgotten."""

    command: Command
    sent: Moment
    fault: Fault
    arrives: float | None
    answers: float | None
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """The account's books at one instant."""

    at: float
    orders: tuple[OrderRow, ...]
    gtts: tuple[GttRow, ...]
    trades: tuple[TradeRow, ...]
    positions: tuple[PositionRow, ...]


@dataclass(slots=True)
class Reading:
    """A read under way; books None means it fails."""

    arrives: float
    books: BookRead | None
    quotes: dict[Key, Quote]
    alive: bool = True


@dataclass(slots=True)
class Tracked:
    """One bracket with its log, as the worker and the store have it."""

    bracket: Bracket
    log: list[tuple[Event, Moment]]
    in_flight: set[int] = field(default_factory=set)
    known: Read | None = None
    read: Read | None = None
    standing: Standing | None = None
    due: float | None = None
    marked: bool = True


class FrozenClock:
    """A clock that shows one moment for ever."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self.boot_id = moment.boot

    def now(self) -> datetime:
        return self._moment.wall

    def monotonic(self) -> float:
        return self._moment.mono


class World:
    """One account, its brackets, its exchange and its bad luck."""

    def __init__(self, seed: int, *, faults: Faults = CALM, settings: ExchangeSettings | None = None) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.faults = faults
        self.clock = VirtualClock()
        self.exchange = SimulatedExchange(self.clock, settings or ExchangeSettings(), opening_prices=OPENING)
        self.broker = PaperAccount(PaperSession(account_id=ACCOUNT, exchange=self.exchange))
        self.session = TradingSession(id="2026-12-07")
        self.kill = KillMode.OFF
        self.tracked: dict[str, Tracked] = {}
        self.calls: list[Call] = []
        self.reading: Reading | None = None
        self.shots: deque[Shot] = deque(maxlen=40)
        self.quotes: dict[Key, Quote] = {}
        self.evidence: dict[str, tuple[Standing, Moment]] = {}
        self.troubles: frozenset[Overlay] = frozenset()
        self.previous_read: Moment | None = None
        self.book_at = -100.0
        self.hurried = False
        self.asks_for_everything = False
        self.everything_at = -100.0
        self.foreign_filled = 0
        self.sound_since = 0.0 if faults == CALM else math.inf
        self.boots = 1
        self.diary: list[str] = []
        self.refusals: list[tuple[RefusalKind, str]] = []
        self.hand_bought: Counter[tuple[str, str]] = Counter()  # symbol, product: lots that are not ours
        self.hand_made: set[str] = set()  # brackets whose shares or orders somebody else touched
        self.after_look: Callable[[Tracked, Bracket, Decision], None] | None = None
        self._shoot()

    # --- time

    @property
    def now(self) -> Moment:
        return Moment.read(self.clock)

    @property
    def seconds(self) -> float:
        return self.clock.monotonic()

    def calm_down(self) -> None:
        """From here on nothing goes wrong any more."""
        self.faults, self.sound_since = CALM, self.seconds

    def note(self, text: str) -> None:
        self.diary.append(f"{self.seconds:7.2f} {text}")

    def pass_time(self, seconds: float) -> None:
        """Let time go by and everything happen that is due."""
        self.clock.advance(timedelta(seconds=seconds))
        self.exchange.tick()
        self._reject_some()
        self._carry_calls()
        self._shoot()
        self._hear()
        self._look()
        self._start_read()

    def _shoot(self) -> None:
        self.shots.append(
            Shot(
                self.seconds,
                self.broker.order_book(),
                self.broker.gtt_book(),
                self.broker.trade_book(),
                self.broker.positions(),
            )
        )

    # --- what people do

    def submit(self, plan: Plan) -> Tracked:
        """Receive a bracket and take its first decision, as the service does in one transaction."""
        number = len(self.tracked) + 1
        bracket_id = f"01KBRACKET{self.seed % 1_000_000:06d}{number:010d}"
        event = BracketReceived(id=bracket_id, plan=plan, session=self.session.id)
        now = self.now
        tracked = Tracked(apply(None, event, now), [(event, now)])
        self.tracked[bracket_id] = tracked
        self._decide(tracked)
        return tracked

    def ask(self, tracked: Tracked, event: Event) -> None:
        """Store a person's request and decide at once."""
        self.note(f"{tracked.bracket.id[-2:]} asked {event}")
        self._keep(tracked, answer(tracked.bracket, event, self.now))
        self._decide(tracked)

    def trade_by_hand(self, plan: Plan, side: Side, quantity: int) -> None:
        """Trade at another terminal, at the market."""
        self.note(f"by hand: {side} {quantity} {plan.instrument.symbol}")
        if side is plan.side:
            self.hand_bought[plan.instrument.symbol, plan.product] += quantity * side.sign
        self.exchange.place_foreign(
            ACCOUNT,
            OrderRequest(
                tag="",
                exchange=plan.instrument.exchange,
                symbol=plan.instrument.symbol,
                product=plan.product,
                side=side,
                terms=Terms(order_type=OrderType.MARKET, quantity=quantity),
            ),
        )

    def position_of(self, bracket: Bracket) -> int:
        """Return what the account holds in a bracket's symbol and product, from the bracket's side."""
        place = (bracket.plan.instrument.symbol, bracket.plan.product)
        rows = (row for row in self.broker.positions() if (row.symbol, row.product) == place)
        return sum(row.quantity for row in rows) * bracket.plan.side.sign

    def crash(self) -> None:
        """Die and start again from the stored events; calls on the wire go on without us."""
        self.note("crash")
        self.boots += 1
        self.clock.boot_id = f"boot{self.boots}"
        for call in self.calls:
            call.answers = None
            if call.arrives is not None and call.event is None and self.random.random() < 0.3:
                call.arrives = None  # died before the first byte
        self.reading, self.evidence, self.quotes = None, {}, {}
        self.troubles, self.previous_read = frozenset(), None
        self.hurried, self.book_at = True, -100.0
        for one in self.tracked.values():
            again = replay(one.log)
            assert again == one.bracket, "the fold of the events is the bracket"
            one.in_flight, one.known, one.read, one.standing = set(), None, None, None
            one.due, one.marked = None, True

    # --- the line to the broker

    def _send(self, tracked: Tracked, events: tuple[Event, ...]) -> None:
        quote = self._quote(tracked.bracket)
        last = None if quote is None else quote.last
        for command in commands_of(tracked.bracket, events, intended=self.now, last_price=last):
            tracked.in_flight.add(command.seq)
            self.calls.append(self._call(command))

    def _call(self, command: Command) -> Call:
        fault, soon = self._fault(), self.seconds + self.random.uniform(0.0, 0.4)
        call = Call(command, self.now, fault, arrives=soon, answers=soon + self.random.uniform(0.0, 0.4))
        if fault is Fault.REPLY_LOST:
            call.answers = self.seconds + self.random.choice((0.5, 4.0))
        elif fault is Fault.LATE:
            call.arrives = self.seconds + self.random.uniform(1.0, self.faults.late_by)
            call.answers = self.seconds + self.random.choice((0.5, 4.0))
        elif fault is Fault.SLOW and isinstance(command.intention, ChangeIntended):
            call.arrives = self.seconds + self.random.uniform(0.5, 3.0)
        elif fault is Fault.LOST:
            call.arrives, call.answers = None, self.seconds + self.random.choice((0.5, 4.0))
        elif fault in (Fault.NO_CONNECTION, Fault.REFUSED):
            call.arrives = None
        return call

    def _fault(self) -> Fault:
        chance = self.random.random()
        for fault, rate in self.faults.calls.items():
            if chance < rate:
                return fault
            chance -= rate
        return Fault.NONE

    def _carry_calls(self) -> None:
        due = [call for call in self.calls if call.arrives is not None and call.arrives <= self.seconds]
        self.random.shuffle(due)
        for call in due:
            call.arrives = None
            call.event = put_on_wire(self.broker, call.command, clock=FrozenClock(call.sent))
            self.note(
                f"wire {call.command.bracket_id[-2:]} {_brief(call.command)} -> {_brief_event(call.event)}"
            )
            if isinstance(call.event, LegRefused | ChangeRefused):
                self.refusals.append((call.event.refusal, call.event.reason))
        self.calls = [c for c in self.calls if c.arrives is not None or c.answers is not None]

    def _hear(self) -> None:
        due = [call for call in self.calls if call.answers is not None and call.answers <= self.seconds]
        self.random.shuffle(due)
        for call in due:
            call.answers = None
            self._take_answer(call)
        if self.reading is not None and self.reading.arrives <= self.seconds:
            reading, self.reading = self.reading, None
            self._take_reading(reading)

    def _take_answer(self, call: Call) -> None:
        tracked = self.tracked[call.command.bracket_id]
        event = self._outcome(call)
        if call.fault is not Fault.NONE:
            self.note(f"answer {call.command.bracket_id[-2:]} {_brief(call.command)}: {call.fault}")
        self._keep(tracked, answer(tracked.bracket, event, self.now))
        tracked.in_flight.discard(call.command.seq)
        tracked.marked = True
        if call.command.leg.role is not Role.ENTRY:
            self.hurried = True

    def _outcome(self, call: Call) -> Event:
        command, is_change = call.command, isinstance(call.command.intention, ChangeIntended)
        if call.fault is Fault.NO_CONNECTION:
            return (
                ChangeNotSent(seq=command.seq, reason="no connection")
                if is_change
                else LegNotSent(seq=command.seq, reason="no connection")
            )
        if call.fault is Fault.REFUSED:
            kind = self.random.choice(self.faults.refusals)
            if is_change:
                return ChangeRefused(seq=command.seq, refusal=kind, reason=f"injected {kind}")
            return LegRefused(seq=command.seq, refusal=kind, reason=f"injected {kind}")
        if call.fault is Fault.SLOW and is_change:
            return ChangeAcknowledged(seq=command.seq)
        if call.fault in (Fault.NONE, Fault.SLOW) and call.event is not None:
            return call.event
        return unknown(command, "time-out")

    def _reject_some(self) -> None:
        """The risk desk's late no: a PENDING order of ours becomes REJECTED instead of resting."""
        if self.random.random() >= self.faults.rejected_later:
            return
        ledger = self.exchange._ledger
        for order in tuple(ledger.orders):
            is_fresh = (self.clock.now() - order.placed_at).total_seconds() < 2 and order.filled == 0
            if order.is_live and is_fresh and order.tag is not None:
                self.note(f"the risk desk rejects {order.tag}")
                self.exchange._floor.orders._pending.pop(order.order_id, None)
                kind = self.random.choice(self.faults.refusals)
                ledger.put_order(
                    ended(order, RowStatus.REJECTED, now=self.clock.now(), reason="late no", refusal=kind)
                )

    # --- reading

    def _start_read(self) -> None:
        if self.reading is not None or not self.tracked:
            return
        needs = [needs_of(one.bracket) for one in self.tracked.values()]
        pause = CADENCE.book_pause(min(need.urgency for need in needs), is_covered=False)
        is_due = self.seconds - self.book_at >= pause.total_seconds()
        if not is_due and not (self.hurried and self.seconds - self.book_at >= 0.2):
            return
        self.book_at, self.hurried = self.seconds, False
        is_round = self.seconds - self.everything_at >= CADENCE.everything.total_seconds()
        everything = any(need.everything for need in needs) or self.asks_for_everything or is_round
        self.everything_at = self.seconds if everything else self.everything_at
        self.reading = Reading(
            arrives=self.seconds + self.random.uniform(0.02, 0.6),
            books=self._books(
                gtts=any(watches_gtts(one.bracket) for one in self.tracked.values()), everything=everything
            ),
            quotes=self._fresh_quotes(),
            alive=self.random.random() >= self.faults.dead_session,
        )
        if not self.reading.alive and self.reading.books is not None:
            empty = BookRead(started=self.now, orders=(), gtts=(), trades=(), positions=())
            self.reading.books, self.reading.quotes = empty, {}

    def _wants_gtts(self) -> bool:
        return any(watches_gtts(one.bracket) for one in self.tracked.values())

    def _books(self, *, gtts: bool, everything: bool) -> BookRead | None:
        if self.random.random() < self.faults.failed_reads:
            return None
        orders = self._part().orders
        if orders and self.random.random() < self.faults.missing_rows:
            lost = self.random.randrange(len(orders))
            orders = orders[:lost] + orders[lost + 1 :]
        return BookRead(
            started=self.now,
            orders=orders,
            gtts=self.shots[-1].gtts if gtts else None,
            trades=self._part().trades if everything else None,
            positions=self._part().positions if everything else None,
        )

    def _part(self) -> Shot:
        """The newest books, or old ones when the broker's cache is behind."""
        if self.random.random() >= self.faults.stale_parts:
            return self.shots[-1]
        oldest = self.seconds - self.random.uniform(0.0, self.faults.staleness)
        return next(shot for shot in self.shots if shot.at >= oldest)

    def _fresh_quotes(self) -> dict[Key, Quote]:
        if self.random.random() < self.faults.stale_feed:
            return {}
        keys = frozenset(_symbol(one.bracket) for one in self.tracked.values())
        return self.broker.quotes(keys)

    def _take_reading(self, reading: Reading) -> None:
        if reading.books is None:
            self._distrust(Overlay.BROKER_DOWN)
            return
        for key, quote in reading.quotes.items():
            if quote != self.quotes.get(key):
                self.quotes[key] = replace(quote, at=self.clock.now())
                for one in self.tracked.values():
                    one.marked |= _symbol(one.bracket) == key and not one.bracket.state.is_closed
        brackets = [one.bracket for one in self.tracked.values()]
        sessions = self._session_ids()
        if not reading.alive:
            self._distrust(Overlay.AUTH_DEAD)
        elif not is_complete(reading.books, brackets, session=sessions):
            self._distrust(Overlay.BROKER_DOWN)
        else:
            self._share_out(reading.books, brackets, sessions)

    def _session_ids(self) -> dict[str, str]:
        return dict.fromkeys(("NSE", "NFO", "MCX"), self.session.id)

    def _distrust(self, trouble: Overlay) -> None:
        self._set_troubles(frozenset({trouble}))
        self.hurried = True

    def _set_troubles(self, troubles: frozenset[Overlay]) -> None:
        if troubles != self.troubles:
            self.troubles = troubles
            for one in self.tracked.values():
                one.marked = True

    def _share_out(self, books: BookRead, brackets: list[Bracket], sessions: dict[str, str]) -> None:
        self._set_troubles(frozenset())
        self.asks_for_everything = self.asks_for_everything and books.positions is None
        index, claims = index_book(books), claims_of(brackets)
        filled = foreign_filled(index, brackets)
        if filled != self.foreign_filled:
            self.foreign_filled, self.asks_for_everything, self.hurried = filled, True, True
        found = standings(index, brackets, session=sessions)
        for one in self.tracked.values():
            standing = self._confirmed(one.bracket, found.get(one.bracket.id), books.started)
            agrees = None if standing is None else standing.agrees
            read = part_of_read(one.bracket, index, claims=claims, agrees=agrees)
            one.known, one.read, one.standing, one.marked = read, read, standing, True
            if any(leg.kind is LegKind.GTT and leg.broker_order_id is None for leg in one.bracket.legs):
                self._decide(one)
                claims = claims_of([other.bracket for other in self.tracked.values()])
        self.previous_read = books.started

    def _confirmed(self, bracket: Bracket, standing: Standing | None, started: Moment) -> Standing | None:
        if standing is None:
            return None
        known = sum(part.external for part in bracket.slices)
        if standing.external == known and standing.shortfall == 0:
            self.evidence.pop(bracket.id, None)
            return standing
        first, since = self.evidence.get(bracket.id, (standing, started))
        if (first.external, first.shortfall) != (standing.external, standing.shortfall):
            first, since = standing, started
        self.evidence[bracket.id] = (first, since)
        self.asks_for_everything = self.hurried = True
        return standing if started.since(since) >= EVIDENCE_APART else None

    # --- deciding

    def _look(self) -> None:
        for one in self.tracked.values():
            if one.marked or (one.due is not None and one.due <= self.seconds):
                self._decide(one)

    def _decide(self, tracked: Tracked) -> None:
        before, seen = tracked.bracket, self.seen(tracked)
        decision = reconcile(before, seen, self.now, timing=TIMING)
        self._keep(tracked, decision)
        tracked.read, tracked.marked = None, False
        wait = decision.next_look
        tracked.due = None if wait is None else self.seconds + wait.total_seconds()
        self._send(tracked, decision.events)
        if self.after_look is not None:
            self.after_look(tracked, before, decision)

    def seen(self, tracked: Tracked) -> Seen:
        """Return what a look at this bracket sees now."""
        return Seen(
            session=self.session,
            read=tracked.read,
            quote=self._quote(tracked.bracket),
            in_flight=frozenset(tracked.in_flight),
            kill=self.kill,
            standing=None if tracked.read is None else tracked.standing,
            troubles=self.troubles,
            previous_read=self.previous_read,
        )

    def _quote(self, bracket: Bracket) -> Quote | None:
        quote = self.quotes.get(_symbol(bracket))
        is_young = quote is not None and self.clock.now() - quote.at <= QUOTE_MAX_AGE
        return quote if is_young else None

    def _keep(self, tracked: Tracked, decision: Decision) -> None:
        now = self.now
        tracked.log += [(event, now) for event in decision.events]
        for event in decision.events:
            self.note(f"{tracked.bracket.id[-2:]} {_brief_event(event)}")
        tracked.bracket = decision.bracket


def _symbol(bracket: Bracket) -> Key:
    return bracket.plan.instrument.exchange, bracket.plan.instrument.symbol


def _brief(command: Command) -> str:
    intention = command.intention
    if isinstance(intention, LegIntended):
        return f"place {intention.tag}"
    return f"{intention.kind} leg {intention.seq}"


def _brief_event(event: Event) -> str:
    text = repr(event)
    for noise in ("services.bracket.", "Decimal", "datetime.timedelta"):
        text = text.replace(noise, "")
    return text[:330]


SBIN: Key = ("NSE", "SBIN")
INFY: Key = ("NSE", "INFY")
NIFTY: Key = ("NFO", "NIFTY29DEC26FUT")
OPENING = {SBIN: Decimal(500), INFY: Decimal(1500), NIFTY: Decimal(25000)}
CAPABILITIES = capabilities()
INTRADAY, DELIVERY, OVERNIGHT = Product.MIS, Product.CNC, Product.NRML
LIVE_ROWS = (RowStatus.PENDING, RowStatus.TRIGGER_PENDING, RowStatus.OPEN)
UNDECIDED = (LegStatus.SENT, LegStatus.UNKNOWN)
