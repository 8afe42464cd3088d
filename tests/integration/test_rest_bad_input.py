"""What each endpoint refuses: one row per fault, with its status, code and field."""

from typing import Any

import pytest

from tests.serving import Json, Served, an_order

NESTED = "[" * 10_000

RAW = [
    (b"", "No JSON payload provided"),
    (b"   ", "No JSON payload provided"),
    (b"[]", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b"{", "not valid JSON"),
    (b'{"quantity": 1,}', "not valid JSON"),
    (b'{"quantity": 1, "quantity": 2}', "quantity is there twice"),
    (b'{"trailing_sl": {"points": 1, "points": 2}}', "points is there twice"),
    (b'{"quantity": NaN}', "NaN is no JSON number"),
    (b'{"quantity": -Infinity}', "-Infinity is no JSON number"),
    (b'{"entry_price": 1e99999999999999999999}', "out of all bounds"),
    (b'{"quantity": ' + b"9" * 5000 + b"}", "out of all bounds"),
    (b'{"symbol": "\xff\xfe"}', "UTF-8"),
    (b'{"symbol": "\\ud800"}', "UTF-8"),
    (b'{"symbol": "a\\u0000b"}', "NUL"),
    (NESTED.encode(), "nested too deeply"),
    (b'{"a":' * 10_000, "nested too deeply"),
]


@pytest.mark.parametrize(("body", "sentence"), RAW, ids=[repr(body[:30]) for body, _ in RAW])
@pytest.mark.parametrize("path", ["placebracketorder", "bracketorderstatus", "killswitch"])
def test_a_body_that_is_no_json_object_is_refused_before_anything_else(
    service: Served, path: str, body: bytes, sentence: str
) -> None:
    answer = service.client.post(f"/api/v1/{path}/", data=body, headers={"X-API-KEY": service.key})

    told = answer.get_json()
    assert (answer.status_code, told["code"], told["status"]) == (400, "request_invalid", "error")
    assert sentence in told["message"]


NO_QUANTITIES: tuple[object, ...] = (
    *(0, -1, "abc", "", 1.9, "1.9", True, [], {}, "1_0", "١٢", "1+1", "0x10", 10**12, "NaN"),
)
NO_PRICES: tuple[object, ...] = (
    *(0, -5, "abc", True, "NaN", "Infinity", "1_000", "５００", "1500 - 50", "1e999", [500], {"p": 1}),
)

PLACING: list[tuple[Json, int, str, str]] = [
    *[
        ({name: ...}, 400, "request_invalid", name)
        for name in ("symbol", "exchange", "product", "action", "quantity", "entry_price", "sl_price")
    ],
    ({"target_price": ...}, 400, "request_invalid", "target_price"),
    ({"sl_price": ..., "target_price": ...}, 400, "request_invalid", "sl_price"),
    *[({"quantity": value}, 400, "request_invalid", "quantity") for value in NO_QUANTITIES],
    *[
        ({name: value}, 400, "request_invalid", name)
        for name in ("entry_price", "sl_price", "target_price")
        for value in NO_PRICES
    ],
    ({"exchange": "NASDAQ"}, 400, "request_invalid", "exchange"),
    ({"exchange": "US"}, 422, "exchange_not_served", "exchange"),
    ({"action": "HOLD"}, 400, "request_invalid", "action"),
    ({"product": "BO"}, 400, "request_invalid", "product"),
    ({"pricetype": "ICEBERG"}, 400, "request_invalid", "pricetype"),
    ({"validity": "GTC"}, 400, "request_invalid", "validity"),
    ({"ordertype": "AMO"}, 400, "request_invalid", "ordertype"),
    ({"symbol": "NOSUCH"}, 400, "request_invalid", "symbol"),
    ({"symbol": 5}, 400, "request_invalid", "symbol"),
    ({"symbol": "S" * 1000}, 400, "request_invalid", "symbol"),
    ({"strategy": "s" * 65}, 400, "request_invalid", "strategy"),
    ({"stratgy": "typo"}, 400, "request_invalid", "stratgy"),
    ({"client_order_id": ""}, 400, "request_invalid", "client_order_id"),
    ({"dry_run": "true"}, 400, "request_invalid", "dry_run"),
    ({"dry_run": 1}, 400, "request_invalid", "dry_run"),
    ({"on_manual_change": "panic"}, 400, "request_invalid", "on_manual_change"),
    ({"unknown_stop": "guess"}, 400, "request_invalid", "unknown_stop"),
    ({"trailing_sl": {"points": "x"}}, 400, "request_invalid", "trailing_sl.points"),
    ({"trailing_sl": {"pips": 5}}, 400, "request_invalid", "trailing_sl.pips"),
    ({"trailing_sl": 5}, 400, "request_invalid", "trailing_sl"),
    ({"trailing_sl": {}}, 400, "request_invalid", "trailing_sl"),
    ({"target_price": ..., "targets": []}, 400, "request_invalid", "target_price"),
    ({"target_price": ..., "targets": [{"price": "x"}]}, 400, "request_invalid", "targets[0].price"),
    ({"target_price": ..., "targets": [{"quantity": 1}]}, 400, "request_invalid", "targets[0]"),
    ({"targets": [{"price": 560}]}, 400, "request_invalid", "targets"),
    ({"targets": "560"}, 400, "request_invalid", "targets"),
    ({"sl_points": 5}, 400, "request_invalid", "sl_price"),
    ({"entry_expires_in_seconds": -1}, 400, "request_invalid", "entry_expires_in_seconds"),
    ({"entry_max_age_seconds": "soon"}, 400, "request_invalid", "entry_max_age_seconds"),
    ({"exit_at": "25:00"}, 400, "request_invalid", "exit_at"),
    ({"entry_price": "505.01"}, 400, "price_off_tick", "entry_price"),
    ({"sl_price": 505}, 400, "price_relationship", "sl_price"),
    ({"target_price": 500}, 400, "price_relationship", "target_price"),
    ({"action": "SELL"}, 400, "price_relationship", "sl_price"),
    ({"sl_price": 100}, 400, "price_insane", "sl_price"),
    (
        {"product": "CNC", "action": "SELL", "sl_price": 560, "target_price": 450},
        422,
        "cannot_protect",
        "action",
    ),
]


@pytest.mark.parametrize(
    ("fault", "status", "code", "field"),
    PLACING,
    ids=[str(row[0])[:60].encode("ascii", "replace").decode() for row in PLACING],
)
def test_placing_refuses_a_faulty_order_and_stores_nothing(
    service: Served, fault: Json, status: int, code: str, field: str
) -> None:
    before = service.bracket_ids()

    answer = service.post("placebracketorder", an_order(**fault))

    told = answer.get_json()
    assert (answer.status_code, field in told.get("errors", {})) == (status, True), told
    assert told["code"] == code, told
    assert service.bracket_ids() == before


def test_all_faults_of_fields_and_of_rules_are_told_together(service: Served) -> None:
    fault = an_order(quantity="many", exchange="NASDAQ", stratgy="x", sl_price=..., dry_run="yes")

    told = service.post("placebracketorder", fault).get_json()

    assert set(told["errors"]) >= {"quantity", "exchange", "stratgy", "sl_price", "dry_run"}
    assert told["errors"]["sl_price"] == ["Missing mandatory field(s): sl_price"]
    assert told["code"] == "request_invalid"


OTHERS: list[tuple[str, Json, int, str, str | None]] = [
    *[
        (path, body, status, code, field)
        for path in ("bracketorderstatus", "exitbracketorder", "explainbracketorder", "cancelbracketorder")
        for body, status, code, field in (
            ({}, 400, "request_invalid", "bracket_id"),
            ({"bracket_id": 5}, 400, "request_invalid", "bracket_id"),
            ({"bracket_id": None}, 400, "request_invalid", "bracket_id"),
            ({"bracket_id": "x", "extra": 1}, 400, "request_invalid", "extra"),
            ({"bracket_id": "x" * 300}, 400, "request_invalid", "bracket_id"),
            ({"bracket_id": "nobody"}, 404, "not_found", None),
        )
    ],
    ("cancelbracketorder", {"bracket_id": "x", "if_filled": "drop"}, 400, "request_invalid", "if_filled"),
    ("cancelbracketorder", {"bracket_id": "x", "leave_exits": 1}, 400, "request_invalid", "leave_exits"),
    ("modifybracketorder", {"sl_price": 1}, 400, "request_invalid", "bracket_id"),
    ("modifybracketorder", {"bracket_id": "x"}, 400, "request_invalid", "bracket_id"),
    ("modifybracketorder", {"bracket_id": "x", "sl_price": True}, 400, "request_invalid", "sl_price"),
    ("modifybracketorder", {"bracket_id": "x", "sl_price": "1_0"}, 400, "request_invalid", "sl_price"),
    ("modifybracketorder", {"bracket_id": "x", "quantity": 5}, 400, "request_invalid", "quantity"),
    ("modifybracketorder", {"bracket_id": "nobody", "sl_price": 1}, 404, "not_found", None),
    ("bracketorderbook", {"state": "sleeping"}, 400, "request_invalid", "state"),
    ("bracketorderbook", {"limit": 0}, 400, "request_invalid", "limit"),
    ("bracketorderbook", {"limit": 101}, 400, "request_invalid", "limit"),
    ("bracketorderbook", {"limit": 1.5}, 400, "request_invalid", "limit"),
    ("bracketorderbook", {"cursor": 5}, 400, "request_invalid", "cursor"),
    ("safetyreport", {"days": 0}, 400, "request_invalid", "days"),
    ("safetyreport", {"days": 32}, 400, "request_invalid", "days"),
    ("safetyreport", {"date": "2026-13-01"}, 400, "request_invalid", "date"),
    ("safetyreport", {"date": "yesterday"}, 400, "request_invalid", "date"),
    ("safetyreport", {"date": 20261122}, 400, "request_invalid", "date"),
    ("bracketorderbook", {"page": 5}, 400, "request_invalid", "page"),
    ("killswitch", {}, 400, "request_invalid", "mode"),
    ("killswitch", {"mode": "maybe"}, 400, "request_invalid", "mode"),
    ("killswitch", {"mode": True}, 400, "request_invalid", "mode"),
    ("analyzer/toggle", {}, 400, "request_invalid", "mode"),
    ("analyzer/toggle", {"mode": "true"}, 400, "request_invalid", "mode"),
    ("analyzer", {"mode": True}, 400, "request_invalid", "mode"),
]


@pytest.mark.parametrize("row", OTHERS, ids=[f"{row[0]} {row[1]}"[:70] for row in OTHERS])
def test_every_other_endpoint_names_the_field_at_fault(
    service: Served, row: tuple[str, Json, int, str, str | None]
) -> None:
    path, body, status, code, field = row
    answer = service.post(path, body)

    told: dict[str, Any] = answer.get_json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert field is None or field in told["errors"], told
    assert told["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("value", [10, "10", "10.0", 10.0, " 10 ", "1e1"])
def test_a_whole_quantity_is_taken_in_every_spelling(service: Served, value: object) -> None:
    assert service.place(quantity=value, dry_run=True)["quantity"] == 10


@pytest.mark.parametrize("value", [505, "505", 505.0, "505.00", "5.05e2"])
def test_a_price_is_taken_as_number_or_text_and_answered_as_text(service: Served, value: object) -> None:
    assert service.place(entry_price=value, dry_run=True)["entry_price"] == "505.00"


def test_a_body_over_64_kib_is_refused(service: Served) -> None:
    answer = service.post("placebracketorder", an_order(strategy="s" * 70_000))

    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/json; charset=x"])
def test_a_body_is_read_by_its_content_whatever_its_type_says(service: Served, content_type: str) -> None:
    answer = service.client.post(
        "/api/v1/bracketorderbook/", data=f'{{"apikey": "{service.key}"}}', content_type=content_type
    )

    assert answer.status_code == 200
