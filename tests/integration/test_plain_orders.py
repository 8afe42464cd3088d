"""Plain orders at a broker that loses, hangs and lies: never lost, never doubled, never taken for a leg."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from database.account_news import BracketNews, PlainNews, news_after
from database.order_owner import has_open_bracket
from database.plain_order_db import (
    PlainOrder,
    PlainStatus,
    insert_plain_order,
    open_plain_orders,
    plain_order,
    plain_order_events,
)
from database.session import Database, NotStored
from database.settings import SettingScope, set_kill_switch
from services.account_books import order_book, quotes
from services.bracket.model import KillMode, Mode, OrderType, Product, Quote, Role, Side, State, Terms
from services.bracket.quantities import legs_of
from services.bracket.tags import is_ours
from services.errors import BrokerUnavailable, IdempotencyConflict, Killed, OrderRefused, SymbolConflict
from services.plain.changes import modify_order
from services.plain.finder import PlainOrderFinder
from services.plain.orders import GttAsked, place_plain_gtt, place_plain_order
from services.plain.request import PlainOrderRequest
from services.plain.sending import order_request
from tests.builders import a_plain_order
from tests.desks import HASTY, RunningDesk, a_running_desk
from tests.faulty_broker import Fault

PLACE = "place_order P"
SBIN = ("NSE", "SBIN")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path, timing=replace(HASTY, quiescence=timedelta(0))) as desk:
        yield desk


def place(running: RunningDesk, **overrides: Any) -> PlainOrder:
    plain: dict[str, Any] = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "quantity": 5}
    return place_plain_order(running.desk, PlainOrderRequest(**plain | overrides), running.caller)


def a_gtt(running: RunningDesk) -> PlainOrder:
    terms = Terms(
        order_type=OrderType.LIMIT, quantity=5, trigger_price=Decimal("700.00"), price=Decimal("699.00")
    )
    asked = GttAsked(
        strategy="", exchange="NSE", symbol="SBIN", product=Product.CNC, side=Side.BUY, terms=terms
    )
    return place_plain_gtt(running.desk, asked, running.caller)


def known(running: RunningDesk, order: PlainOrder) -> PlainOrder:
    found = plain_order(running.desk.db, order.account_id, order_id=order.id)
    assert found is not None
    return found


def at_the_exchange(running: RunningDesk) -> int:
    return len(running.exchange.order_book(running.caller.account_id))


def a_sent_order(running: RunningDesk) -> PlainOrder:
    """Store an order as a process leaves it that dies before the answer is stored."""
    order = a_plain_order(account_id=running.caller.account_id, sent_at=running.desk.clock.now())
    insert_plain_order(running.desk.db, order)
    return order


def test_an_order_is_on_disk_before_it_is_sent_and_then_accepted(running: RunningDesk) -> None:
    order = place(running)

    kinds = [event.kind for event in plain_order_events(running.desk.db, order.id)]
    (row,) = running.exchange.order_book(order.account_id)
    assert (kinds, order.status) == (["sent", "accepted"], PlainStatus.ACCEPTED)
    assert (row.tag, row.broker_order_id) == (order.tag, order.broker_order_id)
    assert not is_ours(order.tag)


def test_clients_hear_of_a_plain_order_once_between_the_events_of_brackets(running: RunningDesk) -> None:
    desk, account_id = running.desk, running.caller.account_id
    order = place(running)
    running.until_told("order_placed")
    running.place()
    running.until_told("entry_order_placed")

    (said,) = [one for one in running.heard if "plain_order_id" in one]
    numbers = [one.account_seq for one in news_after(desk.db, account_id, 0, limit=100)]
    assert (said["status"], said["plain_order_id"], said["order_id"]) == (
        "order_placed",
        order.id,
        order.broker_order_id,
    )
    assert numbers == list(range(1, len(numbers) + 1))
    assert desk.announcer.missed(account_id, 0, of=PlainNews) == [said]
    assert all("bracket_id" in one for one in desk.announcer.missed(account_id, 0, of=BracketNews))


def test_a_lost_answer_is_told_as_unknown_and_then_as_found(running: RunningDesk) -> None:
    running.broker.tell(PLACE, Fault.LOSE_ANSWER)

    place(running)
    PlainOrderFinder(running.desk).look()

    assert running.until_told("order_found") == ["order_unknown", "order_found"]


def test_an_order_that_cannot_be_stored_is_not_sent(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise NotStored("the disk is full")

    monkeypatch.setattr("services.plain.orders.insert_plain_order", full)
    with pytest.raises(NotStored):
        place(running)

    assert at_the_exchange(running) == 0


def test_a_lost_answer_is_a_success_and_the_order_is_found_by_its_tag(running: RunningDesk) -> None:
    running.broker.tell(PLACE, Fault.LOSE_ANSWER)

    order = place(running)
    left = PlainOrderFinder(running.desk).look()

    found = known(running, order)
    assert (order.status, order.broker_order_id) == (PlainStatus.UNKNOWN, None)
    assert (found.status, left) == (PlainStatus.ACCEPTED, True)
    assert found.broker_order_id is not None
    assert (at_the_exchange(running), running.broker.calls.count(PLACE)) == (1, 1)


def test_a_lost_request_is_proved_absent_by_three_reads_and_never_sent_again(running: RunningDesk) -> None:
    running.broker.tell(PLACE, Fault.LOSE_REQUEST)
    order = place(running)
    finder = PlainOrderFinder(running.desk)

    seen = []
    for _ in range(3):
        finder.look()
        seen.append(known(running, order).status)

    assert seen == [PlainStatus.UNKNOWN, PlainStatus.UNKNOWN, PlainStatus.ABSENT]
    assert (at_the_exchange(running), running.broker.calls.count(PLACE)) == (0, 1)
    assert not finder.look()


def test_reads_that_fail_or_lack_what_they_showed_prove_nothing(running: RunningDesk) -> None:
    place(running)
    running.broker.tell(PLACE, Fault.LOSE_REQUEST)
    order = place(running)
    finder = PlainOrderFinder(running.desk)
    finder.look()
    running.broker.tell("order_book", Fault.FAIL_READ, times=3)
    for _ in range(3):
        finder.look()
    running.broker.tell("order_book", Fault.EMPTY_READ)
    finder.look()
    finder.look()

    assert known(running, order).status is PlainStatus.UNKNOWN
    finder.look()
    assert known(running, order).status is PlainStatus.ABSENT


@pytest.mark.parametrize(
    ("was_sent", "becomes"), [(True, PlainStatus.ACCEPTED), (False, PlainStatus.UNKNOWN)]
)
def test_an_order_sent_by_a_process_that_died_is_looked_for_at_the_next_start(
    running: RunningDesk, was_sent: bool, becomes: PlainStatus
) -> None:
    order = a_sent_order(running)
    if was_sent:
        running.broker.place_order(order_request(order))

    PlainOrderFinder(running.desk).look()

    assert known(running, order).status is becomes


def test_an_order_still_under_way_is_left_alone(running: RunningDesk) -> None:
    finder = PlainOrderFinder(running.desk)
    order = a_sent_order(running)

    assert finder.look()
    assert known(running, order) == order


def test_a_day_that_ended_leaves_an_order_unresolved_and_says_so(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.broker.tell(PLACE, Fault.LOSE_REQUEST)
    order = place(running)
    monkeypatch.setattr("services.plain.finder.day_has_ended", lambda *_: True)

    PlainOrderFinder(running.desk).look()

    assert known(running, order).status is PlainStatus.UNRESOLVED
    assert open_plain_orders(running.desk.db) == ()


def test_a_refusal_and_an_unsent_order_are_told_as_what_they_are(running: RunningDesk) -> None:
    with pytest.raises(OrderRefused, match="Order failed"):
        place(running, pricetype="LIMIT", price=Decimal("1.00"))
    running.broker.tell(PLACE, Fault.REFUSE_CONNECTION)
    with pytest.raises(BrokerUnavailable):
        place(running)

    assert open_plain_orders(running.desk.db) == ()


def test_the_same_id_and_body_is_the_same_order_and_another_body_is_refused(running: RunningDesk) -> None:
    first = place(running, client_order_id="once")

    again = place(running, client_order_id="once")

    assert (again, at_the_exchange(running)) == (first, 1)
    with pytest.raises(IdempotencyConflict):
        place(running, client_order_id="once", quantity=6)


def test_a_plain_order_beside_a_bracket_leaves_its_stop_as_it_is(running: RunningDesk) -> None:
    bracket = running.place(entry_price=Decimal("803")).bracket
    assert bracket is not None
    before = running.until(bracket.id, lambda one: one.state is State.PROTECTED)
    place(running, quantity=7)

    positions = running.exchange.positions(running.caller.account_id)
    after = running.until(bracket.id, lambda one: one.state is State.PROTECTED)
    (stop,) = [leg for leg in legs_of(after, Role.EXIT) if leg.is_live]

    assert positions[0].quantity == 17
    assert (stop.terms.quantity, len(legs_of(after, Role.EXIT))) == (10, len(legs_of(before, Role.EXIT)))


def test_a_plain_sale_of_a_brackets_shares_shrinks_its_exits_instead_of_doubling(
    running: RunningDesk,
) -> None:
    bracket = running.place(entry_price=Decimal("803")).bracket
    assert bracket is not None
    running.until(bracket.id, lambda one: one.state is State.PROTECTED and one.foreign_base is not None)

    place(running, action="SELL", quantity=10)
    closed = running.until(bracket.id, lambda one: one.state is State.CLOSED)

    assert not [leg for leg in closed.legs if leg.is_live]
    assert running.exchange.positions(running.caller.account_id)[0].quantity == 0


def test_an_unanswered_gtt_is_found_by_its_content(running: RunningDesk) -> None:
    running.broker.tell("place_gtt", Fault.LOSE_ANSWER)

    order = a_gtt(running)
    PlainOrderFinder(running.desk).look()

    (row,) = running.exchange.gtt_book(order.account_id)
    assert (order.status, known(running, order).broker_order_id) == (PlainStatus.UNKNOWN, row.trigger_id)


def test_a_gtt_of_the_same_content_that_was_known_is_not_taken_for_a_lost_one(running: RunningDesk) -> None:
    first = a_gtt(running)
    running.broker.tell("place_gtt", Fault.LOSE_REQUEST)
    second = a_gtt(running)

    PlainOrderFinder(running.desk).look()

    assert first.status is PlainStatus.ACCEPTED
    assert known(running, second).status is PlainStatus.UNKNOWN


def test_a_gtt_in_the_symbol_of_an_open_bracket_is_refused(running: RunningDesk) -> None:
    running.place(entry_price=Decimal("803"))

    with pytest.raises(SymbolConflict):
        a_gtt(running)

    assert running.exchange.gtt_book(running.caller.account_id) == ()


def test_a_book_read_before_an_entry_or_a_stop_was_sent_is_not_shown_after_it(running: RunningDesk) -> None:
    before = order_book(running.desk, running.caller)
    bracket = running.place(entry_price=Decimal("803")).bracket
    assert bracket is not None
    with_entry = order_book(running.desk, running.caller)
    running.until(bracket.id, lambda one: one.state is State.PROTECTED)
    with_stop = order_book(running.desk, running.caller)

    assert [len(book) for book in (before, with_stop)] == [0, 2]
    assert len(with_entry) >= 1


def test_a_price_the_worker_has_is_told_without_asking_the_broker(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket = running.place(entry_price=Decimal("803")).bracket
    assert bracket is not None
    worker = running.desk.supervisor.worker(running.caller.account_id, Mode.LIVE)
    running.until(bracket.id, lambda _: worker.quote(SBIN) is not None)
    asked: list[str] = []

    def note(name: str, *_: object, **__: object) -> dict[object, object]:
        asked.append(name)
        return {}

    monkeypatch.setattr(worker.line, "recent", note)
    found = quotes(running.desk, running.caller, frozenset({SBIN, ("NSE", "INFY")}))

    assert (set(found), asked) == ({SBIN}, ["quotes NSE:INFY"])
    assert found[SBIN].last == Decimal("802")


def test_a_bracket_that_opens_while_the_quote_of_a_gtt_is_read_is_noticed(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_quotes = running.broker.quotes

    def quotes_meanwhile(symbols: frozenset[tuple[str, str]]) -> dict[tuple[str, str], Quote]:
        monkeypatch.setattr(running.broker, "quotes", read_quotes)
        running.place()
        return read_quotes(symbols)

    monkeypatch.setattr(running.broker, "quotes", quotes_meanwhile)
    with pytest.raises(SymbolConflict):
        a_gtt(running)

    assert running.exchange.gtt_book(running.caller.account_id) == ()


def test_no_bracket_can_be_stored_between_the_look_for_one_and_the_storing_of_a_gtt(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = running.desk.account_locks[running.caller.account_id]
    was_held: list[bool] = []

    def look(*args: Any, **place: Any) -> bool:
        was_held.append(lock.locked())
        return has_open_bracket(*args, **place)

    def store(db: Database, order: PlainOrder) -> PlainOrder | None:
        was_held.append(lock.locked())
        return insert_plain_order(db, order)

    monkeypatch.setattr("services.plain.orders.has_open_bracket", look)
    monkeypatch.setattr("services.plain.orders.insert_plain_order", store)
    order = a_gtt(running)

    assert (order.status, was_held, lock.locked()) == (PlainStatus.ACCEPTED, [True, True], False)


# --- while the kill switch is on


def switch(running: RunningDesk, mode: KillMode) -> None:
    account_id, at = running.caller.account_id, running.desk.clock.now()
    set_kill_switch(running.desk.db, SettingScope.ACCOUNT, subject_id=account_id, mode=mode, at=at)
    running.desk.supervisor.worker(account_id, Mode.LIVE).obey_kill_switch()


def held(running: RunningDesk) -> int:
    return running.exchange.positions(running.caller.account_id)[0].quantity


def test_a_killed_account_takes_what_only_leaves_and_nothing_that_enters(running: RunningDesk) -> None:
    place(running, quantity=10)
    place(running, quantity=1, pricetype="LIMIT", price=Decimal("785.00"))  # rests, and leaves nothing
    switch(running, KillMode.BLOCK_ENTRIES)

    for words in (
        {"action": "BUY"},
        {"action": "SELL", "quantity": 11},
        {"action": "SELL", "product": "CNC"},
    ):
        with pytest.raises(Killed):
            place(running, **words)
    left = place(running, action="SELL", quantity=6)
    with pytest.raises(Killed, match="of SBIN MIS 4 can leave by a SELL, not 5"):
        place(running, action="SELL", quantity=5)

    assert (left.status, held(running)) == (PlainStatus.ACCEPTED, 4)


def test_a_killed_accounts_short_position_is_bought_back(running: RunningDesk) -> None:
    place(running, action="SELL", quantity=10)
    switch(running, KillMode.FLATTEN)

    place(running, action="BUY", quantity=10)

    assert held(running) == 0


def test_what_rests_or_is_on_its_way_is_not_left_twice(running: RunningDesk) -> None:
    place(running, quantity=10)
    switch(running, KillMode.BLOCK_ENTRIES)
    place(running, action="SELL", quantity=6, pricetype="LIMIT", price=Decimal("900.00"))
    running.broker.tell(PLACE, Fault.LOSE_REQUEST)
    place(running, action="SELL", quantity=2)

    with pytest.raises(Killed, match="2 can leave"):
        place(running, action="SELL", quantity=3)

    assert place(running, action="SELL", quantity=2).status is PlainStatus.ACCEPTED


def test_shares_of_a_bracket_may_leave_while_entries_are_blocked_and_are_its_own_once_all_leaves(
    running: RunningDesk,
) -> None:
    bracket = running.place(entry_price=Decimal("803")).bracket
    assert bracket is not None
    running.until(bracket.id, lambda one: one.state is State.PROTECTED and one.foreign_base is not None)
    place(running, quantity=3)
    switch(running, KillMode.BLOCK_ENTRIES)
    place(running, action="SELL", quantity=1)
    running.broker.tell("place_order X", Fault.REFUSE_CONNECTION, times=1000)
    running.broker.tell("modify_order", Fault.REFUSE_CONNECTION, times=1000)

    switch(running, KillMode.FLATTEN)

    with pytest.raises(Killed, match="2 can leave"):
        place(running, action="SELL", quantity=3)
    place(running, action="SELL", quantity=2)
    assert held(running) == 10


def test_a_killed_account_whose_books_cannot_be_read_places_nothing(running: RunningDesk) -> None:
    place(running, quantity=10)
    switch(running, KillMode.BLOCK_ENTRIES)
    running.broker.tell("positions", Fault.FAIL_READ)

    with pytest.raises(BrokerUnavailable):
        place(running, action="SELL", quantity=10)

    assert (held(running), running.broker.calls.count(PLACE)) == (10, 1)


def test_a_resting_order_of_a_killed_account_may_shrink_and_not_grow(running: RunningDesk) -> None:
    words: dict[str, Any] = {"pricetype": "LIMIT", "price": Decimal("785.00")}
    order_id = place(running, **words).broker_order_id
    assert order_id is not None
    switch(running, KillMode.BLOCK_ENTRIES)

    def change(quantity: int) -> None:
        asked = PlainOrderRequest(symbol="SBIN", exchange="NSE", action="BUY", quantity=quantity, **words)
        modify_order(running.desk, order_id, asked, running.caller)

    with pytest.raises(Killed):
        change(6)
    change(4)

    (row,) = running.exchange.order_book(running.caller.account_id)
    assert row.quantity == 4
