"""Accounts, keys, webhooks, notifications, settings, health and safety, as their pages ask for them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blueprints.dashboard import guard
from blueprints.dashboard.guard import CSRF_HEADER
from blueprints.sockets import drop_refused_keys
from database.account_db import (
    Account,
    AccountStatus,
    create_account,
    create_owner,
    set_account_status,
    set_auth_token,
    set_login,
)
from database.account_db import account as find_account
from database.auth_db import Scope, create_api_key, create_webhook, find_webhook, revoke_api_key
from database.outbox_db import Channel, destinations, disable
from database.telegram_links import create_link_code, redeem_link_code
from extensions import socketio
from services.bracket.model import Mode
from services.destinations import Switchboard, add_hook
from services.outbound_http import OutboundHttp
from tests.person import Person, a_dashboard, a_person, logged_in
from tests.serving import Json, Served, a_config, an_order, resting, until
from utils.config import Config, Source
from utils.config_shown import shown_settings

HOOK = "https://93.184.216.34/hook"  # never sent to: OutboundHttp refuses nothing of it at adding


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch, a_dashboard(tmp_path_factory.mktemp("office")) as served:
        patch.setattr(guard, "_CALLS_LIMIT", "100000 per second")  # tests are faster than people
        yield served


@pytest.fixture(scope="module")
def owner(service: Served) -> Person:
    return logged_in(service)


def told(answer: Any) -> Json:
    found: Json = answer.get_json()
    assert answer.status_code == 200, found
    return found


def account_told(owner: Person, name: str = "main") -> Json:
    accounts = told(owner.call("accounts"))["accounts"]
    return next(one for one in accounts if one["name"] == name)


# --- whose it is


@dataclass(frozen=True)
class Theirs:
    """What somebody else has here."""

    account: Account
    key_id: str
    key: str
    webhook_id: str
    hook_id: str


@pytest.fixture(scope="module")
def theirs(service: Served) -> Theirs:
    desk = service.desk
    at = desk.clock.now()
    stranger = create_owner(desk.db, "stranger", at=at)
    one = create_account(desk.db, "theirs", owner_id=stranger.id, broker="paper", at=at)
    key = create_api_key(desk.db, desk.secrets, one.id, scopes=[Scope.READ, Scope.TRADE], at=at)
    webhook = create_webhook(desk.db, desk.secrets, one.id, at=at, name="their webhook")
    parts = Switchboard(db=desk.db, box=desk.secrets.box, clock=desk.clock)
    hook = add_hook(parts, one, HOOK, http=OutboundHttp()).hook
    linked(service, one)
    desk.supervisor.worker(one.id, Mode.LIVE)
    return Theirs(one, key.split("_")[1], key, webhook.split("_")[1], hook.id)


def linked(service: Served, one: Account) -> None:
    desk = service.desk
    at, box = desk.clock.now(), desk.secrets.box
    code = create_link_code(desk.db, box, one.id, scopes=frozenset({Scope.READ}), at=at)
    assert redeem_link_code(desk.db, box, code, chat_id=4711, at=at) is not None


LISTS = ("beside", "accounts", "keys", "webhooks", "notifications", "settings", "health", "health/checks")

ACTS_ON_THEIRS: tuple[Callable[[Theirs], tuple[str, Json | None]], ...] = (
    lambda one: (f"accounts/{one.account.id}/consequences?act=disable", None),
    lambda one: (f"accounts/{one.account.id}/act", {"act": "disable"}),
    lambda one: (f"accounts/{one.account.id}/login", {}),
    lambda one: ("keys", {"account_id": one.account.id, "scopes": ["read"]}),
    lambda one: (f"keys/{one.key_id}/consequences", None),
    lambda one: (f"keys/{one.key_id}/revoke", {}),
    lambda one: ("webhooks", {"account_id": one.account.id, "form": {}}),
    lambda one: (f"webhooks/{one.webhook_id}", {"name": "x", "require_timenow": True, "form": {}}),
    lambda one: (f"webhooks/{one.webhook_id}/consequences?act=rotate", None),
    lambda one: (f"webhooks/{one.webhook_id}/act", {"act": "rotate"}),
    lambda one: (f"webhooks/{one.webhook_id}/act", {"act": "revoke"}),
    lambda one: (f"telegram/{one.account.id}/code", {"may_trade": False}),
    lambda one: (f"telegram/{one.account.id}/test", {}),
    lambda one: (f"telegram/{one.account.id}/consequences", None),
    lambda one: (f"telegram/{one.account.id}/unlink", {}),
    lambda one: ("hooks", {"account_id": one.account.id, "url": HOOK}),
    lambda one: (f"hooks/{one.hook_id}/messages", None),
    lambda one: (f"hooks/{one.hook_id}/test", {}),
    lambda one: (f"hooks/{one.hook_id}/replay", {"message_id": "msg_x"}),
    lambda one: (f"hooks/{one.hook_id}/consequences?act=remove", None),
    lambda one: (f"hooks/{one.hook_id}/act", {"act": "remove"}),
    lambda one: (f"safety?account={one.account.id}", None),
    lambda one: (f"history?account={one.account.id}", None),
    lambda one: (f"history/sums?account={one.account.id}", None),
    lambda one: (f"history.csv?account={one.account.id}", None),
)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_nothing_of_another_owner(owner: Person, theirs: Theirs, path: str) -> None:
    text = owner.call(path).text

    assert '"status":"success"' in text
    for word in ("theirs", theirs.account.id, theirs.key_id, theirs.webhook_id, theirs.hook_id):
        assert word not in text


@pytest.mark.parametrize("ask", ACTS_ON_THEIRS)
def test_nothing_of_another_owner_is_read_or_touched(
    service: Served, owner: Person, theirs: Theirs, ask: Callable[[Theirs], tuple[str, Json | None]]
) -> None:
    path, body = ask(theirs)

    answer = owner.call(path, body)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    found = find_account(service.desk.db, theirs.account.id)
    assert found is not None
    assert found.status is AccountStatus.ACTIVE
    assert service.post("bracketorderbook", key=theirs.key).status_code == 200
    assert find_webhook(service.desk.db, theirs.webhook_id) is not None
    assert len(destinations(service.desk.db, Channel.WEBHOOK, account_id=theirs.account.id)) == 1
    assert len(destinations(service.desk.db, Channel.TELEGRAM, account_id=theirs.account.id)) == 1


# --- every address of these pages, whoever adds one


def routes_of_pages(service: Served) -> list[tuple[str, str]]:
    """Return method and address of everything below the dashboard that asks for a login."""
    found = []
    for rule in service.app.url_map.iter_rules():
        if rule.endpoint.startswith("page_"):
            path = re.sub(r"<[^>]+>", "x", re.sub(r"<int:[^>]+>", "1", rule.rule))
            found += [(method, path) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def test_without_a_login_no_address_answers(service: Served) -> None:
    stranger = a_person(service, "203.0.113.50")

    answers = {
        (method, path): stranger.client.open(path, method=method).status_code
        for method, path in routes_of_pages(service)
    }

    assert len(answers) > 60
    assert {code for (_, path), code in answers.items() if "/api/" in path} == {401}
    assert {code for (_, path), code in answers.items() if "/api/" not in path} == {302}


def test_without_its_token_no_address_changes_anything(service: Served, owner: Person) -> None:
    posts = [path for method, path in routes_of_pages(service) if method == "POST"]

    without = {path: owner.client.post(path, json={}).get_json()["code"] for path in posts}
    wrong = {
        path: owner.client.post(path, json={}, headers={CSRF_HEADER: "0" * 64}).get_json()["code"]
        for path in posts
    }

    assert set(without.values()) == set(wrong.values()) == {"csrf_refused"}


PAGES = ("beside", "accounts", "keys", "webhooks", "notifications", "settings", "health", "safety", "history")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_script_its_place_in_the_navigation_and_the_policy(owner: Person, name: str) -> None:
    answer = owner.get(f"/dashboard/{name}")

    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "'unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert f'src="/static/js/pages/{name}.js"' in answer.text
    assert re.search(rf'href="/dashboard/{name}" aria-current="page"', answer.text)
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=", answer.text)


# --- accounts


def test_an_account_is_paused_and_goes_on_again(service: Served, owner: Person) -> None:
    bracket_id = service.place()["bracket_id"]
    service.until_state(bracket_id, "PROTECTED")
    path = f"accounts/{service.account.id}"

    sentences = told(owner.call(f"{path}/consequences?act=pause"))["sentences"]
    told(owner.call(f"{path}/act", {"act": "pause"}))
    refused = service.post("placebracketorder", an_order()).get_json()
    paused = account_told(owner)
    told(owner.call(f"{path}/act", {"act": "resume"}))

    assert sentences[0] == "This concerns account main alone."
    assert any("1 position stays open with" in one for one in sentences)
    assert refused["code"] == "killed"
    assert (paused["kill"], paused["kill_in_force"]) == ("block_entries", "block_entries")
    assert service.post("placebracketorder", resting()).status_code == 200
    assert service.status(bracket_id)["state"] == "PROTECTED"


def test_a_disabled_account_refuses_its_keys_at_once_and_stays_protected(
    service: Served, owner: Person
) -> None:
    second = service.another_account("second")
    key = service.a_key(account=second)
    placed = service.post(
        "placebracketorder",
        an_order(symbol="INFY", entry_price=1510, sl_price=1400, target_price=1600),
        key=key,
    ).get_json()
    path = f"accounts/{second.id}/act"

    told(owner.call(path, {"act": "disable"}))
    refused = service.post("bracketorderbook", key=key)
    shown = told(owner.call(f"brackets/{placed['bracket_id']}"))["bracket"]
    disabled = account_told(owner, "second")
    told(owner.call(path, {"act": "enable"}))

    assert refused.status_code == 401
    assert disabled["status"] == "disabled"
    assert shown["explanation"] is not None  # its worker is at work
    assert service.post("bracketorderbook", key=key).status_code == 200


def test_a_word_that_is_no_act_is_refused(service: Served, owner: Person) -> None:
    path = f"accounts/{service.account.id}"

    for answer in (owner.call(f"{path}/act", {"act": "sell"}), owner.call(f"{path}/consequences?act=")):
        assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {"act"})


def test_a_broker_login_is_told_by_age_and_how_to_renew_it_and_never_its_token(
    service: Served, owner: Person
) -> None:
    desk = service.desk
    kite = service.another_account("kite", broker="zerodha")
    bare = account_told(owner, "kite")
    stored = desk.clock.now() - timedelta(hours=5)
    set_auth_token(desk.db, desk.secrets.box, kite.id, auth_token="theapikey:thesecrettoken", at=stored)
    desk.supervisor.worker(kite.id, Mode.LIVE)

    answer = owner.call("accounts")
    shown = account_told(owner, "kite")

    assert (bare["token_readable"], bare["token_stored_at"], bare["workers"]) == (None, None, [])
    assert shown["token_stored_at"].startswith(stored.isoformat(timespec="milliseconds")[:19])
    assert shown["login"] == {"by_browser": True, "command": "flask --app app account login kite"}
    assert "secrettoken" not in answer.text
    budgets = {(one["budget"], one["calls"]) for one in shown["workers"][0]["rate_use"]}
    assert {("orders", 10), ("orders", 400), ("orders", 5000), ("reads", 10), ("quotes", 1)} == budgets
    set_account_status(desk.db, kite.id, status=AccountStatus.DISABLED, at=desk.clock.now())


def test_the_way_to_a_brokers_login_page_is_opened_for_its_owner_once(service: Served, owner: Person) -> None:
    desk = service.desk
    kite = service.another_account("kite2", broker="zerodha")
    without_secrets = owner.call(f"accounts/{kite.id}/login", {})
    secrets = {"api_key": "theapikey", "api_secret": "theapisecret"}
    set_login(desk.db, desk.secrets.box, kite.id, login=secrets, at=desk.clock.now())

    address = told(owner.call(f"accounts/{kite.id}/login", {}))["address"]
    opened, again = owner.get(address), owner.get(address)
    paper = owner.call(f"accounts/{service.account.id}/login", {})

    assert "run `account login kite2`" in without_secrets.get_json()["message"]
    assert address.startswith("/zerodha/login?ticket=")
    assert opened.status_code == 303
    assert "api_key=theapikey" in opened.headers["Location"]
    assert (again.status_code, paper.get_json()["code"]) == (400, "login_refused")
    set_account_status(desk.db, kite.id, status=AccountStatus.DISABLED, at=desk.clock.now())


# --- keys


def test_a_key_is_told_once_used_noted_and_revoked_at_once(service: Served, owner: Person) -> None:
    made = told(owner.call("keys", {"account_id": service.account.id, "scopes": ["read"]}))["key"]
    key_id = made.split("_")[1]
    used = service.post("bracketorderbook", key=made).status_code
    may_not = service.post("placebracketorder", an_order(), key=made).get_json()["code"]

    listed = owner.call("keys")
    entry = next(one for one in told(listed)["keys"] if one["id"] == key_id)
    sentences = told(owner.call(f"keys/{key_id}/consequences"))["sentences"]
    after = told(owner.call(f"keys/{key_id}/revoke", {}))["keys"]
    refused = service.post("bracketorderbook", key=made).status_code

    assert (used, may_not, refused) == (200, "scope_missing", 401)
    assert made not in listed.text
    assert made.split("_")[2] not in listed.text
    assert (entry["scopes"], entry["last4"]) == (["read"], made[-4:])
    assert made[-4:] in sentences[0]
    assert next(one for one in after if one["id"] == key_id)["revoked_at"] is not None
    assert owner.call(f"keys/{key_id}/revoke", {}).status_code == 404


def a_socket(service: Served, key: str) -> Any:
    client = socketio.test_client(service.app, auth={"apikey": key})
    assert client.is_connected()
    return client


def test_a_revoked_key_loses_its_live_connection_at_once_and_no_other_does(
    service: Served, owner: Person
) -> None:
    revoked, kept = service.a_key(), service.a_key()
    gone, stays = a_socket(service, revoked), a_socket(service, kept)

    told(owner.call(f"keys/{revoked.split('_')[1]}/revoke", {}))

    assert (gone.is_connected(), stays.is_connected()) == (False, True)
    stays.disconnect()


def test_a_key_that_the_command_line_revokes_loses_its_live_connection_with_the_next_round(
    service: Served,
) -> None:
    key = service.a_key()
    client = a_socket(service, key)
    seats = service.app.extensions["openbracket_seats"]
    drop_refused_keys(seats, service.desk.db, now=service.desk.clock.now())
    before = client.is_connected()

    revoke_api_key(service.desk.db, key.split("_")[1], at=service.desk.clock.now())
    drop_refused_keys(seats, service.desk.db, now=service.desk.clock.now())

    assert (before, client.is_connected()) == (True, False)


def test_a_disabled_account_loses_its_live_connections(service: Served, owner: Person) -> None:
    third = service.another_account("third")
    client = a_socket(service, service.a_key(account=third))

    told(owner.call(f"accounts/{third.id}/act", {"act": "disable"}))

    assert not client.is_connected()


@pytest.mark.parametrize("scopes", [[], ["everything"], "read", None])
def test_a_key_without_a_scope_there_is_is_not_made(service: Served, owner: Person, scopes: Any) -> None:
    before = len(told(owner.call("keys"))["keys"])

    answer = owner.call("keys", {"account_id": service.account.id, "scopes": scopes})

    assert answer.status_code == 400
    assert len(told(owner.call("keys"))["keys"]) == before


# --- webhooks

FORM: Json = {
    "max_quantity": "100",
    "max_value": "50000.50",
    "max_open_brackets": "3",
    "symbols": ["nse:sbin"],
    "products": ["MIS"],
    "hours": "00:00-23:59",
    "addresses": ["127.0.0.0/8"],
    "defaults": ["sl_percent=1"],
    "symbol_map": ["STATEBANK=NSE:SBIN"],
    "on_exit": "ignore",
    "on_opposite": "close_first",
    "price_unit": "points",
    "risk_unit": "lots",
    "allow_delayed": True,
}


def a_webhook(service: Served, owner: Person, **overrides: Any) -> tuple[str, str]:
    body = {"account_id": service.account.id, "require_timenow": False, "form": {}} | overrides
    token = told(owner.call("webhooks", body))["token"]
    return token.split("_")[1], token


def alert(service: Served, token: str, **overrides: Any) -> Any:
    return service.client.post(f"/tradingview/webhook/bracket/{token}", json=an_order(**overrides))


def shown_webhook(owner: Person, webhook_id: str) -> Json:
    return next(one for one in told(owner.call("webhooks"))["webhooks"] if one["id"] == webhook_id)


def test_all_that_can_be_set_of_a_webhook_is_shown_as_it_was_said(service: Served, owner: Person) -> None:
    webhook_id, token = a_webhook(service, owner, name=" my strategy ", form=FORM)

    answer = owner.call("webhooks")
    shown = shown_webhook(owner, webhook_id)

    assert shown["form"] == FORM | {"symbols": ["NSE:SBIN"]}
    assert (shown["name"], shown["require_timenow"]) == ("my strategy", False)
    assert token not in answer.text
    assert token.split("_")[2] not in answer.text


def test_a_form_replaces_everything_and_an_empty_one_takes_all_limits_away(
    service: Served, owner: Person
) -> None:
    webhook_id, token = a_webhook(service, owner, form=FORM | {"max_quantity": "5"})
    refused = alert(service, token).get_json()["code"]

    empty = {"name": "", "require_timenow": False, "form": {}}
    told(owner.call(f"webhooks/{webhook_id}", empty))

    assert refused == "webhook_limit"
    assert shown_webhook(owner, webhook_id)["form"]["max_quantity"] == ""
    assert alert(service, token).status_code == 200


def test_every_fault_of_a_form_is_told_beside_its_field(service: Served, owner: Person) -> None:
    form = {
        "max_quantity": "many",
        "max_value": "-1",
        "max_open_brackets": "1.5",
        "symbols": ["SBIN"],
        "products": ["XYZ"],
        "hours": "15:00-09:00",
        "addresses": ["300.1.1.1"],
        "defaults": ["symbol=SBIN"],
        "symbol_map": ["=x"],
        "on_exit": "sing",
        "on_opposite": "sing",
        "price_unit": "sing",
        "risk_unit": "sing",
    }
    before = len(told(owner.call("webhooks"))["webhooks"])

    answer = owner.call("webhooks", {"account_id": service.account.id, "form": form})

    assert answer.status_code == 400
    assert answer.get_json()["errors"].keys() == form.keys()
    assert len(told(owner.call("webhooks"))["webhooks"]) == before


def test_a_new_token_works_and_the_old_one_no_more_and_the_limits_stay(
    service: Served, owner: Person
) -> None:
    webhook_id, old = a_webhook(service, owner, form=FORM)

    rotated = told(owner.call(f"webhooks/{webhook_id}/act", {"act": "rotate"}))

    assert rotated["token"] != old
    assert rotated["address"].endswith(f"/tradingview/webhook/bracket/{rotated['token']}")
    assert alert(service, old).status_code == 401
    assert alert(service, rotated["token"], quantity=101).get_json()["code"] == "webhook_limit"
    assert shown_webhook(owner, webhook_id)["form"] == FORM | {"symbols": ["NSE:SBIN"]}


def test_a_webhook_is_paused_resumed_and_revoked(service: Served, owner: Person) -> None:
    webhook_id, token = a_webhook(service, owner)
    path = f"webhooks/{webhook_id}"
    sentences = [
        told(owner.call(f"{path}/consequences?act={act}"))["sentences"]
        for act in ("pause", "resume", "rotate", "revoke")
    ]

    told(owner.call(f"{path}/act", {"act": "pause"}))
    paused = alert(service, token).get_json()["code"]
    told(owner.call(f"{path}/act", {"act": "resume"}))
    resumed = alert(service, token).status_code
    told(owner.call(f"{path}/act", {"act": "revoke"}))

    assert all(len(one) == 2 for one in sentences)
    assert (paused, resumed, alert(service, token).status_code) == ("webhook_paused", 200, 401)
    assert owner.call(f"{path}/act", {"act": "pause"}).status_code == 404


# --- notifications


def test_without_a_bot_that_is_said_and_no_code_is_made(service: Served, owner: Person) -> None:
    page = owner.get("/dashboard/notifications").text
    refused = owner.call(f"telegram/{service.account.id}/code", {"may_trade": True})

    assert "No bot is configured" in page
    assert told(owner.call("notifications"))["has_bot"] is False
    assert refused.status_code == 400
    assert "TELEGRAM_BOT_TOKEN is not set" in refused.get_json()["message"]


def test_a_chat_is_linked_by_its_code_tested_and_unlinked(service: Served, owner: Person) -> None:
    path = f"telegram/{service.account.id}"
    unlinked = [owner.call(f"{path}/{act}", {}).status_code for act in ("test", "unlink")]
    linked(service, service.account)

    shown = told(owner.call("notifications"))["accounts"][0]["chat"]
    told(owner.call(f"{path}/test", {}))
    waiting = told(owner.call("notifications"))["accounts"][0]["chat"]["waiting"]
    sentences = told(owner.call(f"{path}/consequences"))["sentences"]
    after = told(owner.call(f"{path}/unlink", {}))["accounts"][0]["chat"]

    assert unlinked == [404, 404]
    assert (shown["address"], shown["may_trade"]) == ("4711", False)
    assert waiting >= 1
    assert "alarms neither" in sentences[0]
    assert after is None


def test_an_address_is_added_tested_replayed_enabled_and_removed(service: Served, owner: Person) -> None:
    db = service.desk.db
    made = told(owner.call("hooks", {"account_id": service.account.id, "url": f" {HOOK} "}))
    path = f"hooks/{made['hook_id']}"
    messages = told(owner.call(f"{path}/test", {}))["messages"]
    trial = next(one["id"] for one in messages if '"type":"bracket_order.test"' in one["body"])
    again = told(owner.call(f"{path}/replay", {"message_id": trial}))["messages"]
    disable(db, made["hook_id"], reason="the answer was 410", at=service.desk.clock.now())

    listed = owner.call("notifications")
    disabled = next(one for one in told(listed)["accounts"][0]["hooks"] if one["id"] == made["hook_id"])
    sentences = told(owner.call(f"{path}/consequences?act=remove"))["sentences"]
    told(owner.call(f"{path}/act", {"act": "enable"}))
    not_disabled = owner.call(f"{path}/act", {"act": "enable"}).status_code
    told(owner.call(f"{path}/act", {"act": "remove"}))

    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in listed.text
    assert trial in [one["id"] for one in again]
    assert (disabled["address"], disabled["disabled_reason"]) == (HOOK, "the answer was 410")
    assert "waiting messages are deleted" in sentences[0]
    assert not_disabled == 404
    assert owner.call(f"{path}/messages").status_code == 404


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1/", "ftp://x", "https://u:p@example.com/"]
)
def test_an_address_that_nothing_may_be_sent_to_is_refused(service: Served, owner: Person, url: str) -> None:
    answer = owner.call("hooks", {"account_id": service.account.id, "url": url})

    assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {"url"})


def test_a_message_that_is_not_of_the_address_is_not_replayed(service: Served, owner: Person) -> None:
    made = told(owner.call("hooks", {"account_id": service.account.id, "url": HOOK}))

    for message in ("nothing", f"msg_{service.account.id}_seq-999999"):
        answer = owner.call(f"hooks/{made['hook_id']}/replay", {"message_id": message})
        assert answer.status_code == 404
    told(owner.call(f"hooks/{made['hook_id']}/act", {"act": "remove"}))


# --- settings


def test_the_analyzer_is_switched_with_what_stays_told_before(service: Served, owner: Person) -> None:
    on = told(owner.call("analyzer/consequences?analyze=true"))["sentences"]
    off = told(owner.call("analyzer/consequences?analyze=false"))["sentences"]

    switched = told(owner.call("analyzer", {"analyze": True}))["analyze"]
    placed = service.place(**resting())
    told(owner.call("analyzer", {"analyze": False}))

    assert "no real money moves" in on[0]
    assert "still go to the broker" in on[2]
    assert "LIVE, real money moves" in off[0]
    assert (switched, placed["mode"]) == (True, "analyze")
    assert service.place(**resting())["mode"] == "live"
    assert owner.call("analyzer", {"analyze": "yes"}).status_code == 400


def test_the_kill_switches_are_told_each_by_itself_and_what_is_in_force(
    service: Served, owner: Person
) -> None:
    told(owner.call("killswitch", {"mode": "block_entries"}))

    shown = told(owner.call("settings"))

    told(owner.call("killswitch", {"mode": "off"}))
    main = next(one for one in shown["accounts"] if one["name"] == "main")
    assert (shown["kill"], main["kill"], main["kill_in_force"]) == ("block_entries", "off", "block_entries")


def test_no_secret_is_among_the_settings_shown(owner: Person) -> None:
    answer = owner.call("settings")
    settings = {one["name"]: one for one in told(answer)["settings"]}

    for secret in ("s" * 40, "p" * 32, "70" * 32):
        assert secret not in answer.text
    for name in ("API_KEY_PEPPER", "ENCRYPTION_KEYS", "SECRET_KEY"):
        assert settings[name]["value"] == "set, not shown"
    assert settings["TELEGRAM_BOT_TOKEN"]["value"] is None
    assert settings["DATABASE_URL"]["value"].endswith("openbracket.db")
    assert settings["BRACKET_ORDER_DELAY"]["value"] == "0.5"


def test_a_setting_tells_where_it_comes_from_and_hides_what_an_address_holds() -> None:
    sources = {"REDIS_URL": Source.PROCESS, "ZERODHA_API_ROOT": Source.FILE}
    config = a_config_with(
        redis_url="redis://user:hunter2@cache:6379/0?password=hunter2",
        broker_api_roots={"zerodha": "http://u:hunter2@127.0.0.1:9"},
        telegram_bot_token="1:hunter2",
        sources=sources,
    )

    shown = {one.name: one for one in shown_settings(config)}

    assert "hunter2" not in str(list(shown.values()))
    assert (shown["REDIS_URL"].value or "").startswith("redis://cache:6379/0")
    assert [shown[name].source for name in ("REDIS_URL", "ZERODHA_API_ROOT", "PORT")] == [
        "environment",
        ".env",
        "default",
    ]
    assert shown["PORT"].sentence != ""
    assert shown["ZERODHA_API_ROOT"].sentence != ""


def a_config_with(**settings: Any) -> Config:

    return a_config(Path("/nowhere"), **settings)


# --- health and safety


def test_health_tells_workers_reads_and_queues(service: Served, owner: Person) -> None:
    service.until_state(service.place()["bracket_id"], "PROTECTED")

    def main_worker() -> Json | None:
        workers = told(owner.call("health"))["workers"]
        found: Json = next(
            one for one in workers if one["account_id"] == service.account.id and one["mode"] == "live"
        )
        return found if found["read_seconds"] is not None else None

    worker = until(main_worker)
    shown = told(owner.call("health"))

    assert shown["faults"] == []
    assert worker["is_reading"]
    assert worker["open"] >= 1
    assert (worker["turned_seconds"] < 10, worker["read_seconds"] < 10) == (True, True)
    assert {"log of calls", "log of analyzer calls"} <= {one["name"] for one in shown["queues"]}


def test_a_worker_that_hangs_is_a_fault_and_a_strangers_is_not_named(
    service: Served, owner: Person, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = service.desk.supervisor.start_worker(service.account.id, Mode.LIVE)
    other = service.desk.supervisor.start_worker(theirs.account.id, Mode.LIVE)
    late = max(ours.last_turn, other.last_turn) + 11
    monkeypatch.setattr(service.desk.clock, "monotonic", lambda: late, raising=False)

    faults = told(owner.call("health"))["faults"]

    monkeypatch.undo()
    assert f"the worker of account {service.account.id} has not turned for 10 s" in faults
    assert "the worker of somebody else's account has not turned for 10 s" in faults


def test_the_checks_and_the_brokers_are_those_of_doctor_and_the_safety_report(
    service: Served, owner: Person
) -> None:
    service.until_state(service.place()["bracket_id"], "PROTECTED")

    checks = told(owner.call("health/checks"))["checks"]
    brokers = told(owner.call("health/brokers"))["brokers"]

    assert {"fine": True, "words": "tables are up to date"} in checks
    assert {"fine": True, "words": "event chains are whole"} in checks
    paper = next(one for one in brokers if one["broker"] == "paper")
    assert paper["acceptance_seconds"]["count"] >= 1
    assert paper["quiescence_seconds"] == 10


def test_the_safety_report_is_that_of_the_api_for_all_accounts_or_one(service: Served, owner: Person) -> None:
    of_api = service.post("safetyreport").get_json()

    one = told(owner.call(f"safety?account={service.account.id}&mode=live"))["report"]
    every = told(owner.call("safety?days=31"))["report"]

    assert one["brackets"]["placed"] == of_api["brackets"]["placed"]
    assert every["brackets"]["placed"] >= one["brackets"]["placed"]


@pytest.mark.parametrize("asked", ["days=32", "days=0", "date=2026-13-01", "date=1999-01-01", "mode=dream"])
def test_a_report_of_days_there_are_none_of_is_refused(owner: Person, asked: str) -> None:
    assert owner.call(f"safety?{asked}").status_code == 400
