"""What the safety report counts, and what it measures a broker by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.bracket import events as ev
from services.bracket.model import (
    Bracket,
    ExitReason,
    LegKind,
    LegStatus,
    Naked,
    OrderType,
    Overlay,
    Purpose,
    Role,
    Side,
    State,
    Terms,
)
from services.safety_report import Happened, SafetyReport, Story, report_on
from services.safety_report_service import Days, today
from tests.builders import NINE_THIRTY, a_bracket, a_leg, a_moment, a_plan

TERMS = Terms(order_type=OrderType.LIMIT, quantity=100, price=Decimal(500))


def at(seconds: float) -> datetime:
    return NINE_THIRTY + timedelta(seconds=seconds)


def happened(seconds: float, event: ev.Event, *, read: float | None = None, boot: str = "boot1") -> Happened:
    return Happened(event, at(seconds), None if read is None else at(read), boot)


def sent(seq: int = 1) -> ev.LegIntended:
    return ev.LegIntended(
        seq=seq,
        slice=0,
        role=Role.ENTRY,
        kind=LegKind.ORDER,
        tag="T",
        side=Side.BUY,
        terms=TERMS,
        purpose=Purpose.ENTRY,
    )


def sighted(seq: int = 1) -> ev.LegSighted:
    return ev.LegSighted(
        seq=seq, broker_order_id="1", status=LegStatus.OPEN, filled=0, average_price=None, terms=TERMS
    )


def report(*happened: Happened, bracket: Bracket | None = None, **changes: Any) -> SafetyReport:
    one = Story(replace(bracket or a_bracket(), **changes), happened)
    return report_on([one], since=at(0), until=at(3600), now=at(100))


def test_naked_time_is_summed_by_cause() -> None:
    found = report(
        happened(1, ev.NakedEnded(seconds=0.5, cause="first_fill")),
        happened(2, ev.NakedEnded(seconds=2.0, cause="first_fill")),
        happened(3, ev.NakedEnded(seconds=9.0, cause="stop_unknown")),
    )

    assert {cause: (one.spells, one.seconds, one.longest) for cause, one in found.naked.items()} == {
        "first_fill": (2, 2.5, 2.0),
        "stop_unknown": (1, 9.0, 9.0),
    }
    assert (found.naked_total.spells, found.naked_total.seconds, found.naked_total.longest) == (3, 11.5, 9.0)


def test_what_happened_outside_the_days_is_not_counted() -> None:
    ended = ev.NakedEnded(seconds=1.0, cause="first_fill")

    found = report(happened(-1, ended), happened(0, ended), happened(3600, ended))

    assert found.naked_total.spells == 1


def test_emergencies_unwinds_and_zombies_name_their_brackets() -> None:
    bracket = a_bracket()
    found = report(
        happened(1, ev.ExitBegan(reason=ExitReason.EMERGENCY)),
        happened(2, ev.ExitBegan(reason=ExitReason.KILL_SWITCH)),
        happened(3, ev.StateChanged(old=State.EXITING, new=State.UNWINDING, on="past flat")),
        happened(4, ev.AlarmRaised(kind="revived", text="", count=1)),
        happened(5, ev.AlarmRaised(kind="revived", text="", count=2)),
        happened(6, ev.AlarmRaised(kind="unprotected", text="", count=1)),
        bracket=bracket,
    )

    assert (found.emergency_exits, found.unwinds, found.zombies) == ([bracket.id],) * 3
    assert found.alarms == {"revived": 1, "unprotected": 1}


def test_an_open_naked_bracket_is_naked_now_and_unresolved() -> None:
    naked = Naked(since=a_moment(90), noticed=a_moment(91), cause="stop_unknown", quantity=100)
    found = report(state=State.PROTECTING, naked=naked, legs=(a_leg(status=LegStatus.UNKNOWN),))

    (now,) = found.naked_now
    assert (now.cause, now.quantity, now.seconds) == ("stop_unknown", 100, 10.0)
    assert found.unresolved[0].why == ("order_unknown", "unprotected")
    assert found.open == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": State.UNWINDING}, ("unwinding",)),
        ({"state": State.EMERGENCY}, ("emergency",)),
        ({"state": State.PROTECTED, "overlays": frozenset({Overlay.NEEDS_ATTENTION})}, ("needs_attention",)),
    ],
)
def test_what_needs_somebody_is_unresolved(changes: dict[str, Any], why: tuple[str, ...]) -> None:
    assert report(**changes).unresolved[0].why == why


def test_a_closed_bracket_is_never_unresolved() -> None:
    found = report(state=State.CLOSED, overlays=frozenset({Overlay.NEEDS_ATTENTION, Overlay.WATCH}))

    assert (found.unresolved, found.open) == ([], 0)


def test_brackets_placed_are_counted_by_the_state_they_are_in_now() -> None:
    received = ev.BracketReceived(id="x", plan=a_plan(), session="2026-11-23")

    found = report(happened(1, received), state=State.CLOSED)

    assert (found.placed, found.states) == (1, {"CLOSED": 1})


def test_acceptance_is_measured_from_the_intention_to_the_answer() -> None:
    found = report(
        happened(1, sent()),
        happened(1.25, ev.LegAcknowledged(seq=1, broker_order_id="1")),
        happened(2, sent(2)),
        happened(2.75, ev.LegAcknowledged(seq=2, broker_order_id="2")),
    )

    (broker,) = found.brokers
    assert (broker.acceptance.count, broker.acceptance.middle, broker.acceptance.worst) == (2, 0.5, 0.75)


def test_an_order_found_after_its_answer_was_lost_counts_as_accepted_that_late() -> None:
    found = report(
        happened(1, sent()),
        happened(5, ev.LegBecameUnknown(seq=1, reason="time-out")),
        happened(8.5, sighted(), read=8.0),
    )

    (broker,) = found.brokers
    assert (broker.acceptance.worst, broker.staleness.count) == (7.0, 0)
    assert (broker.needed_quiescence, broker.quiescence, broker.quiescence_is_enough) == (14.0, 10.0, False)


def test_staleness_is_from_the_answer_to_the_read_that_first_showed_the_order() -> None:
    found = report(
        happened(1, sent()),
        happened(2, ev.LegAcknowledged(seq=1, broker_order_id="1")),
        happened(4, sighted(), read=3.5),
        happened(9, sighted(), read=8.5),
    )

    (broker,) = found.brokers
    assert (broker.staleness.count, broker.staleness.worst) == (1, 1.5)
    assert (broker.needed_quiescence, broker.quiescence_is_enough) == (3.5, True)


def test_a_read_that_was_under_way_at_the_answer_is_not_stale() -> None:
    found = report(
        happened(1, sent()),
        happened(2, ev.LegAcknowledged(seq=1, broker_order_id="1")),
        happened(2.1, sighted(), read=1.9),
    )

    assert found.brokers[0].staleness.worst == 0.0


def test_time_the_service_was_down_is_not_the_brokers() -> None:
    found = report(
        happened(1, sent()),
        happened(5, ev.LegBecameUnknown(seq=1, reason="restart")),
        happened(600, sighted(), read=600, boot="boot2"),
    )

    assert found.brokers[0].acceptance.count == 0


def test_a_day_is_the_exchanges() -> None:
    late = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)  # midnight in India
    days = Days(today(late), 2)

    assert str(days.last) == "2026-11-23"
    assert days.until - days.since == timedelta(days=2)
    assert days.since.astimezone(UTC) == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
