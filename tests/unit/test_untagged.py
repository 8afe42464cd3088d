"""Brokers whose books show no tag: a lost order is told by its content, and never when two may be it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.bracket.account import index_book, standings
from services.bracket.adoption import may_be
from services.bracket.events import ForeignBaseNoted, LegAcknowledged, LegBecameUnknown
from services.bracket.model import (
    BookRead,
    LegStatus,
    OrderRow,
    OrderType,
    PositionRow,
    RowStatus,
    TradeRow,
)
from services.bracket.observation import Read
from tests.builders import a_leg, a_plan, capabilities
from tests.unit.driver import FILLED, OPEN, TODAY, WAITS, Driver, commands, part_for, trade

SESSION = {"NSE": TODAY}


def untagged(*, bracket_id: str = "01JDRIVER0000000000BRACKET") -> Driver:
    """A bracket at such a broker, its entry sent."""
    driver = Driver(a_plan(capabilities=capabilities(tag_length=0)), bracket_id=bracket_id)
    driver.look()
    return driver


def lost(**words: Any) -> Driver:
    """A bracket whose entry was sent and not answered."""
    driver = untagged(**words)
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))
    return driver


def row_of(driver: Driver, seq: int, order_id: str, status: RowStatus = OPEN, **fields: Any) -> OrderRow:
    leg = driver.leg(seq)
    return replace(driver.row(leg, leg.terms, status=status), broker_order_id=order_id, tag=None, **fields)


def books(driver: Driver, *rows: OrderRow, **more: Any) -> BookRead:
    return BookRead(started=driver.now, orders=rows, **more)


def ids(read: Read) -> list[str]:
    return [row.broker_order_id for row in read.orders]


def test_a_lost_entry_is_found_by_what_it_says_and_not_sent_again() -> None:
    driver = lost()

    decided = driver.look(after=1, read=part_for(driver, books(driver, row_of(driver, 1, "B1"))))

    assert (driver.leg(1).broker_order_id, driver.leg(1).status) == ("B1", LegStatus.OPEN)
    assert not commands(decided)


def test_a_read_begun_before_the_answer_was_lost_shows_a_strangers_order_and_not_yet_ours() -> None:
    driver = untagged()
    early = books(driver, row_of(driver, 1, "B1"))
    driver.seconds += 1
    driver.answer(LegBecameUnknown(seq=1, reason="internal error"))

    driver.look(read=part_for(driver, early))
    before = driver.leg(1)
    driver.look(
        after=1, read=part_for(driver, books(driver, row_of(driver, 1, "B1"), row_of(driver, 1, "B2")))
    )

    assert (before.status, before.broker_order_id, before.missed_reads) == (LegStatus.UNKNOWN, None, 0)
    assert driver.leg(1).broker_order_id is None
    assert driver.needs_attention


@pytest.mark.parametrize(
    "stranger",
    [{"quantity": 99}, {"price": Decimal("500.05")}, {"product": "CNC"}, {"tag": "somebodys"}],
)
def test_an_order_that_says_something_else_is_not_taken(stranger: dict[str, Any]) -> None:
    driver = lost()

    found = part_for(driver, books(driver, replace(row_of(driver, 1, "B1"), **stranger)))

    assert ids(found) == []


def test_two_orders_that_may_be_it_are_left_to_a_person_and_neither_is_sent_again() -> None:
    driver = lost()
    rows = (row_of(driver, 1, "B1"), row_of(driver, 1, "B2"))

    for _ in range(10):
        decided = driver.look(after=20, read=part_for(driver, books(driver, *rows)))
        assert not commands(decided)

    assert driver.needs_attention
    assert (driver.leg(1).status, driver.leg(1).missed_reads) == (LegStatus.UNKNOWN, 0)


def test_an_order_without_a_time_may_be_of_this_morning_and_is_left_to_a_person() -> None:
    driver = lost()

    driver.look(after=1, read=part_for(driver, books(driver, row_of(driver, 1, "B1", updated_at=None))))

    assert driver.needs_attention
    assert driver.leg(1).broker_order_id is None


def test_an_order_older_than_ours_is_not_taken() -> None:
    driver = lost()
    earlier = driver.now.wall - timedelta(minutes=2)

    assert ids(part_for(driver, books(driver, row_of(driver, 1, "B1", updated_at=earlier)))) == []


def test_another_brackets_order_is_not_taken() -> None:
    driver, other = lost(), untagged(bracket_id="01JDRIVER0000000000BRACKE2")
    other.answer(LegAcknowledged(seq=1, broker_order_id="B1"))

    assert ids(part_for(driver, books(driver, row_of(driver, 1, "B1")), other)) == []


def test_while_another_brackets_answer_is_under_way_nothing_is_taken_and_nothing_proved() -> None:
    driver, other = lost(), untagged(bracket_id="01JDRIVER0000000000BRACKE2")

    found = part_for(driver, books(driver, row_of(driver, 1, "B1")), other)

    assert (ids(found), found.position_agrees) == ([], None)


def test_two_lost_orders_of_one_content_share_the_rows_out_one_each() -> None:
    driver, other = lost(), lost(bracket_id="01JDRIVER0000000000BRACKE2")
    rows = (row_of(driver, 1, "B1"), row_of(driver, 1, "B2"))

    driver.look(after=1, read=part_for(driver, books(driver, *rows), other))
    other.look(after=1, read=part_for(other, books(other, *rows), driver))

    assert {driver.leg(1).broker_order_id, other.leg(1).broker_order_id} == {"B1", "B2"}


def test_a_broker_with_tags_shows_ours_so_an_order_without_one_is_somebody_elses() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegBecameUnknown(seq=1, reason="time-out"))

    assert ids(part_for(driver, books(driver, row_of(driver, 1, "B1")))) == []


def lost_exit(*, is_answered: bool) -> tuple[Driver, OrderRow, TradeRow]:
    """A bracket in position; its stop, whose id is not known, has filled at the broker."""
    driver = untagged()
    driver.accept(1, FILLED)
    driver.answer(ForeignBaseNoted(base=0))
    if is_answered:
        driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    quantity = driver.leg(2).terms.quantity
    row = row_of(driver, 2, "B2", FILLED, filled=quantity)
    bought = trade(driver.leg(1), quantity)
    sold = replace(trade(driver.leg(2), quantity, at=driver.now.wall), broker_order_id="B2")
    return driver, row, replace(sold, trade_id=bought.trade_id + "x")


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_fill_of_ours_is_not_somebody_elses_while_its_id_is_not_known(*, is_answered: bool) -> None:
    driver, row, sold = lost_exit(is_answered=is_answered)
    entry = replace(driver.rows[driver.leg(1).tag], tag=None)
    read = books(driver, entry, row, trades=(trade(driver.leg(1), row.quantity), sold), positions=())

    found = standings(index_book(read), [driver.bracket], session=SESSION)[driver.bracket.id]

    assert (found.external, found.shortfall, found.agrees) == (0, 0, True)


def test_nothing_is_concluded_of_a_symbol_while_one_of_two_orders_is_ours() -> None:
    driver, row, sold = lost_exit(is_answered=True)
    entry = replace(driver.rows[driver.leg(1).tag], tag=None)
    twin = replace(row, broker_order_id="B3")
    trades = (
        trade(driver.leg(1), row.quantity),
        sold,
        replace(sold, broker_order_id="B3", trade_id="T9"),
    )
    short = PositionRow(exchange="NSE", symbol="SBIN", product="MIS", quantity=-row.quantity)
    read = books(driver, entry, row, twin, trades=trades, positions=(short,))

    assert standings(index_book(read), [driver.bracket], session=SESSION) == {}


def test_a_lost_stop_is_found_when_it_rests() -> None:
    driver = untagged()
    driver.accept(1, FILLED)
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    rows = (replace(driver.rows[driver.leg(1).tag], tag=None), row_of(driver, 2, "B2", WAITS))

    driver.look(after=1, read=part_for(driver, books(driver, *rows)))

    assert (driver.leg(2).broker_order_id, driver.leg(2).status) == ("B2", LegStatus.TRIGGER_PENDING)


@pytest.mark.parametrize(
    ("asked", "shown", "fits"),
    [
        ((OrderType.MARKET, None, None), (OrderType.MARKET, None, None), True),
        ((OrderType.MARKET, None, None), (OrderType.LIMIT, "503", None), True),
        ((OrderType.MARKET, None, None), (OrderType.SL, "503", "502"), False),
        ((OrderType.LIMIT, "500", None), (OrderType.LIMIT, "500", None), True),
        ((OrderType.LIMIT, "500", None), (OrderType.MARKET, "500", None), False),
        ((OrderType.SL, "489", "490"), (OrderType.SL, "489", "490"), True),
        ((OrderType.SL, "489", "490"), (OrderType.LIMIT, "489", None), True),  # it has fired
        ((OrderType.SL, "489", "490"), (OrderType.SL, "489", "491"), False),
        ((OrderType.SL_M, None, "490"), (OrderType.SL, "480", "490"), True),  # made a limit on the way
        ((OrderType.SL_M, None, "490"), (OrderType.MARKET, None, None), True),
        ((OrderType.SL_M, None, "490"), (OrderType.LIMIT, "490", None), False),
    ],
)
def test_type_and_prices_have_to_fit_as_brokers_show_them(
    asked: tuple[OrderType, str | None, str | None],
    shown: tuple[OrderType, str | None, str | None],
    *,
    fits: bool,
) -> None:
    def prices(of: tuple[OrderType, str | None, str | None]) -> dict[str, Any]:
        kind, price, trigger = of
        return {
            "order_type": kind,
            "price": price and Decimal(price),
            "trigger_price": trigger and Decimal(trigger),
        }

    leg = a_leg(terms=replace(a_leg().terms, **prices(asked)))
    driver = untagged()

    row = replace(row_of(driver, 1, "B1"), **prices(shown))

    assert may_be(leg, row) is fits
