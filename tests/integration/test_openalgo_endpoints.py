"""The addresses of the published `openalgo` client, as it calls them: no slash, every value a text."""

from typing import Any

import pytest

from services.bracket.model import Mode
from tests.serving import Json, Served, until

ORDER: Json = {
    "strategy": "Python",
    "symbol": "SBIN",
    "exchange": "NSE",
    "action": "BUY",
    "product": "MIS",
    "pricetype": "MARKET",
    "quantity": "2",
}
RESTING: Json = {**ORDER, "pricetype": "LIMIT", "price": "450"}
GTT: Json = {
    "strategy": "Python",
    "trigger_type": "OCO",
    "exchange": "NSE",
    "symbol": "INFY",
    "action": "SELL",
    "product": "CNC",
    "quantity": 1,
    "pricetype": "LIMIT",
    "price": 0.0,
    "triggerprice_sl": 1400.0,
    "stoploss": 1399.0,
    "triggerprice_tg": 1600.0,
    "target": 1600.0,
    "of_a_later_client": None,
}


def call(service: Served, path: str, **body: Any) -> Json:
    answer = service.client.post(f"/api/v1/{path}", json={"apikey": service.key, **body})
    found: Json = answer.get_json()
    return {**found, "code": answer.status_code}


def test_a_plain_order_says_that_nothing_protects_it_and_shows_in_every_book(service: Served) -> None:
    placed = call(service, "placeorder", **ORDER)
    status = call(service, "orderstatus", strategy="Python", orderid=placed["orderid"])["data"]
    book = call(service, "orderbook")["data"]
    trades = call(service, "tradebook")["data"]
    positions = call(service, "positionbook")["data"]
    named = {"strategy": "Python", "symbol": "SBIN", "exchange": "NSE", "product": "MIS"}

    assert (placed["code"], placed["status"], placed["protected"]) == (200, "success", False)
    assert "nothing protects" in placed["message"]
    assert (status["order_status"], status["quantity"]) == ("complete", 2)
    assert 400 < status["average_price"] < 600
    assert placed["orderid"] in [row["orderid"] for row in book["orders"]]
    assert book["statistics"]["total_completed_orders"] >= 1
    assert placed["orderid"] in [row["orderid"] for row in trades]
    assert all(400 < row["ltp"] < 600 for row in positions if row["symbol"] == "SBIN")
    assert int(call(service, "openposition", **named)["quantity"]) >= 2


def test_an_order_is_changed_and_cancelled_by_its_id(service: Served) -> None:
    order_id = call(service, "placeorder", **RESTING)["orderid"]
    named = {"strategy": "Python", "orderid": order_id}

    changed = call(service, "modifyorder", **{**RESTING, "price": "455", "orderid": order_id})
    price = call(service, "orderstatus", **named)["data"]["price"]
    cancelled = call(service, "cancelorder", **named)
    again = call(service, "cancelorder", **named)

    assert (changed["orderid"], price, cancelled["orderid"]) == (order_id, 455.0, order_id)
    assert call(service, "orderstatus", **named)["data"]["order_status"] == "cancelled"
    assert again["code"] == 400


def test_stoploss_and_target_make_it_a_bracket_that_is_protected(service: Served) -> None:
    placed = call(service, "placeorder", **ORDER, stoploss="450", target="560", trailing_sl="40")

    bracket = service.until_state(placed["bracket_id"], "PROTECTED")
    exits = [leg for leg in bracket["legs"] if leg["role"] == "exit"]
    dropped = call(service, "cancelorder", strategy="Python", orderid=exits[0]["order_id"])
    filled = call(service, "cancelorder", strategy="Python", orderid=placed["orderid"])

    assert (placed["orderid"], placed["protected"]) == (placed["entry_order_id"], True)
    assert (dropped["code"], filled["code"]) == (400, 400)
    assert "is an exit of bracket" in dropped["message"]
    assert "if_filled" in filled["message"]
    assert service.status(placed["bracket_id"])["state"] == "PROTECTED"


def test_an_unfilled_entry_is_repriced_and_cancelled_as_the_bracket_it_is(service: Served) -> None:
    levels = {"stoploss": "440", "target": "470"}
    placed = call(service, "placeorder", **RESTING, **levels)
    named = {"strategy": "Python", "orderid": placed["orderid"]}
    service.until_state(placed["bracket_id"], "ENTRY_OPEN")

    changed = call(service, "modifyorder", **{**RESTING, "price": "451", "orderid": placed["orderid"]})
    other_size = call(service, "modifyorder", **{**RESTING, "quantity": "3", "orderid": placed["orderid"]})
    cancelled = call(service, "cancelorder", **named)

    assert changed["bracket_id"] == cancelled["bracket_id"] == placed["bracket_id"]
    assert other_size["code"] == 400
    service.until_state(placed["bracket_id"], "CANCELLED")


def test_a_bracket_that_no_book_shows_is_told_by_its_own_id(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = call(service, "placeorder", **RESTING, stoploss="440", target="470")
    line = service.desk.supervisor.worker(service.account.id, Mode.LIVE).line

    with monkeypatch.context() as patched:
        patched.setattr(line, "recent", lambda *_, **__: ())
        told = call(service, "orderstatus", strategy="Python", orderid=placed["bracket_id"])
    call(service, "cancelorder", strategy="Python", orderid=placed["orderid"])

    assert (told["code"], told["data"]["order_status"], told["data"]["quantity"]) == (200, "open", 2)


def test_a_gtt_is_placed_listed_replaced_and_deleted(service: Served) -> None:
    placed = call(service, "placegttorder", **GTT)
    listed = call(service, "gttorderbook")["data"]
    trigger_id = placed["trigger_id"]

    changed = call(service, "modifygttorder", **{**GTT, "triggerprice_sl": 1410.0, "trigger_id": trigger_id})
    (again,) = call(service, "gttorderbook", status="all")["data"]
    deleted = call(service, "cancelgttorder", strategy="Python", trigger_id=trigger_id)

    assert [row["trigger_id"] for row in listed] == [trigger_id]
    assert (listed[0]["trigger_type"], listed[0]["trigger_prices"]) == ("two-leg", [1400.0, 1600.0])
    assert (changed["trigger_id"], again["trigger_prices"]) == (trigger_id, [1410.0, 1600.0])
    assert deleted["trigger_id"] == trigger_id
    assert call(service, "gttorderbook")["data"] == []


def test_the_gtt_of_a_bracket_cannot_be_taken_away_here(service: Served) -> None:
    bracket_id = service.place(product="CNC", symbol="SBIN")["bracket_id"]
    service.until_state(bracket_id, "PROTECTED")

    def held_by() -> list[Json]:
        return [row for row in call(service, "gttorderbook")["data"] if row["symbol"] == "SBIN"]

    (row,) = until(held_by, what="the bracket's GTT in the book")

    refused = call(service, "cancelgttorder", strategy="Python", trigger_id=row["trigger_id"])

    assert (refused["code"], bracket_id in refused["message"]) == (400, True)
    assert service.status(bracket_id)["state"] == "PROTECTED"


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("placeorder", {**ORDER, "stoploss": "450"}, "Missing mandatory field(s): target"),
        ("placeorder", {**ORDER, "stoploss": "0", "target": "560"}, "must be greater than 0"),
        ("placeorder", {**ORDER, "pricetype": "LIMIT"}, "Missing mandatory field(s): price"),
        ("placeorder", {**RESTING, "price": "450.03"}, "price 450.03 is not a multiple of the tick"),
        ("placeorder", {**ORDER, "symbol": "NOTHING"}, "symbol NOTHING is not in the instrument list"),
        ("placeorder", {**ORDER, "quantity": "1.5"}, "Invalid quantity"),
        ("placeorder", {**ORDER, "position_size": "1"}, "position_size"),
        ("placegttorder", {**GTT, "product": "MIS"}, "MIS is intraday-only."),
        ("placegttorder", {**GTT, "triggerprice_sl": 1700.0}, "Stoploss trigger must be less than"),
        ("placegttorder", {**GTT, "pricetype": "MARKET"}, "what fires is a LIMIT order"),
        ("placegttorder", {**GTT, "stoploss": 1399.03}, "not a multiple of the tick"),
        ("placegttorder", {**GTT, "trigger_type": "SINGLE", "price": 5}, "SINGLE needs one of"),
    ],
)
def test_a_faulty_body_is_refused_with_what_is_wrong(
    service: Served, path: str, body: Json, sentence: str
) -> None:
    answer = call(service, path, **body)

    assert (answer["code"], answer["status"]) == (400, "error")
    assert sentence in answer["message"]


def test_what_is_not_there_is_404_in_the_words_clients_know(service: Served) -> None:
    assert call(service, "orderstatus", strategy="x", orderid="77")["message"] == "Order 77 not found"
    assert call(service, "cancelorder", strategy="x", orderid="77")["code"] == 404
    assert call(service, "cancelgttorder", strategy="x", trigger_id="77")["code"] == 404
    assert call(service, "symbol", symbol="NOTHING", exchange="NSE")["code"] == 404
    assert call(service, "quotes", symbol="NOTHING", exchange="NSE")["code"] == 404


def test_money_prices_and_symbols_are_told(service: Served) -> None:
    funds = call(service, "funds")["data"]
    quote = call(service, "quotes", symbol="INFY", exchange="NSE")["data"]
    found = call(service, "search", query="infos", exchange="NSE")["data"]
    symbol = call(service, "symbol", symbol="INFY", exchange="NSE")["data"]

    assert float(funds["availablecash"]) > 0
    assert 1400 < quote["ltp"] < 1600  # the paper market walks
    assert [row["symbol"] for row in found] == ["INFY"]
    assert (symbol["lotsize"], symbol["tick_size"]) == (1, 0.1)


def test_a_wrong_key_is_403_here_and_401_at_our_own_addresses(service: Served) -> None:
    def code(path: str) -> int:
        return service.client.post(f"/api/v1/{path}", json={"apikey": "wrong"}).status_code

    wrong = service.client.post("/api/v1/orderbook", json={"apikey": "wrong"})
    assert (wrong.status_code, wrong.get_json()["message"]) == (403, "Invalid openalgo apikey")
    assert [code(path) for path in ("funds", "gttorderbook")] == [403, 403]
    assert [code(path) for path in ("analyzer", "ping", "placebracketorder")] == [401, 401, 401]
    assert call(service, "ping")["data"] == {"message": "pong", "broker": "paper"}


def test_the_kill_switch_refuses_orders_and_never_a_cancel(service: Served) -> None:
    order_id = call(service, "placeorder", **RESTING)["orderid"]
    service.post("killswitch", {"mode": "block_entries"})
    try:
        refused = call(service, "placeorder", **ORDER)
        cancelled = call(service, "cancelorder", strategy="Python", orderid=order_id)
    finally:
        service.post("killswitch", {"mode": "off"})

    assert (refused["code"], cancelled["code"]) == (403, 200)


def test_another_accounts_order_is_not_found(service: Served) -> None:
    order_id = call(service, "placeorder", **RESTING)["orderid"]
    stranger = service.a_key(account=service.another_account("stranger"))

    named = {"apikey": stranger, "strategy": "x", "orderid": order_id}

    assert service.client.post("/api/v1/cancelorder", json=named).status_code == 404
    assert service.client.post("/api/v1/orderstatus", json=named).status_code == 404


@pytest.mark.parametrize("first", ["plain", "bracket"])
def test_an_id_used_for_an_order_is_not_taken_for_a_bracket_nor_the_other_way_round(
    service: Served, first: str
) -> None:
    plain = {**RESTING, "client_order_id": f"{first} first"}
    bracket = {**plain, "stoploss": "440", "target": "470"}
    bodies = [plain, bracket] if first == "plain" else [bracket, plain]

    placed, refused = (call(service, "placeorder", **body) for body in bodies)
    call(service, "cancelorder", strategy="Python", orderid=placed["orderid"])

    assert (placed["code"], refused["code"]) == (200, 409)
    assert "client_order_id" in refused["message"]


def test_orders_are_logged_without_their_key(service: Served) -> None:
    call(service, "placeorder", **RESTING)
    log = service.desk.order_log
    log.flush()

    newest = log.calls(limit=1)[0]

    assert newest.api_type == "placeorder"
    assert service.key not in newest.request_data
