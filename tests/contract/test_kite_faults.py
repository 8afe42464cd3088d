"""What a test may let go wrong at the simulated Kite, set below /sim/faults and seen by a client."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from simulator.wire.mischief import ACTING
from simulator.wire_faults import FAULTS
from tests.kite_served import KEY, TOKEN, USER, ServedKite, wait_until


@pytest.fixture
def kite() -> Iterator[ServedKite]:
    with ServedKite() as served:
        yield served


def network(kite: ServedKite, fault: str, **more: Any) -> None:
    kite.sim("faults", at="network", fault=fault, **more)


def orders(kite: ServedKite) -> list[str]:
    return [order.order_id for order in kite.exchange.orders(USER)]


@pytest.mark.parametrize("code", [500, 502, 504])
@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
def test_a_server_error_is_a_page_of_html_and_the_order_was_taken_or_not(
    kite: ServedKite, code: int, moment: str, taken: int
) -> None:
    network(kite, f"{code} {moment} acceptance", method="POST", path="/orders")
    answer = kite.order(price="790")

    assert (answer.status_code, answer.headers["Content-Type"]) == (code, "text/html")
    assert answer.text.startswith("<html>")
    assert len(orders(kite)) == taken


@pytest.mark.parametrize(("moment", "taken"), [("before", 0), ("after", 1)])
def test_a_connection_is_reset_before_or_after_the_order_was_taken(
    kite: ServedKite, moment: str, taken: int
) -> None:
    network(kite, f"reset {moment} acceptance", method="POST")

    with pytest.raises(requests.ConnectionError):
        kite.order(price="790")
    assert len(orders(kite)) == taken


def test_an_order_is_accepted_and_no_answer_comes(kite: ServedKite) -> None:
    network(kite, "time-out after acceptance", method="POST", seconds=30)
    head = {"Authorization": f"token {KEY}:{TOKEN}"}
    form = {"exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "BUY", "quantity": 1}
    more = {"product": "MIS", "order_type": "LIMIT", "price": "790"}

    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{kite.kite.url}/orders/regular", data=form | more, headers=head, timeout=0.5)
    assert len(orders(kite)) == 1


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("garbled JSON after acceptance", '{"status":"success","data":{"order_id":'),
        ("empty answer after acceptance", ""),
    ],
)
def test_an_answer_says_nothing_and_the_order_was_taken(kite: ServedKite, fault: str, body: str) -> None:
    network(kite, fault, method="POST")

    assert kite.order(price="790").text == body
    assert len(orders(kite)) == 1


def test_a_book_is_stale_or_empty_and_then_true_again(kite: ServedKite) -> None:
    kite.data("GET", "/orders")
    order_id = kite.ordered(price="790")
    network(kite, "stale book", path="/orders$")
    stale = kite.data("GET", "/orders")
    now = kite.data("GET", "/orders")
    network(kite, "empty book", path="/orders$")
    empty = kite.data("GET", "/orders")

    assert (stale, empty) == ([], [])
    assert [row["order_id"] for row in now] == [order_id]


def test_too_many_requests_can_be_had_without_many(kite: ServedKite) -> None:
    network(kite, "429", method="GET", path="/trades")
    answer = kite.call("GET", "/trades")

    assert (answer.status_code, answer.json()["error_type"]) == (429, "NetworkException")


def test_a_fault_happens_as_often_as_it_is_told_and_after_as_many_calls(kite: ServedKite) -> None:
    network(kite, "500 before acceptance", path="/trades", skip=1, times=2)
    codes = [kite.call("GET", "/trades").status_code for _ in range(5)]

    assert codes == [200, 500, 500, 200, 200]
    assert kite.sim("faults", "GET")["happened"] == {"500 before acceptance": 2}


def test_faults_are_cleared_and_never_touch_what_clears_them(kite: ServedKite) -> None:
    network(kite, "500 before acceptance", times=None)
    failed = kite.call("GET", "/trades").status_code
    kite.sim("faults", "DELETE")

    assert failed == 500
    assert kite.data("GET", "/trades") == []


def test_a_socket_can_be_refused_by_a_page_of_html(kite: ServedKite) -> None:
    network(kite, "502 before acceptance", path="^/\\?")
    head = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = requests.get(
        kite.kite.url, params={"api_key": KEY, "access_token": TOKEN}, headers=head, timeout=5
    )

    assert answer.status_code == 502


def exchange(kite: ServedKite, code: str, **more: Any) -> None:
    kite.sim("faults", at="exchange", fault=code, user_id=USER, **more)


def test_an_order_that_rested_is_rejected_by_the_risk_desk(kite: ServedKite) -> None:
    exchange(kite, "F14", script=[1])
    order_id = kite.ordered(price="790", tag="AAAAAAAAE01")
    before = kite.newest(order_id)["status"]
    kite.pass_time(1)
    kite.pass_time(1)

    assert before == "OPEN"
    assert kite.newest(order_id)["status"] == "REJECTED"
    assert kite.sim("faults", "GET")["happened"] == {"F14": 1}


def test_an_order_is_stuck_on_its_way_and_comes_through(kite: ServedKite) -> None:
    exchange(kite, "F15", script=[1])
    order_id = kite.ordered(price="790", tag="AAAAAAAAE01")
    kite.pass_time(0.5)
    stuck = kite.newest(order_id)["status"]
    refused = kite.call("DELETE", f"/orders/regular/{order_id}")
    kite.pass_time(21)

    assert stuck == "OPEN PENDING"
    assert "being processed" in refused.json()["message"]
    assert kite.newest(order_id)["status"] == "OPEN"


def test_the_user_trades_at_another_terminal(kite: ServedKite) -> None:
    kite.ordered(price="801", tag="AAAAAAAAE01")
    exchange(kite, "F55", script=[1])
    kite.pass_time(1)

    assert len(kite.data("GET", "/orders")) == 2


def test_what_a_fault_took_away_is_back_when_it_is_cleared(kite: ServedKite) -> None:
    kite.ordered(price="801", tag="AAAAAAAAE01")
    exchange(kite, "F58", script=[1])
    kite.pass_time(1)
    gone = [row["quantity"] for row in kite.data("GET", "/portfolio/positions")["net"]]
    kite.sim("faults", "DELETE")

    assert gone == [0]
    assert [row["quantity"] for row in kite.data("GET", "/portfolio/positions")["net"]] == [10]


def test_a_fault_the_exchange_does_not_let_happen_stops_nothing(kite: ServedKite) -> None:
    kite.ordered(price="801", tag="AAAAAAAAE01")
    kite.ordered(
        transaction_type="SELL", order_type="SL", price="788", trigger_price="790", tag="AAAAAAAAX01"
    )
    kite.exchange.set_band("NSE", "SBIN", lower=Decimal(795), upper=Decimal(805))
    exchange(kite, "F44", rate=1.0)
    for _ in range(5):
        kite.pass_time(1)

    assert kite.sim("faults", "GET")["happened"] == {}
    assert kite.data("GET", "/quote/ltp?i=NSE:SBIN")["NSE:SBIN"]["last_price"] == 800


def test_every_fault_of_the_exchange_can_be_let_loose_and_ended(kite: ServedKite) -> None:
    kite.ordered(price="801", tag="AAAAAAAAE01", quantity=100)
    kite.ordered(transaction_type="SELL", order_type="SL", price="788", trigger_price="790", quantity=100)
    for number, code in enumerate(sorted(ACTING)):
        exchange(kite, code, seed=number)
        kite.pass_time(2)
    kite.sim("faults", "DELETE")
    happened = dict(kite.sim("faults", "GET")["happened"])
    kite.pass_time(60)

    assert happened
    assert kite.sim("faults", "GET")["happened"] == happened


@pytest.mark.parametrize(
    "body",
    [
        {"at": "network", "fault": "bad weather"},
        {"at": "exchange", "fault": "F01", "user_id": USER},
        {"at": "sea", "fault": "F14"},
        {"at": "network", "fault": "429", "colour": "red"},
    ],
)
def test_a_fault_nobody_knows_is_named(kite: ServedKite, body: dict[str, Any]) -> None:
    answer = requests.post(f"{kite.kite.url}/sim/faults", json=body, timeout=5)

    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")
    assert kite.data("GET", "/orders") == []


def test_the_faults_there_are_can_be_asked_for(kite: ServedKite) -> None:
    told = kite.sim("faults", "GET")

    assert told["network"] == sorted(FAULTS)
    assert set(told["exchange"]) == set(ACTING)
    assert told["exchange"]["F14"].startswith("acknowledged, then rejected")


def test_a_hanging_call_does_not_keep_the_simulator_from_ending() -> None:
    with ServedKite() as kite:
        network(kite, "time-out before acceptance", seconds=60)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{kite.kite.url}/orders", timeout=0.2)
        wait_until(lambda: bool(kite.sim("faults", "GET")["happened"]), what="the call")
