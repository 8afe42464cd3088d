"""TradingView's webhook from the outside."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from broker.base import NotSent, OrderRejected
from broker.paper.account import PaperAccount
from database.auth_db import Scope, pause_webhook, revoke_webhook
from database.session import NotStored
from database.webhook_settings import WebhookLimits
from limiter import limiter
from services.errors import BrokerUnavailable
from tests.serving import Json, Served, a_config, an_order, end, resting, serve, until

PATH = "/tradingview/webhook/bracket"


@pytest.fixture(autouse=True)
def _forgive_earlier_guesses(service: Served) -> None:
    assert service  # the limiter counts nothing before there is an app
    limiter.reset()


def alert(service: Served, body: Json | bytes, *, token: str | None = None, **options: Any) -> Any:
    """Send an alert as TradingView does, to a token's address unless the body has the key."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = PATH if token is None else f"{PATH}/{token}"
    return service.app.test_client().post(path, data=sent, content_type="text/plain", **options)


def now(service: Served, ago: float = 0.0) -> str:
    at = service.desk.clock.now() - timedelta(seconds=ago)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_alert_is_stored_and_answered_before_the_broker_is_asked(service: Served) -> None:
    token = service.a_webhook()
    body = an_order(strategy="first alert")

    answer = alert(service, body, token=token)

    told = answer.get_json()
    assert (answer.status_code, told["status"], told["duplicate"]) == (200, "success", False)
    assert told["message"].startswith("Bracket order initiated - ")
    service.until_state(told["bracket_id"], "PROTECTED")


def test_numbers_as_texts_words_in_lower_case_and_unknown_fields_are_taken(service: Served) -> None:
    body = resting(
        action="buy",
        exchange="nse",
        product="mis",
        symbol="sbin",
        quantity="10",
        entry_price="440.00",
        dry_run="true",
        confirm_prices="False",
        close="441.2",
        interval=5,
        validity="",
    )

    told = alert(service, body, token=service.a_webhook()).get_json()

    assert told["status"] == "success", told
    assert told["ignored_fields"] == ["close", "interval"]
    assert (told["symbol"], told["action"], told["quantity"]) == ("SBIN", "BUY", 10)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded", ""]
)
def test_an_alert_is_read_by_its_content(service: Served, content_type: str) -> None:
    body = json.dumps(resting(dry_run=True))
    path = f"{PATH}/{service.a_webhook()}"

    assert service.client.post(path, data=body, content_type=content_type).status_code == 200


@pytest.mark.parametrize("scopes", [(Scope.TRADE,), (Scope.WEBHOOK,)])
def test_the_key_may_be_in_the_body(service: Served, scopes: tuple[Scope, ...]) -> None:
    body = {"apikey": service.a_key(*scopes), **resting(dry_run=True)}

    assert alert(service, body).status_code == 200


def test_the_body_may_hold_the_webhooks_token_instead_of_a_key(service: Served) -> None:
    assert alert(service, {"apikey": service.a_webhook(), **resting(dry_run=True)}).status_code == 200


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (None, 401, "invalid_api_key"),
        ("wh_AbCd1234_" + "x" * 43, 401, "invalid_api_key"),
        ("bk_AbCd1234_" + "x" * 43, 401, "invalid_api_key"),
    ],
)
def test_an_alert_without_a_valid_key_is_refused(
    service: Served, key: str | None, status: int, code: str
) -> None:
    answer = alert(service, {"apikey": key, **resting()})

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_an_unknown_token_in_the_address_is_refused(service: Served) -> None:
    assert alert(service, resting(), token="wh_AbCd1234_" + "x" * 43).status_code == 401


def test_a_reading_key_may_not_place(service: Served) -> None:
    answer = alert(service, {"apikey": service.a_key(Scope.READ), **resting()})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


def test_a_revoked_webhook_is_refused(service: Served) -> None:
    token = service.a_webhook()
    revoke_webhook(service.desk.db, token[3:11], at=service.desk.clock.now())

    assert alert(service, resting(), token=token).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (resting(action="{{strategy.order.action}}"), "action"),
        (resting(quantity="{{strategy.order.contracts}}"), "quantity"),
        (resting(comment="at {{plot_0"), "comment"),
        (resting(trailing_sl={"points": "{{plot_0}}"}), "trailing_sl.points"),
        (resting(target_price=..., targets=[{"price": "{{close}}"}]), "targets[0].price"),
    ],
)
def test_an_unfilled_placeholder_is_refused_by_name(service: Served, body: Json, field: str) -> None:
    answer = alert(service, body, token=service.a_webhook())

    told = answer.get_json()
    assert (answer.status_code, told["code"], list(told["errors"])) == (400, "request_invalid", [field])
    assert field in told["message"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "request_invalid"),
        (b"buy SBIN", 400, "request_invalid"),
        (b'{"a": NaN}', 400, "request_invalid"),
        (b'{"a": 1, "a": 2}', 400, "request_invalid"),
        (b"[" * 10_000, 400, "request_invalid"),
        (json.dumps(resting(entry_price="1500 - 50")).encode(), 400, "request_invalid"),
        (json.dumps(resting(quantity="0")).encode(), 400, "request_invalid"),
        (json.dumps(resting(sl_price="450")).encode(), 400, "price_relationship"),
        (json.dumps(resting(symbol="{}")).encode(), 400, "request_invalid"),
        (b'{"strategy": "' + b"s" * 70_000 + b'"}', 413, "body_too_large"),
    ],
)
def test_a_faulty_alert_is_4xx_and_never_sent_again(
    service: Served, body: bytes, status: int, code: str
) -> None:
    answer = alert(service, body, token=service.a_webhook())

    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("ago", "status"), [(0, 200), (50, 200), (61, 422), (3600, 422), (-30, 200), (-90, 422)]
)
def test_a_webhook_takes_alerts_that_fired_within_a_minute(service: Served, ago: float, status: int) -> None:
    token = service.a_webhook(require_timenow=True)

    answer = alert(service, resting(timenow=now(service, ago), dry_run=True), token=token)

    assert answer.status_code == status
    assert status == 200 or answer.get_json()["code"] == "alert_stale"


@pytest.mark.parametrize("timenow", [..., None, "", "yesterday", 1795364476, True])
def test_a_webhook_asks_when_the_alert_fired(service: Served, timenow: object) -> None:
    body = resting(timenow=timenow)

    answer = alert(service, body, token=service.a_webhook(require_timenow=True))

    assert (answer.status_code, answer.get_json()["code"]) == (422, "alert_stale")


@pytest.mark.parametrize(
    "identity",
    [
        {"client_order_id": "alert-own"},
        {"signal_id": "alert-signal"},
        {"order_id": "Long", "timenow": "2026-11-23T04:00:00Z"},
        {"timenow": "2026-11-23T04:00:01Z"},
        {},
    ],
    ids=["client_order_id", "signal_id", "order_id", "timenow", "body"],
)
def test_the_same_alert_again_is_the_same_bracket(service: Served, identity: Json) -> None:
    token = service.a_webhook()
    body = resting(quantity=3, **identity)

    told = [alert(service, body, token=token).get_json() for _ in range(3)]

    assert [one["status"] for one in told] == ["success"] * 3, told
    assert len({one["bracket_id"] for one in told}) == 1
    assert [one["duplicate"] for one in told] == [False, True, True]


@pytest.mark.parametrize(("later", "is_same"), [(1, True), (59, True), (61, False), (119, False)])
def test_an_equal_body_without_a_time_is_the_same_alert_for_a_minute(
    service: Served, monkeypatch: pytest.MonkeyPatch, later: int, is_same: bool
) -> None:
    # Half past a minute, so that the same alert a little later falls into the next one.
    began = service.desk.clock.now().replace(second=30, microsecond=0)
    token, body = service.a_webhook(), resting(quantity=7, strategy=f"later {later}")
    monkeypatch.setattr(service.desk.clock, "now", lambda: began)
    first = alert(service, body, token=token).get_json()
    monkeypatch.setattr(service.desk.clock, "now", lambda: began + timedelta(seconds=later))

    second = alert(service, body, token=token).get_json()

    assert (second["bracket_id"] == first["bracket_id"]) is is_same
    assert second["duplicate"] is is_same


def test_an_alert_with_another_time_is_another_bracket(service: Served) -> None:
    token = service.a_webhook()

    first = alert(service, resting(quantity=4, timenow="2026-11-23T04:00:00Z"), token=token).get_json()
    second = alert(service, resting(quantity=4, timenow="2026-11-23T04:01:00Z"), token=token).get_json()

    assert first["bracket_id"] != second["bracket_id"]


def test_equal_alerts_at_the_same_moment_are_one_bracket(service: Served) -> None:
    token = service.a_webhook()
    body = resting(quantity=6)

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: alert(service, body, token=token).get_json(), range(8)))

    assert len({one["bracket_id"] for one in told}) == 1
    assert sorted(one["duplicate"] for one in told) == [False] + [True] * 7


def test_the_same_id_for_another_order_is_a_conflict(service: Served) -> None:
    token = service.a_webhook()
    alert(service, resting(signal_id="twice"), token=token)

    answer = alert(service, resting(signal_id="twice", quantity=11), token=token)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("error", [OrderRejected("no margin"), NotSent("refused")])
def test_an_alert_whose_entry_failed_is_still_200_when_it_comes_again(
    service: Served, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(PaperAccount, "place_order", fail)
    token = service.a_webhook()
    body = an_order(signal_id=f"fails-{type(error).__name__}", entry_max_age_seconds=1)

    first = alert(service, body, token=token).get_json()
    until(lambda: service.status(first["bracket_id"])["state"] in ("REJECTED", "EXPIRED", "CANCELLED"))
    again = alert(service, body, token=token)

    assert (again.status_code, again.get_json()["duplicate"]) == (200, True)
    assert again.get_json()["bracket_id"] == first["bracket_id"]


def test_an_alert_that_could_not_be_stored_is_503_and_may_come_again(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NotStored("locked")

    token, body = service.a_webhook(), resting(signal_id="stored later")
    monkeypatch.setattr("services.bracket_order_service.insert_bracket", fail)
    first = alert(service, body, token=token)
    monkeypatch.undo()

    assert (first.status_code, first.get_json()["code"]) == (503, "not_stored")
    assert alert(service, body, token=token).get_json()["duplicate"] is False


def test_a_failure_after_storing_is_never_5xx(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BrokerUnavailable("Broker API error")

    monkeypatch.setattr("services.bracket_order_service._outcome", fail)

    answer = alert(service, resting(signal_id="after"), token=service.a_webhook())

    assert (answer.status_code, answer.get_json()["duplicate"]) == (200, False)


def test_a_paused_webhook_says_so(service: Served) -> None:
    token = service.a_webhook()
    pause_webhook(service.desk.db, token[3:11], paused=True)

    answer = alert(service, resting(), token=token)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "webhook_paused")


@pytest.mark.parametrize(
    "limits",
    [
        WebhookLimits(max_quantity=9),
        WebhookLimits(symbols=frozenset({"NSE:INFY"})),
        WebhookLimits(max_open_brackets=0),
    ],
)
def test_a_webhooks_own_limits_hold(service: Served, limits: WebhookLimits) -> None:
    answer = alert(service, resting(), token=service.a_webhook(limits=limits))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "webhook_limit")


def test_the_limit_of_open_brackets_holds_for_alerts_at_the_same_moment(tmp_path: Path) -> None:
    served = serve(a_config(tmp_path))
    token = served.a_webhook(limits=WebhookLimits(max_open_brackets=1))

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: alert(served, resting(signal_id=f"only-{n}"), token=token), range(8)))

    end(served)
    assert sorted(one.status_code for one in told) == [200] + [403] * 7


def test_the_kill_switch_holds_for_alerts_too(service: Served) -> None:
    try:
        service.post("killswitch", {"mode": "block_entries"})
        answer = alert(service, resting(), token=service.a_webhook())
    finally:
        service.post("killswitch", {"mode": "off"})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "killed")


def test_an_alert_is_logged_without_its_key(service: Served) -> None:
    key = service.a_key(Scope.WEBHOOK)
    alert(service, {"apikey": key, **resting(strategy="logged alert")})
    service.desk.order_log.flush()

    call = service.desk.order_log.calls(limit=1)[0]
    assert "logged alert" in call.request_data
    assert key not in call.request_data + call.response_data


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Served]:
    served = serve(a_config(tmp_path, bracket_order_rate_limit="2 per second"))
    yield served
    end(served)


def test_alerts_above_the_limit_wait_their_turn_instead_of_being_lost(limited: Served) -> None:
    token, began = limited.a_webhook(), monotonic()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda n: alert(limited, resting(signal_id=f"turn-{n}"), token=token), range(4)))

    assert [one.status_code for one in told] == [200] * 4
    assert 0.5 < monotonic() - began < 3.0


def test_more_alerts_than_can_wait_in_time_are_429(limited: Served) -> None:
    token, began = limited.a_webhook(), monotonic()

    with ThreadPoolExecutor(12) as pool:
        told = list(
            pool.map(lambda n: alert(limited, resting(signal_id=f"storm-{n}"), token=token), range(12))
        )

    codes = [one.status_code for one in told]
    assert set(codes) == {200, 429}
    assert codes.count(200) >= 4
    assert monotonic() - began < 3.0
    refused = next(one for one in told if one.status_code == 429)
    assert refused.headers["Retry-After"] == "1"


def test_a_duplicate_needs_no_turn(limited: Served) -> None:
    token = limited.a_webhook()
    for number in range(2):
        alert(limited, resting(signal_id=f"first-{number}"), token=token)

    began = monotonic()
    told = alert(limited, resting(signal_id="first-0"), token=token).get_json()

    assert told["duplicate"] is True
    assert monotonic() - began < 0.4
