"""Postbacks of the simulated Kite: what is posted to whom, how it is signed, what may go wrong."""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from simulator.kite.sessions import App
from tests.kite_served import KEY, SBIN, SECRET, TOKEN, USER, ServedKite, wait_until
from tests.receiver import Receiver, a_receiver

OTHER = App(api_key="other", api_secret="hush", user_id=USER, access_token=None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as one:
        yield one


@pytest.fixture
def kite(receiver: Receiver) -> Iterator[ServedKite]:
    with ServedKite(others=(OTHER,)) as served:
        served.sim("app", api_key=KEY, postback_url=f"{receiver.root}/mine")
        served.sim("app", api_key="other", postback_url=f"{receiver.root}/theirs")
        yield served


def posted(receiver: Receiver, path: str = "/mine") -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in receiver.requests if one.path == path]


def arrived(receiver: Receiver, count: int, path: str = "/mine") -> list[dict[str, Any]]:
    wait_until(lambda: len(posted(receiver, path)) >= count, what=f"{count} postbacks")
    return posted(receiver, path)


def signature(row: dict[str, Any], secret: str = SECRET) -> str:
    return hashlib.sha256(f"{row['order_id']}{row['order_timestamp']}{secret}".encode()).hexdigest()


def test_every_update_is_posted_in_order_and_signed(kite: ServedKite, receiver: Receiver) -> None:
    order_id = kite.ordered(price="790", tag="T1")
    kite.call("PUT", f"/orders/regular/{order_id}", quantity="12")
    kite.call("DELETE", f"/orders/regular/{order_id}")
    rows = arrived(receiver, 3)

    assert [row["status"] for row in rows] == ["OPEN", "UPDATE", "CANCELLED"]
    assert all(row["checksum"] == signature(row) for row in rows)
    assert {(row["order_id"], row["user_id"], row["tag"], row["app_id"]) for row in rows} == {
        (order_id, USER, "T1", 1)
    }
    assert receiver.requests[0].headers["content-type"] == "application/json"


def test_an_app_hears_of_its_own_orders_only(kite: ServedKite, receiver: Receiver) -> None:
    act = {"act": "place", "exchange": "NSE", "symbol": "SBIN", "product": "MIS", "side": "BUY"}
    kite.sim("command", **act, account_id=USER, order_type="LIMIT", quantity=1, price="790")
    kite.ordered(price="791", tag="T1")
    rows = arrived(receiver, 1)

    assert [row["tag"] for row in rows] == ["T1"]
    assert posted(receiver, "/theirs") == []


def test_the_child_of_a_trigger_is_told_to_the_apps_of_its_user(kite: ServedKite, receiver: Receiver) -> None:
    kite.ordered(product="CNC", price="801")
    leg = {"transaction_type": "SELL", "quantity": 10, "order_type": "LIMIT", "product": "CNC", "price": 820}
    condition = {"exchange": "NSE", "tradingsymbol": "SBIN", "trigger_values": [820], "last_price": 800}
    kite.data(
        "POST", "/gtt/triggers", type="single", condition=json.dumps(condition), orders=json.dumps([leg])
    )
    kite.exchange.set_price(*SBIN, last=Decimal(821))
    rows = arrived(receiver, 4)

    sold = [row for row in rows if row["transaction_type"] == "SELL"]
    assert [row["status"] for row in sold] == ["OPEN", "COMPLETE"]
    (opened, _) = arrived(receiver, 2, "/theirs")
    assert opened["checksum"] == signature(opened, "hush")


def test_an_answer_of_500_or_none_is_not_tried_again_and_holds_nothing_up(
    kite: ServedKite, receiver: Receiver
) -> None:
    receiver.always = 500
    kite.ordered(price="790")
    kite.ordered(price="791")
    rows = arrived(receiver, 2)

    assert [row["price"] for row in rows] == [790, 791]
    kite.sim("app", api_key=KEY, postback_url="http://127.0.0.1:1/nobody")
    kite.ordered(price="792")
    kite.sim("app", api_key=KEY, postback_url=f"{receiver.root}/mine")
    kite.ordered(price="793")
    assert [row["price"] for row in arrived(receiver, 3)] == [790, 791, 793]


def test_a_postback_may_be_lost(kite: ServedKite, receiver: Receiver) -> None:
    kite.sim("faults", at="network", fault="lost push", method="POSTBACK", path="OPEN")
    kite.ordered(price="790", tag="LOST")
    kite.ordered(price="791", tag="TOLD")

    assert [row["tag"] for row in arrived(receiver, 1)] == ["TOLD"]
    assert kite.sim("faults", "GET")["happened"] == {"lost push": 1}


def test_a_late_postback_is_overtaken_by_the_next_one(kite: ServedKite, receiver: Receiver) -> None:
    kite.sim("faults", at="network", fault="late push", method="POSTBACK", path="UPDATE", seconds=0.5)
    kite.price(800, depth=4)
    kite.ordered()
    kite.price(799, depth=20)

    assert [row["status"] for row in arrived(receiver, 3)] == ["OPEN", "COMPLETE", "UPDATE"]


def test_a_forged_postback_claims_a_fill_and_its_checksum_is_wrong(
    kite: ServedKite, receiver: Receiver
) -> None:
    kite.sim("faults", at="network", fault="forged push", method="POSTBACK")
    order_id = kite.ordered(price="790")
    (forged,) = arrived(receiver, 1)

    assert (forged["status"], forged["filled_quantity"]) == ("COMPLETE", 10)
    assert forged["checksum"] != signature(forged)
    assert len(forged["checksum"]) == 64
    assert kite.newest(order_id)["status"] == "OPEN"


def test_a_postback_may_come_again_and_again(kite: ServedKite, receiver: Receiver) -> None:
    kite.sim("faults", at="network", fault="repeated push", method="POSTBACK")
    kite.ordered(price="790")
    first, second, third = arrived(receiver, 3)

    assert first == second == third


def test_an_order_on_its_way_is_not_told_before_it_is_taken() -> None:
    with a_receiver() as receiver, ServedKite() as kite:
        kite.sim("app", api_key=KEY, postback_url=f"{receiver.root}/mine")
        kite.ordered(price="790")

        assert [row["status"] for row in arrived(receiver, 1)] == ["OPEN"]
        assert TOKEN not in receiver.requests[0].body.decode()
