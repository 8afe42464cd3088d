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
from tests.builders import ShowingBroker, StoppedClock
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
