"""GTTs whose answer was lost, where lists show no tag: one that says the same may be somebody else's."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from services.bracket.events import LegAcknowledged, LegBecameUnknown
from services.bracket.model import BookRead, GttRow, LegStatus, Product, Topology
from services.bracket.observation import Read
from tests.builders import a_plan
from tests.unit.driver import Driver, commands, part_for

OTHER = "01JDRIVER0000000000BRACKE2"


def sent(**words: Any) -> Driver:
    """A bracket that is in, and whose OCO was sent."""
    driver = Driver(a_plan(product=Product.CNC, topology=Topology.OCO, survives_day=True), **words)
    driver.enter()
    return driver


def lost(**words: Any) -> Driver:
    """A bracket whose OCO was sent and not answered."""
    driver = sent(**words)
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    return driver


def gtts(driver: Driver, *trigger_ids: str, seq: int = 2) -> tuple[GttRow, ...]:
    """Return GTTs that all say what a leg asked for."""
    driver.show_gtt(seq)
    row = driver.gtts.pop(driver.leg(seq).tag)
    return tuple(replace(row, trigger_id=one) for one in trigger_ids)


def part(driver: Driver, rows: Iterable[GttRow], *others: Driver) -> Read:
    books = BookRead(started=driver.now, orders=tuple(driver.rows.values()), gtts=tuple(rows))
    return part_for(driver, books, *others)


def taken(driver: Driver) -> list[str | None]:
    return [leg.broker_order_id for leg in driver.bracket.legs if leg.seq > 1]


def test_two_gtts_that_may_be_it_are_left_to_a_person_and_none_is_placed_again() -> None:
    driver = lost()
    rows = gtts(driver, "G8", "G9")

    for _ in range(5):
        decided = driver.look(after=20, read=part(driver, rows))
        assert not commands(decided)

    assert driver.needs_attention
    assert (driver.leg(2).status, driver.leg(2).missed_reads, taken(driver)) == (LegStatus.UNKNOWN, 0, [None])


def test_the_one_that_a_person_leaves_is_taken() -> None:
    driver = lost()
    rows = gtts(driver, "G8", "G9")
    driver.look(after=1, read=part(driver, rows))

    driver.look(after=1, read=part(driver, rows[1:]))

    assert (taken(driver), driver.leg(2).status) == (["G9"], LegStatus.TRIGGER_PENDING)


def test_a_read_begun_before_the_answer_was_lost_shows_a_strangers_gtt_and_not_yet_ours() -> None:
    driver = sent()
    early = part(driver, gtts(driver, "G8"))
    driver.seconds += 1
    driver.answer(LegBecameUnknown(seq=2, reason="internal error"))

    driver.look(read=early)
    before = driver.leg(2)
    driver.look(after=1, read=part(driver, gtts(driver, "G8", "G9")))

    assert (before.status, before.broker_order_id, before.missed_reads) == (LegStatus.UNKNOWN, None, 0)
    assert taken(driver) == [None]
    assert driver.needs_attention


def test_two_brackets_that_lost_gtts_of_one_content_share_them_out_one_each() -> None:
    driver, other = lost(), lost(bracket_id=OTHER)
    rows = gtts(driver, "G8", "G9")

    driver.look(after=1, read=part(driver, rows, other))
    other.look(after=1, read=part(other, rows, driver))

    assert {*taken(driver), *taken(other)} == {"G8", "G9"}
    assert not driver.needs_attention
    assert not other.needs_attention


def test_one_gtt_too_many_for_two_brackets_is_left_to_a_person_by_both() -> None:
    driver, other = lost(), lost(bracket_id=OTHER)
    rows = gtts(driver, "G7", "G8", "G9")

    driver.look(after=1, read=part(driver, rows, other))
    other.look(after=1, read=part(other, rows, driver))

    assert (taken(driver), taken(other)) == ([None], [None])
    assert driver.needs_attention
    assert other.needs_attention


def test_one_given_up_and_the_one_placed_for_it_take_a_gtt_each() -> None:
    driver = lost()
    for after in (11, 1, 1):
        driver.read(after=after)  # absent: its twin is placed
    driver.answer(LegBecameUnknown(seq=3, reason="time-out"))

    driver.look(after=1, read=part(driver, gtts(driver, "G8", "G9", seq=3)))

    assert sorted(filter(None, taken(driver))) == ["G8", "G9"]


def test_a_gtt_of_another_product_is_not_ours() -> None:
    driver = lost()
    rows = [replace(row, product=Product.NRML) for row in gtts(driver, "G8")]

    driver.look(after=1, read=part(driver, rows))

    assert taken(driver) == [None]


def test_a_known_gtt_is_nobody_elses() -> None:
    driver, other = lost(), lost(bracket_id=OTHER)
    other.answer(LegAcknowledged(seq=2, broker_order_id="G8"))

    driver.look(after=1, read=part(driver, gtts(driver, "G8", "G9"), other))

    assert taken(driver) == ["G9"]
