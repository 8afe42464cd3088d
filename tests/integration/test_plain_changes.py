"""Changing and cancelling plain orders while the database, the broker or the clock fails."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from database.plain_order_db import PlainOrder, change_plain_order
from database.session import Database, NotStored
from services.bracket.model import RowStatus
from services.errors import BrokerUnavailable, OrderRefused
from services.plain.changes import Changed, cancel_order, modify_order
from services.plain.orders import place_plain_order
from services.plain.request import PlainOrderRequest
from tests.desks import RunningDesk, a_running_desk
from tests.faulty_broker import Fault
from utils.clock import SystemClock

RESTING = PlainOrderRequest(
    symbol="SBIN", exchange="NSE", action="BUY", quantity=5, pricetype="LIMIT", price=Decimal("790")
)
DEARER = replace(RESTING, price=Decimal("791"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningDesk]:
    with a_running_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def order(running: RunningDesk) -> PlainOrder:
    return place_plain_order(running.desk, RESTING, running.caller)


def cancel(running: RunningDesk, order: PlainOrder) -> Changed:
    return cancel_order(running.desk, order.id, running.caller)


def is_cancelled(running: RunningDesk) -> bool:
    (row,) = running.exchange.order_book(running.caller.account_id)
    return row.status is RowStatus.CANCELLED


def store_only(monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    """Let the database take these events of a plain order and no other."""

    def store(db: Database, order: PlainOrder, kind: str, **event: Any) -> PlainOrder:
        if kind not in kinds:
            raise NotStored("the disk is full")
        return change_plain_order(db, order, kind, **event)

    monkeypatch.setattr("services.plain.changes.change_plain_order", store)


def test_a_change_that_cannot_be_stored_is_not_sent(
    running: RunningDesk, order: PlainOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_only(monkeypatch)

    with pytest.raises(NotStored):
        cancel(running, order)

    assert not is_cancelled(running)


def test_a_cancel_that_happened_is_told_though_its_answer_cannot_be_stored(
    running: RunningDesk, order: PlainOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_only(monkeypatch, "cancel_sent")

    changed = cancel(running, order)

    assert (changed.is_confirmed, is_cancelled(running)) == (True, True)


def told(running: RunningDesk, order: PlainOrder) -> str:
    try:
        return "confirmed" if cancel(running, order).is_confirmed else "unconfirmed"
    except (OrderRefused, BrokerUnavailable) as exc:
        return type(exc).__name__


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.LOSE_REQUEST, "unconfirmed"),
        (Fault.REFUSE_CONNECTION, "BrokerUnavailable"),
        (None, "OrderRefused"),
    ],
)
def test_what_came_of_a_change_is_told_though_it_cannot_be_stored(
    running: RunningDesk,
    order: PlainOrder,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault | None,
    outcome: str,
) -> None:
    if fault is None:
        cancel(running, order)
    else:
        running.broker.tell("cancel_order", fault)
    store_only(monkeypatch, "cancel_sent")

    assert told(running, order) == outcome


class LaterEachTime(SystemClock):
    """A clock on which two seconds pass between any two looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def monotonic(self) -> float:
        self._looks += 1
        return super().monotonic() + 2 * self._looks


def test_a_new_price_that_waited_too_long_is_not_sent_and_a_cancel_is(
    running: RunningDesk, order: PlainOrder
) -> None:
    desk = replace(running.desk, clock=LaterEachTime())

    with pytest.raises(BrokerUnavailable):
        modify_order(desk, order.id, DEARER, running.caller)
    cancel_order(desk, order.id, running.caller)

    assert "modify_order" not in running.broker.calls
    assert is_cancelled(running)
