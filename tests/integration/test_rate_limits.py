"""Limits count by verified key; strangers count by address and never slow a verified caller."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extensions import socketio
from tests.serving import Served, a_config, end, resting, serve

WRONG = "bk_AbCd1234_" + "x" * 43


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path, bracket_order_rate_limit="2 per minute"))
    yield served
    end(served)


def test_placing_too_often_is_429_in_our_envelope(limited: Served) -> None:
    answers = [limited.post("placebracketorder", resting(dry_run=True)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    told = answers[-1].get_json()
    assert (told["status"], told["code"], told["mode"]) == ("error", "rate_limited", "live")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["X-RateLimit-Limit"] == "2"
    assert "Retry-After" not in answers[0].headers


def test_each_key_has_a_measure_of_its_own(limited: Served) -> None:
    for _ in range(3):
        limited.post("placebracketorder", resting(dry_run=True))

    assert limited.post("placebracketorder", resting(dry_run=True), key=limited.a_key()).status_code == 200


def test_other_calls_are_not_slowed_by_the_placing_limit(limited: Served) -> None:
    codes = {limited.post("bracketorderbook").status_code for _ in range(10)}

    assert codes == {200}


def test_a_stranger_who_keeps_guessing_is_slowed_and_a_good_key_is_not(limited: Served) -> None:
    answers = [limited.post("bracketorderbook", key=WRONG) for _ in range(15)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert limited.post("bracketorderbook").status_code == 200


def test_wrong_secrets_for_a_keys_own_id_do_not_lock_its_owner_out(limited: Served) -> None:
    imitated = limited.key[:12] + "x" * 43

    statuses = [limited.post("bracketorderbook", key=imitated).status_code for _ in range(15)]

    assert set(statuses) == {401, 429}
    assert limited.post("placebracketorder", resting(dry_run=True)).status_code == 200


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path, api_rate_limit="3 per minute"))
    yield served
    end(served)


def test_calling_too_often_is_429_with_what_is_left_and_when(slow: Served) -> None:
    answers = [slow.post("bracketorderbook") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["X-RateLimit-Limit"] == "3"
    assert int(answers[0].headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].get_json()["code"] == "rate_limited"


def test_who_reads_too_often_can_still_place_and_leave(slow: Served) -> None:
    placed = slow.place(**resting())
    for _ in range(5):
        slow.post("bracketorderbook")

    assert slow.post("cancelbracketorder", {"bracket_id": placed["bracket_id"]}).status_code == 200
    assert slow.post("placebracketorder", resting(dry_run=True)).status_code == 200


def test_exit_alerts_and_built_messages_are_counted_with_what_acts(slow: Served) -> None:
    token = slow.a_webhook()
    leave = {"symbol": "SBIN", "exchange": "NSE", "action": "exit"}
    client = slow.app.test_client()

    alerts = [client.post(f"/tradingview/webhook/bracket/{token}", json=leave) for _ in range(4)]
    built = [client.post("/tradingview/", json={"apikey": slow.key, **resting()}) for _ in range(4)]

    assert [one.status_code for one in alerts] == [200, 200, 200, 429]
    assert built[-1].status_code == 429


def test_another_key_of_the_account_is_counted_for_itself(slow: Served) -> None:
    for _ in range(4):
        slow.post("bracketorderbook")

    assert slow.post("bracketorderbook", key=slow.a_key()).status_code == 200


def test_what_needs_no_key_is_counted_by_address_and_slows_no_key(
    slow: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restx_api.callers.OPEN_LIMIT", "2 per minute")

    statuses = [slow.client.get(path).status_code for path in ("/api/v1/ping/", "/healthz", "/readyz")]
    elsewhere = slow.client.get("/healthz", environ_base={"REMOTE_ADDR": "10.0.0.7"})

    assert statuses == [200, 200, 429]
    assert elsewhere.status_code == 200
    assert slow.post("bracketorderbook").status_code == 200


def test_a_locked_out_stranger_is_told_for_how_long(limited: Served) -> None:
    answers = [limited.post("bracketorderbook", key=WRONG) for _ in range(11)]

    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["X-RateLimit-Limit"] == "10"


def test_a_key_id_is_locked_out_from_all_addresses_and_its_good_key_from_none(limited: Served) -> None:
    imitated = limited.key[:12] + "x" * 43

    def from_address(number: int, key: str) -> int:
        sent = {"apikey": key}
        address = {"REMOTE_ADDR": f"10.0.0.{number}"}
        return int(
            limited.client.post("/api/v1/bracketorderbook/", json=sent, environ_base=address).status_code
        )

    assert [from_address(number, imitated) for number in range(12)] == [401] * 10 + [429] * 2
    assert [from_address(number, limited.key) for number in range(12)] == [200] * 12


def test_tradingviews_users_share_addresses_and_a_strangers_wrong_tokens_refuse_no_good_one(
    limited: Served,
) -> None:
    token, wrong = limited.a_webhook(), "wh_AbCd1234_" + "x" * 43
    path = "/tradingview/webhook/bracket/"

    guessed = [limited.client.post(path + wrong, json=resting()).status_code for _ in range(30)]
    alert = limited.client.post(path + token, json=resting())

    assert set(guessed) == {401, 429}
    assert alert.status_code == 200


def test_wrong_keys_of_live_connections_count_like_all_others(limited: Served) -> None:
    def connects(key: str) -> bool:
        client = socketio.test_client(limited.app, auth={"apikey": key})
        is_in = client.is_connected()
        if is_in:
            client.disconnect()
        return is_in

    assert not any(connects(WRONG) for _ in range(10))

    assert limited.post("bracketorderbook", key=WRONG).status_code == 429
    assert connects(limited.key)


def test_an_alert_that_waited_in_vain_is_told_the_limit_and_the_wait(limited: Served) -> None:
    path = f"/tradingview/webhook/bracket/{limited.a_webhook()}"

    answers = [limited.client.post(path, json=resting(quantity=number)) for number in (1, 2, 3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["X-RateLimit-Limit"] == "2"
    assert answers[-1].headers["X-RateLimit-Remaining"] == "0"
    assert 50 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_changing_orders_counts_with_placing_them_and_cancelling_does_not(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path, order_rate_limit="2 per minute"))
    gtt = {
        "trigger_type": "single",
        "exchange": "NSE",
        "symbol": "SBIN",
        "action": "BUY",
        "product": "CNC",
        "quantity": 1,
        "price": 450,
        "triggerprice_sl": 450,
    }
    order = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "quantity": 1, "product": "MIS"}
    named = {"orderid": "7", "strategy": "x"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("modifyorder", {**order, **named, "pricetype": "LIMIT", "price": 450}),
        ("modifygttorder", {**gtt, "strategy": "x", "trigger_id": "7"}),
        ("modifyorder", {**order, **named, "pricetype": "LIMIT", "price": 450}),
        ("modifygttorder", {**gtt, "strategy": "x", "trigger_id": "7"}),
        ("placeorder", {**order, "strategy": "x"}),
        ("cancelorder", named),
        ("cancelgttorder", {"trigger_id": "7", "strategy": "x"}),
    ]

    codes = [served.post(path, body).status_code for path, body in calls]
    end(served)

    assert codes == [404, 404, 429, 429, 429, 404, 404]
