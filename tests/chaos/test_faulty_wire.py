"""Each kind of network fault at each call: the same end as without it, by the exchange's own books."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulator import wire_faults as wf
from simulator.wire_faults import Fault, Rule
from tests.chaos.staging import Books, Stage
from tests.chaos.trade import QUANTITY, Trade, run_to_target

pytestmark = pytest.mark.slow

_AT_ONCE = 20

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
NOTHING = Books(position=0, live_orders=0, live_gtts=0, entries=0, bought=0, sold=0)


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, the call it hits once, and the product of the bracket that meets it."""

    fault: Fault
    call: str
    product: str = "MIS"
    arrives: bool = True  # False: the entry never gets there, so there is no trade

    @property
    def name(self) -> str:
        return f"{self.fault.name} at the {self.call}"

    def rule(self, api_key: str) -> Rule:
        return Rule(fault=self.fault, client=f"token {api_key}:", times=1, **CALLS[self.call])


# Tags are BRACKET (8), role, seq: the ninth letter says whose order it is.
CALLS: dict[str, dict[str, Any]] = {
    "entry": {"method": "POST", "path": "^/orders/regular", "body": "tag=.{8}E"},
    "stop": {"method": "POST", "path": "^/orders/regular", "body": "tag=.{8}X"},
    "target": {"method": "PUT", "path": "^/orders/regular"},
    "OCO": {"method": "POST", "path": "^/gtt/triggers"},
}
AFTER = (
    wf.RESET_AFTER,
    wf.HANG_AFTER,
    wf.LATE,
    wf.BAD_GATEWAY_AFTER,
    wf.GATEWAY_TIMEOUT_AFTER,
    wf.GARBLED,
    wf.EMPTY,
    wf.CUT,
)
BEFORE = (wf.RESET_BEFORE, wf.HANG_BEFORE, wf.BAD_GATEWAY_BEFORE, wf.GATEWAY_TIMEOUT_BEFORE)

CASES = (
    *(Case(fault, "entry") for fault in (*AFTER, wf.TOO_MANY)),
    *(Case(fault, "entry", arrives=False) for fault in BEFORE),
    *(Case(fault, "stop") for fault in (*AFTER, *BEFORE, wf.TOO_MANY)),
    *(Case(fault, "target") for fault in (*AFTER, *BEFORE, wf.TOO_MANY)),
    *(Case(fault, "OCO", product="CNC") for fault in (*AFTER, *BEFORE, wf.TOO_MANY)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    told: dict[str, Any]
    books: Books
    fired: int


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Many cases at once, each in an account and a share of its own: they mostly wait.

    Not all of them: on a busy machine reads would take longer than a share may stand without a stop.
    """
    stage = Stage(Path(tmp_path_factory.mktemp("wire")), count=len(CASES))
    try:
        yield _outcomes(stage)
    finally:
        stage.close()


def _outcomes(stage: Stage) -> dict[str, Outcome]:
    rules = [case.rule(account.api_key) for case, account in zip(CASES, stage.accounts, strict=True)]
    stage.plan.add(*rules)
    stage.service.start()
    trades = [
        Trade(stage.service, stage.kite, account, product=case.product)
        for case, account in zip(CASES, stage.accounts, strict=True)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = list(pool.map(run_to_target, trades))
    stage.service.stop()
    assert stage.replay_all() == len(CASES)
    return {
        case.name: Outcome(told[at], stage.books_of(stage.accounts[at]), rules[at].fired)
        for at, case in enumerate(CASES)
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.timeout(300)
def test_one_fault_changes_nothing_but_the_time(outcomes: dict[str, Outcome], case: Case) -> None:
    found = outcomes[case.name]

    assert found.fired == 1, "the fault did not happen"
    assert found.books == (DONE if case.arrives else NOTHING)
    assert found.told["state"] == ("CLOSED" if case.arrives else "EXPIRED")
    if case.arrives:
        assert found.told["outcome"] == "target_hit"
    _was_loud_if_naked(found.told)


def _was_loud_if_naked(told: dict[str, Any]) -> None:
    """Shares that stood without a stop for more than the alarm's 3 s, and a look, were told of."""
    if told["naked_seconds"] > 5:
        kinds = [moment["kind"] for moment in told["timeline"]]
        assert "AlarmRaised" in kinds
