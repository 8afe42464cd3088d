"""Which GTTs of the record a broker is told of that does not say what became of one."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.base import OwnedIds, PlacedGtt, ReadFailed
from broker.measured import MeasuredAccount
from database.session import Database
from services.bracket.model import (
    Leg,
    LegKind,
    LegStatus,
    Mode,
    OrderType,
    Product,
    Purpose,
    Role,
    Side,
    Terms,
)
from services.placed_gtts import placed_gtts, remind_of_gtts
from tests.builders import a_bracket, a_leg, a_plan
from tests.stores import a_database, an_account

TERMS = Terms(
    order_type=OrderType.LIMIT,
    quantity=100,
    trigger_price=Decimal(490),
    price=Decimal(488),
    target_trigger=Decimal(520),
    target_price=Decimal(520),
)
MOVED = replace(TERMS, trigger_price=Decimal(495), price=Decimal(493))


def a_gtt(**changes: Any) -> Leg:
    usual: dict[str, Any] = {
        "seq": 2,
        "role": Role.EXIT,
        "kind": LegKind.GTT,
        "side": Side.SELL,
        "purpose": Purpose.OCO,
        "status": LegStatus.TRIGGER_PENDING,
        "terms": TERMS,
        "broker_order_id": "7",
    }
    return a_leg(**usual | changes)


def told_of(leg: Leg, **plan: Any) -> list[PlacedGtt]:
    usual: dict[str, Any] = {"broker": "openalgo", "product": Product.CNC}
    bracket = a_bracket(plan=a_plan(**usual | plan), legs=(a_leg(), leg))
    return list(placed_gtts(bracket, "openalgo"))


def test_a_gtt_is_told_with_its_id_its_place_and_what_it_says() -> None:
    (found,) = told_of(a_gtt())

    request = found.request
    assert (found.trigger_id, found.sent_at) == ("7", a_gtt().sent_at.wall)
    assert (request.exchange, request.symbol, request.product) == ("NSE", "SBIN", Product.CNC)
    assert (request.side, request.terms) == (Side.SELL, TERMS)


def test_one_that_nobody_answered_for_is_told_without_an_id() -> None:
    (found,) = told_of(a_gtt(status=LegStatus.UNKNOWN, broker_order_id=None))

    assert found.trigger_id is None


def test_a_change_that_may_have_come_or_not_is_told_both_ways() -> None:
    found = told_of(a_gtt(agreed_terms=TERMS, asked_terms=MOVED))

    assert [one.request.terms for one in found] == [TERMS, MOVED]


@pytest.mark.parametrize(
    ("leg", "plan"),
    [
        (a_gtt(status=LegStatus.TRIGGERED), {}),
        (a_gtt(status=LegStatus.CANCELLED), {}),
        (a_gtt(status=LegStatus.NOT_SENT, broker_order_id=None), {}),
        (a_gtt(kind=LegKind.ORDER), {}),
        (a_gtt(), {"mode": Mode.ANALYZE}),
        (a_gtt(), {"broker": "zerodha"}),
    ],
)
def test_what_is_over_or_is_somewhere_else_is_not_told(leg: Leg, plan: dict[str, Any]) -> None:
    assert told_of(leg, **plan) == []


class Follower:
    """An account that is told."""

    owned: OwnedIds
    asks = True

    def follow(self, placed: Any, owned: OwnedIds) -> None:
        self.placed = list(placed()) if self.asks else []
        self.owned = owned


def test_an_account_is_told_through_what_times_its_calls(tmp_path: Path) -> None:
    db, follower = a_database(tmp_path), Follower()
    measured: Any = MeasuredAccount("openalgo", follower)  # type: ignore[arg-type]  # the rest is not called

    remind_of_gtts(db, an_account(db), measured)

    assert follower.placed == []
    assert follower.owned(["1", "2"]) == frozenset()
    db.close()


def test_a_record_that_cannot_be_read_is_a_read_that_failed(tmp_path: Path) -> None:
    db, follower = Database(f"sqlite:///{tmp_path / 'empty.db'}"), Follower()
    owner = an_account(a_database(tmp_path))
    broker: Any = follower
    follower.asks = False
    remind_of_gtts(db, owner, broker)

    with pytest.raises(ReadFailed):
        follower.owned(["1"])
    db.close()
