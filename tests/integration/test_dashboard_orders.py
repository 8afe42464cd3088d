"""New brackets, alerts and signals at the dashboard: the calls of its pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from database.account_db import Account, AccountStatus, create_account, create_owner, set_account_status
from database.auth_db import create_webhook, list_webhooks, revoke_webhook
from database.signal_db import SignalFilter
from database.webhook_settings import WebhookLimits
from tests.person import Person, a_dashboard, a_person, logged_in
from tests.serving import Json, Served, an_order


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_dashboard(tmp_path_factory.mktemp("orders")) as served:
        yield served


@pytest.fixture(scope="module")
def owner(service: Served) -> Person:
    return logged_in(service)


@pytest.fixture(scope="module")
def stranger(service: Served) -> Account:
    """Another owner's account, with a webhook and a signal of its own."""
    desk = service.desk
    other = create_owner(desk.db, "somebody else", at=desk.clock.now())
    return create_account(desk.db, "theirs", owner_id=other.id, broker="paper", at=desk.clock.now())


def of_form(service: Served, **overrides: Any) -> Json:
    return {"account": service.account.id, **an_order(**overrides)}


def confirmed(service: Served, **overrides: Any) -> Json:
    """An order as its form sends it after the yes: with what was said of its money."""
    return of_form(service, **overrides) | {"paper": True}


def webhook_id(token: str) -> str:
    return token.split("_")[1]


def send(service: Served, token: str, **overrides: Any) -> Any:
    body = an_order(**overrides)
    return service.client.post(f"/tradingview/webhook/bracket/{token}", json=body)


def signals(owner: Person, query: str = "") -> list[Json]:
    found: list[Json] = owner.call(f"signals?{query}").get_json()["signals"]
    return found


def newest(service: Served, owner: Person, token: str) -> Json:
    service.desk.signal_log.flush()
    return signals(owner, f"sender={webhook_id(token)}")[0]


# --- a new bracket


def test_symbols_are_found_by_what_is_typed(service: Served, owner: Person) -> None:
    found = owner.call(f"new/symbols?account={service.account.id}&q=sbi").get_json()["symbols"]

    assert ("NSE", "SBIN") in [(one["exchange"], one["symbol"]) for one in found]


def test_choices_tell_grid_price_and_which_products_can_be_protected(service: Served, owner: Person) -> None:
    told = owner.call(f"new/choices?account={service.account.id}&exchange=NSE&symbol=SBIN").get_json()

    products = {one["product"]: one for one in told["products"]}
    assert (told["tick"], told["lot"]) == ("0.05", 1)
    assert float(told["quote"]["last"]) > 0
    assert products["MIS"]["refusals"] == {"BUY": [], "SELL": []}
    assert "cannot be sold short" in products["CNC"]["refusals"]["SELL"][0]
    assert "cannot be protected at this broker" in products["MTF"]["refusals"]["BUY"][0]


def test_choices_of_a_symbol_nobody_lists_are_none(service: Served, owner: Person) -> None:
    answer = owner.call(f"new/choices?account={service.account.id}&exchange=NSE&symbol=NOSUCH")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_the_price_of_the_chosen_symbol_follows_the_market(service: Served, owner: Person) -> None:
    told = owner.call(f"new/price?account={service.account.id}&exchange=NSE&symbol=SBIN").get_json()

    assert float(told["quote"]["last"]) > 0


def test_a_preview_is_the_dry_run_with_the_money_at_stake(service: Served, owner: Person) -> None:
    order = an_order(entry_price=500, sl_price=..., sl_percent="1.01", target_price=..., target_points=10)

    told = owner.call("new/preview", {"account": service.account.id, **order}).get_json()
    dry = service.post("placebracketorder", {**order, "dry_run": True}).get_json()

    assert told["accepted"] is True
    assert told["protection"] == dry["protection"]
    assert told["plan"] == {name: dry[name] for name in told["plan"]}
    assert [leg["purpose"] for leg in told["legs"]] == ["entry", "stop", "target"]
    assert told["rounding"] == []
    assert told["stakes"]["value"] == "5000.00"
    assert (float(told["stakes"]["risk"]), told["stakes"]["reward"]) == (50.5, "100.00")
    assert told["stakes"]["ratio"] == "1.98"
    assert told["sentences"][0] == "Buys 10 SBIN as MIS, at 500 or better."
    assert told["sentences"][-1] == "Paper: no real money moves."


def test_a_preview_names_every_fault_beside_its_field(service: Served, owner: Person) -> None:
    body = of_form(service, entry_price="500.03", quantity=0, target_price=490)

    answer = owner.call("new/preview", body)

    told = answer.get_json()
    assert (answer.status_code, told["accepted"]) == (200, False)
    assert {"entry_price", "quantity"} <= told["refusals"].keys()
    assert "not a multiple of the tick" in told["refusals"]["entry_price"][0]


def test_a_preview_stores_nothing(service: Served, owner: Person) -> None:
    before = service.bracket_ids()

    owner.call("new/preview", of_form(service, client_order_id="form-preview"))

    assert service.bracket_ids() == before


def test_two_clicks_place_one_bracket_that_is_then_protected(service: Served, owner: Person) -> None:
    body = confirmed(service, client_order_id="form-1")

    first, second = owner.call("new/place", body).get_json(), owner.call("new/place", body).get_json()

    assert first["bracket_id"] == second["bracket_id"]
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    service.until_state(first["bracket_id"], "PROTECTED")


def test_a_form_used_for_another_order_is_a_conflict(service: Served, owner: Person) -> None:
    owner.call("new/place", confirmed(service, client_order_id="form-2"))

    again = owner.call("new/place", confirmed(service, client_order_id="form-2", quantity=11))

    assert (again.status_code, again.get_json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("said", [False, None, "true"])
def test_what_was_confirmed_on_paper_is_not_placed_with_other_money(
    service: Served, owner: Person, said: object
) -> None:
    body = confirmed(service, client_order_id=f"form-money-{said}") | {"paper": said}

    refused = owner.call("new/place", body)

    assert (refused.status_code, list(refused.get_json()["errors"])) == (400, ["account"])
    assert "trades on paper now" in refused.get_json()["message"]
    assert owner.call("new/place", body | {"paper": True}).get_json()["duplicate"] is False


def test_placing_needs_the_id_of_its_form(service: Served, owner: Person) -> None:
    refused = owner.call("new/place", confirmed(service))

    assert refused.status_code == 400
    assert refused.get_json()["errors"].keys() == {"client_order_id"}


def test_nothing_is_placed_in_a_disabled_account(service: Served, owner: Person) -> None:
    disabled = service.another_account("disabled")
    now = service.desk.clock.now()
    set_account_status(service.desk.db, disabled.id, status=AccountStatus.DISABLED, at=now)

    body = {**confirmed(service, client_order_id="form-3"), "account": disabled.id}
    offered = owner.call("new/accounts").get_json()["accounts"]

    assert owner.call("new/place", body).get_json()["code"] == "killed"
    assert [one["name"] for one in offered] == ["main"]


# --- building and trying alerts


def test_a_message_is_built_without_ever_showing_the_token(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    hook = webhook_id(token)

    listed = owner.call("alerts/webhooks")
    told = owner.call("alerts/message", {"webhook": hook, "symbol": "SBIN", "sl_percent": "1"})

    assert hook in [one["id"] for one in listed.get_json()["webhooks"]]
    assert token not in listed.text + told.text
    assert told.get_json()["lacks_token"] is True
    assert "apikey" not in told.get_json()["alert"]
    assert told.get_json()["alert"]["symbol"] == "SBIN"


@pytest.mark.parametrize("in_address", [False, True])
def test_a_pasted_token_goes_into_the_message_or_the_address(
    service: Served, owner: Person, in_address: bool
) -> None:
    token = service.a_webhook()
    body = {"webhook": webhook_id(token), "token": token, "in_address": in_address}

    told = owner.call("alerts/message", body).get_json()

    assert told["url"].endswith(f"/{token}") is in_address
    assert told["alert"].get("apikey") == (None if in_address else token)


def test_what_the_builder_builds_is_what_the_webhook_takes(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    said = {"symbol": "SBIN", "exchange": "NSE", "product": "MIS", "quantity": "3", "action": "BUY"}
    built = owner.call("alerts/message", {"webhook": webhook_id(token), "token": token, **said}).get_json()

    text = built["text"].replace("{{timenow}}", "")
    answer = service.client.post(built["url"].removeprefix("http://localhost"), data=text)

    assert answer.status_code == 200, answer.get_json()
    service.until_state(answer.get_json()["bracket_id"], "PROTECTED")


def test_a_token_of_another_webhook_is_refused(service: Served, owner: Person) -> None:
    one, other = service.a_webhook(), service.a_webhook()

    refused = owner.call("alerts/message", {"webhook": webhook_id(one), "token": other})

    assert refused.status_code == 400
    assert "token" in refused.get_json()["errors"]
    assert other not in refused.text


def test_the_test_box_tells_dialect_order_and_legs(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    text = "long SBIN q=10 sl=1% tp=2r exchange=NSE product=MIS"

    told = owner.call("alerts/test", {"webhook": webhook_id(token), "message": text}).get_json()

    assert (told["accepted"], told["dialect"]) == (True, "key=value")
    assert len(told["legs"]) == 3


def test_the_test_box_judges_by_the_webhooks_own_limits(service: Served, owner: Person) -> None:
    token = service.a_webhook(limits=WebhookLimits(max_quantity=5))

    told = owner.call("alerts/test", {"webhook": webhook_id(token), "message": an_order()}).get_json()

    assert (told["accepted"], told["code"]) == (False, "webhook_limit")
    assert "above this webhook's limit of 5" in told["message"]


def test_the_test_box_works_for_an_account_without_webhooks(service: Served, owner: Person) -> None:
    told = owner.call("alerts/test", {"account": service.account.id, "message": "{broken"}).get_json()

    assert (told["accepted"], told["dialect"]) == (False, None)


# --- the log of signals


def test_an_accepted_signal_and_its_duplicate_are_told_apart(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    first = send(service, token, signal_id="once").get_json()
    send(service, token, signal_id="once")

    newer = newest(service, owner, token)
    older = signals(owner, f"sender={webhook_id(token)}")[1]

    assert (older["verdict"], newer["verdict"]) == ("accepted", "duplicate")
    assert older["bracket_id"] == newer["bracket_id"] == first["bracket_id"]
    assert (older["symbol"], older["dialect"], older["account"]["name"]) == ("SBIN", "native", "main")


def test_a_stale_signal_says_how_old_it_was(service: Served, owner: Person) -> None:
    token = service.a_webhook(require_timenow=True)
    send(service, token, timenow="2020-01-01T00:00:00Z")

    told = newest(service, owner, token)

    assert (told["verdict"], told["code"]) == ("stale", "alert_stale")
    assert "s old" in told["reason"]


def test_a_rejected_signal_says_why(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    send(service, token, symbol="NOSUCH")

    told = newest(service, owner, token)

    assert told["verdict"] == "rejected"
    assert "NOSUCH" in told["reason"]


def test_a_body_that_cannot_be_read_is_in_the_log_too(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    service.client.post(f"/tradingview/webhook/bracket/{token}", data='{"price": NaN}')

    told = newest(service, owner, token)

    assert (told["verdict"], told["body"]) == ("rejected", {})
    assert "NaN is no JSON number" in told["reason"]


def test_no_secret_gets_into_the_log_of_signals(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    key = service.a_key()
    send(service, token, apikey=token, passphrase="planted-secret", strategy=f"my {key}")
    service.client.post(
        f"/tradingview/webhook/bracket/{token}", data="planted-password\nlong SBIN q=1 sl=1% tp=2r"
    )
    service.desk.signal_log.flush()

    told = owner.call(f"signals?sender={webhook_id(token)}").text

    assert "planted" not in told
    assert token not in told
    assert key not in told


def test_signals_that_came_with_a_key_are_in_the_log(service: Served, owner: Person) -> None:
    service.client.post("/tradingview/webhook/bracket", json={"apikey": service.key, **an_order(quantity=7)})
    service.desk.signal_log.flush()

    told = signals(owner)[0]

    assert told["sender"]["name"] == f"API key {service.key.split('_')[1]}"
    assert told["body"]["quantity"] == 7


def test_signals_are_filtered_and_paged(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    for number in range(3):
        send(service, token, signal_id=f"page-{number}")
    send(service, token, symbol="NOSUCH")
    service.desk.signal_log.flush()
    mine = f"sender={webhook_id(token)}"

    everything = signals(owner, mine)

    assert len(everything) == 4
    assert [one["verdict"] for one in signals(owner, f"{mine}&verdict=rejected")] == ["rejected"]
    assert len(signals(owner, f"{mine}&symbol=sbi")) == 3
    assert signals(owner, f"{mine}&before={everything[1]['id']}") == everything[2:]
    assert signals(owner, f"{mine}&after={everything[1]['id']}") == everything[:1]


@pytest.mark.parametrize("query", ["verdict=maybe", "before=x", "after=-1"])
def test_filters_that_mean_nothing_are_refused(owner: Person, query: str) -> None:
    assert owner.call(f"signals?{query}").status_code == 400


def test_a_replay_tells_what_the_signal_would_do_now_and_places_nothing(
    service: Served, owner: Person
) -> None:
    token = service.a_webhook(require_timenow=True)
    send(service, token, timenow="2020-01-01T00:00:00Z", quantity=3)
    before = service.bracket_ids()

    told = owner.call(f"signals/{newest(service, owner, token)['id']}/replay", {}).get_json()

    assert (told["accepted"], told["legs"][0]["quantity"]) == (True, 3)
    assert service.bracket_ids() == before


def test_a_text_is_replayed_by_what_was_understood_of_it(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    for text in ("long SBIN q=4 sl=1% tp=2r exchange=NSE product=MIS", "closelong SBIN exchange=NSE"):
        service.client.post(f"/tradingview/webhook/bracket/{token}", data=text)
    service.desk.signal_log.flush()

    leave, enter = signals(owner, f"sender={webhook_id(token)}")

    entered = owner.call(f"signals/{enter['id']}/replay", {}).get_json()
    left = owner.call(f"signals/{leave['id']}/replay", {}).get_json()
    assert (entered["accepted"], entered["legs"][0]["quantity"]) == (True, 4), entered
    assert (left["accepted"], left["signal"], left["side"]) == (True, "exit", "BUY"), left


def test_a_replay_says_when_the_webhook_is_gone(service: Served, owner: Person) -> None:
    token = service.a_webhook()
    send(service, token)
    stored = newest(service, owner, token)
    revoke_webhook(service.desk.db, webhook_id(token), at=service.desk.clock.now())

    told = owner.call(f"signals/{stored['id']}/replay", {}).get_json()

    assert (told["accepted"], told["is_settings_known"]) == (True, False)


# --- nobody else's, and nothing without the token of the page


def test_another_owners_account_webhook_and_signal_are_not_there(
    service: Served, owner: Person, stranger: Account
) -> None:
    desk = service.desk
    token = create_webhook(desk.db, desk.secrets, stranger.id, at=desk.clock.now(), require_timenow=False)
    send(service, token, symbol="NOSUCH")
    desk.signal_log.flush()
    (theirs,) = desk.signal_log.signals([stranger.id], SignalFilter(), limit=5)
    named = f"account={stranger.id}"

    answers = {
        "symbols": owner.call(f"new/symbols?{named}&q=SBIN"),
        "choices": owner.call(f"new/choices?{named}&exchange=NSE&symbol=SBIN"),
        "price": owner.call(f"new/price?{named}&exchange=NSE&symbol=SBIN"),
        "preview": owner.call("new/preview", {**of_form(service), "account": stranger.id}),
        "place": owner.call(
            "new/place", {**of_form(service, client_order_id="theirs"), "account": stranger.id}
        ),
        "message": owner.call("alerts/message", {"webhook": webhook_id(token), "token": token}),
        "test by webhook": owner.call("alerts/test", {"webhook": webhook_id(token), "message": "x"}),
        "test by account": owner.call("alerts/test", {"account": stranger.id, "message": "x"}),
        "replay": owner.call(f"signals/{theirs.id}/replay", {}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)
    assert stranger.id not in owner.call("new/accounts").text
    assert webhook_id(token) not in owner.call("alerts/webhooks").text
    assert signals(owner, f"sender={webhook_id(token)}") == []
    assert signals(owner, named) == []
    assert list_webhooks(desk.db, stranger.id)[0].id == webhook_id(token)


_CHANGING = ["new/preview", "new/place", "alerts/message", "alerts/test", "signals/1/replay"]
_READING = ["new/accounts", "new/symbols", "new/choices", "new/price", "alerts/webhooks", "signals"]


@pytest.mark.parametrize("path", _CHANGING)
def test_a_call_without_the_pages_token_is_refused(service: Served, owner: Person, path: str) -> None:
    answer = owner.client.post(
        f"/dashboard/api/{path}", json={}, environ_overrides={"REMOTE_ADDR": owner.address}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (403, "csrf_refused")


@pytest.mark.parametrize("path", [*_CHANGING, *_READING])
def test_nobody_calls_without_a_login(service: Served, path: str) -> None:
    visitor = a_person(service, "203.0.113.99")
    url = f"/dashboard/api/{path}"

    answer = visitor.client.post(url, json={}) if path in _CHANGING else visitor.get(url)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "not_logged_in")


@pytest.mark.parametrize("path", ["new", "alerts", "signals"])
def test_the_pages_run_no_script_but_ours(owner: Person, path: str) -> None:
    answer = owner.get(f"/dashboard/{path}")

    assert answer.status_code == 200
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
