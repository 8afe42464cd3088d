"""The naked clock: from the broker's fill, through the alarm, to the emergency."""

from datetime import timedelta

import pytest

from services.bracket.events import (
    LegAcknowledged,
    LegBecameUnknown,
    LegIntended,
    LegNotSent,
    LegRefused,
    NakedBegan,
    NakedEnded,
)
from services.bracket.model import ExitReason, LegStatus, Overlay, RefusalKind
from services.bracket.observation import TradingSession
from tests.unit.driver import FILLED, OPEN, TODAY, WAITS, Driver, a_quote, commands, only


def naked() -> Driver:
    """A bracket whose stop was acknowledged and never shows."""
    driver = Driver()
    driver.enter()
    driver.answer(LegAcknowledged(seq=2, broker_order_id="O2"))
    return driver


def test_r8_the_clock_starts_at_the_brokers_fill_not_at_our_look() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegAcknowledged(seq=1, broker_order_id="O1"))
    filled_at = driver.now.wall + timedelta(seconds=1)

    driver.show(1, FILLED, updated_at=filled_at)

    began = only(driver.read(after=3), NakedBegan)

    assert began.since.wall == filled_at


def test_i3_three_seconds_alarm_ten_are_an_emergency() -> None:
    driver = naked()

    driver.look(after=2)
    assert "unprotected" not in driver.alarms
    driver.look(after=1)
    assert "unprotected" in driver.alarms
    driver.look(after=7)
    assert driver.bracket.exit_reason is ExitReason.EMERGENCY


def test_the_clock_stops_when_a_book_shows_the_stop() -> None:
    driver = naked()
    driver.look(after=4)
    driver.show(2, WAITS)

    ended = only(driver.read(after=0.5), NakedEnded)

    assert ended.seconds >= 4
    assert driver.bracket.naked is None
    assert "unprotected" not in driver.alarms


def test_r8_outside_the_session_the_clock_alarms_and_sends_nothing() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegRefused(seq=2, refusal=RefusalKind.SESSION_CLOSED, reason="closed"))
    driver.session = TradingSession(id=TODAY, is_open=False)

    sent = [commands(driver.look(after=1)) for _ in range(30)]

    assert not any(sent)
    assert "unprotected" in driver.alarms
    assert driver.bracket.exit_reason is None


def test_alarms_repeat_with_growing_pauses() -> None:
    driver = naked()
    driver.session = TradingSession(id=TODAY, is_open=False)
    for _ in range(300):
        driver.look(after=1)

    alarm = next(one for one in driver.bracket.alarms if one.kind == "unprotected")
    assert 3 <= alarm.count <= 5


@pytest.mark.parametrize("seconds", [1, 5, 30])
def test_looks_with_nothing_new_say_nothing_and_never_spin(seconds: int) -> None:
    driver = Driver()
    driver.protect()

    for _ in range(10):
        assert not driver.look(after=seconds)  # the driver checks that next_look lies ahead


def test_account_troubles_show_on_the_bracket() -> None:
    driver = Driver()
    driver.protect()

    driver.look(after=1, troubles=frozenset({Overlay.BROKER_DOWN}))
    assert Overlay.BROKER_DOWN in driver.bracket.overlays
    driver.look(after=1)
    assert Overlay.BROKER_DOWN not in driver.bracket.overlays


def test_a_target_limit_left_behind_by_the_market_is_naked() -> None:
    driver = Driver()
    driver.protect()
    driver.price("520.00")

    driver.changed(2, OPEN)
    driver.quote = a_quote("515.00")

    driver.look(after=0.1)

    assert driver.bracket.naked is not None


def test_a_first_stop_is_placed_in_the_look_that_sees_the_fill() -> None:
    driver = Driver()

    assert only(driver.enter(), LegIntended).seq == 2


def test_h68_a_clock_set_back_over_a_restart_hides_no_naked_shares() -> None:
    driver = naked()
    driver.look(after=1)
    driver.set_clock_back(3600)
    driver.restart()

    driver.look()
    driver.look(after=4)

    assert "unprotected" in driver.alarms
    assert "clock_set_back" in driver.alarms


def test_h68_an_unknown_stop_is_still_proved_absent_after_the_clock_was_set_back() -> None:
    driver = Driver()
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.set_clock_back(3600)
    driver.restart()

    for _ in range(16):
        driver.read(after=1)

    assert driver.leg(2).status is LegStatus.ABSENT


def test_h68_a_clock_set_back_after_the_restart_is_noticed_too() -> None:
    driver = Driver()
    driver.set_clock_back(60)  # so that the bracket's own time lies ahead at the restart, the stop's does not
    driver.enter()
    driver.answer(LegBecameUnknown(seq=2, reason="time-out"))
    driver.restart()
    driver.look()
    driver.set_clock_back(3600)

    for _ in range(16):
        driver.read(after=1)

    assert driver.leg(2).status is LegStatus.ABSENT


def test_r1_an_entry_whose_age_a_restart_cannot_tell_is_never_sent() -> None:
    driver = Driver()
    driver.look()
    driver.answer(LegNotSent(seq=1, reason="no connection"))
    driver.set_clock_back(3600)
    driver.restart(after=20)

    out = driver.look() + driver.look(after=1)

    assert not commands(out)
    assert driver.bracket.entry_ended == "entry_stale"
