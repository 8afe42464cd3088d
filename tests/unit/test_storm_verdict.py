"""The judge of storms: what must not be is found in books that show it, and nothing in good ones."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.shards import shard_of
from tests.cluster.storm_report import KINDS, as_json
from tests.cluster.verdict import (
    Act,
    Injury,
    Taking,
    Verdict,
    Write,
    causes_of,
    judge_acts,
    judge_books,
    judge_promises,
    judge_writes,
)

USER, ACCOUNT = "USER01", "01ACCOUNT"
SHARD = shard_of(ACCOUNT, count=64)
NO_INJURY: tuple[Injury, ...] = ()


def order(order_id: str, tag: str, *, side: str = "BUY", status: str = "complete", filled: int = 10) -> Any:
    return {
        "broker_order_id": order_id,
        "tag": tag,
        "symbol": "SBIN",
        "side": side,
        "quantity": 10,
        "status": status,
        "filled": filled,
    }


def trade(order_id: str, side: str, *, at: float, quantity: int = 10) -> Any:
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    return {"broker_order_id": order_id, "symbol": "SBIN", "side": side, "quantity": quantity, "at": stamp}


def act(order_id: str, *, at: float, method: str = "POST", owner: str | None = "A", **more: Any) -> Act:
    plain: dict[str, Any] = {
        "user_id": USER,
        "account_id": ACCOUNT,
        "path": "/orders/regular",
        "taken": True,
        "tag": None,
        "quantity": 10,
    }
    return Act(at=at, method=method, owner=owner, order_id=order_id, **plain | more)


ENTRY, EXIT = "AAAAAAAAE01x", "AAAAAAAAX02x"
GOOD: Any = {
    "orders": [order("1", ENTRY), order("2", EXIT, side="SELL")],
    "trades": [trade("1", "BUY", at=100.0), trade("2", "SELL", at=110.0)],
    "positions": [{"symbol": "SBIN", "quantity": 0}],
}
GOOD_ACTS = [act("1", at=99.0), act("2", at=100.5)]


def judged(truth: Any, acts: list[Act]) -> Verdict:
    verdict = Verdict(brackets=1)
    judge_books(USER, truth, acts=acts, injuries=NO_INJURY, verdict=verdict)
    return verdict


def test_a_trade_as_it_should_be_has_no_fault_and_its_naked_time_is_known() -> None:
    verdict = judged(GOOD, GOOD_ACTS)

    assert verdict.faults == []
    assert verdict.naked.longest == {"none": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("truth", "word"),
    [
        (GOOD | {"orders": [*GOOD["orders"], order("3", ENTRY, filled=0)]}, "DOUBLE ORDER"),
        (GOOD | {"orders": [*GOOD["orders"], order("3", "AAAAAAAAE03x")]}, "DOUBLE ENTRY"),
        (GOOD | {"positions": [{"symbol": "SBIN", "quantity": 10}]}, "LOST EXIT"),
        (GOOD | {"positions": [{"symbol": "SBIN", "quantity": -10}]}, "DOUBLE EXIT"),
        (GOOD | {"trades": [*GOOD["trades"], trade("2", "SELL", at=111.0)]}, "DOUBLE EXIT"),
        (GOOD | {"orders": [*GOOD["orders"], order("3", "AAAAAAAAX03x", status="open")]}, "LEFT OVER"),
    ],
)
def test_what_must_not_be_is_found(truth: Any, word: str) -> None:
    faults = judged(truth, GOOD_ACTS).faults

    assert faults
    assert faults[0].startswith(word)


def test_shares_of_a_partial_fill_are_naked_until_the_exit_is_as_large() -> None:
    truth = GOOD | {
        "trades": [
            trade("1", "BUY", at=100.0, quantity=4),
            trade("1", "BUY", at=101.0, quantity=6),
            trade("2", "SELL", at=110.0),
        ]
    }
    acts = [act("1", at=99.0), act("2", at=100.2, quantity=4), act("2", at=103.0, method="PUT")]

    verdict = judged(truth, acts)

    assert (verdict.naked.count, verdict.partial_fills) == (2, 2)
    assert verdict.naked.worst == pytest.approx(2.0)


@pytest.mark.parametrize(("promised", "count"), [({"01AAAAAAAA"}, 0), (set(), 2)])
def test_an_order_of_which_nobody_was_told_is_found(promised: set[str], count: int) -> None:
    verdict = Verdict(brackets=1)

    judge_promises(USER, GOOD, promised=promised, verdict=verdict)

    assert len(verdict.faults) == count


TAKEN = [
    Taking(shard=SHARD, owner="A", epoch=1, at=50.0),
    Taking(shard=SHARD, owner="B", epoch=2, at=100.0),
]


@pytest.mark.parametrize(
    ("made", "superseded"),
    [
        (act("1", at=99.0), 0),
        (act("1", at=100.1), 1),  # B has it by now
        (act("1", at=100.1, owner="B"), 0),
        (act("1", at=99.0, owner="B"), 1),  # not yet
        (act("1", at=60.0, owner=None), 1),
        (act("1", at=40.0), 1),  # nobody had it
    ],
)
def test_an_act_of_one_who_does_not_have_the_shard_is_found(made: Act, superseded: int) -> None:
    verdict = Verdict(brackets=1)

    judge_acts([made], TAKEN, shards=64, verdict=verdict)

    assert len(verdict.faults) == superseded


def test_an_act_counts_from_its_beginning_and_not_from_when_it_came() -> None:
    verdict = Verdict(brackets=1)

    judge_acts([act("1", at=104.0, begun=99.9)], TAKEN, shards=64, verdict=verdict)
    judge_acts([act("2", at=104.0, begun=103.9)], TAKEN, shards=64, verdict=verdict)

    assert verdict.begun_before_taking == 1
    assert [fault.partition(":")[0] for fault in verdict.faults] == ["SUPERSEDED"]


@pytest.mark.parametrize(
    ("slot", "at", "superseded"),
    [("worker1", 99.0, 0), ("worker1", 100.1, 1), ("worker2", 100.1, 0), ("worker2", 99.0, 1)],
)
def test_what_one_stored_who_does_not_have_the_shard_is_found(slot: str, at: float, superseded: int) -> None:
    verdict = Verdict(brackets=1)
    written = Write(slot=slot, account_id=ACCOUNT, at=at)

    judge_writes([written], TAKEN, slots={"A": "worker1", "B": "worker2"}, shards=64, verdict=verdict)

    assert len(verdict.faults) == superseded


def test_more_exits_at_work_than_shares_are_found_before_both_are_filled() -> None:
    second = order("3", "AAAAAAAAX03x", side="SELL", status="cancelled", filled=0)
    acts = [*GOOD_ACTS, act("3", at=101.0), act("3", at=102.0, method="DELETE")]

    faults = judged(GOOD | {"orders": [*GOOD["orders"], second]}, acts).faults

    assert [fault.partition(":")[0] for fault in faults] == ["DOUBLE EXIT AT WORK"]


def test_faults_are_counted_by_what_they_are() -> None:
    faults = [
        "DOUBLE ENTRY: a",
        "DOUBLE EXIT AT WORK: b",
        "SUPERSEDED WRITE: c",
        "SUPERSEDED: d",
        "UNTOLD: e",
    ]

    told = json.loads(as_json([Verdict(brackets=3, faults=faults), Verdict(brackets=4)]))

    assert (told["runs"], told["clean"], told["brackets"]) == (2, 1, 7)
    assert [told[kind.replace(" ", "_")] for kind in KINDS] == [1, 0, 1, 2, 1]


def test_a_cause_is_what_was_under_way_or_not_long_over() -> None:
    injuries = [
        Injury(kind="worker killed", began=10.0, ended=11.0),
        Injury(kind="web killed", began=20.0, ended=21.0),
    ]

    assert causes_of(injuries, 13.0, 14.0) == ["worker killed"]
    assert causes_of(injuries, 15.0, 20.5) == ["web killed"]
    assert causes_of(injuries, 30.0, 31.0) == ["none"]
    assert causes_of(injuries, 10.0, 25.0) == ["worker killed"]
    more = (*injuries, Injury(kind="worker frozen", began=11.0, ended=12.0))
    assert causes_of(more, 10.0, 25.0) == ["several"]
