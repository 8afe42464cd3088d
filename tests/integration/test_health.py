"""Readiness and brokers' pushes from the outside."""

from pathlib import Path

import pytest

import app as wiring
from broker.base import AuthDead
from broker.paper.account import PaperAccount
from database.account_db import AccountStatus, set_account_status
from services.account_worker import AccountWorker
from services.bracket.model import Mode
from tests.serving import Served, a_config, until


def test_a_service_at_work_is_ready(service: Served) -> None:
    answer = service.client.get("/readyz")

    assert (answer.status_code, answer.get_json()["warnings"]) == (200, [])


def test_a_worker_that_has_not_turned_makes_the_service_unready(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = service.desk.supervisor.start_worker(service.account.id, Mode.LIVE)
    monkeypatch.setattr(service.desk.clock, "monotonic", lambda: worker.last_turn + 11, raising=False)

    answer = service.client.get("/readyz")

    monkeypatch.undo()
    assert answer.status_code == 503
    assert "has not turned" in answer.get_json()["reasons"][0]


def test_a_dead_login_is_told_and_the_service_stays_ready(service: Served) -> None:
    at = service.desk.clock.now()
    set_account_status(service.desk.db, service.account.id, status=AccountStatus.NEEDS_LOGIN, at=at)
    try:
        answer = service.client.get("/readyz")
    finally:
        set_account_status(service.desk.db, service.account.id, status=AccountStatus.ACTIVE, at=at)

    assert answer.status_code == 200
    assert answer.get_json()["warnings"] == ["account main needs a new broker login"]


def test_a_database_that_was_not_migrated_is_not_ready(tmp_path: Path) -> None:
    app = wiring.create_app(a_config(tmp_path))
    client = app.test_client()

    alive, ready = client.get("/healthz"), client.get("/readyz")
    app.extensions["openbracket"].db.close()

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert "db upgrade" in ready.get_json()["message"]


def test_a_push_makes_the_account_look(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[str] = []
    monkeypatch.setattr(AccountWorker, "push", lambda worker: pushed.append(worker.account_id))
    token = service.desk.secrets.box.postback_token(service.account.id)

    answer = service.client.post(f"/postback/paper/{token}", data=b"anything at all \xff")

    assert (answer.status_code, pushed) == (200, [service.account.id])


@pytest.mark.parametrize("broker", ["paper", "zerodha"])
@pytest.mark.parametrize("token", ["pb_nobody_" + "0" * 64, "x", "good"])
def test_a_push_to_an_unknown_address_is_not_found(service: Served, broker: str, token: str) -> None:
    if token == "good":
        token = service.desk.secrets.box.postback_token(service.account.id)
        broker = "zerodha"  # the account's is paper

    assert service.client.post(f"/postback/{broker}/{token}").status_code == 404


def test_a_dead_session_seen_by_a_worker_is_told(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(_: PaperAccount) -> None:
        raise AuthDead("logged out")

    def is_told() -> bool:
        return bool(service.client.get("/readyz").get_json()["warnings"])

    bracket_id = service.place(entry_price=440, sl_price=430, target_price=470)["bracket_id"]
    monkeypatch.setattr(PaperAccount, "order_book", dead)

    until(is_told)
    monkeypatch.undo()
    until(lambda: not is_told())
    assert service.post("cancelbracketorder", {"bracket_id": bracket_id}).status_code == 200
