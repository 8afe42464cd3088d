"""The account worker against a broker that loses, hangs and lies; real threads, the real store."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from database.bracket_db import events_of, load_open, verify_chain
from database.leases import Superseded
from database.session import Database, NotRead
from services import account_worker, bracket_announcer, bracket_order_service
from services.bracket.lifecycle import Decision, reconcile, replay
from services.bracket.model import (
    Bracket,
    LegStatus,
    Mode,
    Moment,
    OrderRequest,
    OrderType,
    Outcome,
    Overlay,
    Product,
    Role,
    RowStatus,
    Side,
    State,
    Terms,
)
from services.bracket.quantities import legs_of
from services.bracket_change_service import BracketChanges, modify_bracket_order
from services.errors import BracketDenied, BrokerUnavailable, EntryRejected, NotReady, SymbolConflict
from services.event_codec import decode_event
from tests.desks import RunningDesk, a_running_desk
from tests.faulty_broker import Fault
from tests.serving import until


@pytest.fixture
def running(tmp_path: Path, db: Database) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path, db=db) as desk:
        yield desk


def entries_at_the_exchange(running: RunningDesk) -> int:
    rows = running.exchange.order_book(running.caller.account_id)
    return sum(1 for row in rows if row.tag is not None and row.tag[8] == "E")


def placed_id(running: RunningDesk) -> str:
    bracket = running.place().bracket
    assert bracket is not None
    return bracket.id


def test_a_bracket_goes_from_request_to_target_and_says_so(running: RunningDesk) -> None:
    bracket_id = placed_id(running)

    running.price("799")
    running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)
    running.price("816")
    closed = running.until(bracket_id, lambda bracket: bracket.state is State.CLOSED)

    assert closed.outcome is Outcome.TARGET_HIT
    assert closed.profit == Decimal(170)
    running.until(bracket_id, lambda _: "target_hit" in running.statuses())
    expected = ["entry_order_placed", "entry_order_filled", "completed", "target_hit"]
    assert [status for status in running.statuses() if status in expected] == expected


def test_an_entry_whose_answer_was_lost_is_found_by_its_tag_and_protected(running: RunningDesk) -> None:
    running.broker.tell("place_order E", Fault.LOSE_ANSWER)
    running.price("799")

    bracket_id = placed_id(running)
    protected = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    assert entries_at_the_exchange(running) == 1
    assert len(legs_of(protected, Role.ENTRY)) == 1


def test_a_bracket_that_cannot_be_decided_does_not_hold_up_the_stop_of_another(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = placed_id(running), placed_id(running)
    monkeypatch.setattr(account_worker, "reconcile", fails_for(broken))

    running.price("799")
    running.until(sound, lambda bracket: bracket.state is State.PROTECTED)

    worker = running.desk.supervisor.start_worker(running.caller.account_id, running.caller.mode)
    assert worker.stuck == {broken}
    assert f"bracket {broken} cannot be decided" in caplog.text


def test_a_stop_that_would_trigger_is_refused_also_when_no_quote_is_at_hand(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket_id = placed_id(running)
    running.price("799")
    running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)
    monkeypatch.setattr(account_worker, "QUOTE_MAX_AGE", timedelta(seconds=-1))
    running.price("795")

    with pytest.raises(BracketDenied, match="797 would trigger now: the last price is 795"):
        modify_bracket_order(
            running.desk, running.caller, bracket_id, changes=BracketChanges(sl_price=Decimal(797))
        )


def test_nothing_is_stored_before_the_account_has_read_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()

    def held_up(*args: Any) -> tuple[Bracket, ...]:
        assert may_read.wait(10)
        return load_open(*args)

    monkeypatch.setattr(account_worker, "load_open", held_up)
    monkeypatch.setattr(bracket_order_service, "ENTRY_ANSWER_SECONDS", 0.01)
    with a_running_desk(tmp_path) as running:
        with pytest.raises(NotReady):
            running.place()
        assert load_open(running.desk.db, [running.caller.account_id]) == ()
        may_read.set()
        monkeypatch.undo()

        assert running.place().bracket is not None


def fails_for(bracket_id: str) -> Callable[..., Decision]:
    def decide(bracket: Bracket, *args: Any, **kwargs: Any) -> Decision:
        if bracket.id == bracket_id:
            raise ArithmeticError("a bug")
        return reconcile(bracket, *args, **kwargs)

    return decide


def test_an_entry_that_never_arrived_is_proved_absent_and_not_sent_again(running: RunningDesk) -> None:
    running.broker.tell("place_order E", Fault.LOSE_REQUEST)

    bracket_id = placed_id(running)
    over = running.until(bracket_id, lambda bracket: bracket.state.is_closed)

    assert over.state is State.EXPIRED
    assert over.entry_ended == "entry_absent"
    assert legs_of(over, Role.ENTRY)[0].status is LegStatus.ABSENT
    assert entries_at_the_exchange(running) == 0


def test_a_stop_whose_answer_was_lost_is_not_placed_twice(running: RunningDesk) -> None:
    running.broker.tell("place_order X", Fault.LOSE_ANSWER)
    running.price("799")

    bracket_id = placed_id(running)
    protected = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    rows = running.exchange.order_book(running.caller.account_id)
    assert sum(1 for row in rows if row.side is Side.SELL) == 1
    assert len(legs_of(protected, Role.EXIT)) == 1


def test_a_stop_that_never_arrived_alarms_and_is_placed_under_a_new_tag(running: RunningDesk) -> None:
    running.broker.tell("place_order X", Fault.LOSE_REQUEST)
    running.price("799")

    bracket_id = placed_id(running)
    protected = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    first, second = legs_of(protected, Role.EXIT)
    assert first.status is LegStatus.ABSENT
    assert second.tag != first.tag
    running.until_told("unprotected")


def test_an_entry_that_cannot_leave_is_tried_again_while_it_is_fresh(running: RunningDesk) -> None:
    running.broker.tell("place_order E", Fault.REFUSE_CONNECTION, times=2)

    bracket_id = placed_id(running)

    running.until(bracket_id, lambda bracket: bracket.state is State.ENTRY_OPEN)
    assert entries_at_the_exchange(running) == 1


def test_an_entry_that_never_leaves_is_a_broker_error_and_never_sent_later(running: RunningDesk) -> None:
    running.broker.tell("place_order E", Fault.REFUSE_CONNECTION, times=1000)

    with pytest.raises(BrokerUnavailable):
        running.place()

    assert entries_at_the_exchange(running) == 0


def test_an_entry_that_a_stall_overtakes_each_time_is_not_sent_and_answered_as_that(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.wire.FENCE", timedelta(seconds=-1))  # each wait for a core is too long

    with pytest.raises(BrokerUnavailable):
        running.place()

    assert entries_at_the_exchange(running) == 0
    assert "place_order E" not in running.broker.calls


def test_a_refused_entry_is_told_in_the_brokers_words(running: RunningDesk) -> None:
    running.exchange.set_band("NSE", "SBIN", lower=Decimal("790"), upper=Decimal("805"))

    with pytest.raises(EntryRejected, match="Entry order failed"):
        running.place(entry_price=Decimal("806"), sl_price=Decimal("800"))


def test_three_hung_entries_do_not_hold_a_stop(running: RunningDesk) -> None:
    running.price("799")
    bracket_id = placed_id(running)
    running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)
    running.broker.tell("place_order E", Fault.HANG, times=3)
    with ThreadPoolExecutor(3) as clients:
        hung = [clients.submit(running.place, quantity=1) for _ in range(3)]
        running.until(bracket_id, lambda _: running.broker.calls.count("place_order E") == 4)

        running.price("816")
        closed = running.until(bracket_id, lambda bracket: bracket.state is State.CLOSED)
        running.broker.released.set()

    assert closed.outcome is Outcome.TARGET_HIT
    assert all(one.result().bracket.state is State.ENTRY_PENDING for one in hung)  # type: ignore[union-attr]


def test_a_read_without_a_live_order_proves_nothing(running: RunningDesk) -> None:
    running.price("799")
    bracket_id = placed_id(running)
    before = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)
    running.broker.tell("order_book", Fault.EMPTY_READ, times=3)

    running.price("800")
    running.until(bracket_id, lambda bracket: Overlay.BROKER_DOWN in bracket.overlays)
    after = running.until(bracket_id, lambda bracket: Overlay.BROKER_DOWN not in bracket.overlays)

    assert after.legs == before.legs


def test_a_push_whose_news_the_book_shows_late_is_followed_until_it_does(running: RunningDesk) -> None:
    running.price("799")
    bracket_id = placed_id(running)
    running.until(
        bracket_id, lambda bracket: bracket.state is State.PROTECTED and bracket.foreign_base is not None
    )
    running.broker.tell("quotes", Fault.FAIL_READ, times=1000)  # a price below the stop would tell it too
    running.broker.tell("order_book", Fault.OLD_READ, times=5)  # more than the pushes are read for

    running.price("789")

    closed = running.until(bracket_id, lambda bracket: bracket.state is State.CLOSED)
    assert closed.outcome is Outcome.STOP_HIT


def test_failed_reads_flag_the_broker_as_down_and_recover(running: RunningDesk) -> None:
    running.broker.tell("order_book", Fault.FAIL_READ, times=2)

    bracket_id = placed_id(running)

    running.until(bracket_id, lambda bracket: Overlay.BROKER_DOWN in bracket.overlays)
    running.until(bracket_id, lambda bracket: not bracket.overlays)


def test_quotes_that_cannot_be_read_do_not_cost_the_books(running: RunningDesk) -> None:
    running.broker.tell("quotes", Fault.FAIL_READ, times=1000)
    running.price("799")

    bracket_id = placed_id(running)
    protected = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    assert not protected.overlays


def test_positions_that_cannot_be_read_do_not_hold_a_stop(running: RunningDesk) -> None:
    running.broker.tell("positions", Fault.FAIL_READ, times=1000)
    running.price("799")

    bracket_id = placed_id(running)
    protected = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    assert not protected.overlays


def test_partial_fills_are_protected_as_they_come(running: RunningDesk) -> None:
    bracket_id = placed_id(running)

    running.price("799", depth=4)
    some = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED_PARTIAL)
    running.price("799.05", depth=None)
    whole = running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)

    assert [leg.terms.quantity for leg in legs_of(some, Role.EXIT)] == [4]
    assert [leg.terms.quantity for leg in legs_of(whole, Role.EXIT)] == [10]


def test_a_position_closed_elsewhere_takes_our_stop_away(running: RunningDesk) -> None:
    running.price("799")
    bracket_id = placed_id(running)
    running.until(
        bracket_id, lambda bracket: bracket.state is State.PROTECTED and bracket.foreign_base is not None
    )
    running.exchange.place_foreign(running.caller.account_id, market_sell())

    closed = running.until(bracket_id, lambda bracket: bracket.state is State.CLOSED)

    rows = running.exchange.order_book(running.caller.account_id)
    assert closed.outcome is Outcome.EXITED
    assert [row.status for row in rows if row.broker_order_id == stop_id(closed)] == [RowStatus.CANCELLED]


def market_sell() -> OrderRequest:
    terms = Terms(order_type=OrderType.MARKET, quantity=10)
    return OrderRequest(
        tag="", exchange="NSE", symbol="SBIN", product=Product.MIS, side=Side.SELL, terms=terms
    )


def stop_id(bracket: Bracket) -> str | None:
    return legs_of(bracket, Role.EXIT)[0].broker_order_id


def test_two_brackets_of_opposite_sides_are_refused_in_one_symbol(running: RunningDesk) -> None:
    placed_id(running)

    with pytest.raises(SymbolConflict):
        running.place(action="SELL", sl_price=Decimal("810"), target_price=Decimal("785"))


def test_the_state_is_the_fold_of_the_stored_events(running: RunningDesk) -> None:
    running.price("799")
    bracket_id = placed_id(running)
    running.until(bracket_id, lambda bracket: bracket.state is State.PROTECTED)
    running.price("789")
    closed = running.until(bracket_id, lambda bracket: bracket.state is State.CLOSED)

    stored = events_of(running.desk.db, bracket_id)
    moments = (Moment(one.at, 0.0, "replay") for one in stored)
    folded = replay(
        (decode_event(one.kind, one.payload), moment) for one, moment in zip(stored, moments, strict=True)
    )

    assert verify_chain(running.desk.db, bracket_id) is None
    assert folded is not None
    assert (folded.state, folded.version, folded.outcome) == (State.CLOSED, closed.version, Outcome.STOP_HIT)
    assert [leg.filled for leg in folded.legs] == [leg.filled for leg in closed.legs]


def test_a_repeated_read_still_counts_as_evidence_of_absence(running: RunningDesk) -> None:
    running.price("799")
    resting = placed_id(running)
    running.until(resting, lambda bracket: bracket.state is State.PROTECTED)
    running.broker.tell("place_order E", Fault.LOSE_REQUEST)

    lost = placed_id(running)

    over = running.until(lost, lambda bracket: bracket.state.is_closed)
    assert over.entry_ended == "entry_absent"


def test_what_could_not_be_read_is_announced_later(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = []

    def fails(*_: object, **__: object) -> None:
        failed.append("gone")
        raise NotRead("gone")

    with monkeypatch.context() as broken:
        broken.setattr(bracket_announcer, "news_after", fails)
        running.until(placed_id(running), lambda bracket: bracket.state is State.ENTRY_OPEN)
        before = len(failed)
        until(lambda: len(failed) > before, what="one more look")

    until(lambda: "entry_order_placed" in running.statuses(), what="the entry's announcement")


def test_an_answer_that_comes_when_another_works_the_account_is_left_to_that_one(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise Superseded("another's by now")

    running.broker.tell("place_order E", Fault.HANG)
    bracket_id = placed_id(running)
    running.until(bracket_id, lambda bracket: bool(bracket.legs))
    worker = running.desk.supervisor.running(running.caller.account_id, Mode.LIVE)
    assert worker is not None
    monkeypatch.setattr(account_worker, "save", refused)
    running.broker.released.set()
    running.desk.supervisor.stop()  # hears the answers that are still out

    assert worker._unstored == []
