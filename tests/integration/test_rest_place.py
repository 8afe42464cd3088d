"""POST /api/v1/placebracketorder/ from the outside."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from broker.base import BrokerError, NotSent, OrderRejected, OrderRequest, OutcomeUnknown
from broker.paper.account import PaperAccount
from database.account_news import BracketNews
from database.session import NotStored
from database.settings import set_analyzer_mode
from services.bracket.model import Mode
from tests.integration.conftest import ON_BOTH
from tests.serving import Json, Served, an_order, resting, until, words

pytestmark = pytest.mark.parametrize("service", ON_BOTH, indirect=True)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BrokerError]:
    """Give a list; what is put in is raised by the broker instead of placing, one for each order."""
    errors: list[BrokerError] = []
    place = PaperAccount.place_order

    def place_or_fail(account: PaperAccount, order: OrderRequest) -> object:
        if errors:
            raise errors.pop(0)
        return place(account, order)

    monkeypatch.setattr(PaperAccount, "place_order", place_or_fail)
    return errors


def test_a_filled_entry_is_answered_and_then_protected(service: Served) -> None:
    answer = service.place()

    assert answer["message"].startswith("Bracket order initiated - ")
    assert answer["entry_order_id"] == answer["orderid"]
    assert (answer["duplicate"], answer["mode"], answer["status"]) == (False, "live", "success")
    bracket = service.until_state(answer["bracket_id"], "PROTECTED")
    assert bracket["filled_quantity"] == 10
    assert Decimal(bracket["average_price"]) > 0
    assert [leg["role"] for leg in bracket["legs"]] == ["entry", "exit"]
    assert words(bracket["timeline"])[0] == "BracketReceived"
    assert bracket["protection"]["survives_shutdown"] == {"stop": True, "target": False}


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_forms_of_an_address_answer_without_a_redirect(service: Served, slash: str) -> None:
    body = {"apikey": service.key, **resting(dry_run=True)}

    assert service.client.post(f"/api/v1/placebracketorder{slash}", json=body).status_code == 200


def test_the_same_client_order_id_and_body_is_the_same_bracket(service: Served) -> None:
    first = service.place(**resting(client_order_id="same-1"))
    again = service.place(**resting(client_order_id="same-1", entry_price="440.00"))

    assert again["bracket_id"] == first["bracket_id"]
    assert (first["duplicate"], again["duplicate"]) == (False, True)


def test_the_same_client_order_id_with_another_body_is_a_conflict(service: Served) -> None:
    service.place(**resting(client_order_id="same-2"))

    answer = service.post("placebracketorder", resting(client_order_id="same-2", quantity=11))

    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_conflict")


def test_one_client_order_id_sent_by_twelve_threads_is_one_bracket(service: Served) -> None:
    def send(_: int) -> Json:
        client = service.app.test_client()
        body = {"apikey": service.key, **resting(client_order_id="race")}
        answer: Json = client.post("/api/v1/placebracketorder/", json=body).get_json()
        return answer

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(send, range(12)))

    assert len({answer["bracket_id"] for answer in answers}) == 1
    assert sorted(answer["duplicate"] for answer in answers) == [False] + [True] * 11


@pytest.mark.parametrize("spelled", ["head-1", '"head-1"'])
def test_the_header_idempotency_key_is_the_client_order_id(service: Served, spelled: str) -> None:
    answer = service.post("placebracketorder", resting(), Idempotency_Key=spelled).get_json()

    assert answer["client_order_id"] == "head-1"


def test_a_header_and_a_body_id_that_differ_are_refused(service: Served) -> None:
    answer = service.post("placebracketorder", resting(client_order_id="one"), Idempotency_Key="two")

    assert answer.status_code == 400
    assert "client_order_id" in answer.get_json()["errors"]


def test_a_refused_order_claims_no_client_order_id(service: Served) -> None:
    service.post("placebracketorder", resting(client_order_id="later", entry_price="440.01"))

    assert service.place(**resting(client_order_id="later"))["duplicate"] is False


def test_a_dry_run_answers_the_plan_and_stores_nothing(service: Served) -> None:
    before = service.bracket_ids()

    plan = service.place(dry_run=True, sl_price=..., sl_percent=1, client_order_id="dry")

    assert (plan["bracket_id"], plan["dry_run"], plan["stop"]) == (None, True, {"percent": "1.00"})
    assert plan["protection"]["held_by"]
    assert service.bracket_ids() == before


def test_an_entry_the_broker_refuses_is_400_with_its_words_and_stays_400(
    service: Served, failing: list[BrokerError]
) -> None:
    failing.append(OrderRejected("not enough margin"))

    answers = [service.post("placebracketorder", an_order(client_order_id="no")) for _ in range(2)]

    told = [answer.get_json() for answer in answers]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert {one["code"] for one in told} == {"entry_rejected"}
    assert "not enough margin" in told[0]["message"]
    assert told[0]["bracket_id"] == told[1]["bracket_id"]


def test_an_entry_without_an_answer_is_a_success_that_says_so(
    service: Served, failing: list[BrokerError]
) -> None:
    failing.append(OutcomeUnknown("timed out"))

    answer = service.post("placebracketorder", resting(symbol="INFY", **_INFY))

    told = answer.get_json()
    assert (answer.status_code, told["state"], told["entry_order_id"]) == (200, "ENTRY_PENDING", None)
    assert told["message"] == "Entry sent, broker has not confirmed it: being resolved"


def test_an_entry_that_provably_never_left_is_500_broker_error(
    service: Served, failing: list[BrokerError]
) -> None:
    failing.extend(NotSent("connection refused") for _ in range(100))

    answer = service.post("placebracketorder", an_order())

    failing.clear()
    told = answer.get_json()
    assert (answer.status_code, told["code"], told["message"]) == (500, "broker_error", "Broker API error")


def test_another_side_of_a_held_symbol_is_a_conflict(service: Served) -> None:
    service.place(**resting())

    answer = service.post(
        "placebracketorder", an_order(action="SELL", entry_price=560, sl_price=570, target_price=530)
    )

    assert (answer.status_code, answer.get_json()["code"]) == (409, "symbol_conflict")


def test_a_storage_fault_is_503_and_nothing_is_sent(service: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NotStored("disk full")

    monkeypatch.setattr("services.bracket_order_service.insert_bracket", fail)

    answer = service.post("placebracketorder", an_order())

    assert (answer.status_code, answer.get_json()["code"]) == (503, "not_stored")
    assert "disk" not in answer.get_data(as_text=True)


def test_each_placement_is_logged_without_the_key(service: Served) -> None:
    service.place(strategy="logged")
    service.desk.order_log.flush()

    call = service.desk.order_log.calls(limit=1)[0]
    assert call.api_type == "placebracketorder"
    assert '"strategy":"logged"' in call.request_data
    assert "bracket_id" in call.response_data
    assert service.key not in call.request_data + call.response_data


def test_in_analyzer_mode_a_bracket_says_so_and_goes_to_the_other_log(service: Served) -> None:
    toggled = service.post("analyzer/toggle", {"mode": True}).get_json()
    try:
        answer = service.place(strategy="analyzed")
        service.desk.analyzer_log.flush()
        told = service.post("analyzer").get_json()
    finally:
        set_analyzer_mode(
            service.desk.db, service.account.owner_id, mode=Mode.LIVE, at=service.desk.clock.now()
        )
        service.desk.secrets.callers.forget()

    assert toggled["data"]["analyze_mode"] is True
    assert answer["mode"] == "analyze"
    assert told["data"] == {"analyze_mode": True, "mode": "analyze", "total_logs": 1}
    assert "analyzed" in service.desk.analyzer_log.calls(limit=1)[0].request_data


def test_while_stopping_new_entries_are_refused_and_nothing_is_stored(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.background), "is_stopping", property(lambda _: True))

    answer = service.post("placebracketorder", an_order(client_order_id="late"))

    assert (answer.status_code, answer.get_json()["code"]) == (503, "not_stored")
    monkeypatch.undo()
    assert service.place(**an_order(client_order_id="late"))["duplicate"] is False


def test_a_placement_is_announced_with_a_rising_seq(service: Served) -> None:
    bracket_id = service.place()["bracket_id"]

    def told() -> list[Json] | None:
        missed = service.desk.announcer.missed(service.account.id, 0, of=BracketNews)
        mine = [one for one in missed if one["bracket_id"] == bracket_id]
        return mine if "completed" in [one["status"] for one in mine] else None

    seqs = [one["seq"] for one in until(told)]
    assert seqs == sorted(seqs)


_INFY = {"entry_price": 1400, "sl_price": 1390, "target_price": 1450}
