"""Feeds one bracket rows, quotes and answers, look by look, and remembers what it decided."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from services.bracket.account import claims_of, index_book, part_of_read
from services.bracket.events import (
    BracketReceived,
    ChangeAcknowledged,
    ChangeIntended,
    Event,
    LegAcknowledged,
    LegIntended,
)
from services.bracket.lifecycle import answer, apply, reconcile, replay
from services.bracket.model import (
    BookRead,
    Bracket,
    GttLegRow,
    GttRow,
    GttStatus,
    KillMode,
    Leg,
    LegKind,
    Moment,
    OrderRow,
    OrderType,
    Overlay,
    Plan,
    Quote,
    RowStatus,
    State,
    Terms,
    TradeRow,
)
from services.bracket.observation import Read, Seen, Standing, Timing, TradingSession
from tests.builders import NINE_THIRTY, a_moment, a_plan

TODAY, TOMORROW = "2026-11-23", "2026-11-24"
OPEN, FILLED, WAITS = RowStatus.OPEN, RowStatus.FILLED, RowStatus.TRIGGER_PENDING
CANCELLED, REJECTED = RowStatus.CANCELLED, RowStatus.REJECTED
Kind = TypeVar("Kind")


def part_for(driver: "Driver", books: BookRead, *others: "Driver") -> Read:
    """Return what the driver's bracket is shown of a read of its account, which others share."""
    claims = claims_of([driver.bracket, *(other.bracket for other in others)])
    return part_of_read(driver.bracket, index_book(books), claims=claims, agrees=True)


def a_quote(last: str, *, bid: str | None = None, ask: str | None = None, **more: Any) -> Quote:
    """Return a quote with both sides at the last price unless told; "" is an empty side."""
    return Quote(
        last=Decimal(last),
        at=NINE_THIRTY,
        bid=None if bid == "" else Decimal(bid or last),
        ask=None if ask == "" else Decimal(ask or last),
        **more,
    )


def a_standing(**overrides: Any) -> Standing:
    plain = Standing(turnover=0, carried=0, base=0, agrees=True, external=0, shortfall=0)
    return replace(plain, **overrides)


class Driver:
    """One bracket in a made-up world. Time passes by `seconds`; every look is checked for idempotence."""

    def __init__(self, plan: Plan | None = None, *, bracket_id: str = "01JDRIVER0000000000BRACKET") -> None:
        self.seconds = 0.0
        self.boot = "boot1"
        self.wall_error = timedelta(0)
        self.session = TradingSession(id=TODAY)
        self.kill = KillMode.OFF
        self.quote: Quote | None = a_quote("500.00")
        self.in_flight: set[int] = set()
        self.rows: dict[str, OrderRow] = {}
        self.gtts: dict[str, GttRow] = {}
        self.log: list[tuple[Event, Moment]] = []
        event = BracketReceived(id=bracket_id, plan=plan or a_plan(), session=TODAY)
        self.bracket: Bracket = apply(None, event, self.now)
        self.log.append((event, self.now))

    @property
    def now(self) -> Moment:
        right = a_moment(self.seconds, boot=self.boot)
        return replace(right, wall=right.wall + self.wall_error)

    # --- looking

    def look(self, *, after: float = 0.0, read: Read | None = None, **seen: Any) -> list[Event]:
        """Let time pass, look, and return the new events; commands count as on the wire."""
        self.seconds += after
        view = Seen(
            session=self.session,
            read=read,
            quote=self.quote,
            in_flight=frozenset(self.in_flight),
            kill=self.kill,
            **seen,
        )
        decision = reconcile(self.bracket, view, self.now, timing=Timing())
        self._take(decision.bracket, decision.events)
        self.in_flight |= {c.seq for c in decision.events if isinstance(c, LegIntended | ChangeIntended)}
        again = reconcile(
            self.bracket,
            replace(view, in_flight=frozenset(self.in_flight), read=None, standing=None),
            self.now,
            timing=Timing(),
        )
        assert not again.events, "a second look at the same world decided again"
        assert decision.next_look is None or decision.next_look.total_seconds() > 0
        return list(decision.events)

    def read(self, *, after: float = 0.0, **overrides: Any) -> list[Event]:
        """Look with a full read of the rows known here; position agreeing, no one else about."""
        self.seconds += after
        standing = overrides.pop("standing", a_standing())
        plain = Read(
            started=self.now,
            orders=tuple(self.rows.values()),
            gtts=tuple(self.gtts.values()),
            position_agrees=standing.agrees,
        )
        return self.look(read=replace(plain, **overrides), standing=standing)

    def answer(self, event: Event) -> list[Event]:
        """Hand over what a call came to."""
        decision = answer(self.bracket, event, self.now)
        self._take(decision.bracket, decision.events)
        seq = getattr(event, "seq", None)
        if seq is not None:
            self.in_flight.discard(seq)
        return list(decision.events)

    def ask(self, event: Event) -> list[Event]:
        """Store a person's request and look at once."""
        self.answer(event)
        return self.look()

    def set_clock_back(self, seconds: float) -> None:
        """Step the machine's wall clock."""
        self.wall_error -= timedelta(seconds=seconds)

    def restart(self, *, after: float = 1.0) -> None:
        """Crash and come back from the stored events."""
        assert replay(self.log) == self.bracket
        self.in_flight.clear()
        self.boot, self.seconds = "boot2", self.seconds + after

    def _take(self, bracket: Bracket, events: Iterable[Event]) -> None:
        self.bracket = bracket
        self.log += [(event, self.now) for event in events]
        assert replay(self.log) == self.bracket

    # --- the broker's side

    def accept(self, seq: int, status: RowStatus = OPEN, **fields: Any) -> list[Event]:
        """Acknowledge a leg, let the book show it, and look."""
        if self.leg(seq).broker_order_id is None:
            self.answer(LegAcknowledged(seq=seq, broker_order_id=f"O{seq}"))
        self.show(seq, status, **fields)
        return self.read(after=0.5)

    def show(self, seq: int, status: RowStatus = OPEN, **fields: Any) -> None:
        """Put the leg's row, with the terms last asked for, into the book."""
        leg = self.leg(seq)
        terms = leg.asked_terms or leg.terms
        if status is FILLED:
            fields.setdefault("filled", terms.quantity)
        self.rows[leg.tag] = self.row(leg, terms, status=status, **fields)

    def row(self, leg: Leg, terms: Terms, *, status: RowStatus, filled: int = 0, **fields: Any) -> OrderRow:
        instrument = self.bracket.plan.instrument
        plain = OrderRow(
            broker_order_id=leg.broker_order_id or f"O{leg.seq}",
            tag=leg.tag,
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            product=self.bracket.plan.product,
            side=leg.side,
            order_type=terms.order_type,
            quantity=terms.quantity,
            status=status,
            filled=filled,
            price=terms.price,
            trigger_price=terms.trigger_price,
            average_price=Decimal("500.00") if filled else None,
            updated_at=self.now.wall,
        )
        return replace(plain, **fields)

    def show_gtt(self, seq: int, status: GttStatus = GttStatus.ACTIVE, **fields: Any) -> None:
        """Put the leg's trigger, with the terms last asked for, into the GTT book."""
        leg = self.leg(seq)
        terms = leg.asked_terms or leg.terms
        assert terms.trigger_price is not None
        assert terms.price is not None
        pairs = [(terms.trigger_price, terms.price)]
        if terms.target_trigger is not None and terms.target_price is not None:
            pairs.append((terms.target_trigger, terms.target_price))
        legs = tuple(
            GttLegRow(trigger_price=trigger, price=price, quantity=terms.quantity)
            for trigger, price in sorted(pairs)
        )
        instrument = self.bracket.plan.instrument
        plain = GttRow(
            trigger_id=leg.broker_order_id or f"G{seq}",
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            product=self.bracket.plan.product,
            side=leg.side,
            status=status,
            legs=legs,
            created_at=self.now.wall,
            updated_at=self.now.wall,
        )
        self.gtts[leg.tag] = replace(plain, **fields)

    def fire(self, seq: int, *, stop: bool = True, child: str = "C1") -> None:
        """Let a trigger fire: its stop or its target leg places a child order."""
        row = self.gtts[self.leg(seq).tag]
        at = 0 if stop is (row.side.value == "SELL") else len(row.legs) - 1
        legs = list(row.legs)
        legs[at] = replace(legs[at], child_order_id=child)
        self.gtts[self.leg(seq).tag] = replace(row, status=GttStatus.TRIGGERED, legs=tuple(legs))

    # --- short cuts

    def leg(self, seq: int) -> Leg:
        return self.bracket.leg(seq)

    def enter(self, filled: int | None = None) -> list[Event]:
        """Send the entry and let it fill; return what the look at that fill decided."""
        self.look()
        terms = self.leg(1).terms
        quantity = terms.quantity if filled is None else filled
        status = FILLED if quantity == terms.quantity else OPEN
        return self.accept(1, status, filled=quantity)

    def protect(self) -> None:
        """Enter in full and let the first exit of every slice rest."""
        self.enter()
        for leg in self.bracket.legs[1:]:
            if leg.kind is LegKind.GTT:
                self.answer(LegAcknowledged(seq=leg.seq, broker_order_id=f"G{leg.seq}"))
                self.show_gtt(leg.seq)
            else:
                self.answer(LegAcknowledged(seq=leg.seq, broker_order_id=f"O{leg.seq}"))
                self.show(leg.seq, WAITS)
        self.read(after=0.5)

    def price(self, last: str, *, after: float = 0.5, **sides: Any) -> list[Event]:
        """Move the market and look."""
        self.quote = a_quote(last, **sides)
        return self.look(after=after)

    def changed(self, seq: int, status: RowStatus = WAITS, **fields: Any) -> list[Event]:
        """Let the broker carry out a modify: acknowledged, shown, seen."""

        self.answer(ChangeAcknowledged(seq=seq))
        self.show(seq, status, **fields)
        return self.read(after=0.5)

    @property
    def state(self) -> State:
        return self.bracket.state

    @property
    def alarms(self) -> set[str]:
        return {alarm.kind for alarm in self.bracket.alarms}

    @property
    def needs_attention(self) -> bool:
        return Overlay.NEEDS_ATTENTION in self.bracket.overlays


def only(events: Iterable[Event], kind: type[Kind]) -> Kind:
    """Return the one event of a kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__} in {list(events)}"
    return found[0]


def commands(events: Iterable[Event]) -> list[LegIntended | ChangeIntended]:
    return [event for event in events if isinstance(event, LegIntended | ChangeIntended)]


def trade(leg: Leg, quantity: int, *, at: datetime = NINE_THIRTY) -> TradeRow:
    """Return a trade of a leg's order."""
    return TradeRow(
        trade_id=f"T{leg.seq}-{quantity}",
        broker_order_id=str(leg.broker_order_id),
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=leg.side,
        quantity=quantity,
        price=Decimal(500),
        at=at,
    )


SL, LIMIT = OrderType.SL, OrderType.LIMIT
