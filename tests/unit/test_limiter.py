"""The outbound rate limit: never above the broker's, and always something left for the way out."""

import contextlib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.base import RateLimited
from broker.limiter import AccountLimiter, Lane, Window

SECOND = Window(10, timedelta(seconds=1))
MINUTE = Window(40, timedelta(seconds=60))
RESERVE_PER_SECOND = 3
RESERVE_PER_MINUTE = 12


class HandClock:
    """A clock that moves only when told to."""

    boot_id = "test"

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 5, 4, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Call:
    wait: float
    lane: Lane


def limiter_on(clock: HandClock, *orders: Window) -> AccountLimiter:
    return AccountLimiter(clock, orders=orders or (SECOND, MINUTE), reads=(SECOND,), quotes=(SECOND,))


def passes(limiter: AccountLimiter, lane: Lane) -> bool:
    try:
        limiter.acquire(lane)
    except RateLimited:
        return False
    return True


calls = st.lists(
    st.builds(
        Call,
        wait=st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.1, 0.3, 0.999, 1.0, 7.3]),
        lane=st.sampled_from([Lane.ENTRY, Lane.ENTRY, Lane.EXIT]),
    ),
    min_size=20,
    max_size=200,
)


def let_through(sequence: list[Call]) -> list[tuple[float, Lane]]:
    clock = HandClock()
    limiter = limiter_on(clock)
    passed = []
    for call in sequence:
        clock.seconds += call.wait
        if passes(limiter, call.lane):
            passed.append((clock.seconds, call.lane))
    return passed


@given(calls)
def test_no_window_ever_holds_more_calls_than_its_limit(sequence: list[Call]) -> None:
    times = [at for at, _ in let_through(sequence)]

    for window in (SECOND, MINUTE):
        seconds = window.length.total_seconds()
        for start in times:
            assert sum(start <= at and at - start < seconds for at in times) <= window.calls


@given(calls)
def test_exits_within_their_reserve_always_pass_whatever_the_entries_do(sequence: list[Call]) -> None:
    clock = HandClock()
    limiter = limiter_on(clock)
    exits: list[float] = []

    for call in sequence:
        clock.seconds += call.wait
        if call.lane is Lane.ENTRY:
            passes(limiter, Lane.ENTRY)
            continue
        in_second = sum(clock.seconds - at < 1 for at in exits)
        in_minute = sum(clock.seconds - at < 60 for at in exits)
        if in_second < RESERVE_PER_SECOND and in_minute < RESERVE_PER_MINUTE:
            assert passes(limiter, Lane.EXIT)
            exits.append(clock.seconds)


@given(calls)
def test_waiting_as_long_as_told_is_always_enough(sequence: list[Call]) -> None:
    clock = HandClock()
    limiter = limiter_on(clock)

    for call in sequence:
        clock.seconds += call.wait
        try:
            limiter.acquire(call.lane)
        except RateLimited as limited:
            clock.seconds += limited.retry_after.total_seconds()
            limiter.acquire(call.lane)


def test_entries_stop_where_the_reserve_begins() -> None:
    limiter = limiter_on(HandClock(), SECOND)

    assert [passes(limiter, Lane.ENTRY) for _ in range(8)] == [True] * 7 + [False]
    assert [passes(limiter, Lane.EXIT) for _ in range(4)] == [True] * 3 + [False]


def test_exits_may_use_everything_and_stop_the_entries_first() -> None:
    limiter = limiter_on(HandClock(), SECOND)

    assert all(passes(limiter, Lane.EXIT) for _ in range(7))
    assert not passes(limiter, Lane.ENTRY)
    assert all(passes(limiter, Lane.EXIT) for _ in range(3))
    assert not passes(limiter, Lane.EXIT)


def test_a_refused_call_is_not_counted() -> None:
    clock = HandClock()
    limiter = limiter_on(clock, SECOND)
    for _ in range(50):
        passes(limiter, Lane.ENTRY)

    clock.seconds += 1.0

    assert [passes(limiter, Lane.ENTRY) for _ in range(8)] == [True] * 7 + [False]


def test_the_refusal_says_when_there_is_room_again() -> None:
    clock = HandClock()
    limiter = limiter_on(clock, SECOND)
    for _ in range(7):
        limiter.acquire(Lane.ENTRY)
        clock.seconds += 0.125

    with pytest.raises(RateLimited) as refused:
        limiter.acquire(Lane.ENTRY)

    assert abs(refused.value.retry_after.total_seconds() - 0.125) < 0.001


def test_reads_quotes_and_orders_do_not_use_up_each_other() -> None:
    limiter = AccountLimiter(
        HandClock(),
        orders=(Window(1, timedelta(seconds=1)),),
        reads=(Window(1, timedelta(seconds=1)),),
        quotes=(Window(1, timedelta(seconds=1)),),
    )

    for lane in (Lane.EXIT, Lane.READ, Lane.QUOTE):
        assert passes(limiter, lane)
        assert not passes(limiter, lane)


class MeetingClock(HandClock):
    """Notices when two threads ask for the time at once: both would then count the same free place."""

    def __init__(self) -> None:
        super().__init__()
        self.met = False
        self._meeting = threading.Barrier(2)

    def monotonic(self) -> float:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._meeting.wait(0.1)
            self.met = True
        return super().monotonic()


def test_two_threads_never_look_for_the_same_place() -> None:
    clock = MeetingClock()
    limiter = limiter_on(clock, SECOND)

    threads = [threading.Thread(target=passes, args=(limiter, Lane.EXIT)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not clock.met


def test_what_is_used_is_told_by_window_and_forgotten_as_time_passes() -> None:
    clock = HandClock()
    limiter = AccountLimiter(
        clock,
        orders=(Window(10, timedelta(seconds=1)), Window(100, timedelta(minutes=1))),
        reads=(Window(10, timedelta(seconds=1)),),
        quotes=(Window(1, timedelta(seconds=1)),),
    )
    for lane in (Lane.ENTRY, Lane.EXIT, Lane.READ):
        limiter.acquire(lane)

    used = [(one.budget, one.used, one.calls, one.reserved) for one in limiter.use()]
    clock.seconds += 2
    later = [one.used for one in limiter.use()]

    assert used == [("orders", 2, 10, 3), ("orders", 2, 100, 30), ("reads", 1, 10, 0), ("quotes", 0, 1, 0)]
    assert later == [0, 2, 0, 0]


def test_what_went_out_before_a_restart_counts_until_its_time_is_over() -> None:
    clock = HandClock()
    after = limiter_on(clock)

    after.count_sent([timedelta(seconds=59)] * 12 + [timedelta(seconds=30)] * 28 + [timedelta(seconds=-5)])
    full = [passes(after, lane) for lane in (Lane.ENTRY, Lane.EXIT)]
    clock.seconds += 1.1
    room = [passes(after, lane) for lane in (Lane.ENTRY, Lane.EXIT)]

    assert full == [False, False]
    assert room == [False, True]  # twelve are over, and so few that only the reserve is left


def test_while_the_broker_wants_a_pause_nothing_goes_out_exits_neither() -> None:
    clock = HandClock()
    limiter = limiter_on(clock)

    limiter.hold(timedelta(seconds=2))
    limiter.hold(timedelta(seconds=1))  # a shorter one does not end the longer
    clock.seconds += 1.5
    held = [lane for lane in Lane if not passes(limiter, lane)]
    clock.seconds += 0.5
    let_go = [lane for lane in Lane if passes(limiter, lane)]

    assert held == list(Lane)
    assert let_go == list(Lane)
