"""What a person is told of each event: what happened, what is protected, what to do."""

from dataclasses import replace
from decimal import Decimal

import pytest

from services.bracket.events import (
    AlarmCleared,
    AlarmRaised,
    BracketFinished,
    BracketModified,
    Event,
    LegAcknowledged,
    LegMissed,
    LegRefused,
    LegSighted,
    ProtectionCompleted,
    ReducedExternally,
    StateChanged,
    TrailMoved,
)
from services.bracket.model import (
    Bracket,
    LegStatus,
    Mode,
    Naked,
    Outcome,
    Purpose,
    RefusalKind,
    Role,
    State,
)
from services.daily_summary import summary_words
from services.outbox import Happened
from services.telegram_words import alert_of, protection_words
from tests.builders import NINE_THIRTY, a_bracket, a_leg, a_moment, a_plan

ENTRY = a_leg(seq=1, status=LegStatus.FILLED, filled=100, average_price=Decimal("500"))
STOP = a_leg(seq=2, role=Role.EXIT, purpose=Purpose.STOP, status=LegStatus.OPEN)


def held(**overrides: object) -> Bracket:
    """Return a bracket that holds 100 shares with a working stop."""
    plain = a_bracket(state=State.PROTECTED, legs=(ENTRY, STOP))
    slices = tuple(replace(part, allocated=100) for part in plain.slices)
    return replace(plain, **{"slices": slices, **overrides})  # type: ignore[arg-type]  # fields by name


NAKED = Naked(since=a_moment(), noticed=a_moment(), cause="stop refused", quantity=100)


def told(event: Event, bracket: Bracket) -> str:
    happened = Happened(event=event, bracket=bracket, seq=7, at=NINE_THIRTY, account_name="main")
    alert = alert_of(happened)
    return "" if alert is None else ("! " if alert.urgent else "") + alert.body


@pytest.mark.parametrize(
    ("event", "begins"),
    [
        (LegAcknowledged(seq=1, broker_order_id="55"), "PLACED BUY 100 NSE:SBIN\nEntry order 55 placed"),
        (ProtectionCompleted(quantity=100, average_price=Decimal(500)), "PROTECTED BUY 100 NSE:SBIN"),
        (BracketFinished(outcome=Outcome.TARGET_HIT, quantity=100, profit=Decimal(9)), "TARGET HIT BUY 100"),
        (BracketFinished(outcome=Outcome.STOP_HIT, quantity=100, profit=None), "STOP HIT BUY 100"),
        (LegRefused(seq=2, refusal=RefusalKind.MARGIN, reason="RMS: margin"), "! EXIT REFUSED BUY 100"),
        (AlarmRaised(kind="unprotected", text="x", count=1), "! UNPROTECTED BUY 100 NSE:SBIN\nx"),
        (AlarmRaised(kind="unprotected", text="x", count=3), "! STILL UNPROTECTED (alarm 3) BUY 100"),
        (AlarmRaised(kind="oco_gone", text="gone", count=1), "! ALARM BUY 100 NSE:SBIN\ngone"),
        (AlarmCleared(kind="unprotected"), "! RESOLVED BUY 100 NSE:SBIN\nThe alarm unprotected is over."),
        (StateChanged(old=State.ENTRY_PENDING, new=State.REJECTED, on="refused"), "! REFUSED BUY 100"),
        (StateChanged(old=State.ENTRY_OPEN, new=State.CANCELLED, on="cancel"), "CANCELLED BUY 100"),
        (StateChanged(old=State.ENTRY_OPEN, new=State.EXPIRED, on="expiry"), "EXPIRED BUY 100"),
        (ReducedExternally(reductions=((0, 40),), cause="sold elsewhere"), "CHANGED BUY 100"),
    ],
)
def test_what_a_person_must_know_is_told_and_failures_are_urgent(event: Event, begins: str) -> None:
    assert told(event, held()).startswith(begins)


@pytest.mark.parametrize(
    "event",
    [
        LegMissed(seq=1),
        TrailMoved(stop=Decimal(495), price=Decimal(505)),
        BracketModified(by="key 1"),
        StateChanged(old=State.ENTRY_OPEN, new=State.PROTECTING, on="fill"),
        LegSighted(
            seq=1,
            broker_order_id="55",
            status=LegStatus.FILLED,
            filled=100,
            average_price=Decimal(500),
            terms=ENTRY.terms,
        ),
    ],
)
def test_what_a_person_need_not_know_at_once_is_not_told(event: Event) -> None:
    assert told(event, held()) == ""


def test_a_naked_position_is_told_with_what_to_do() -> None:
    bracket = held(naked=NAKED)

    lines = told(AlarmRaised(kind="unprotected", text="why", count=1), bracket).splitlines()

    assert lines[2] == "NOT PROTECTED: 100 of 100 shares have no working stop."
    assert lines[3].startswith("Do: look at your broker's app.")
    assert f"/exit {bracket.id[-6:]}" in lines[3]


def test_every_alert_names_bracket_account_and_time() -> None:
    bracket = held()

    last = told(AlarmCleared(kind="x"), bracket).splitlines()[-1]

    assert last == f"{bracket.id[-6:]}, main, 23 Nov 09:30:00"


def test_paper_mode_is_said() -> None:
    bracket = held(plan=a_plan(mode=Mode.ANALYZE))

    assert told(AlarmCleared(kind="x"), bracket).endswith("paper mode")


@pytest.mark.parametrize(
    ("bracket", "words"),
    [
        (a_bracket(), "Nothing is held."),
        (held(), "Protected: 100 shares, stop 490.00, target 520.00."),
        (held(naked=NAKED), "NOT PROTECTED: 100 of 100 shares have no working stop."),
        (
            held(handed_over=True),
            "100 shares are in your hands: this service does not protect them any more.",
        ),
        (held(exit_reason="exit_now"), "Leaving: an exit order works for 100 shares."),
    ],
)
def test_what_is_protected(bracket: Bracket, words: str) -> None:
    assert protection_words(bracket) == words


def test_a_brokers_long_reason_is_cut() -> None:
    event = AlarmRaised(kind="stop_refused", text="x" * 5000, count=1)

    assert len(told(event, held())) < 1400


def test_the_summary_counts_what_closed_and_lists_what_is_open() -> None:
    won = a_bracket(state=State.CLOSED, outcome=Outcome.TARGET_HIT, profit=Decimal("120.50"))
    lost = a_bracket(state=State.CLOSED, outcome=Outcome.STOP_HIT, profit=Decimal("-20.25"))
    shared = a_bracket(state=State.CLOSED, outcome=Outcome.EXITED, profit=None)
    paper = replace(won, plan=a_plan(mode=Mode.ANALYZE), profit=Decimal("5000"))
    bare = held(naked=NAKED)

    words = summary_words(
        "main", NINE_THIRTY.date(), closed=[won, lost, shared, paper], still_open=[bare]
    ).splitlines()

    assert words == [
        "DAY 23 Nov of main",
        "Closed: 3 (1 exited, 1 stop hit, 1 target hit), profit before charges 100.25"
        " (without 1 that somebody else closed in part).",
        "In paper mode: Closed: 1 (1 target hit), profit before charges 5000.",
        "Open: 1.",
        f"{bare.id[-6:]} NSE:SBIN PROTECTED",
        "  NOT PROTECTED: 100 of 100 shares have no working stop.",
    ]


def test_a_summary_of_a_hundred_open_brackets_fits_one_message() -> None:
    words = summary_words("main", NINE_THIRTY.date(), closed=[], still_open=[held()] * 100)

    assert len(words) < 4096
    assert "... and 80 more" in words
