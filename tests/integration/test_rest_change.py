"""Modify, cancel, exit, explain, list and the kill switch from the outside."""

import pytest

from tests.integration.conftest import ON_BOTH
from tests.serving import Json, Served, until

pytestmark = pytest.mark.parametrize("service", ON_BOTH, indirect=True)


@pytest.fixture
def protected(service: Served) -> Json:
    return service.until_state(service.place()["bracket_id"], "PROTECTED")


def _resting(service: Served) -> str:
    placed = service.place(entry_price=440, sl_price=430, target_price=470)
    return str(service.until_state(placed["bracket_id"], "ENTRY_OPEN")["bracket_id"])


def test_a_stop_is_moved_at_the_broker(service: Served, protected: Json) -> None:
    body = {"bracket_id": protected["bracket_id"], "sl_price": "455"}

    answer = service.post("modifybracketorder", body).get_json()

    assert answer["sl_price"] == "455.00"

    def moved() -> bool:
        legs = service.status(protected["bracket_id"])["legs"]
        return bool(legs[-1]["trigger_price"] == "455.00" and legs[-1]["change"] is None)

    until(moved)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sl_price": "550"}, 422, "would_trigger_now"),
        ({"sl_price": "455.01"}, 400, "price_off_tick"),
        ({"sl_price": "600"}, 400, "price_relationship"),
        ({"target_price": "440"}, 400, "price_relationship"),
        ({"entry_price": "500"}, 400, "request_invalid"),
        ({"trailing_sl": {"points": -1}}, 400, "request_invalid"),
        ({"trailing_sl": {"points": 1, "percent": 1}}, 400, "request_invalid"),
        ({"exit_at": "99:99"}, 400, "request_invalid"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    service: Served, protected: Json, changes: Json, status: int, code: str
) -> None:
    answer = service.post("modifybracketorder", {"bracket_id": protected["bracket_id"], **changes})

    told = answer.get_json()
    assert (answer.status_code, told["code"]) == (status, code), told
    assert next(iter(changes)).split(".")[0] in str(told["errors"])


@pytest.mark.parametrize(
    ("entry", "price", "code"),
    [
        ({"pricetype": "SL", "trigger_price": 510, "entry_price": 512}, "508", "price_relationship"),
        ({"pricetype": "SL-M", "trigger_price": 510, "entry_price": ...}, "511", "request_invalid"),
    ],
)
def test_an_entry_waiting_for_its_trigger_takes_no_price_that_does_not_fit(
    service: Served, entry: Json, price: str, code: str
) -> None:
    placed = service.place(**entry, sl_price=490, target_price=560)
    bracket_id = service.until_state(placed["bracket_id"], "ENTRY_OPEN")["bracket_id"]

    answer = service.post("modifybracketorder", {"bracket_id": bracket_id, "entry_price": price})

    told = answer.get_json()
    assert (answer.status_code, told["code"], list(told["errors"])) == (400, code, ["entry_price"])


def test_an_unfilled_entry_is_cancelled_without_more_words(service: Served) -> None:
    bracket_id = _resting(service)

    answer = service.post("cancelbracketorder", {"bracket_id": bracket_id})

    assert answer.status_code == 200
    service.until_state(bracket_id, "CANCELLED")


def test_a_filled_bracket_is_never_cancelled_by_default(service: Served, protected: Json) -> None:
    answer = service.post("cancelbracketorder", {"bracket_id": protected["bracket_id"]})

    assert answer.status_code == 400
    assert "if_filled" in answer.get_json()["errors"]
    assert service.status(protected["bracket_id"])["state"] == "PROTECTED"


def test_handing_over_needs_the_symbol_as_confirmation(service: Served, protected: Json) -> None:
    body = {"bracket_id": protected["bracket_id"], "if_filled": "hand_over"}

    refused = service.post("cancelbracketorder", body)
    taken = service.post("cancelbracketorder", {**body, "confirm": "SBIN"})

    assert (refused.status_code, list(refused.get_json()["errors"])) == (400, ["confirm"])
    assert taken.status_code == 200
    service.until_state(protected["bracket_id"], "HANDED_OVER")


def test_an_exit_closes_the_bracket_and_a_second_one_is_a_conflict(service: Served, protected: Json) -> None:
    body = {"bracket_id": protected["bracket_id"]}

    answer = service.post("exitbracketorder", body).get_json()
    closed = service.until_state(protected["bracket_id"], "CLOSED")
    again = service.post("exitbracketorder", body)

    assert answer["state"] == "EXITING"
    assert closed["outcome"] == "exited"
    assert (again.status_code, again.get_json()["code"]) == (409, "bracket_closed")


def test_an_explanation_tells_what_is_wanted_seen_and_next(service: Served, protected: Json) -> None:
    told = service.post("explainbracketorder", {"bracket_id": protected["bracket_id"]}).get_json()

    part = told["slices"][0]
    assert (part["held"], part["status"]) == (10, "trigger_pending")
    assert part["wanted"]["trigger_price"] == part["observed"]["trigger_price"] == "450.00"
    assert told["last_read_age_seconds"] is not None
    assert told["next"]


def test_the_book_is_paged_newest_first(service: Served, protected: Json) -> None:
    newest = _resting(service)

    first = service.post("bracketorderbook", {"limit": 1}).get_json()
    second = service.post("bracketorderbook", {"limit": 1, "cursor": first["next_cursor"]}).get_json()

    assert first["brackets"][0]["bracket_id"] == newest
    assert second["brackets"][0]["bracket_id"] == protected["bracket_id"]
    assert {
        one["state"] for one in service.post("bracketorderbook", {"state": "closed"}).get_json()["brackets"]
    } <= {"CLOSED", "CANCELLED", "HANDED_OVER"}


def test_the_kill_switch_blocks_entries_until_it_is_off(service: Served) -> None:
    try:
        told = service.post("killswitch", {"mode": "block_entries"}).get_json()
        refused = service.post("placebracketorder", {**_ORDER})
    finally:
        service.post("killswitch", {"mode": "off"})

    assert (told["kill_switch"], told["in_force"]) == ("block_entries", "block_entries")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "killed")
    assert service.post("placebracketorder", {**_ORDER}).status_code == 200


_ORDER: Json = {
    "symbol": "SBIN",
    "exchange": "NSE",
    "product": "MIS",
    "action": "BUY",
    "quantity": 1,
    "entry_price": 440,
    "sl_price": 430,
    "target_price": 470,
}
