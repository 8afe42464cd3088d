"""Accounts that cannot be worked cost the others nothing, and say so in words."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broker.registry import import_broker_module
from services.bracket.model import Mode
from tests.serving import a_config, end, resting, serve

NEEDS_NO_ACCOUNT = {"", "swagger.json", "ping"}
ORDER = {"strategy": "x", "symbol": "SBIN", "exchange": "NSE", "action": "BUY", "quantity": 1, "price": "500"}
LEVEL = {"trigger_type": "SINGLE", "product": "CNC", "trigger_price": "501", "triggerprice_sl": "501"}
# Whatever cannot be answered without the broker.
BODIES = {
    "placebracketorder": resting(),
    "modifyorder": {**ORDER, "orderid": "1", "product": "MIS", "pricetype": "LIMIT"},
    "cancelorder": {"strategy": "x", "orderid": "1"},
    "orderstatus": {"strategy": "x", "orderid": "1"},
    "openposition": {"strategy": "x", "symbol": "SBIN", "exchange": "NSE", "product": "MIS"},
    "quotes": {"symbol": "SBIN", "exchange": "NSE"},
    "placegttorder": {**ORDER, **LEVEL},
    "modifygttorder": {**ORDER, **LEVEL, "trigger_id": "1"},
    "cancelgttorder": {"strategy": "x", "trigger_id": "1"},
    "orderbook": {},
    "tradebook": {},
    "positionbook": {},
    "gttorderbook": {},
    "funds": {},
}


def test_an_account_without_a_usable_login_refuses_orders_in_a_sentence_and_no_others(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path))
    try:
        other = served.another_account("nologin", broker="zerodha")
        key = served.a_key(account=other)

        refused = served.post("placebracketorder", resting(), key=key)

        assert (refused.status_code, refused.get_json()["code"]) == (500, "broker_error")
        assert refused.get_json()["message"] == "account nologin has no usable broker login"
        assert served.place(**resting())["status"] == "success"
    finally:
        end(served)


def test_without_a_login_every_route_answers_by_the_table_and_nothing_is_stored(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path))
    try:
        key = served.a_key(account=served.another_account("nologin", broker="zerodha"))
        routes = [rule.rule for rule in served.app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
        names = {route.removeprefix("/api/v1/").strip("/") for route in routes} - NEEDS_NO_ACCOUNT

        answers = {name: served.post(name, BODIES.get(name), key=key) for name in sorted(names)}

        told = {name: (one.status_code, one.get_json().get("code")) for name, one in answers.items()}
        assert {
            name for name, said in told.items() if said[0] >= 500 and said != (500, "broker_error")
        } == set()
        assert told.keys() >= BODIES.keys()
        assert all(told[name] == (500, "broker_error") for name in BODIES)
        assert served.post("bracketorderbook", key=key).get_json()["brackets"] == []
    finally:
        end(served)


def test_a_slow_broker_is_given_the_quiet_time_that_its_setting_says(tmp_path: Path) -> None:
    slow = timedelta(seconds=25)
    served = serve(a_config(tmp_path, broker_quiescence={"paper": slow}))
    try:
        placed = served.place(**resting(), dry_run=True)
        worker = served.desk.supervisor.start_worker(served.account.id, Mode.LIVE)

        assert worker.quiescence == slow
        assert "unprotected for 25 s" in str(placed["protection"]["warnings"])
    finally:
        end(served)


def test_a_broker_that_declares_itself_slow_is_given_its_quiet_time_without_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = timedelta(seconds=25)
    declared = replace(import_broker_module("paper").capabilities(), absence_quiescence=slow)
    monkeypatch.setattr(import_broker_module("paper"), "capabilities", lambda: declared)
    served = serve(a_config(tmp_path))
    try:
        placed = served.place(**resting(), dry_run=True)
        worker = served.desk.supervisor.worker(served.account.id, Mode.LIVE)

        assert worker.quiescence == slow
        assert "unprotected for 25 s" in str(placed["protection"]["warnings"])
    finally:
        end(served)
