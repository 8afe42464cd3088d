"""The machine's clock, on a machine whose wall clock is set while we run."""

from datetime import timedelta

from tests.builders import NINE_THIRTY
from utils.clock import SystemClock


class Machine:
    def __init__(self) -> None:
        self.passed = 0.0
        self.wrong_by = timedelta(0)
        self.clock = SystemClock(
            wall=lambda: NINE_THIRTY + timedelta(seconds=self.passed) + self.wrong_by,
            monotonic=lambda: 50.0 + self.passed,
        )


def test_small_corrections_of_the_wall_clock_are_followed() -> None:
    machine = Machine()

    machine.passed, machine.wrong_by = 10, timedelta(seconds=1.5)

    assert machine.clock.now() == NINE_THIRTY + timedelta(seconds=11.5)
    assert not machine.clock.jumped_by


def test_many_small_corrections_one_after_the_other_are_no_jump() -> None:
    machine = Machine()

    for count in range(1, 5):
        machine.passed, machine.wrong_by = 10 * count, timedelta(seconds=1.5 * count)
        assert machine.clock.now() == NINE_THIRTY + timedelta(seconds=11.5 * count)

    assert not machine.clock.jumped_by


def test_a_jump_of_the_wall_clock_is_told_and_not_followed() -> None:
    machine = Machine()

    machine.passed, machine.wrong_by = 10, timedelta(hours=-1)

    assert machine.clock.now() == NINE_THIRTY + timedelta(seconds=10)
    assert machine.clock.jumped_by == timedelta(hours=-1)


def test_a_wall_clock_that_jumped_back_is_followed_again() -> None:
    machine = Machine()
    machine.wrong_by = timedelta(hours=1)
    machine.clock.now()

    machine.wrong_by = timedelta(0)

    assert machine.clock.now() == NINE_THIRTY
    assert not machine.clock.jumped_by
