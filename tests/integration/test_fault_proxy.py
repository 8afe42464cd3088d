"""The faulty network itself: what the client gets, and whether the server heard of it."""

from collections.abc import Iterator
from threading import Thread

import pytest
import requests

from simulator import wire_faults as wf
from simulator.fault_proxy import FaultProxy
from simulator.kite.calls import Call, Reply, success
from simulator.kite.server import KiteServer
from simulator.wire_faults import PASS, Fault, FaultPlan, Rule


class Counting:
    """A server that counts what it was asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.server = KiteServer(0, self._answer)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def _answer(self, call: Call) -> Reply:
        self.calls.append(call)
        return success({"call": len(self.calls)})


@pytest.fixture
def upstream() -> Iterator[Counting]:
    counting = Counting()
    yield counting
    counting.server.shutdown()
    counting.server.server_close()


def ask(proxy: FaultProxy, method: str = "POST", path: str = "/orders/regular") -> requests.Response:
    header = {"Authorization": "token k:t"}
    return requests.request(method, proxy.url + path, data={"tag": "AAAAAAAAE01"}, headers=header, timeout=2)


def test_without_a_fault_everything_passes_unchanged(upstream: Counting) -> None:
    with FaultProxy(upstream.server.url) as proxy:
        answer = ask(proxy)

    assert answer.json()["data"] == {"call": 1}
    assert upstream.calls[0].form == {"tag": "AAAAAAAAE01"}
    assert upstream.calls[0].authorization == "token k:t"


@pytest.mark.parametrize(
    ("fault", "heard"), [(wf.RESET_BEFORE, 0), (wf.RESET_AFTER, 1)], ids=["before", "after"]
)
def test_a_reset_is_a_reset_and_the_server_heard_it_or_not(
    upstream: Counting, fault: Fault, heard: int
) -> None:
    plan = FaultPlan([Rule(fault=fault)])
    with FaultProxy(upstream.server.url, plan) as proxy, pytest.raises(requests.ConnectionError) as told:
        ask(proxy)

    assert "reset by peer" in str(told.value)

    assert len(upstream.calls) == heard


@pytest.mark.parametrize(
    ("fault", "heard"), [(wf.HANG_BEFORE, 0), (wf.HANG_AFTER, 1)], ids=["before", "after"]
)
def test_a_hang_outlasts_the_client(upstream: Counting, fault: Fault, heard: int) -> None:
    with FaultProxy(upstream.server.url, FaultPlan([Rule(fault=fault)])) as proxy:
        with pytest.raises(requests.ReadTimeout):
            ask(proxy)

        assert len(upstream.calls) == heard


@pytest.mark.parametrize(
    ("fault", "status", "heard"),
    [
        (wf.BAD_GATEWAY_BEFORE, 502, 0),
        (wf.BAD_GATEWAY_AFTER, 502, 1),
        (wf.GATEWAY_TIMEOUT_BEFORE, 504, 0),
        (wf.TOO_MANY, 429, 0),
        (wf.GARBLED, 200, 1),
        (wf.EMPTY, 200, 1),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_made_up_answer_replaces_the_servers(
    upstream: Counting, fault: Fault, status: int, heard: int
) -> None:
    with FaultProxy(upstream.server.url, FaultPlan([Rule(fault=fault)])) as proxy:
        answer = ask(proxy)

    assert (answer.status_code, len(upstream.calls)) == (status, heard)
    assert b'"call"' not in answer.content


def test_half_an_answer_breaks_off(upstream: Counting) -> None:
    broken = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    with FaultProxy(upstream.server.url, FaultPlan([Rule(fault=wf.CUT)])) as proxy, pytest.raises(broken):
        ask(proxy)

    assert len(upstream.calls) == 1


def test_a_stale_read_repeats_an_earlier_answer(upstream: Counting) -> None:
    plan = FaultPlan([Rule(fault=wf.STALE, skip=1, times=1)])
    with FaultProxy(upstream.server.url, plan) as proxy:
        answers = [ask(proxy, "GET", "/orders").json()["data"]["call"] for _ in range(3)]

    assert answers == [1, 1, 2]


def test_a_server_that_is_gone_is_a_reset(upstream: Counting) -> None:
    with FaultProxy("http://127.0.0.1:1") as proxy:
        with pytest.raises(requests.ConnectionError):
            ask(proxy)
        proxy.redirect(upstream.server.url)
        assert ask(proxy).ok


def test_a_rule_concerns_only_what_it_names() -> None:
    rule = Rule(fault=wf.TOO_MANY, method="POST", path="^/orders", body="tag=.{8}E", client="k:")
    plan = FaultPlan([rule])

    assert plan.fault_for("GET", "/orders", body="tag=AAAAAAAAE", client="k:t") is PASS
    assert plan.fault_for("POST", "/gtt", body="tag=AAAAAAAAE", client="k:t") is PASS
    assert plan.fault_for("POST", "/orders", body="tag=AAAAAAAAX", client="k:t") is PASS
    assert plan.fault_for("POST", "/orders", body="tag=AAAAAAAAE", client="z:t") is PASS
    assert plan.fault_for("POST", "/orders", body="tag=AAAAAAAAE", client="k:t") is wf.TOO_MANY
    assert plan.fired == {"429": 1}


def test_rated_faults_are_repeatable_by_their_seed() -> None:
    def run(seed: int) -> list[str]:
        plan = FaultPlan([Rule(fault=wf.RESET_AFTER, chance=0.3)], seed=seed)
        return [plan.fault_for("POST", "/orders", body="", client="").name for _ in range(40)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 3 < run(1).count(wf.RESET_AFTER.name) < 25
