"""Changing and cancelling plain orders while the database, the broker or the clock fails."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from database.plain_order_db import PlainOrder, change_plain_order
from database.session import Database, NotStored
from services.bracket.model import (
    GttRequest,
    OrderAck,
    OrderRequest,
    OrderType,
    Product,
    Role,
    RowStatus,
    Side,
    State,
    Terms,
)
from services.bracket.quantities import legs_of
from services.bracket.tags import tag_of
from services.errors import BracketDenied, BrokerUnavailable, OrderRefused
from services.plain.changes import Changed, cancel_order, modify_gtt, modify_order
from services.plain.orders import GttAsked, place_plain_gtt, place_plain_order
from services.plain.request import PlainOrderRequest
from services.plain.sending import gtt_of
from tests.desks import RunningDesk, a_running_desk
from tests.faulty_broker import Fault
from utils.clock import SystemClock

RESTING = PlainOrderRequest(
    symbol="SBIN", exchange="NSE", action="BUY", quantity=5, pricetype="LIMIT", price=Decimal("790")
)
DEARER = replace(RESTING, price=Decimal("791"))
A_GTT = GttAsked(
    strategy="",
    exchange="NSE",
    symbol="SBIN",
    product=Product.CNC,
    side=Side.BUY,
    terms=Terms(order_type=OrderType.LIMIT, quantity=5, trigger_price=Decimal("700"), price=Decimal("699")),
)


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

    monkeypatch.setattr("services.plain.keeping.change_plain_order", store)


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


def test_what_protects_nothing_leaves_the_exits_their_share_of_the_limit(
    running: RunningDesk, order: PlainOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[bool] = []
    broker = running.broker
    place_gtt, modify_gtt_there, modify = broker.place_gtt, broker.modify_gtt, broker.modify_order

    def noted_place_gtt(gtt: GttRequest) -> OrderAck:
        shares.append(gtt.uses_reserve)
        return place_gtt(gtt)

    def noted_modify_gtt(trigger_id: str, gtt: GttRequest) -> None:
        shares.append(gtt.uses_reserve)
        modify_gtt_there(trigger_id, gtt)

    def noted_modify(order_id: str, terms: Terms, *, uses_reserve: bool = True) -> None:
        shares.append(uses_reserve)
        modify(order_id, terms, uses_reserve=uses_reserve)

    monkeypatch.setattr(broker, "place_gtt", noted_place_gtt)
    monkeypatch.setattr(broker, "modify_gtt", noted_modify_gtt)
    monkeypatch.setattr(broker, "modify_order", noted_modify)
    gtt = place_plain_gtt(running.desk, A_GTT, running.caller)
    modify_gtt(running.desk, gtt.id, A_GTT, running.caller)
    modify_order(running.desk, order.id, DEARER, running.caller)

    assert shares == [False, False, False]


def a_foreign_order(running: RunningDesk) -> str:
    """Place an order that is like the plain one past this service, and return its id."""
    foreign = OrderRequest(
        tag="",
        exchange="NSE",
        symbol="SBIN",
        product=Product.MIS,
        side=Side.BUY,
        terms=Terms(order_type=OrderType.LIMIT, quantity=5, price=Decimal("790")),
    )
    return running.exchange.place_foreign(running.caller.account_id, foreign)


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


def test_a_brackets_order_whose_answer_is_not_stored_yet_is_left_alone(running: RunningDesk) -> None:
    stop = OrderRequest(
        tag=tag_of("01M82BJHRCZRRZGEC1GEHR0JMB", Role.EXIT, 2),
        exchange="NSE",
        symbol="SBIN",
        product=Product.MIS,
        side=Side.SELL,
        terms=Terms(order_type=OrderType.SL_M, quantity=5, trigger_price=Decimal("790")),
    )
    stop_id = running.broker.place_order(stop).broker_order_id
    other_price = replace(DEARER, action="SELL", pricetype="SL-M", trigger_price=Decimal("780"))

    with pytest.raises(BracketDenied, match="belongs to a bracket that is being resolved"):
        cancel_order(running.desk, stop_id, running.caller)
    with pytest.raises(BracketDenied, match="belongs to a bracket that is being resolved"):
        modify_order(running.desk, stop_id, other_price, running.caller)

    (row,) = running.exchange.order_book(running.caller.account_id)
    assert (row.status, row.trigger_price) == (RowStatus.TRIGGER_PENDING, Decimal("790"))


OTHERS = [("symbol", "INFY"), ("exchange", "BSE"), ("action", "SELL"), ("product", "CNC")]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(("field", "other"), OTHERS)
def test_an_order_is_not_changed_by_the_words_of_another(
    running: RunningDesk, order: PlainOrder, is_known: bool, field: str, other: str
) -> None:
    order_id = order.id if is_known else a_foreign_order(running)
    changed: Any = {field: other}

    with pytest.raises(BracketDenied, match=f"{field} {other} cannot replace") as refused:
        modify_order(running.desk, order_id, replace(DEARER, **changed), running.caller)

    assert [fault.field for fault in refused.value.violations] == [field]
    assert "modify_order" not in running.broker.calls


@pytest.mark.parametrize(
    ("field", "other"),
    [*OTHERS, ("quantity", 9), ("pricetype", "SL"), ("trigger_price", Decimal("791"))],
)
def test_of_a_brackets_entry_nothing_but_the_price_is_changed(
    running: RunningDesk, field: str, other: object
) -> None:
    bracket = running.place(entry_price=Decimal("795")).bracket
    assert bracket is not None
    running.until(bracket.id, lambda one: one.state is State.ENTRY_OPEN)
    same = replace(RESTING, quantity=10, price=Decimal("796"))

    changed: Any = {field: other}

    with pytest.raises(BracketDenied, match=f"{field} {other} cannot replace") as refused:
        modify_order(running.desk, bracket.id, replace(same, **changed), running.caller)
    modify_order(running.desk, bracket.id, same, running.caller)

    assert [fault.field for fault in refused.value.violations] == [field]
    running.until(bracket.id, lambda one: legs_of(one, Role.ENTRY)[-1].terms.price == Decimal("796"))


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(("field", "other"), [("symbol", "INFY"), ("exchange", "BSE"), ("side", "SELL")])
def test_a_gtt_is_not_replaced_by_one_in_another_symbol_or_to_the_other_side(
    running: RunningDesk, is_known: bool, field: str, other: str
) -> None:
    gtt = place_plain_gtt(running.desk, A_GTT, running.caller)
    if not is_known:
        running.broker.cancel_gtt(gtt.broker_order_id or "")
        gtt = replace(gtt, id=running.broker.place_gtt(gtt_of(gtt)).broker_order_id)
    changed: Any = {field: Side(other) if field == "side" else other}

    with pytest.raises(BracketDenied, match=f"{other} cannot replace"):
        modify_gtt(running.desk, gtt.id, replace(A_GTT, **changed), running.caller)

    assert "modify_gtt" not in running.broker.calls
