"""How an alert gets the id that tells it from others."""

import pytest

from restx_api.alerts import read_alert
from restx_api.errors import RequestInvalid
from tests.serving import Json, resting


def _id(body: Json, sender: str = "AbCd1234") -> str:
    return read_alert(body, sender_id=sender).dedupe_id


def test_an_alerts_own_id_stands_for_it() -> None:
    assert _id(resting(signal_id="mine", timenow="2026-11-23T04:00:00Z")) == "mine"
    assert _id(resting(client_order_id=42)) == "42"


def test_two_own_ids_that_differ_are_refused() -> None:
    with pytest.raises(RequestInvalid, match="differ"):
        read_alert(resting(signal_id="a", client_order_id="b"), sender_id="x")


def test_order_ticker_and_time_stand_for_an_alert_whatever_else_it_says() -> None:
    named = {"order_id": "Long", "timenow": "2026-11-23T04:00:00Z"}

    assert _id(resting(**named, close="500")) == _id(resting(**named, close="501"))
    assert _id(resting(**named)) != _id(resting(**named, ticker="INFY"))
    assert _id(resting(**named)) != _id(resting(**named | {"order_id": "Short"}))


def test_an_alert_that_names_its_symbol_in_other_words_has_it_in_its_id() -> None:
    def of(instrument: str) -> str:
        said = {"tv_exchange": "NSE", "tv_instrument": instrument, "action": "enter_long", "bot_uuid": "b"}
        return _id(said | {"order_id": "Long", "timestamp": "2026-11-23T04:00:00Z"})

    assert of("SBIN") != of("INFY")


def test_an_alert_without_a_time_is_told_by_all_it_says() -> None:
    assert _id(resting(order_id="Long", timenow="", quantity=1)) != _id(
        resting(order_id="Long", timenow="", quantity=2)
    )


def test_the_same_words_of_two_senders_are_two_alerts() -> None:
    assert _id(resting(), "one") != _id(resting(), "two")


@pytest.mark.parametrize(
    ("body", "is_dated"),
    [(resting(), False), (resting(timenow="x"), True), (resting(signal_id="x"), True)],
)
def test_an_alert_without_time_or_id_stands_for_itself_for_a_moment_only(body: Json, is_dated: bool) -> None:
    assert read_alert(body, sender_id="x").is_dated is is_dated
