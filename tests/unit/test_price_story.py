"""The prices that a bracket's events tell, point by point, with nothing made up between them."""

from decimal import Decimal
from typing import Any

from services.bracket.events import TrailMoved
from services.bracket.model import PriceMode, PriceSpec, Role, RowStatus, Trail
from services.price_story import PriceStory, price_story
from tests.builders import a_plan
from tests.unit.driver import OPEN, Driver


def story_of(driver: Driver) -> PriceStory:
    events: Any = [(moment.wall, event) for event, moment in driver.log]
    return price_story(driver.bracket, events)


def test_each_part_of_a_fill_has_its_own_price() -> None:
    driver = Driver()
    driver.look()
    driver.accept(1, OPEN, filled=40, average_price=Decimal("499.00"))
    driver.show(1, RowStatus.FILLED, filled=100, average_price=Decimal("499.60"))
    driver.read(after=1)

    fills = story_of(driver).fills

    assert [(one.quantity, one.price) for one in fills] == [(40, Decimal("499.00")), (60, Decimal("500.00"))]
    assert {(one.role, one.side) for one in fills} == {(Role.ENTRY, "BUY")}


def test_the_way_of_a_trailed_stop_is_told_by_what_was_asked_for() -> None:
    distance = PriceSpec(mode=PriceMode.POINTS, value=Decimal(10))
    driver = Driver(a_plan(trail=Trail(distance=distance)))
    driver.protect()
    driver.price("505.00")
    driver.changed(2)

    story = story_of(driver)

    assert [point.price for point in story.stops] == [Decimal(490), Decimal(495)]
    moved = [event for event, _ in driver.log if isinstance(event, TrailMoved)]
    assert [event.price for event in moved] == [Decimal(505)]
    assert Decimal(505) in {point.price for point in story.market}
