"""The simulated Angel One by its own rules: envelopes, codes, varieties, ids, limits and tokens."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from broker.base import OrderRejected
from services.bracket.model import RowStatus, Side
from simulator import ExchangeSettings
from tests.angel_served import CLIENT, ORDER, PIN, TOKEN, ServedAngel
from tests.contract.test_broker_contract import limit, request

PROFILE = "/rest/secure/angelbroking/user/v1/getProfile"
LOGIN = "/rest/auth/angelbroking/user/v1/loginByPassword"
QUOTE = "/rest/secure/angelbroking/market/v1/quote/"


@pytest.fixture
def served() -> Iterator[ServedAngel]:
    with ServedAngel() as one:
        yield one


def a_stop(served: ServedAngel) -> dict[str, Any]:
    served.order()
    told: dict[str, Any] = served.order(
        variety="STOPLOSS",
        transactiontype="SELL",
        ordertype="STOPLOSS_LIMIT",
        price="489",
        triggerprice="490",
        ordertag="B7K2X1",
    )["data"]
    return told


def a_change(served: ServedAngel, order_id: str, **changes: str | None) -> dict[str, Any]:
    usual: dict[str, str | None] = {
        "variety": "STOPLOSS",
        "orderid": order_id,
        "ordertype": "STOPLOSS_LIMIT",
        "producttype": "INTRADAY",
        "duration": "DAY",
        "price": "484",
        "quantity": "10",
        "tradingsymbol": "SBIN-EQ",
        "symboltoken": served.number,
        "exchange": "NSE",
        "triggerprice": "485",
    }
    body = {name: value for name, value in (usual | changes).items() if value is not None}
    told: dict[str, Any] = served.call("POST", f"{ORDER}/modifyOrder", body).json()
    return told


def test_an_order_has_two_ids_and_texts_for_numbers(served: ServedAngel) -> None:
    told = served.order(ordertag="B7K2E1")

    (row,) = served.book()
    looked_up = served.call("GET", f"{ORDER}/details/{told['data']['uniqueorderid']}").json()["data"]
    assert (told["status"], told["errorcode"]) == (True, "")
    assert (row["orderid"], row["ordertag"]) == (told["data"]["orderid"], "B7K2E1")
    assert (row["status"], row["orderstatus"], row["filledshares"]) == ("complete", "complete", "10")
    assert looked_up == row


def test_empty_books_are_null(served: ServedAngel) -> None:
    pages = ("getOrderBook", "getTradeBook", "getPosition")

    assert [served.call("GET", f"{ORDER}/{page}").json()["data"] for page in pages] == [None] * 3


def test_an_order_goes_through_its_words(served: ServedAngel) -> None:
    stop = a_stop(served)["orderid"]
    waiting = served.book()[1]["status"]

    served.price("489.5", depth=4)
    working = served.book()[1]
    served.call("POST", f"{ORDER}/cancelOrder", {"variety": "STOPLOSS", "orderid": stop})

    assert waiting == "trigger pending"
    assert (working["status"], working["filledshares"], working["variety"]) == ("open", "4", "STOPLOSS")
    assert served.book()[1]["status"] == "cancelled"


def test_a_rejection_comes_after_http_200_and_an_id() -> None:
    with ServedAngel(ExchangeSettings(acceptance_delay=timedelta(seconds=1))) as served:
        told = served.order(quantity="10000000")
        before = served.book()[0]["status"]
        served.pass_time(2)

        (row,) = served.book()
    assert (told["status"], before) == (True, "open pending")
    assert (row["status"], "Insufficient Funds" in row["text"]) == ("rejected", True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"variety": "STOPLOSS"}, "AB1008"),
        ({"tradingsymbol": "INFY-EQ"}, "AB1009"),
        ({"symboltoken": "1"}, "AB1009"),
        ({"producttype": "BO"}, "AB1012"),
        ({"price": "500.03"}, "AB4008"),
        ({"ordertag": "B" * 20}, "AB4008"),
        ({"quantity": "ten"}, "AB4008"),
    ],
)
def test_a_refusal_is_http_200_with_status_false_and_a_code(
    served: ServedAngel, changes: dict[str, str], code: str
) -> None:
    told = served.order(**changes)

    assert (told["status"], told["errorcode"], told["data"]) == (False, code, None)
    assert served.book() is None


def test_some_services_say_false_as_a_text(served: ServedAngel) -> None:
    told = served.call("POST", f"{ORDER}/cancelOrder", {"variety": "NORMAL", "orderid": "1"})

    assert (told.status_code, told.json()["status"], told.json()["errorcode"]) == (200, "false", "AB1013")


def test_a_change_names_the_variety_the_order_was_placed_as_even_as_a_limit(served: ServedAngel) -> None:
    stop = a_stop(served)["orderid"]

    wrong = a_change(served, stop, variety="NORMAL", ordertype="LIMIT", price="520", triggerprice="0")
    right = a_change(served, stop, ordertype="LIMIT", price="520", triggerprice="0")
    again = a_change(served, stop)

    assert [told["errorcode"] for told in (wrong, right, again)] == ["AB1008", "", ""]
    row = served.book()[1]
    assert (row["ordertype"], row["triggerprice"], row["variety"]) == ("STOPLOSS_LIMIT", 485, "STOPLOSS")


def test_a_change_of_a_stop_without_its_trigger_price_succeeds_and_does_nothing(served: ServedAngel) -> None:
    stop = a_stop(served)["orderid"]

    told = a_change(served, stop, triggerprice=None)

    assert told["status"] is True
    assert (served.book()[1]["price"], served.book()[1]["triggerprice"]) == (489, 490)


def test_our_change_of_a_stop_moves_it_whatever_the_process_remembers(served: ServedAngel) -> None:
    stop = a_stop(served)["orderid"]

    served.connect().modify_order(stop, limit(10, "520"))

    row = served.book()[1]
    assert (row["ordertype"], row["price"], row["status"]) == ("LIMIT", 520, "open")


def test_a_book_that_lags_is_made_up_for_by_the_look_up(served: ServedAngel) -> None:
    account = served.connect()
    ack = account.place_order(request(Side.BUY, limit(10, "500")))
    served.sim("faults", at="network", fault="empty book", method="GET", path="getOrderBook$")

    (row,) = account.order_book()

    assert (row.broker_order_id, row.status) == (ack.broker_order_id, RowStatus.FILLED)


def test_a_cancel_of_a_done_order_says_so(served: ServedAngel) -> None:
    order_id = served.order()["data"]["orderid"]

    with pytest.raises(OrderRejected, match="already complete"):
        served.connect().cancel_order(order_id)


@pytest.mark.parametrize("page", [f"{ORDER}/getOrderBook", f"{ORDER}/getTradeBook", f"{ORDER}/getPosition"])
def test_a_page_answers_once_a_second_and_each_apart(page: str) -> None:
    with ServedAngel(has_limits=True) as served:
        codes = [served.call("GET", page).status_code for _ in range(2)]
        other = served.call("GET", PROFILE).status_code
        served.pass_time(1)
        later = served.call("GET", page).status_code
    assert (codes, other, later) == ([200, 403], 200, 200)


def test_orders_changes_and_cancels_count_together_and_too_many_are_told_in_plain_text() -> None:
    with ServedAngel(has_limits=True) as served:
        for _ in range(8):
            served.order()
        cancel = {"variety": "NORMAL", "orderid": "1"}
        ninth, tenth = (served.call("POST", f"{ORDER}/cancelOrder", cancel) for _ in range(2))
    assert (ninth.status_code, tenth.status_code) == (200, 403)
    assert tenth.text == "Access denied because of exceeding access rate"


def test_a_dead_token_is_told_by_the_gateway_in_its_own_spelling(served: ServedAngel) -> None:
    told = served.call("GET", PROFILE, token="other")

    assert told.status_code == 200
    assert (told.json()["success"], told.json()["errorCode"]) == (False, "AG8001")


def test_a_login_takes_client_pin_and_six_digits_and_dies_before_the_next_day(served: ServedAngel) -> None:
    asked = {"clientcode": CLIENT, "password": PIN, "totp": "123456"}
    wrong = served.call("POST", LOGIN, asked | {"password": "0000"}).json()
    right = served.call("POST", LOGIN, asked).json()["data"]["jwtToken"]
    before = served.call("GET", PROFILE, token=right).json()["data"]["clientcode"]
    served.pass_time(24 * 3600)
    after = served.call("GET", PROFILE, token=right).json()["errorCode"]

    assert (wrong["status"], before, after) == (False, CLIENT, "AG8001")
    assert served.call("GET", PROFILE, token=TOKEN).json()["status"] is True


def test_quotes_tell_apart_what_was_fetched_and_what_was_not(served: ServedAngel) -> None:
    body = {"mode": "FULL", "exchangeTokens": {"NSE": [served.number, "9999999"]}}

    told = served.call("POST", QUOTE, body).json()["data"]

    assert [(row["tradingSymbol"], row["ltp"]) for row in told["fetched"]] == [("SBIN-EQ", 500)]
    assert [row["errorCode"] for row in told["unfetched"]] == ["AB4018"]


def test_held_shares_are_told_in_their_parts(served: ServedAngel) -> None:
    served.order(producttype="DELIVERY", quantity="7")
    served.sim("command", act="end_of_day")

    (row,) = served.call("GET", "/rest/secure/angelbroking/portfolio/v1/getHolding").json()["data"]
    (ours,) = served.connect().positions()

    assert (row["tradingsymbol"], row["quantity"], row["t1quantity"]) == ("SBIN-EQ", 7, 7)
    assert (ours.symbol, ours.product, ours.quantity) == ("SBIN", "CNC", 7)
