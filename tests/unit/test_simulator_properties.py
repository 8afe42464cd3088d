"""What holds at the simulated exchange after any orders, changes, cancels and prices."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bracket.model import OrderType, Product, RowStatus, Side, Terms, Validity
from simulator import ExchangeSettings, Refused, SimulatedExchange, VirtualClock
from tests.unit.simulated import SBIN, oco, order, price, seconds

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

ACCOUNTS = ("A", "B")
OPENING_CASH = Decimal("300000")
PRICES = st.integers(min_value=9800, max_value=10200).map(lambda ticks: Decimal(ticks) / 20)


@dataclass
class World:
    """The exchange, the orders placed in it and the loosest limit each of them ever had."""

    clock: VirtualClock
    exchange: SimulatedExchange
    placed: list[tuple[str, str]] = field(default_factory=list)
    limits: dict[str, list[Decimal | None]] = field(default_factory=lambda: defaultdict(list))


Act = Callable[[World], None]


def limit_of(terms: Terms) -> Decimal | None:
    return terms.price if terms.order_type in (OrderType.LIMIT, OrderType.SL) else None


@st.composite
def random_terms(draw: st.DrawFn) -> Terms:
    return Terms(
        order_type=draw(st.sampled_from(OrderType)),
        quantity=draw(st.integers(1, 200)),
        price=draw(PRICES),
        trigger_price=draw(PRICES),
    )


@st.composite
def placements(draw: st.DrawFn) -> Act:
    account, terms = draw(st.sampled_from(ACCOUNTS)), draw(random_terms())
    request = order(
        draw(st.sampled_from(Side)),
        terms.order_type,
        quantity=terms.quantity,
        price=str(terms.price),
        trigger=str(terms.trigger_price),
        product=draw(st.sampled_from((Product.MIS, Product.CNC))),
        validity=draw(st.sampled_from(Validity)),
    )

    def act(world: World) -> None:
        order_id = world.exchange.place(account, request)
        world.placed.append((account, order_id))
        world.limits[order_id].append(limit_of(terms))

    return act


@st.composite
def modifications(draw: st.DrawFn) -> Act:
    index, terms = draw(st.integers(0, 20)), draw(random_terms())

    def act(world: World) -> None:
        if index < len(world.placed):
            account, order_id = world.placed[index]
            world.exchange.modify(account, order_id, terms=terms)
            world.limits[order_id].append(limit_of(terms))

    return act


@st.composite
def cancels(draw: st.DrawFn) -> Act:
    index = draw(st.integers(0, 20))

    def act(world: World) -> None:
        if index < len(world.placed):
            world.exchange.cancel(*world.placed[index])

    return act


@st.composite
def prices(draw: st.DrawFn) -> Act:
    last, depth = draw(PRICES), draw(st.none() | st.integers(0, 150))
    spread = draw(st.sampled_from((Decimal(0), Decimal("0.50"))))
    bid, ask = str(last - spread), str(last + spread)
    return lambda world: price(world.exchange, str(last), depth=depth, bid=bid, ask=ask)


@st.composite
def gtts(draw: st.DrawFn) -> Act:
    account, last = draw(st.sampled_from(ACCOUNTS)), draw(PRICES)
    stop, target = str(last - 5), str(last + 5)
    request = oco(stop=stop, stop_limit=stop, target=target, last=str(last))

    def act(world: World) -> None:
        world.exchange.place_gtt(account, request)

    return act


@st.composite
def pauses(draw: st.DrawFn) -> Act:
    duration = seconds(draw(st.integers(0, 3)))

    def act(world: World) -> None:
        world.clock.advance(duration)
        world.exchange.tick()

    return act


ACTS = st.lists(
    st.one_of(placements(), placements(), modifications(), cancels(), prices(), gtts(), pauses()),
    max_size=30,
)


def lived(acts: list[Act], *, delay: int) -> World:
    clock = VirtualClock()
    chosen = ExchangeSettings(opening_cash=OPENING_CASH, acceptance_delay=seconds(delay))
    world = World(clock, SimulatedExchange(clock, chosen, opening_prices={SBIN: Decimal("500")}))
    for act in acts:
        try:
            act(world)
        except Refused:
            continue
    return world


@given(acts=ACTS, delay=st.integers(0, 1))
@settings(max_examples=150, deadline=None)
def test_orders_trades_positions_and_cash_agree_whatever_happened(acts: list[Act], delay: int) -> None:
    world = lived(acts, delay=delay)
    for account in ACCOUNTS:
        trades = world.exchange.trade_book(account)
        traded: Counter[str] = Counter()
        positions: Counter[str] = Counter()
        for trade in trades:
            traded[trade.broker_order_id] += trade.quantity
            positions[trade.product] += trade.side.sign * trade.quantity

        for row in world.exchange.order_book(account):
            assert traded[row.broker_order_id] == row.filled <= row.quantity
            assert (row.status is RowStatus.FILLED) == (row.filled == row.quantity)
        held = {row.product: row.quantity for row in world.exchange.positions(account)}
        assert held == dict(positions)
        spent = sum(trade.side.sign * trade.quantity * trade.price for trade in trades)
        assert world.exchange.cash(account) == OPENING_CASH - spent


@given(acts=ACTS, delay=st.integers(0, 1))
@settings(max_examples=150, deadline=None)
def test_no_fill_is_worse_than_the_loosest_limit_its_order_ever_had(acts: list[Act], delay: int) -> None:
    world = lived(acts, delay=delay)
    for account in ACCOUNTS:
        for trade in world.exchange.trade_book(account):
            limits = world.limits[trade.broker_order_id]
            bounds = [limit for limit in limits if limit is not None]
            if limits and len(bounds) == len(limits):
                loosest = max(bounds) if trade.side is Side.BUY else min(bounds)
                assert (loosest - trade.price) * trade.side.sign >= 0


@given(acts=ACTS)
@settings(max_examples=100, deadline=None)
def test_a_delivery_account_never_sells_what_it_does_not_own(acts: list[Act]) -> None:
    world = lived(acts, delay=0)
    for account in ACCOUNTS:
        owned = 0
        for trade in world.exchange.trade_book(account):
            if trade.product == Product.CNC:
                owned += trade.side.sign * trade.quantity
                assert owned >= 0


@given(acts=ACTS)
@settings(max_examples=60, deadline=None)
def test_the_end_of_any_day_leaves_no_intraday_share_and_every_delivered_one(
    acts: list[Act],
) -> None:
    world = lived(acts, delay=0)
    before = {
        account: sum(row.quantity for row in world.exchange.positions(account) if row.product == Product.CNC)
        for account in ACCOUNTS
    }

    world.exchange.end_of_day()

    for account in ACCOUNTS:
        assert world.exchange.positions(account) == ()
        assert sum(row.quantity for row in world.exchange.holdings(account)) == before[account]
