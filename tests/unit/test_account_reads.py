"""What one read of an account's books concludes before it is handed on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from broker.base import Quote, ReadFailed
from services.account_reads import AccountReads, BooksRead, Parts
from services.bracket.model import OrderRow
from services.cadence import Cadence
from tests.builders import ShowingBroker, StoppedClock, a_moment, capabilities
from tests.unit.driver import FILLED, Driver


class AtOnce:
    """Lanes that make each call where they are asked to."""

    def write(self, call: Callable[[], None], *, urgent: bool) -> None:
        call()

    def read(self, call: Callable[[], None]) -> None:
        call()

    def close(self) -> None:
        """Nothing is open."""


def a_filled_row() -> OrderRow:
    driver = Driver()
    driver.look()
    driver.show(1, FILLED)
    return next(iter(driver.rows.values()))


def read(**parts: Any) -> BooksRead:
    clock, reports = StoppedClock(), list[Any]()
    broker: Any = ShowingBroker(**parts)
    reads = AccountReads(broker, AtOnce(), clock=clock, report=reports.append)
    pause = Cadence().entry
    reads.start_due(
        book_every=pause,
        everything_every=pause,
        price_every=None,
        parts=Parts(gtts=False, everything=True, symbols=frozenset()),
    )
    found: BooksRead = reports[0]
    return found


class Reader:
    """AccountReads of a broker with these pauses, looked after every 100 ms; notes when it read what."""

    def __init__(self, **pauses: timedelta) -> None:
        self.clock = StoppedClock()
        self.reads: list[tuple[float, str]] = []
        broker: Any = ShowingBroker(orders=(), session_alive=True)
        broker.capabilities = replace(broker.capabilities, **pauses)
        broker.quotes = lambda _symbols: {}
        self.under_test = AccountReads(broker, AtOnce(), clock=self.clock, report=self._note)

    def look_for(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.seconds += 0.1
            self.under_test.hurry()
            self.under_test.start_due(
                book_every=timedelta(milliseconds=500),
                everything_every=timedelta(seconds=60),
                price_every=timedelta(seconds=1.2),
                parts=Parts(gtts=False, everything=True, symbols=frozenset({("NSE", "SBIN")})),
            )

    def gaps(self, kind: str) -> list[float]:
        """Return the seconds between two reads of a kind."""
        times = [at for at, what in self.reads if what == kind]
        return [round(later - earlier, 1) for earlier, later in pairwise(times)]

    def _note(self, message: Any) -> None:
        if isinstance(message, BooksRead):
            self.reads.append((self.clock.seconds, "book"))
            if message.books.positions is not None:
                self.reads.append((self.clock.seconds, "evidence"))
        self.under_test.done()


@pytest.mark.parametrize(
    ("pauses", "kind", "least"),
    [
        ({}, "book", 0.1),
        ({"read_pause": timedelta(seconds=1.6)}, "book", 1.6),
        ({}, "evidence", 1.0),
        ({"evidence_pause": timedelta(seconds=8)}, "evidence", 8.0),
    ],
)
def test_a_broker_is_not_read_more_often_than_it_allows_whoever_hurries(
    pauses: dict[str, timedelta], kind: str, least: float
) -> None:
    reader = Reader(**pauses)

    reader.look_for(30)

    assert min(reader.gaps(kind)) == pytest.approx(least, abs=0.05)


def test_prices_are_not_asked_for_more_often_than_the_broker_allows() -> None:
    clock, asked = StoppedClock(), list[float]()
    broker: Any = ShowingBroker(orders=(), session_alive=True)
    broker.capabilities = replace(broker.capabilities, quote_pause=timedelta(seconds=3.2))

    def quotes(_symbols: object) -> dict[object, object]:
        asked.append(clock.seconds)
        return {}

    broker.quotes = quotes
    reads = AccountReads(broker, AtOnce(), clock=clock, report=lambda _: reads.done())

    for _ in range(200):
        clock.seconds += 0.1
        reads.start_due(
            book_every=timedelta(seconds=5),
            everything_every=timedelta(seconds=60),
            price_every=timedelta(seconds=1.2),
            parts=Parts(gtts=False, everything=False, symbols=frozenset({("NSE", "SBIN")})),
        )

    assert min(later - earlier for earlier, later in pairwise(asked)) >= 3.2 - 1e-6
    assert len(asked) >= 5


class Broken(ShowingBroker):
    """An adapter that breaks its promise."""

    def order_book(self) -> tuple[OrderRow, ...]:
        raise ValueError("not what was agreed")

    def quotes(self, symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        raise ValueError("not what was agreed")


def test_an_adapter_that_breaks_its_promise_is_a_read_that_failed_and_another_follows() -> None:
    clock, reports = StoppedClock(), list[Any]()
    broker: Any = Broken(orders=(), session_alive=True)
    reads = AccountReads(broker, AtOnce(), clock=clock, report=reports.append)
    pause, sbin = timedelta(seconds=1), frozenset({("NSE", "SBIN")})

    for _ in range(2):
        clock.seconds += 2
        reads.start_due(
            book_every=pause,
            everything_every=pause,
            price_every=None,
            parts=Parts(gtts=False, everything=False, symbols=sbin),
        )
        reads.done()

    assert [type(one.error) for one in reports] == [ReadFailed, ReadFailed]
    assert reads._quotes(sbin) == {}


def test_positions_that_are_empty_although_orders_filled_are_a_dead_sessions() -> None:
    found = read(orders=(a_filled_row(),), session_alive=False)

    assert not found.session_alive


def test_positions_that_are_empty_in_a_live_session_are_believed() -> None:
    found = read(orders=(a_filled_row(),), session_alive=True)

    assert found.session_alive


COVERED_PRICE = Cadence().covered_price


class Covered:
    """An account whose push stream covers it, at calm: its books are due once a minute."""

    def __init__(self) -> None:
        self.clock, self.capabilities = StoppedClock(), capabilities()
        self.read_at: list[float] = []
        self.asked_quotes = 0
        broker: Any = self
        self.reads = AccountReads(broker, AtOnce(), clock=self.clock, report=lambda _: self.reads.done())
        self.calm_for(1)

    def order_book(self) -> tuple[OrderRow, ...]:
        self.read_at.append(self.clock.seconds)
        return (a_filled_row(),)

    def quotes(self, _symbols: object) -> dict[Any, Quote]:
        self.asked_quotes += 1
        return {}

    def calm_for(self, seconds: int, *, price_every: timedelta = COVERED_PRICE) -> list[float]:
        """Let time pass and return when the books were read meanwhile."""
        before = len(self.read_at)
        for _ in range(seconds * 4):
            self.reads.start_due(
                book_every=Cadence().covered,
                everything_every=timedelta(hours=1),
                price_every=price_every,
                parts=Parts(gtts=False, everything=False, symbols=frozenset({("NSE", "SBIN")})),
            )
            self.clock.seconds += 0.25
        return self.read_at[before:]


def test_a_push_is_followed_by_reads_each_second_for_a_bounded_time_only() -> None:
    reader = Covered()
    asked = reader.asked_quotes

    reader.reads.hurry_pushed()
    followed = reader.calm_for(25)

    assert followed == [1.0 + second for second in range(16)]
    assert reader.asked_quotes == asked + 1  # with the read of the push itself; none that follows it


def test_reads_after_a_push_end_soon_once_one_begun_after_it_showed_news() -> None:
    reader, before = Covered(), a_moment(0.0)
    reader.reads.hurry_pushed()

    reader.reads.saw_news(before)
    unseen = reader.calm_for(5)
    reader.reads.saw_news(a_moment(reader.clock.seconds))
    seen = reader.calm_for(20)

    assert (len(unseen), seen) == (5, [])


def test_reads_go_on_for_the_age_of_a_late_book_after_a_push_whose_news_seem_seen() -> None:
    reader = Covered()
    reader.reads.hurry_pushed()

    reader.reads.saw_news(a_moment(reader.clock.seconds))

    assert reader.calm_for(20) == [1.0, 2.0, 3.0, 4.0]


def test_prices_go_on_being_asked_for_while_a_push_is_followed() -> None:
    reader = Covered()
    asked = reader.asked_quotes

    reader.reads.hurry_pushed()
    reader.calm_for(12, price_every=timedelta(seconds=1.2))

    assert reader.asked_quotes >= asked + 8
