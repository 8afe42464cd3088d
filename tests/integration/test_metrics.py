"""GET /metrics: what it tells, to whom, and what it never tells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from broker.base import OutcomeUnknown
from broker.paper import PaperAccount
from database.outbox_db import Channel, Destination, NewMessage, add_destination, destinations, enqueue
from database.session import Database, NotRead
from database.settings import SettingScope, set_kill_switch
from services import scrape
from services.bracket.model import KillMode, Mode
from tests.serving import Served, a_config, end, resting, serve, until

TOKEN = "metrics-token-of-sixteen-and-more"
Series = tuple[str, frozenset[tuple[str, str]]]


def read(client: FlaskClient) -> dict[Series, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {
        (one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples
    }


def value(client: FlaskClient, name: str, **labels: str) -> float:
    return read(client).get((f"openbracket_{name}", frozenset(labels.items())), 0.0)


def test_the_first_thing_told_is_what_is_not_protected(service: Served) -> None:
    lines = service.client.get("/metrics").get_data(as_text=True).splitlines()

    assert lines[0].startswith("# HELP openbracket_unprotected_brackets ")


def test_a_bracket_whose_stop_has_no_answer_is_told_as_unprotected_until_it_has_one(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PaperAccount.place_order

    def lose_exits(account: PaperAccount, order: object) -> object:
        if order.tag[8] == "X":  # type: ignore[attr-defined]
            raise OutcomeUnknown("lost")
        return place(account, order)  # type: ignore[arg-type]

    before = value(service.client, "orders_total", mode="live", role="X", outcome="unknown")
    monkeypatch.setattr(PaperAccount, "place_order", lose_exits)
    service.place()

    until(lambda: value(service.client, "unprotected_brackets", mode="live") == 1)
    told = read(service.client)
    assert told["openbracket_unprotected_shares", frozenset({("mode", "live")})] == 10
    assert told["openbracket_unprotected_oldest_seconds", frozenset({("mode", "live")})] > 0
    assert value(service.client, "unknown_legs", mode="live") == 1
    assert value(service.client, "orders_total", mode="live", role="X", outcome="unknown") >= before + 1
    monkeypatch.undo()
    until(lambda: value(service.client, "unprotected_brackets", mode="live") == 0, seconds=30)
    total = sum(
        v for (name, _), v in read(service.client).items() if name.endswith("unprotected_seconds_count")
    )
    assert total >= 1


def test_what_was_placed_called_committed_and_asked_is_counted(service: Served) -> None:
    before = counts_of_placing(service.client)

    service.place(**resting())

    after = counts_of_placing(service.client)
    assert after["placed"] == before["placed"] + 1
    assert after["entries"] == before["entries"] + 1
    assert after["called"] >= before["called"] + 1  # the stop of the test before may be placed meanwhile
    assert after["committed"] > before["committed"]
    assert after["asked"] == before["asked"] + 1


def counts_of_placing(client: FlaskClient) -> dict[str, float]:
    call = {"broker": "paper", "operation": "place_order", "outcome": "ok"}
    route = "api_v1.placebracketorder_place_bracket_order"
    return {
        "placed": value(client, "brackets_placed_total", mode="live"),
        "entries": value(client, "orders_total", mode="live", role="E", outcome="acknowledged"),
        "called": value(client, "broker_call_seconds_count", **call),
        "committed": value(client, "database_commit_seconds_count"),
        "asked": value(client, "http_requests_total", route=route, status="200"),
    }


def test_the_outbox_and_the_kill_switch_are_told(service: Served) -> None:
    desk, now = service.desk, service.desk.clock.now()
    sent_to = Destination(
        id="hook", account_id=service.account.id, channel=Channel.TELEGRAM, address="1", created_at=now
    )
    add_destination(desk.db, sent_to, secret=None)
    enqueue(
        desk.db,
        destinations(desk.db, Channel.TELEGRAM)[0],
        [NewMessage(key="k", seq=None, urgent=True, body="alarm")],
        at=now,
    )
    set_kill_switch(
        desk.db, SettingScope.OWNER, subject_id=service.account.owner_id, mode=KillMode.BLOCK_ENTRIES, at=now
    )

    told = read(service.client)

    set_kill_switch(
        desk.db, SettingScope.OWNER, subject_id=service.account.owner_id, mode=KillMode.OFF, at=now
    )
    worker = desk.supervisor.worker(service.account.id, Mode.LIVE)
    until(lambda: worker.kill_mode() is KillMode.OFF, what="the switch seen off, for the tests to come")
    assert told["openbracket_outbox_messages", frozenset({("channel", "telegram")})] == 1
    assert told["openbracket_outbox_oldest_seconds", frozenset({("channel", "telegram")})] > 0
    assert told["openbracket_kill_switches", frozenset({("mode", "block_entries")})] == 1


def test_brackets_that_no_worker_looks_after_are_told(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket_id = service.place(**resting())["bracket_id"]
    open_before = value(service.client, "open_brackets", mode="live", state="ENTRY_OPEN")
    monkeypatch.setattr(service.desk.supervisor, "workers", list)

    assert value(service.client, "unworked_brackets") >= 1
    assert value(service.client, "open_brackets", mode="live", state="ENTRY_OPEN") == open_before
    monkeypatch.undo()
    service.post("cancelbracketorder", {"bracket_id": bracket_id})


def test_a_database_that_does_not_answer_hides_nothing_the_workers_know(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Database) -> None:
        raise NotRead("gone")

    monkeypatch.setattr(scrape, "list_accounts", fail)

    told = read(service.client)

    assert told["openbracket_database_up", frozenset()] == 0
    assert told["openbracket_workers", frozenset()] >= 1
    assert ("openbracket_unprotected_brackets", frozenset({("mode", "live")})) in told


def test_no_label_holds_an_id_a_symbol_or_a_secret(service: Served) -> None:
    bracket_id = service.place(**resting())["bracket_id"]
    service.client.get(f"/tradingview/webhook/bracket/{service.a_webhook()}")
    service.client.get(f"/no/such/address/{service.key}")

    text = service.client.get("/metrics").get_data(as_text=True)

    for kept in (
        bracket_id,
        service.account.id,
        service.account.owner_id,
        service.key,
        "SBIN",
        "wh_",
        "such",
    ):
        assert kept not in text
    labels = {name for _, found in read(service.client) for name, _ in found}
    assert labels <= {
        "mode", "cause", "kind", "state", "role", "outcome", "verdict", "broker", "operation", "status",
        "route", "channel", "trouble", "budget", "log", "le", "generation",
    }  # fmt: skip


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_without_a_token_nothing_that_came_through_a_proxy_is_let_in(service: Served, header: str) -> None:
    assert service.client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1"])
def test_without_a_token_no_other_machine_is_let_in(service: Served, address: str) -> None:
    assert service.client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 404


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    served = serve(a_config(folder, metrics_token=TOKEN))
    yield served
    end(served)


def test_with_a_token_only_its_bearer_reads_from_wherever(guarded: Served) -> None:
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    good = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.8"}

    assert guarded.client.get("/metrics", environ_base=elsewhere, headers=good).status_code == 200
    for wrong in ("", "Bearer ", f"Bearer {TOKEN}x", TOKEN, "Bearer \xe9"):
        refused = guarded.client.get("/metrics", headers={"Authorization": wrong})
        assert (refused.status_code, refused.get_json()["code"]) == (401, "invalid_api_key")


def test_whoever_guesses_the_token_is_slowed(guarded: Served) -> None:
    stranger = {"REMOTE_ADDR": "192.0.2.9"}
    answers = [guarded.client.get("/metrics", environ_base=stranger).status_code for _ in range(11)]

    assert answers == [401] * 10 + [429]
