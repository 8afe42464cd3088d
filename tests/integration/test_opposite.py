"""An order that reverses an open bracket: refused, ignored, or sent once the other side is flat."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from database.bracket_db import events_of, insert_bracket, load
from restx_api.shaping import timeline
from services.bracket.model import Bracket, ExitReason, IfFilled, Overlay, Plan, Role, Side, State
from services.bracket.observation import Timing
from services.bracket.quantities import legs_of, net
from services.bracket.request import BracketOrderRequest
from services.bracket_change_service import cancel_bracket_order, explain_bracket_order
from services.bracket_order_service import birth_sight, open_bracket, validate_bracket_order
from services.bracket_supervisor import BracketSupervisor
from services.errors import SymbolConflict
from services.opposites import heed_opposites
from services.recording import looked, records_of
from tests.desks import RunningDesk, a_running_desk
from tests.faulty_broker import Fault

SHORT: dict[str, Any] = {
    "action": "SELL",
    "entry_price": Decimal("790"),
    "sl_price": Decimal("810"),
    "target_price": Decimal("770"),
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path) as desk:
        yield desk


def reverse(running: RunningDesk, **overrides: Any) -> str:
    placed = running.place(**(SHORT | {"on_opposite": "close_first"} | overrides))
    assert placed.bracket is not None
    return placed.bracket.id


def a_long(running: RunningDesk) -> str:
    """Return a protected BUY of 10."""
    running.price("799")
    placed = running.place().bracket
    assert placed is not None
    running.until(placed.id, lambda one: one.state is State.PROTECTED and one.foreign_base is not None)
    return placed.id


def position(running: RunningDesk) -> int:
    return sum(row.quantity for row in running.exchange.positions(running.caller.account_id))


def entry_tags(running: RunningDesk, side: Side) -> list[str | None]:
    rows = running.exchange.order_book(running.caller.account_id)
    return [row.tag for row in rows if row.side is side and row.tag is not None and row.tag[8] == "E"]


def test_an_order_against_an_open_bracket_is_refused_unless_it_says_more(running: RunningDesk) -> None:
    old = a_long(running)

    with pytest.raises(SymbolConflict, match=f"{old} holds SBIN .* close_first"):
        running.place(**SHORT)


def test_ignore_places_nothing_and_says_why(running: RunningDesk) -> None:
    old = a_long(running)

    placed = running.place(**SHORT, on_opposite="ignore")

    assert placed.bracket is None
    assert placed.ignored is not None
    assert old in placed.ignored
    assert entry_tags(running, Side.SELL) == []


def test_close_first_is_an_ordinary_order_while_nothing_is_open(running: RunningDesk) -> None:
    running.price("799")

    bracket = running.until(reverse(running), lambda one: one.state is State.PROTECTED)

    assert bracket.plan.waits_for == ()


def test_close_first_sends_the_entry_only_once_the_other_side_is_flat(running: RunningDesk) -> None:
    old_id = a_long(running)

    new_id = reverse(running)
    new = running.until(new_id, lambda one: one.state is State.PROTECTED)

    old = load(running.desk.db, old_id)
    assert old is not None
    assert (old.state, old.exit_reason, net(old)) == (State.CLOSED, ExitReason.OPPOSITE_SIGNAL, 0)
    assert old.finished_at is not None
    assert legs_of(new, Role.ENTRY)[0].sent_at.mono >= old.finished_at.mono
    assert (position(running), len(entry_tags(running, Side.SELL))) == (-10, 1)


def test_a_timeline_ends_where_its_bracket_was_read(running: RunningDesk) -> None:
    placed = running.place().bracket
    assert placed is not None
    before = replace(placed, legs=(), version=1)  # read before the entry was intended
    running.until(placed.id, lambda one: one.state is State.ENTRY_OPEN)

    told = timeline(before, events_of(running.desk.db, placed.id))

    assert [one["kind"] for one in told] == ["BracketReceived"]


def test_close_first_cancels_an_entry_that_has_not_filled(running: RunningDesk) -> None:
    placed = running.place().bracket  # below the market: it rests
    assert placed is not None

    running.until(reverse(running), lambda one: one.state is State.PROTECTED)

    old = load(running.desk.db, placed.id)
    assert old is not None
    assert (old.state, position(running)) == (State.CANCELLED, -10)


def test_while_the_other_side_cannot_be_closed_nothing_is_sent_and_it_is_told(running: RunningDesk) -> None:
    old_id = a_long(running)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=1000)

    new_id = reverse(running, entry_max_age_seconds=1)
    new = running.until(new_id, lambda one: one.state is State.EXPIRED)

    assert new.entry_ended == "opposite_not_flat"
    assert [(alarm.kind, old_id in alarm.text) for alarm in new.alarms] == [("opposite_not_flat", True)]
    assert entry_tags(running, Side.SELL) == []
    running.until_told("error", "expired")


def test_an_order_that_waits_says_for_what(running: RunningDesk) -> None:
    old_id = a_long(running)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=1000)
    new_id = reverse(running)

    told = explain_bracket_order(running.desk, running.caller, new_id)

    assert told.next == f"waiting until bracket {old_id} of the other side is flat"


def test_an_order_that_waits_can_be_cancelled(running: RunningDesk) -> None:
    a_long(running)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=1000)
    new_id = reverse(running)

    cancel_bracket_order(running.desk, running.caller, new_id, if_filled=IfFilled.EXIT)

    running.until(new_id, lambda one: one.state is State.CANCELLED)
    assert entry_tags(running, Side.SELL) == []


def test_a_position_handed_over_is_never_taken_for_flat(running: RunningDesk) -> None:
    old_id = a_long(running)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=1000)
    new_id = reverse(running, entry_max_age_seconds=1)

    cancel_bracket_order(
        running.desk, running.caller, old_id, if_filled=IfFilled.HAND_OVER, confirm="SBIN", leave_exits=True
    )

    new = running.until(new_id, lambda one: one.state.is_closed)
    assert (new.state, entry_tags(running, Side.SELL)) == (State.EXPIRED, [])


def test_a_third_order_reverses_the_one_that_waits(running: RunningDesk) -> None:
    a_long(running)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=3)
    waiting = reverse(running)

    third = running.place(on_opposite="close_first", entry_price=Decimal("805"), target_price=Decimal("830"))

    assert third.bracket is not None
    running.until(waiting, lambda one: one.state is State.CANCELLED)
    running.until(third.bracket.id, lambda one: one.state is State.PROTECTED)
    assert entry_tags(running, Side.SELL) == []


def stored_and_died(running: RunningDesk, *, age: timedelta = timedelta(0)) -> str:
    """Store a reversal as the service does, and end there: its worker never hears of it."""
    running.desk.supervisor.stop()
    plan = heed_opposites(running.desk.db, a_reversal(running), policy="close_first")
    now = running.desk.now()
    received = replace(now, wall=now.wall - age, mono=now.mono - age.total_seconds())
    session = running.desk.supervisor.sessions("paper").trading_session("NSE", now)
    seen = birth_sight(plan, session)
    bracket, events = open_bracket(str(ULID()), plan, seen=seen, now=received)
    cause = looked(seen, received, Timing())
    insert_bracket(running.desk.db, bracket, records_of(events, cause), claim=None)
    return bracket.id


def a_reversal(running: RunningDesk) -> Plan:
    request = BracketOrderRequest(
        symbol="SBIN", exchange="NSE", product="MIS", quantity=10, on_opposite="close_first", **SHORT
    )
    plan = validate_bracket_order(running.desk, request, running.caller).plan
    assert plan is not None
    return plan


@pytest.fixture
def restarted(running: RunningDesk) -> Iterator[list[BracketSupervisor]]:
    """Supervisors that a test starts after the first one has died."""
    started: list[BracketSupervisor] = []
    yield started
    for one in started:
        one.stop()


def restart(running: RunningDesk, restarted: list[BracketSupervisor]) -> None:
    supervisor = BracketSupervisor(running.desk.supervisor.ports)
    restarted.append(supervisor)
    supervisor.start()


def test_a_restart_closes_the_other_side_and_then_sends_the_entry(
    running: RunningDesk, restarted: list[BracketSupervisor]
) -> None:
    old_id = a_long(running)
    new_id = stored_and_died(running)

    restart(running, restarted)

    new = running.until(new_id, lambda one: one.state is State.PROTECTED)
    old = load(running.desk.db, old_id)
    assert old is not None
    assert (old.state, old.exit_reason) == (State.CLOSED, ExitReason.OPPOSITE_SIGNAL)
    assert (position(running), len(legs_of(new, Role.ENTRY))) == (-10, 1)


def test_a_late_restart_closes_the_other_side_but_sends_no_stale_entry(
    running: RunningDesk, restarted: list[BracketSupervisor]
) -> None:
    old_id = a_long(running)
    new_id = stored_and_died(running, age=timedelta(seconds=30))

    restart(running, restarted)

    new = running.until(new_id, lambda one: one.state.is_closed)
    old = running.until(old_id, is_over)
    assert (new.state, [alarm.kind for alarm in new.alarms]) == (State.EXPIRED, ["opposite_not_flat"])
    assert (old.state, position(running)) == (State.CLOSED, 0)


def is_over(bracket: Bracket) -> bool:
    return bracket.state.is_closed and Overlay.UNKNOWN_LEG not in bracket.overlays
