"""Books that lie, tokens that die, a broker that is gone, and all of it at once at random."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulator import wire_faults as wf
from simulator.wire_faults import Fault, Rule
from tests.chaos.staging import Books, Stage
from tests.chaos.trade import CLOSED, QUANTITY, Trade, run
from tests.kite_process import wait_for

pytestmark = pytest.mark.slow

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
ORDERS, GTTS, POSITIONS, QUOTES = "^/orders$", "^/gtt/triggers$", "^/portfolio", "^/quote"


@dataclass(frozen=True, slots=True)
class Case:
    """Reads of one kind that fail `times` times, some of them before the entry has filled and some after."""

    fault: Fault
    path: str
    times: int = 8
    product: str = "MIS"
    end: str = "target"
    skip: int = 2
    may_leave: bool = False  # slow enough that no stop is confirmed within 10 s: out at the market is right

    @property
    def name(self) -> str:
        return (
            f"{self.times} times {self.fault.name} of {self.path.strip('^$')}, {self.product} to {self.end}"
        )

    def rule(self, api_key: str) -> Rule:
        return Rule(
            fault=self.fault,
            method="GET",
            path=self.path,
            client=f"token {api_key}:",
            times=self.times,
            skip=self.skip,
        )


CASES = (
    Case(wf.STALE, ORDERS),
    Case(wf.STALE, ORDERS, end="stop"),
    Case(wf.STALE, ORDERS, end="exit"),
    Case(wf.STALE, GTTS, product="CNC", skip=0),
    Case(wf.EMPTY_BOOK, ORDERS),
    Case(wf.EMPTY_BOOK, ORDERS, end="exit"),
    Case(wf.EMPTY_BOOK, ORDERS, product="CNC", end="stop"),
    Case(wf.EMPTY_BOOK, GTTS, product="CNC", skip=1, times=3),
    Case(wf.BAD_GATEWAY_BEFORE, ORDERS),
    Case(wf.CUT, ORDERS, end="stop"),
    Case(wf.GARBLED, ORDERS),
    Case(wf.RESET_AFTER, ORDERS, product="CNC"),
    Case(wf.HANG_AFTER, ORDERS, times=2, end="stop"),
    Case(wf.SLOW, ".*", times=40, may_leave=True),
    Case(wf.STALE, POSITIONS),
    Case(wf.EMPTY_BOOK, POSITIONS, times=4),
    Case(wf.GARBLED, QUOTES, times=5, skip=0),
    Case(wf.STALE, QUOTES, times=5, skip=1, end="target"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    told: dict[str, Any]
    books: Books
    fired: int


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    stage = Stage(Path(tmp_path_factory.mktemp("reads")), count=len(CASES))
    try:
        yield _outcomes(stage)
    finally:
        stage.close()


def _outcomes(stage: Stage) -> dict[str, Outcome]:
    rules = [case.rule(account.api_key) for case, account in zip(CASES, stage.accounts, strict=True)]
    stage.plan.add(*rules)
    stage.service.start()
    stage.await_plans()
    with ThreadPoolExecutor(len(CASES)) as pool:
        runs = [
            pool.submit(run, Trade(stage.service, stage.kite, account, product=case.product), case.end)
            for case, account in zip(CASES, stage.accounts, strict=True)
        ]
        told = [one.result() for one in runs]
    stage.service.stop()
    assert stage.replay_all() == len(CASES)
    return {
        case.name: Outcome(told[at], stage.books_of(stage.accounts[at]), rules[at].fired)
        for at, case in enumerate(CASES)
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.timeout(300)
def test_reads_that_cannot_be_trusted_change_nothing_but_the_time(
    outcomes: dict[str, Outcome], case: Case
) -> None:
    found = outcomes[case.name]

    assert found.fired > 0, "the fault did not happen"
    assert found.books == DONE
    assert found.told["state"] == "CLOSED"
    expected = {"target": "target_hit", "stop": "stop_hit", "exit": "exited"}[case.end]
    assert found.told["outcome"] in {expected, "exited" if case.may_leave else expected}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    staged = Stage(tmp_path)
    staged.service.start()
    yield staged
    staged.close()


def protected(stage: Stage, *, product: str = "MIS") -> Trade:
    trade = Trade(stage.service, stage.kite, stage.accounts[0], product=product)
    trade.place()
    trade.until("ENTRY_OPEN")
    trade.move("0.998")
    assert trade.until("PROTECTED")["state"] == "PROTECTED"
    return trade


def _dead_token(stage: Stage, between: Callable[[], None]) -> None:
    stage.kite.token(stage.accounts[0].api_key, alive=False)
    between()
    stage.kite.token(stage.accounts[0].api_key, alive=True)


def _dead_broker(stage: Stage, between: Callable[[], None]) -> None:
    stage.kite.stop()
    between()
    stage.kite.start()
    stage.proxy.redirect(stage.kite.url)


@pytest.mark.parametrize("trouble", [_dead_token, _dead_broker], ids=["token", "broker"])
def test_while_nothing_can_be_read_the_stop_rests_and_the_bracket_says_so(
    stage: Stage, trouble: Callable[[Stage, Callable[[], None]], None]
) -> None:
    trade = protected(stage)
    overlay = "AUTH_DEAD" if trouble is _dead_token else "BROKER_DOWN"

    def told() -> None:
        found = _until_overlay(trade, overlay)
        assert found["state"] == "PROTECTED"

    trouble(stage, told)
    trade.move("0.984")
    over = trade.until(*CLOSED)
    stage.service.stop()

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(stage.accounts[0]) == DONE


def _until_overlay(trade: Trade, overlay: str) -> dict[str, Any]:
    def seen() -> dict[str, Any] | None:
        found = trade.status()
        return found if overlay in found["overlays"] else None

    found: dict[str, Any] = wait_for(seen, what=overlay)
    return found


def test_an_exit_asked_for_while_the_token_is_dead_is_carried_out_after_the_login(stage: Stage) -> None:
    trade = protected(stage)

    def ask() -> None:
        _until_overlay(trade, "AUTH_DEAD")
        trade.post("exitbracketorder", {"bracket_id": trade.bracket_id})

    _dead_token(stage, ask)
    over = trade.until(*CLOSED)
    stage.service.stop()

    assert over["outcome"] == "exited"
    assert stage.books_of(stage.accounts[0]) == DONE
