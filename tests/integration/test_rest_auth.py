"""Who is let in, what for, and what an answer never tells."""

import logging

import pytest

from database.auth_db import Scope, revoke_api_key
from limiter import limiter
from restx_api import api_v1_bp
from restx_api.errors import HTTP_STATUS
from services.bracket.violations import Code
from services.errors import BracketError
from tests.serving import Json, Served, an_order, resting

READS = ("bracketorderstatus", "bracketorderbook", "explainbracketorder", "safetyreport", "analyzer")
TRADES = (
    "placebracketorder",
    "modifybracketorder",
    "cancelbracketorder",
    "exitbracketorder",
    "killswitch",
    "analyzer/toggle",
)
WRONG = "bk_AbCd1234_" + "x" * 43


@pytest.fixture(autouse=True)
def _forgive_earlier_guesses(service: Served) -> None:
    assert service  # the limiter counts nothing before there is an app
    limiter.reset()


def _post(service: Served, path: str, body: Json, **headers: str) -> tuple[int, Json]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = service.client.post(f"/api/v1/{path}/", json=body, headers=named)
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize("path", READS + TRADES)
@pytest.mark.parametrize("key", [None, "", "nonsense", WRONG, 5, ["a"], {"k": 1}, True])
def test_no_endpoint_answers_without_a_valid_key(service: Served, path: str, key: object) -> None:
    status, told = _post(service, path, {"apikey": key} if key is not None else {})

    assert (status, told["code"], told["message"]) == (401, "invalid_api_key", "Invalid API key")


@pytest.mark.parametrize(
    "headers", [{"X_API_KEY": "{key}"}, {"Authorization": "Bearer {key}"}, {"Authorization": "bearer  {key}"}]
)
def test_the_key_may_come_in_a_header(service: Served, headers: dict[str, str]) -> None:
    filled = {name: value.format(key=service.key) for name, value in headers.items()}

    assert _post(service, "bracketorderbook", {}, **filled)[0] == 200
    assert _post(service, "bracketorderbook", {"apikey": service.key}, **filled)[0] == 200


def test_two_different_keys_are_refused_even_when_both_are_good(service: Served) -> None:
    status, told = _post(service, "bracketorderbook", {"apikey": service.key}, X_API_KEY=service.a_key())

    assert (status, told["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("path", TRADES)
def test_a_reading_key_may_not_trade(service: Served, path: str) -> None:
    answer = service.post(path, {}, key=service.a_key(Scope.READ))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("path", READS + TRADES)
def test_a_webhook_key_may_do_nothing_over_rest(service: Served, path: str) -> None:
    answer = service.post(path, {}, key=service.a_key(Scope.WEBHOOK))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


def test_a_trading_key_may_read(service: Served) -> None:
    assert service.post("bracketorderbook", key=service.a_key(Scope.TRADE)).status_code == 200


def test_a_revoked_key_stops_working(service: Served) -> None:
    key = service.a_key()
    revoke_api_key(service.desk.db, key[3:11], at=service.desk.clock.now())

    assert service.post("bracketorderbook", key=key).status_code == 401


@pytest.mark.parametrize(
    "path", ["bracketorderstatus", "modifybracketorder", "cancelbracketorder", "exitbracketorder"]
)
def test_another_accounts_bracket_is_not_found(service: Served, path: str) -> None:
    bracket_id = service.place(**resting())["bracket_id"]
    stranger = service.a_key(account=service.another_account(f"other-{path}"))
    body = {"bracket_id": bracket_id, **({"sl_price": 430} if path.startswith("modify") else {})}

    answer = service.post(path, body, key=stranger)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert "SBIN" not in answer.get_data(as_text=True)


def test_a_book_shows_the_keys_own_account_only(service: Served) -> None:
    service.place(**resting())
    stranger = service.a_key(account=service.another_account("other-book"))

    assert service.post("bracketorderbook", key=stranger).get_json()["brackets"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"quantity": "many"},
        {"nosuchfield": 1},
        {"symbol": {"a": 1}},
        {"exchange": "NASDAQ"},
        {},
    ],
)
def test_no_error_ever_echoes_the_key(service: Served, body: Json, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for path in READS + TRADES:
        answer = service.post(path, body)

        assert service.key not in answer.get_data(as_text=True)
        assert service.key.split("_")[2] not in answer.get_data(as_text=True)
    assert service.key.split("_")[2] not in caplog.text


def test_an_error_nobody_foresaw_is_500_in_our_envelope_without_its_words(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithData(Exception):
        data = {"apikey": "planted"}  # noqa: RUF012  # what flask-restx would answer with

    def fail(*_: object, **__: object) -> None:
        raise WithData("planted words")

    monkeypatch.setattr("restx_api.bracket_order.place_bracket_order_with_auth", fail)

    answer = service.post("placebracketorder", an_order())

    told = answer.get_json()
    assert (answer.status_code, told["code"], told["status"]) == (500, "internal_error", "error")
    assert told["request_id"] == answer.headers["X-Request-ID"]
    assert "planted" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nosuch/", 404, "not_found"),
        ("GET", "/nosuch", 404, "not_found"),
        ("POST", "/api/v1/nosuch", 404, "not_found"),
        ("GET", "/api/v1/placebracketorder/", 405, "method_not_allowed"),
        ("PUT", "/api/v1/placebracketorder/", 405, "method_not_allowed"),
        ("PUT", "/api/v1/ping/", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_told_in_our_envelope(
    service: Served, method: str, path: str, status: int, code: str
) -> None:
    answer = service.client.open(path, method=method)

    told = answer.get_json()
    assert (answer.status_code, told["status"], told["code"]) == (status, "error", code)
    assert told["request_id"]


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ("abcdef-12345", True),
        ("short", False),
        ("x" * 65, False),
        ("with space 1", False),
        ("a_b_c_d_e_f", False),
    ],
)
def test_a_request_id_is_kept_when_it_is_a_plain_word(service: Served, given: str, is_kept: bool) -> None:
    answer = service.post("bracketorderbook", X_Request_ID=given)

    assert (answer.headers["X-Request-ID"] == given) is is_kept
    assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]


def test_ping_needs_no_key(service: Served) -> None:
    told = service.client.get("/api/v1/ping").get_json()

    assert told["status"] == "success"
    assert told["time"].endswith("Z")


def test_every_route_of_the_api_but_ping_asks_for_a_key(service: Served) -> None:
    prefix = api_v1_bp.url_prefix or ""
    open_routes = set()
    for rule in service.app.url_map.iter_rules():
        view = service.app.view_functions[rule.endpoint]
        resource = getattr(view, "view_class", None)
        is_ours = rule.rule.startswith(prefix) and resource is not None
        if is_ours and not getattr(resource, "method_decorators", ()):
            open_routes.add(rule.rule)

    assert open_routes == {"/api/v1/ping/", "/api/v1/swagger.json"}


def _all_errors(kind: type[BracketError]) -> set[type[BracketError]]:
    return {kind}.union(*(_all_errors(one) for one in kind.__subclasses__()))


def test_every_code_there_is_has_its_status_in_the_one_table() -> None:
    codes = {kind.code for kind in _all_errors(BracketError)} - {"error"}

    assert codes | set(Code) <= set(HTTP_STATUS)


def test_swagger_tells_requests_answers_and_errors(service: Served) -> None:
    told = service.client.get("/api/v1/swagger.json").get_json()

    post = told["paths"]["/placebracketorder/"]["post"]
    assert post["responses"]["200"]["schema"] == {"$ref": "#/definitions/Bracket"}
    assert post["responses"]["422"]["schema"] == {"$ref": "#/definitions/Error"}
    assert {"apikey", "symbol", "trailing_sl"} <= set(
        told["definitions"]["BracketOrderRequest"]["properties"]
    )
    assert service.client.get("/api/v1/").status_code == 200
