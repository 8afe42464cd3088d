"""Where an order stands, when no book shows it and when another mode's book does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from database.plain_order_db import PlainOrder, PlainStatus
from restx_api.openalgo.unlisted import brackets_order_shape, plain_order_shape
from services.bracket.model import LegStatus, Mode, OrderRow, Role, State
from services.bracket.quantities import legs_of
from services.bracket.request import BracketOrderRequest
from services.bracket_order_service import place_bracket_order_with_auth
from services.bracket_supervisor import AnyWorker
from services.errors import NotFound
from services.plain.orders import place_plain_order
from services.plain.request import PlainOrderRequest
from services.plain.status import BracketsOrder, order_status
from tests.builders import NINE_THIRTY, a_bracket, a_leg, a_plain_order
from tests.desks import RunningDesk, a_running_desk
from tests.faulty_broker import Fault
from tests.stores import an_account

LATER, NEXT_DAY = NINE_THIRTY + timedelta(hours=1), NINE_THIRTY + timedelta(days=1)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path) as desk:
        yield desk


def test_a_bracket_whose_entry_has_no_answer_yet_is_found_by_its_own_id(running: RunningDesk) -> None:
    running.broker.tell("place_order E", Fault.HANG)
    request = BracketOrderRequest(
        symbol="SBIN",
        exchange="NSE",
        product="MIS",
        action="BUY",
        quantity=10,
        entry_price=Decimal("800"),
        sl_price=Decimal("790"),
        target_price=Decimal("815"),
    )
    placed = place_bracket_order_with_auth(running.desk, request, running.caller, wait_seconds=0)
    assert placed.bracket is not None

    found = order_status(running.desk, placed.bracket.id, running.caller)

    assert isinstance(found, BracketsOrder)
    told = brackets_order_shape(found, running.desk.clock.now())
    assert (told["orderid"], told["order_status"]) == (placed.bracket.id, "open")
    assert (told["symbol"], told["action"], told["quantity"], told["price"]) == ("SBIN", "BUY", 10, 800.0)


@pytest.mark.parametrize(
    ("status", "entry_ended", "told"),
    [
        (LegStatus.SENT, None, "open"),
        (LegStatus.UNKNOWN, None, "unknown"),
        (LegStatus.NOT_SENT, None, "open"),
        (LegStatus.NOT_SENT, "not_sent", "rejected"),
        (LegStatus.ABSENT, "entry_absent", "rejected"),
        (LegStatus.REJECTED, "entry_rejected", "rejected"),
        (LegStatus.FILLED, None, "complete"),
    ],
)
def test_an_entry_that_no_book_shows_is_told_as_its_bracket_knows_it(
    status: LegStatus, entry_ended: str | None, told: str
) -> None:
    leg = a_leg(status=status)
    order = BracketsOrder(bracket=a_bracket(legs=(leg,), entry_ended=entry_ended), leg=leg)

    assert brackets_order_shape(order, LATER)["order_status"] == told


def test_a_live_entry_of_another_day_is_unknown_and_an_ended_one_stays_what_it_was() -> None:
    legs = [a_leg(status=status) for status in (LegStatus.OPEN, LegStatus.FILLED)]
    orders = [BracketsOrder(bracket=a_bracket(legs=(leg,)), leg=leg) for leg in legs]

    told = [brackets_order_shape(order, NEXT_DAY)["order_status"] for order in orders]

    assert told == ["unknown", "complete"]


@pytest.mark.parametrize(
    ("state", "told"), [(State.RECEIVED, "open"), (State.EXPIRED, "expired"), (State.CANCELLED, "cancelled")]
)
def test_an_entry_that_waits_for_the_other_side_is_told_as_planned(state: State, told: str) -> None:
    bracket = a_bracket(state=state)

    shape = brackets_order_shape(BracketsOrder(bracket=bracket, leg=None), LATER)

    assert (shape["orderid"], shape["order_status"]) == (bracket.id, told)
    assert shape["quantity"] == bracket.plan.quantity


@pytest.mark.parametrize(
    ("status", "on_its_day", "next_day"),
    [
        (PlainStatus.ACCEPTED, "open", "unknown"),
        (PlainStatus.SENT, "open", "unknown"),
        (PlainStatus.REJECTED, "rejected", "rejected"),
    ],
)
def test_an_order_of_another_day_is_not_told_as_open(
    status: PlainStatus, on_its_day: str, next_day: str
) -> None:
    order = a_plain_order(status=status, broker_order_id="7")

    told = [plain_order_shape(order, now)["order_status"] for now in (LATER, NEXT_DAY)]

    assert told == [on_its_day, next_day]


@pytest.mark.parametrize("is_bracket", [True, False])
def test_an_order_is_looked_for_in_the_book_of_its_own_mode(
    running: RunningDesk, monkeypatch: pytest.MonkeyPatch, is_bracket: bool
) -> None:
    order_id = a_live_entry(running) if is_bracket else a_live_order(running).broker_order_id
    assert order_id is not None
    modes: list[Mode] = []
    worker = running.desk.supervisor.worker

    def note(account_id: str, mode: Mode) -> AnyWorker:
        modes.append(mode)
        return worker(account_id, mode)

    monkeypatch.setattr(running.desk.supervisor, "worker", note)
    found = order_status(running.desk, order_id, replace(running.caller, mode=Mode.ANALYZE))

    assert isinstance(found, OrderRow)
    assert (found.broker_order_id, modes) == (order_id, [Mode.LIVE])


def test_another_accounts_bracket_is_not_found(running: RunningDesk) -> None:
    bracket = running.place().bracket
    assert bracket is not None
    stranger = replace(running.caller, account_id=an_account(running.desk.db, name="stranger").id)

    with pytest.raises(NotFound):
        order_status(running.desk, bracket.id, stranger)


def a_live_entry(running: RunningDesk) -> str | None:
    bracket = running.place(entry_price=Decimal("795")).bracket
    assert bracket is not None
    opened = running.until(bracket.id, lambda one: one.state is State.ENTRY_OPEN)
    return legs_of(opened, Role.ENTRY)[0].broker_order_id


def a_live_order(running: RunningDesk) -> PlainOrder:
    asked = PlainOrderRequest(symbol="SBIN", exchange="NSE", action="BUY", quantity=5)
    return place_plain_order(running.desk, asked, running.caller)
