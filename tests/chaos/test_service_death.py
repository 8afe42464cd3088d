"""The process killed, ended and doubled while its network fails: nothing lost, nothing twice."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from database.bracket_db import load
from database.session import Database
from scripts.service_process import ServiceFailed
from simulator import wire_faults as wf
from simulator.wire_faults import Rule
from tests.chaos.staging import Books, ChaosAccount, Stage
from tests.chaos.trade import CLOSED, QUANTITY, Trade, run
from tests.kite_process import wait_for

pytestmark = pytest.mark.slow

DONE = Books(position=0, live_orders=0, live_gtts=0, entries=1, bought=QUANTITY, sold=QUANTITY)
ENDS = ("target", "stop", "exit")
SHARE = 0.04  # of all calls, for each of the faults below
RATED = (
    wf.RESET_BEFORE,
    wf.RESET_AFTER,
    wf.BAD_GATEWAY_AFTER,
    wf.GARBLED,
    wf.CUT,
    wf.HANG_AFTER,
    wf.TOO_MANY,
)


def is_safe(books: Books) -> bool:
    """Flat with nothing left at work, and never a second entry; an entry may have been lost on the way."""
    is_flat = books.position == 0 and books.live_orders == 0 and books.live_gtts == 0
    return is_flat and books.entries <= 1 and books.bought == books.sold


@pytest.mark.timeout(600)
def test_kills_at_random_moments_behind_a_faulty_network_leave_every_account_flat(tmp_path: Path) -> None:
    stage = Stage(tmp_path, count=12)
    stage.plan.add(*(Rule(fault=fault, chance=SHARE) for fault in RATED))
    stage.service.start()
    trades = [
        Trade(stage.service, stage.kite, account, product=("MIS", "CNC")[at % 2])
        for at, account in enumerate(stage.accounts)
    ]
    try:
        with ThreadPoolExecutor(len(trades)) as pool:
            runs = [pool.submit(run, trade, ENDS[at % 3]) for at, trade in enumerate(trades)]
            kills = _kill_now_and_then(stage, lambda: all(one.done() for one in runs))
            told = [one.result() for one in runs]
        stage.service.stop()
        books = [stage.books_of(account) for account in stage.accounts]

        assert [one for one in books if not is_safe(one)] == []
        assert {one["state"] for one in told} <= {*CLOSED, "REFUSED"}
        assert kills == 4
        assert sum(stage.plan.fired.values()) > 20
        assert sum(one.bought for one in books) >= 6 * QUANTITY  # most of them traded
        stage.replay_all()
    finally:
        stage.close()


def _kill_now_and_then(stage: Stage, is_over: Any, *, times: int = 4) -> int:
    """Kill the service at moments of a seeded draw, each time with work under way, and start it again."""
    draw, pause, kills = random.Random(5), threading.Event(), 0
    for _ in range(times):
        pause.wait(draw.uniform(0.3, 2.5))
        if is_over():
            break
        stage.service.kill()
        kills += 1
        stage.service.start()
    return kills


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    staged = Stage(tmp_path, count=4)
    staged.service.start()
    yield staged
    staged.close()


class Caller:
    """Somebody who places brackets without a pause, over one connection, and notes every answer."""

    def __init__(self, stage: Stage, account: ChaosAccount) -> None:
        self.account = account
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.broken = 0
        self._stop = threading.Event()
        self._order = Trade(stage.service, stage.kite, account).order()
        self._url = f"{stage.service.url}/api/v1/placebracketorder/"
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        with requests.Session() as session:
            session.headers["X-API-KEY"] = self.account.key
            while not self._stop.is_set():
                number += 1
                body = self._order | {"client_order_id": f"{self.account.user_id}-{number}"}
                try:
                    answer = session.post(self._url, json=body, timeout=10)
                    self.answers.append((answer.status_code, answer.json()))
                except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                    self.broken += 1
                    self._stop.wait(0.02)


@pytest.mark.timeout(180)
def test_a_service_told_to_end_is_gone_within_5_s_refuses_entries_and_loses_none(stage: Stage) -> None:
    protected = Trade(stage.service, stage.kite, stage.accounts[0])
    protected.place()
    protected.until("ENTRY_OPEN")
    protected.move("0.998")
    protected.until("PROTECTED")
    callers = [Caller(stage, account) for account in stage.accounts[1:]]
    for caller in callers:
        caller.start()
    wait_for(lambda: all(len(one.answers) >= 3 for one in callers))

    seconds = stage.service.stop()
    for caller in callers:
        caller.stop()

    assert seconds < 5
    statuses = {status for caller in callers for status, _ in caller.answers}
    assert statuses <= {200, 503}
    _nothing_that_was_promised_is_missing(stage, callers)
    stage.service.start()
    protected.move("1.021")
    assert protected.until(*CLOSED)["outcome"] == "target_hit"
    stage.service.stop()
    assert stage.books_of(stage.accounts[0]) == DONE


def _nothing_that_was_promised_is_missing(stage: Stage, callers: list[Caller]) -> None:
    """Each 200 is a stored bracket, and each order at the broker belongs to one, once."""
    db = Database(f"sqlite:///{stage.database_file}")
    try:
        for caller in callers:
            promised = [told["bracket_id"] for status, told in caller.answers if status == 200]
            stored = [load(db, bracket_id) for bracket_id in promised]
            assert None not in stored
            refused = [told for status, told in caller.answers if status == 503]
            assert all(told["code"] == "not_stored" for told in refused)
    finally:
        db.close()


def test_new_entries_are_refused_with_503_while_the_service_is_ending(stage: Stage) -> None:
    """A call of the broker's that hangs keeps the service from ending at once: no entry meanwhile."""
    slow, other = stage.accounts[0], stage.accounts[1]
    stage.plan.add(Rule(fault=wf.HANG_AFTER, method="POST", client=f"token {slow.api_key}:", times=1))
    hanging = Trade(stage.service, stage.kite, slow)
    session = requests.Session()
    url = f"{stage.service.url}/api/v1/placebracketorder/"
    body = Trade(stage.service, stage.kite, other).order()
    session.get(f"{stage.service.url}/api/v1/ping", timeout=5)  # a connection that is there already
    answers: list[tuple[int, str]] = []

    def keep_asking() -> None:
        for number in range(400):
            try:
                told = session.post(
                    url,
                    json=body | {"client_order_id": f"n{number}"},
                    headers={"X-API-KEY": other.key},
                    timeout=10,
                )
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return
            answers.append((told.status_code, told.json().get("code", "")))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hanging.place)
        asking = pool.submit(keep_asking)
        wait_for(lambda: len(answers) >= 2 and sum(stage.plan.fired.values()) == 1)
        seconds = stage.service.stop()
        asking.result()
        stage.service.start()
        first.result()

    over = hanging.until(*CLOSED, "ENTRY_OPEN")
    stage.service.stop()
    assert seconds < 5
    assert {status for status, _ in answers} == {200, 503}
    assert {code for status, code in answers if status == 503} == {"not_stored"}
    assert over["state"] == "ENTRY_OPEN"  # found by its tag after the start
    assert stage.books_of(slow).entries == 1


@pytest.mark.timeout(120)
def test_a_second_service_on_the_same_database_does_not_start_and_harms_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    trade = Trade(stage.service, stage.kite, stage.accounts[0])
    trade.place()
    trade.until("ENTRY_OPEN")
    (tmp_path / "second").mkdir()
    second = stage.another_service(tmp_path / "second")

    with pytest.raises(ServiceFailed, match="another OpenBracket works on"):
        second.start()
    trade.move("0.998")
    trade.until("PROTECTED")
    trade.move("1.021")
    over = trade.until(*CLOSED)
    stage.service.stop()

    assert over["outcome"] == "target_hit"
    assert stage.books_of(stage.accounts[0]) == DONE
    second.kill()
