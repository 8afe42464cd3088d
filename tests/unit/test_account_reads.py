"""What one read of an account's books concludes before it is handed on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

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
