"""A quote between stop and target changes nothing; any that might is looked at."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bracket.model import (
    Plan,
    PriceMode,
    PriceSpec,
    Product,
    Quote,
    Side,
    State,
    TargetTerms,
    Topology,
    Trail,
)
from services.bracket.quiet import QuietBand, quiet_band
from tests.builders import NINE_THIRTY, a_plan, capabilities, rupees
from tests.unit.driver import Driver, a_quote

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

D = Decimal


def points(value: int) -> PriceSpec:
    return PriceSpec(mode=PriceMode.POINTS, value=D(value))


def percent(value: int) -> PriceSpec:
    return PriceSpec(mode=PriceMode.PERCENT, value=D(value))


@st.composite
def protected(draw: Any) -> Driver:
    """A bracket that is fully protected, of any side, topology and way to say its prices."""
    side = draw(st.sampled_from(Side))
    gap = draw(st.integers(3, 40))
    stop = draw(st.sampled_from([points(gap), percent(4), rupees(str(500 - gap * side.sign))]))
    specs = [points(gap), percent(6), rupees(str(500 + gap * side.sign))]
    targets = draw(st.lists(st.sampled_from(specs), min_size=1, max_size=3))
    topology = draw(st.sampled_from([Topology.MORPH, Topology.OCO]))
    each = 99 // len(targets)
    driver = Driver(
        a_plan(
            side=side,
            quantity=each * len(targets),
            stop=stop,
            targets=tuple(TargetTerms(price=spec, quantity=each) for spec in targets),
            topology=topology,
            product=Product.MIS if topology is Topology.MORPH else Product.NRML,
            capabilities=capabilities(),
        )
    )
    driver.protect()
    return driver


@settings(deadline=None)
@given(protected(), st.data())
def test_a_quote_in_the_quiet_band_decides_nothing(driver: Driver, data: st.DataObject) -> None:
    band = quiet_band(driver.bracket)
    assert band is not None
    inside = st.decimals(band.low, band.high, places=2).filter(lambda price: band.low < price < band.high)
    last, bid, ask = (data.draw(inside) for _ in range(3))
    driver.quote = Quote(last=last, at=NINE_THIRTY, bid=min(bid, ask), ask=max(bid, ask))

    assert band.holds(driver.quote)
    assert driver.look(after=data.draw(st.sampled_from([0.0, 1.0, 60.0]))) == []


@settings(deadline=None)
@given(protected(), st.booleans())
def test_at_the_edges_of_the_band_something_is_decided_or_the_broker_holds_it(
    driver: Driver, at_stop: bool
) -> None:
    band = quiet_band(driver.bracket)
    assert band is not None
    is_low = at_stop is (driver.bracket.plan.side is Side.BUY)
    driver.quote = a_quote(str(band.low if is_low else band.high))

    assert not band.holds(driver.quote)
    is_held = not at_stop and driver.bracket.plan.topology is Topology.OCO
    assert bool(driver.look()) is not is_held


def test_an_empty_side_is_never_quiet() -> None:
    band = QuietBand(D(490), D(520))

    assert band.holds(a_quote("500"))
    assert not band.holds(a_quote("500", bid=""))
    assert not band.holds(a_quote("500", ask=""))


@pytest.mark.parametrize("plan", [a_plan(), a_plan(quantity=50)])
def test_a_bracket_that_still_enters_is_never_quiet(plan: Plan) -> None:
    driver = Driver(plan)
    driver.enter(filled=plan.quantity // 2)

    assert driver.bracket.state is not State.PROTECTED
    assert quiet_band(driver.bracket) is None


def test_a_trailing_bracket_is_never_quiet() -> None:
    driver = Driver(a_plan())
    driver.protect()
    trailing = replace(driver.bracket, trail=Trail(distance=points(5)))

    assert quiet_band(driver.bracket) is not None
    assert quiet_band(trailing) is None
