"""What is asked for: twice, late, the wrong way round, or what cannot be protected; and the kill switch."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from database.bracket_db import Listed, list_brackets
from services.bracket.model import ExitReason, KillMode, Role, RowStatus, State
from services.bracket_change_service import switch_kill
from services.errors import BracketDenied, IdempotencyConflict, Killed, SymbolConflict
from tests.hard_cases.story import Story
from tests.serving import Json, Served, an_order, resting

D = Decimal


def test_h49_duplicate_request_gets_the_first_ones_answer(story: Story) -> None:
    """A request comes twice with one id.

    Must: answer the second with the first one's bracket; refuse the id with another body (409).
    Must never: place a second entry.
    """
    first = story.ask_to_place(client_order_id="signal-1")

    again = story.ask_to_place(client_order_id="signal-1", entry_price=D("800.00"))
    with pytest.raises(IdempotencyConflict):
        story.ask_to_place(client_order_id="signal-1", quantity=20)

    assert first.bracket is not None
    assert again.bracket is not None
    assert (again.bracket.id, again.duplicate) == (first.bracket.id, True)
    assert story.entry().quantity == 10


def alert(service: Served, body: Json, token: str) -> Any:
    path = f"/tradingview/webhook/bracket/{token}"
    return service.client.post(path, data=json.dumps(body), content_type="text/plain")


def test_h50_alert_without_a_key_counts_once_a_minute(service: Served) -> None:
    """An alert without an id of its own is delivered again.

    Must: derive a key from what it says; equal bodies within a minute are one alert.
    Must never: take both.
    """
    token, body = service.a_webhook(), resting(strategy="no id")

    first, second = (alert(service, body, token).get_json() for _ in range(2))

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["bracket_id"] == first["bracket_id"]
    page = list_brackets(service.desk.db, service.account.id, state=Listed.ALL, limit=10)
    assert [one.plan.strategy for one in page.brackets].count("no id") == 1


def test_h51_opposite_signal_while_a_bracket_is_open_is_refused(story: Story) -> None:
    """An alert of the other side comes while a bracket is open.

    Must: refuse it unless the request says otherwise.
    Must never: let the two net each other out.
    """
    held = story.hold()

    with pytest.raises(SymbolConflict, match=held.id):
        story.ask_to_place(action="SELL", entry_price=D(799), sl_price=D(810), target_price=D(780))

    assert (story.position(), story.exit().status) == (10, RowStatus.TRIGGER_PENDING)


def test_h52_late_alert_is_refused(service: Served) -> None:
    """An alert arrives long after it fired.

    Must: refuse it, saying how old it is.
    Must never: enter late.
    """
    fired = service.desk.clock.now() - timedelta(seconds=90)
    body = an_order(strategy="late", timenow=fired.strftime("%Y-%m-%dT%H:%M:%SZ"))

    answer = alert(service, body, service.a_webhook(require_timenow=True))

    assert answer.status_code == 422
    assert "s old" in answer.get_json()["message"]
    page = list_brackets(service.desk.db, service.account.id, state=Listed.ALL, limit=10)
    assert "late" not in [one.plan.strategy for one in page.brackets]


def test_h64_kill_switch_stops_entries_and_keeps_stops(story: Story) -> None:
    """The day's loss has reached its limit, and nothing more may be entered.

    Must: refuse entries and cancel those that work; keep positions protected, or flatten, as is said.
    Must never: cancel a stop.
    Here: there is no loss limit of our own; a person, or whatever counts the loss, sets the kill switch.
    """
    held = story.hold()
    working = story.place(entry_price=D(780), sl_price=D(770))

    switch_kill(story.desk, story.caller, mode=KillMode.BLOCK_ENTRIES)
    story.wait(3)
    with pytest.raises(Killed):
        story.ask_to_place()
    assert story.again(working).state is State.CANCELLED
    assert (story.again(held).state, story.exit().trigger_price) == (State.PROTECTED, D(790))

    switch_kill(story.desk, story.caller, mode=KillMode.FLATTEN)
    story.wait(3)
    assert story.again(held).exit_reason is ExitReason.KILL_SWITCH
    assert story.position() == 0


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"product": "CNC", "action": "SELL", "sl_price": D(810), "target_price": D(785)}, "sold short"),
        ({"product": "MTF"}, "use CNC or MIS"),
        ({"product": "NRML", "exchange": "MCX", "symbol": "CRUDEOIL18DEC26FUT"}, "overnight"),
    ],
)
def test_h69_what_cannot_be_protected_is_refused_before_the_entry(
    story: Story, wanted: dict[str, Any], words: str
) -> None:
    """Product, exchange or broker cannot hold the exits.

    Must: refuse it before the entry, saying what would work.
    Must never: accept it and fail once shares are held.
    """
    with pytest.raises(BracketDenied, match=words):
        story.ask_to_place(**wanted)

    assert story.line.count("place entry") == 0


def test_h71_distance_given_as_a_price_is_not_guessed_at(story: Story) -> None:
    """A stop of 5 is sent for a share at 800: points, or a price?

    Must: refuse a stop outside the sanity band, naming both readings; `confirm_prices` overrides it.
    Must never: guess.
    """
    with pytest.raises(BracketDenied, match="as sl_price the stop is 5, as sl_points the stop is 795"):
        story.ask_to_place(sl_price=D(5))

    assert story.orders(Role.ENTRY) == []
    placed = story.place(sl_price=None, sl_points=D(5))
    assert placed.state is State.ENTRY_OPEN
