"""Valid values of the model with every field filled in, so a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ulid import ULID

from database.plain_order_db import PlainKind, PlainOrder
from services.bracket.model import (
    Bracket,
    BrokerCapabilities,
    EntryTerms,
    Instrument,
    Leg,
    LegKind,
    LegStatus,
    Mode,
    Moment,
    OrderRow,
    OrderType,
    Plan,
    PriceMode,
    PriceSpec,
    Product,
    Purpose,
    Role,
    Side,
    Slice,
    State,
    TargetTerms,
    Terms,
    Topology,
)
from services.bracket.tags import plain_tag_of

NINE_THIRTY = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, 09:30 in India


def a_moment(seconds: float = 0.0, *, boot: str = "boot1") -> Moment:
    """Return the moment `seconds` after 09:30, on both clocks of one boot."""
    return Moment(NINE_THIRTY + timedelta(seconds=seconds), 1000.0 + seconds, boot)


def rupees(value: str) -> PriceSpec:
    """Return an absolute price."""
    return PriceSpec(mode=PriceMode.ABSOLUTE, value=Decimal(value))


def an_instrument(**overrides: Any) -> Instrument:
    plain = Instrument(exchange="NSE", symbol="SBIN", tick_size=Decimal("0.05"), lot_size=1)
    return replace(plain, **overrides)


def capabilities(**overrides: Any) -> BrokerCapabilities:
    plain = BrokerCapabilities(
        topologies={"MIS": Topology.MORPH, "CNC": Topology.OCO, "NRML": Topology.MORPH},
        overnight=frozenset({"CNC"}),
    )
    return replace(plain, **overrides)


def a_plan(**overrides: Any) -> Plan:
    """Return a plan to buy 100 SBIN at 500.00 with the stop at 490.00 and the target at 520.00."""
    quantity = overrides.get("quantity", 100)
    plain = Plan(
        account_id="acc1",
        owner_id="own1",
        broker="paper",
        mode=Mode.LIVE,
        instrument=an_instrument(),
        product=Product.MIS,
        side=Side.BUY,
        quantity=quantity,
        entry=EntryTerms(order_type=OrderType.LIMIT, price=Decimal("500.00")),
        stop=rupees("490.00"),
        targets=(TargetTerms(price=rupees("520.00"), quantity=quantity),),
        topology=Topology.MORPH,
        survives_day=False,
        capabilities=capabilities(),
    )
    return replace(plain, **overrides)


def a_leg(**overrides: Any) -> Leg:
    """Return the entry leg as it is committed before it is sent."""
    plain = Leg(
        seq=1,
        slice=0,
        role=Role.ENTRY,
        kind=LegKind.ORDER,
        tag=f"OB{str(ULID())[-14:]}E1",
        side=Side.BUY,
        terms=Terms(order_type=OrderType.LIMIT, quantity=100, price=Decimal("500.00")),
        purpose=Purpose.ENTRY,
        status=LegStatus.SENT,
        sent_at=a_moment(),
        session="2026-11-23",
    )
    return replace(plain, **overrides)


def a_bracket(**overrides: Any) -> Bracket:
    """Return a bracket just received: no leg, no fill, one slice per target of its plan."""
    plan: Plan = overrides.pop("plan", None) or a_plan()
    plain = Bracket(
        id=str(ULID()),
        plan=plan,
        state=State.RECEIVED,
        received=a_moment(),
        slices=tuple(
            Slice(index=index, quantity=target.quantity, target=target.price)
            for index, target in enumerate(plan.targets)
        ),
        stop=plan.stop,
    )
    return replace(plain, **overrides)


def a_plain_order(**overrides: Any) -> PlainOrder:
    """Return BUY 5 NSE:SBIN MIS at the market as it is stored before it is sent, with an id of its own."""
    order_id = str(ULID())
    plain = PlainOrder(
        id=order_id,
        account_id="ACCOUNT",
        mode=Mode.LIVE,
        kind=PlainKind.ORDER,
        exchange="NSE",
        symbol="SBIN",
        product=Product.MIS,
        side=Side.BUY,
        terms=Terms(order_type=OrderType.MARKET, quantity=5),
        tag=plain_tag_of(order_id),
        strategy="",
        sent_at=NINE_THIRTY,
    )
    return replace(plain, **overrides)


class StoppedClock:
    """A clock that moves when told to."""

    def __init__(self, start: datetime = NINE_THIRTY) -> None:
        self.boot_id = "boot1"
        self._start = start
        self.seconds = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return 1000.0 + self.seconds


class ShowingBroker:
    """A broker account that shows the books it was given, for reading only."""

    def __init__(self, *, orders: tuple[OrderRow, ...], session_alive: bool) -> None:
        self.capabilities = capabilities()
        self._orders = orders
        self._alive = session_alive

    def order_book(self) -> tuple[OrderRow, ...]:
        return self._orders

    def gtt_book(self) -> tuple[()]:
        return ()

    def trade_book(self) -> tuple[()]:
        return ()

    def positions(self) -> tuple[()]:
        return ()

    def session_alive(self) -> bool:
        return self._alive
