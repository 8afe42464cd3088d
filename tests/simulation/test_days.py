"""Brackets across the end of a day: what rests overnight, what is settled, what the morning believes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.bracket.model import (
    EntryTerms,
    LegKind,
    OrderType,
    Plan,
    PriceMode,
    PriceSpec,
    Product,
    Purpose,
    Role,
    Side,
    State,
    TargetTerms,
    Topology,
)
from services.bracket.observation import TradingSession
from services.bracket.quantities import live_legs, net
from tests.builders import a_plan, rupees
from tests.simulation.truth import Truth
from tests.simulation.world import CAPABILITIES, NIFTY, SBIN, Tracked, World

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time


def an_overnight_plan(**overrides: object) -> Plan:
    plain: dict[str, object] = {
        "product": Product.CNC,
        "topology": Topology.OCO,
        "survives_day": True,
        "capabilities": CAPABILITIES,
        "entry": EntryTerms(order_type=OrderType.MARKET),
    }
    return a_plan(**(plain | overrides))


def settle(world: World, seconds: float = 12.0) -> None:
    for _ in range(int(seconds / 0.5)):
        world.pass_time(0.5)


def night(world: World, *, down: bool = False) -> None:
    """Close the day, let the evening pass, open the next one; down: we are not there meanwhile."""
    world.exchange.close_session()
    if not down:
        world.session = TradingSession(id="2026-12-08", is_open=False)
        settle(world)
    world.exchange.end_of_day()
    world.clock.advance(timedelta(hours=17))
    world.session = TradingSession(id="2026-12-08")
    if down:
        world.crash()
    settle(world)


def entered(plan: Plan | None = None) -> tuple[World, Tracked]:
    world = World(1)
    tracked = world.submit(plan or an_overnight_plan())
    settle(world)
    return world, tracked


def test_an_oco_holds_a_delivery_bracket_through_the_night() -> None:
    world, one = entered()
    assert one.bracket.state is State.PROTECTED

    night(world)

    assert [leg.kind for leg in live_legs(one.bracket, Role.EXIT)] == [LegKind.GTT]
    assert one.bracket.session == "2026-12-08"
    assert not one.bracket.alarms
    world.exchange.set_price(*SBIN, last=Decimal("489.00"))
    settle(world)
    Truth(world).check_end()


def test_r2_a_day_stop_is_handed_over_to_an_oco_after_the_close() -> None:
    world = World(2)
    world.exchange.set_price(*SBIN, last=Decimal("490.50"))  # too near for a GTT
    one = world.submit(an_overnight_plan())
    settle(world)
    assert [leg.kind for leg in live_legs(one.bracket, Role.EXIT)] == [LegKind.ORDER]
    world.exchange.set_price(*SBIN, last=Decimal("497.00"))
    settle(world)

    night(world)

    assert [leg.purpose for leg in live_legs(one.bracket, Role.EXIT)] == [Purpose.OCO]
    assert one.bracket.state is State.PROTECTED


def test_a_bracket_that_slept_through_the_night_is_protected_in_the_morning() -> None:
    world = World(3)
    world.exchange.set_price(*SBIN, last=Decimal("490.50"))
    one = world.submit(an_overnight_plan())
    settle(world)
    world.exchange.set_price(*SBIN, last=Decimal("497.00"))

    night(world, down=True)

    assert one.bracket.state is State.PROTECTED
    assert net(one.bracket) == 100


def test_foreign_trades_of_yesterday_do_not_close_shares_this_morning() -> None:
    world, one = entered()
    world.trade_by_hand(one.bracket.plan, Side.BUY, 30)
    world.trade_by_hand(one.bracket.plan, Side.SELL, 10)
    settle(world, 65)

    night(world)
    settle(world, 65)

    assert net(one.bracket) == 100
    assert one.bracket.state is State.PROTECTED
    assert not one.bracket.alarms


def test_shares_sold_by_hand_in_the_morning_close_the_bracket() -> None:
    world, one = entered()
    night(world)

    world.trade_by_hand(one.bracket.plan, Side.SELL, 100)
    settle(world, 65)

    assert one.bracket.state is State.CLOSED
    Truth(world).check_end()


def test_an_intraday_bracket_squared_off_by_the_broker_is_closed() -> None:
    world = World(4)
    one = world.submit(a_plan(capabilities=CAPABILITIES, entry=EntryTerms(order_type=OrderType.MARKET)))
    settle(world)

    world.exchange.square_off(Product.MIS)
    settle(world, 65)

    assert one.bracket.state is State.CLOSED
    Truth(world).check_end()


def test_an_entry_that_did_not_fill_expires_with_the_day() -> None:
    world, one = entered(
        an_overnight_plan(entry=EntryTerms(order_type=OrderType.LIMIT, price=Decimal("480.00")))
    )
    states = [one.bracket.state]

    night(world)

    assert [*states, one.bracket.state] == [State.ENTRY_OPEN, State.EXPIRED]


def test_a_short_future_held_by_an_oco_survives_the_night() -> None:
    plan = an_overnight_plan(
        product=Product.NRML,
        side=Side.SELL,
        quantity=130,
        stop=PriceSpec(mode=PriceMode.PERCENT, value=Decimal(1)),
        targets=(TargetTerms(price=rupees("24500.00"), quantity=130),),
        instrument=World(0).exchange.instruments[NIFTY],
    )
    world, one = entered(plan)

    night(world)
    assert one.bracket.state is State.PROTECTED

    world.exchange.set_price(*NIFTY, last=Decimal("24450.00"))
    settle(world)
    Truth(world).check_end()
