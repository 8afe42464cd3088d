"""What the board says protects a bracket is what the books showed, and no more."""

from services.bracket.events import LegAcknowledged, LegRefused
from services.bracket.guards import Guard, Hold, guards_of
from services.bracket.model import Product, RefusalKind, Topology
from tests.builders import a_plan
from tests.unit.driver import WAITS, Driver


def the_guard(driver: Driver) -> Guard:
    (found,) = guards_of(driver.bracket)
    return found


def test_before_a_fill_there_is_nothing_to_protect() -> None:
    driver = Driver()
    driver.look()

    assert (the_guard(driver).hold, the_guard(driver).held) == (Hold.EMPTY, 0)


def test_a_stop_protects_only_once_a_book_shows_it() -> None:
    driver = Driver()
    driver.enter()
    sent = the_guard(driver)
    driver.answer(LegAcknowledged(seq=2, broker_order_id="O2"))
    taken = the_guard(driver)
    driver.show(2, WAITS)
    driver.read(after=0.5)
    shown = the_guard(driver)

    assert [one.hold for one in (sent, taken)] == [Hold.UNCONFIRMED, Hold.UNCONFIRMED]
    assert (sent.held, sent.quantity, sent.where) == (100, 0, "on its way")
    assert (shown.hold, shown.quantity, shown.where) == (Hold.STOP, 100, "at the exchange")
    assert shown.words == "stop for 100: triggers at 490.00, limit 485.10"


def test_shares_whose_stop_was_refused_are_told_to_have_none() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.MARGIN, reason="no money"))

    guard = the_guard(driver)

    assert (guard.hold, guard.where) == (Hold.NONE, "nowhere")
    assert guard.words == "no working stop for 100 shares"


def test_a_trigger_of_the_broker_is_told_as_held_there() -> None:
    driver = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))
    driver.protect()

    guard = the_guard(driver)

    assert (guard.hold, guard.where) == (Hold.OCO, "at the broker (GTT)")
    assert guard.words == "stop 490.00 and target 520.00 for 100 in one trigger"


def test_an_exit_that_became_the_target_is_told_as_that() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00")
    driver.changed(2)

    assert the_guard(driver).hold is Hold.TARGET
    assert "target order for 100 at 520.00" in the_guard(driver).words


def test_what_rests_without_this_service_is_what_the_books_show_and_not_the_plan() -> None:
    driver = Driver()
    driver.protect()
    as_stop = the_guard(driver)
    driver.price("520.00")
    driver.changed(2)
    as_target = the_guard(driver)

    assert (as_stop.stop_rests, as_stop.target_rests) == (True, False)
    assert (as_target.stop_rests, as_target.target_rests) == (False, True)


def test_a_trigger_of_the_broker_holds_both_and_what_is_on_its_way_holds_neither() -> None:
    driver = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))
    driver.enter()
    sent = the_guard(driver)
    resting = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True))
    resting.protect()

    assert (sent.stop_rests, sent.target_rests) == (False, False)
    assert (the_guard(resting).stop_rests, the_guard(resting).target_rests) == (True, True)
