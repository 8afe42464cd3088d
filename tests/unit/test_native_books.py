"""Native brackets in the account's books: whose exits are whose, and which untagged bracket is ours."""

from dataclasses import replace

from services.bracket.account import (
    foreign_filled,
    index_book,
    is_complete,
    standings,
)
from services.bracket.events import ForeignBaseNoted, LegAcknowledged, LegBecameUnknown
from services.bracket.explanation import explain
from services.bracket.guards import Hold, guards_of
from services.bracket.model import BookRead, OrderRow, PositionRow, RowStatus
from services.bracket.observation import Read, Seen
from tests.unit.driver import FILLED, OPEN, TODAY, Driver, part_for, trade
from tests.unit.native_broker import HELD, STOP, TARGET, NativeBroker

SESSION = {"NSE": TODAY}


def lost(name: str) -> Driver:
    """A bracket whose native entry was sent and not answered."""
    broker = NativeBroker(bracket_id=name)
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    return broker.driver


def a_bracket_order(order_id: str) -> tuple[OrderRow, ...]:
    """The rows of a bracket order without a tag that says what `lost` ones asked for."""
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegAcknowledged(seq=1, broker_order_id=order_id))
    broker.driver.show(1, OPEN, tag=None)
    broker.show_both(HELD)
    return tuple(broker.driver.rows.values())


def read_of(driver: Driver, *others: Driver, rows: tuple[OrderRow, ...]) -> Read:
    return part_for(driver, BookRead(started=driver.now, orders=rows), *others)


def ids(read: Read) -> set[str]:
    return {row.broker_order_id for row in read.orders}


def test_a_brackets_part_of_a_read_has_the_exits_that_its_entry_brought() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))
    broker.driver.show(1, FILLED)
    broker.show_both()
    rows = (*broker.driver.rows.values(), *a_bracket_order("P1"))

    assert ids(read_of(broker.driver, rows=rows)) == {"O1", "O1-stop", "O1-target"}


def test_exits_that_carry_the_entrys_tag_are_not_taken_for_it() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    tag = broker.driver.leg(1).tag
    broker.show_both(HELD, tag=tag)
    broker.driver.show(1, OPEN)

    broker.driver.look(read=read_of(broker.driver, rows=tuple(broker.driver.rows.values())), after=0.5)

    assert broker.driver.leg(1).broker_order_id == "O1"
    assert len(broker.driver.bracket.legs) == 3


def test_the_exits_fills_are_ours_before_they_are_adopted() -> None:
    broker = NativeBroker()
    driver = broker.driver
    driver.look()
    driver.accept(1, FILLED)
    driver.answer(ForeignBaseNoted(base=0))
    broker.show(TARGET, FILLED)
    (row,) = (row for row in driver.rows.values() if row.exit_purpose is TARGET)
    sold = replace(trade(driver.leg(1), 100), broker_order_id=row.broker_order_id, side=row.side)
    bought = trade(driver.leg(1), 100)
    read = BookRead(
        started=driver.now,
        orders=tuple(driver.rows.values()),
        trades=(bought, sold),
        positions=(PositionRow(exchange="NSE", symbol="SBIN", product="MIS", quantity=0),),
    )

    found = standings(index_book(read), [driver.bracket], session=SESSION)[driver.bracket.id]

    assert (found.external, found.shortfall, found.agrees) == (0, 0, True)
    assert foreign_filled(index_book(read), [driver.bracket]) == 0


def test_a_read_without_an_exit_that_was_live_is_sound() -> None:
    broker = NativeBroker()
    broker.enter()
    row = broker.driver.rows[broker.driver.leg(1).tag]

    assert is_complete(
        BookRead(started=broker.driver.now, orders=(row,)), [broker.driver.bracket], session=SESSION
    )


def test_lost_brackets_of_equal_content_take_one_untagged_order_each() -> None:
    first, second = lost("01JLOST000000000000BRACKET"), lost("01JOTHER00000000000BRACKET")
    rows = (*a_bracket_order("P1"), *a_bracket_order("P2"))

    first.look(read=read_of(first, second, rows=rows), after=0.5)
    second.look(read=read_of(second, first, rows=rows), after=0.5)

    assert {first.leg(1).broker_order_id, second.leg(1).broker_order_id} == {"P1", "P2"}
    assert not (first.needs_attention or second.needs_attention)


def test_one_untagged_order_more_than_are_lost_is_taken_by_nobody() -> None:
    driver = lost("01JLOST000000000000BRACKET")
    rows = (*a_bracket_order("P1"), *a_bracket_order("P2"))

    for _ in range(8):
        driver.look(read=replace(read_of(driver, rows=rows), started=driver.now), after=4)

    assert driver.leg(1).broker_order_id is None
    assert driver.leg(1).status.value == "unknown"
    assert driver.needs_attention


def test_an_untagged_order_that_another_bracket_just_sent_is_neither_taken_nor_missed() -> None:
    driver, broker = lost("01JLOST000000000000BRACKET"), NativeBroker(bracket_id="01JOTHER00000000000BRACKET")
    broker.driver.look()

    read = read_of(driver, broker.driver, rows=a_bracket_order("P1"))
    broker.driver.answer(LegAcknowledged(seq=1, broker_order_id="P1"))
    answered = read_of(driver, broker.driver, rows=a_bracket_order("P1"))

    assert (read.orders, read.position_agrees) == ((), None)
    assert (answered.orders, answered.position_agrees) == ((), True)


def test_the_board_tells_what_the_brokers_bracket_holds() -> None:
    broker = NativeBroker()
    broker.driver.look()
    broker.show_both(HELD)
    broker.driver.accept(1)
    (waiting,) = guards_of(broker.driver.bracket)
    broker.driver.show(1, FILLED)
    broker.driver.read(after=0.5)
    (late,) = guards_of(broker.driver.bracket)
    broker.show_both()
    broker.driver.read(after=0.5)
    (held,) = guards_of(broker.driver.bracket)

    assert [one.hold for one in (waiting, late, held)] == [Hold.EMPTY, Hold.UNCONFIRMED, Hold.NATIVE]
    assert held.words == "stop 490.00 and target 520.00 for 100 in one bracket"
    assert (held.quantity, held.where, held.order_id) == (100, "at the broker (bracket)", "O1-stop")


def test_the_board_tells_which_of_the_brokers_exits_work_on_without_this_service() -> None:
    broker = NativeBroker()
    broker.enter(held=True)
    (held_back,) = guards_of(broker.driver.bracket)
    broker.show(STOP)
    broker.driver.read(after=0.5)
    (stop_alone,) = guards_of(broker.driver.bracket)
    broker.show(TARGET)
    broker.driver.read(after=0.5)
    (both,) = guards_of(broker.driver.bracket)

    told = [(one.stop_rests, one.target_rests) for one in (held_back, stop_alone, both)]
    assert told == [(False, False), (True, False), (True, True)]


def test_the_explanation_says_what_becomes_of_the_brokers_exits() -> None:
    broker = NativeBroker()
    broker.enter()
    driver = broker.driver

    def why() -> str:
        (part,) = explain(driver.bracket, Seen(session=driver.session), driver.now).slices
        return part.why

    held = why()
    broker.show(STOP, RowStatus.REJECTED)
    driver.read(after=0.5)
    off = why()
    broker.later()

    assert held == "the broker's bracket holds stop 490.00 and target 520.00"
    assert "if the next reads say the same" in off
    assert "taken away" in why()
