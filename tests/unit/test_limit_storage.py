"""Counting in memory: what a moving window lets through, and what it remembers."""

import threading

import pytest
from limits import parse, parse_many
from limits.strategies import MovingWindowRateLimiter

from utils import limit_storage
from utils.limit_storage import MemoryWindows


class HandTime:
    """Stands for the module `time`, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> HandTime:
    hand = HandTime()
    monkeypatch.setattr(limit_storage, "time", hand)
    return hand


@pytest.mark.parametrize(
    ("limit", "at", "passes"),
    [
        ("2 per second", [0, 0, 0], [True, True, False]),
        ("2 per second", [0, 0.5, 0.9, 1.1, 1.2], [True, True, False, True, False]),
        ("1 per minute", [0, 59, 61], [True, False, True]),
        ("3 per second", [0, 0, 0, 2, 2, 2, 2], [True, True, True, True, True, True, False]),
    ],
)
def test_what_a_window_lets_through(hand: HandTime, limit: str, at: list[float], passes: list[bool]) -> None:
    limits = MovingWindowRateLimiter(MemoryWindows())

    told = []
    for seconds in at:
        hand.now = 1_000_000.0 + seconds
        told.append(limits.hit(parse(limit), "key:a"))

    assert told == passes


def test_a_refused_request_is_not_counted(hand: HandTime) -> None:
    limits, one = MovingWindowRateLimiter(MemoryWindows()), parse("1 per second")
    for tenth in range(11):
        hand.now = 1_000_000.0 + tenth / 10
        limits.hit(one, "key:a")

    assert limits.hit(one, "key:a", cost=2) is False
    hand.now += 1.01
    assert limits.hit(one, "key:a")


def test_what_is_left_and_when_it_begins_anew(hand: HandTime) -> None:
    limits, five = MovingWindowRateLimiter(MemoryWindows()), parse("5 per minute")
    limits.hit(five, "key:a")
    hand.now += 10
    limits.hit(five, "key:a")

    stats = limits.get_window_stats(five, "key:a")

    assert (stats.remaining, stats.reset_time) == (3, 1_000_060.0)
    assert limits.get_window_stats(five, "key:b").remaining == 5


def test_each_limit_and_name_is_counted_apart(hand: HandTime) -> None:
    limits = MovingWindowRateLimiter(MemoryWindows())
    second, minute = parse_many("1 per second; 2 per minute")

    assert limits.hit(second, "key:a")
    assert limits.hit(minute, "key:a")
    assert limits.hit(second, "key:b")
    assert not limits.hit(second, "key:a")


def test_names_that_have_been_quiet_are_forgotten(hand: HandTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_storage, "_MOST_NAMES", 100)
    storage = MemoryWindows()
    limits, one = MovingWindowRateLimiter(storage), parse("10 per minute")

    for number in range(10_000):
        hand.now += 1
        limits.hit(one, f"ip:{number}")

    assert (storage.reset() or 0) <= 221


def test_clearing_forgets_one_name(hand: HandTime) -> None:
    limits, one = MovingWindowRateLimiter(MemoryWindows()), parse("1 per minute")
    limits.hit(one, "key:a")

    limits.clear(one, "key:a")

    assert limits.hit(one, "key:a")


def test_many_threads_get_no_more_than_the_limit() -> None:
    limits, most = MovingWindowRateLimiter(MemoryWindows()), parse("100 per hour")
    passed: list[bool] = []

    def hit() -> None:
        passed.extend([limits.hit(most, "key:a") for _ in range(50)])

    threads = [threading.Thread(target=hit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert passed.count(True) == 100
