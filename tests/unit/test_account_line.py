"""What people ask of an account's books: few reads, however many ask and whatever hangs."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from broker.base import ReadFailed
from services.account_line import READS_KEPT, AccountLine
from tests.builders import StoppedClock
from utils.clock import Clock


class HeldLanes:
    """Lanes whose calls are made when the test says so; with at_once, where they are asked to."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.held: list[Callable[[], None]] = []
        self.was_asked = threading.Event()
        self._at_once = at_once

    def write(self, call: Callable[[], None], *, urgent: bool) -> None:
        self.read(call)

    def read(self, call: Callable[[], None]) -> None:
        self.held.append(call)
        self.was_asked.set()
        if self._at_once:
            self.make()

    def make(self) -> None:
        while self.held:
            self.held.pop(0)()

    def close(self) -> None:
        """Nothing is open."""


class CountingBook:
    """A read that tells how often it was made."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, _broker: object) -> int:
        self.reads += 1
        return self.reads


def a_line(lanes: HeldLanes, clock: Clock | None = None) -> AccountLine:
    broker: Any = object()
    return AccountLine(broker, lanes, clock or StoppedClock())


def asked_in_vain(line: AccountLine, book: Callable[[Any], int]) -> None:
    with pytest.raises(TimeoutError):
        line.recent("orders", book, wait_seconds=0)


def test_all_who_ask_while_a_read_is_under_way_hear_its_answer() -> None:
    lanes, book, heard = HeldLanes(), CountingBook(), list[int]()
    line = a_line(lanes)
    first = threading.Thread(target=lambda: heard.append(line.recent("orders", book, wait_seconds=10)))
    first.start()
    assert lanes.was_asked.wait(10)
    for _ in range(5):
        asked_in_vain(line, book)
    waiting = len(lanes.held)
    lanes.make()
    first.join()

    assert (waiting, heard, line.recent("orders", book, wait_seconds=0), book.reads) == (1, [1], 1, 1)


def test_a_read_that_nobody_waits_for_any_more_is_not_made() -> None:
    lanes, book = HeldLanes(), CountingBook()
    line = a_line(lanes)
    asked_in_vain(line, book)
    asked_in_vain(line, book)

    lanes.make()

    assert book.reads == 0


def test_an_answer_is_kept_for_a_second_since_its_read_began() -> None:
    lanes, book, clock = HeldLanes(at_once=True), CountingBook(), StoppedClock()
    line = a_line(lanes, clock)

    def slow(broker: object) -> int:
        clock.seconds += 0.4
        return book(broker)

    heard = [line.recent("orders", slow, wait_seconds=0)]
    clock.seconds = READS_KEPT.total_seconds() - 0.1
    heard.append(line.recent("orders", slow, wait_seconds=0))
    clock.seconds = READS_KEPT.total_seconds()
    heard.append(line.recent("orders", slow, wait_seconds=0))

    assert heard == [1, 1, 2]


def test_an_answer_that_a_write_has_overtaken_is_not_kept() -> None:
    lanes, book = HeldLanes(at_once=True), CountingBook()
    line = a_line(lanes)

    def overtaken(broker: object) -> int:
        line.write(lambda _: None).result(timeout=0)
        return book(broker)

    first = line.recent("orders", overtaken, wait_seconds=0)

    assert (first, line.recent("orders", book, wait_seconds=0)) == (1, 2)


def test_a_read_that_fails_is_heard_and_made_again() -> None:
    lanes, book = HeldLanes(at_once=True), CountingBook()
    line = a_line(lanes)

    def failing(_: object) -> int:
        raise ReadFailed("HTTP 502")

    with pytest.raises(ReadFailed):
        line.recent("orders", failing, wait_seconds=0)

    assert line.recent("orders", book, wait_seconds=0) == 1
