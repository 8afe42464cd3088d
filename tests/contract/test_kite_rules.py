"""Kite's rules as the simulated one keeps them: refusals in its words, limits, the day, GTTs."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from broker import zerodha
from broker.base import AccountCredentials, BrokerSettings, OrderRejected, OrderRequest, Terms
from services.bracket.model import OrderType, Product, RefusalKind, Side
from simulator import ExchangeSettings, SessionHours, VirtualClock
from simulator.kite.failures import KiteFailure
from simulator.kite.limits import Limits
from tests.kite_served import KEY, SBIN, SECRET, TOKEN, USER, ServedKite

MONDAY_1519 = datetime(2026, 12, 7, 9, 49, tzinfo=UTC)
MONDAY_2000 = datetime(2026, 12, 7, 14, 30, tzinfo=UTC)
FUTURE = {"exchange": "NFO", "tradingsymbol": "NIFTY29DEC26FUT", "product": "NRML", "price": "25000"}
OPTION = {"exchange": "NFO", "tradingsymbol": "NIFTY29DEC2625000CE", "product": "NRML", "quantity": 65}
MARKET = {"order_type": "MARKET", "price": "", "market_protection": "-1"}
STOP = {"transaction_type": "SELL", "order_type": "SL", "price": "788", "trigger_price": "790"}
STOP_MARKET = {"order_type": "SL-M", "price": "", "market_protection": "-1", "transaction_type": "SELL"}


@pytest.fixture
def kite() -> Iterator[ServedKite]:
    with ServedKite() as served:
        yield served


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert (body["status"], body["data"]) == ("error", None)
    return answer.status_code, body["error_type"], body["message"]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"price": "799.51"}, "InputException", "Tick size for this script is not met."),
    (STOP | {"trigger_price": "790.01"}, "InputException", "Tick size for this script is not met."),
    ({"price": "100"}, "OrderException", "Price is beyond the circuit limit."),
    (FUTURE | {"quantity": 1950}, "InputException", "Quantity is above the freeze quantity."),
    (FUTURE | {"quantity": 66}, "OrderException", "Quantity 66 should be a positive multiple of the lot"),
    ({"quantity": 0}, "OrderException", "Quantity 0 should be a positive multiple"),
    (MARKET | {"market_protection": ""}, "InputException", "Market orders without market protection"),
    (MARKET | {"market_protection": "0"}, "InputException", "Market orders without market protection"),
    (MARKET | {"market_protection": "101"}, "InputException", "Invalid `market_protection`"),
    (MARKET | {"market_protection": "-2"}, "InputException", "Invalid `market_protection`"),
    (
        STOP_MARKET | {"market_protection": "", "trigger_price": "790"},
        "InputException",
        "Market orders witho",
    ),
    (STOP_MARKET | OPTION | {"trigger_price": "300"}, "OrderException", "16052 : Function not available."),
    (STOP_MARKET | {"exchange": "BSE", "trigger_price": "900"}, "OrderException", "16052 : Function not"),
    (STOP | {"trigger_price": "810", "price": "809"}, "InputException", "Trigger already met."),
    (STOP | {"price": "791"}, "OrderException", "Limit price 791 of a stoploss SELL order cannot be higher"),
    (STOP | {"validity": "IOC"}, "OrderException", "IOC validity is not allowed for stoploss orders."),
    ({"product": "NRML"}, "OrderException", "Trading in NSE is not allowed using NRML."),
    (
        FUTURE | {"product": "CNC", "quantity": 65},
        "OrderException",
        "Trading in NFO is not allowed using CNC",
    ),
    ({"tradingsymbol": "NOSUCH"}, "OrderException", "The instrument NSE:NOSUCH does not exist."),
    ({"tradingsymbol": "NIFTY 50"}, "OrderException", "The instrument NSE:NIFTY 50 does not exist."),
    ({"tag": "X" * 21}, "OrderException", "Tag XXXXXXXXXXXXXXXXXXXXX is longer than 20."),
    ({"validity": "TTL"}, "InputException", "Invalid `validity`."),
    ({"variety": "co"}, "InputException", "Invalid `variety`"),
    ({"transaction_type": "HOLD"}, "InputException", "Invalid `transaction_type`."),
]


@pytest.mark.parametrize(("form", "error_type", "words"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_what_is_wrong_on_its_face_is_refused_at_once_in_kites_words(
    kite: ServedKite, form: dict[str, Any], error_type: str, words: str
) -> None:
    status, kind, message = error_of(kite.order(**form))

    assert (status, kind) == (400, error_type)
    assert message.startswith(words)
    assert kite.data("GET", "/orders") == []


def test_an_entry_above_the_freeze_quantity_is_refused_whole_and_never_sliced(kite: ServedKite) -> None:
    settings = BrokerSettings(api_roots={"zerodha": kite.kite.url}, paper_state="", paper_prices="")
    account = zerodha.connect(AccountCredentials(account_id="A1", auth_token=f"{KEY}:{TOKEN}"), settings)
    entry = OrderRequest(
        tag="OBFREEZE1",
        exchange="NFO",
        symbol="NIFTY29DEC26FUT",
        product=Product.NRML,
        side=Side.BUY,
        terms=Terms(order_type=OrderType.LIMIT, quantity=1950, price=Decimal(25000)),
    )

    with pytest.raises(OrderRejected) as refused:
        account.place_order(entry)
    account.close()

    assert refused.value.kind is RefusalKind.FREEZE
    assert kite.exchange.orders(USER) == ()


def test_every_other_error_has_its_code_and_type(kite: ServedKite) -> None:
    done = kite.ordered(price="801")
    gone = requests.get(f"{kite.kite.url}/orders", headers={"Authorization": "token a:b"}, timeout=5)
    found = {
        "no token": error_of(requests.get(f"{kite.kite.url}/orders", timeout=5))[:2],
        "wrong token": error_of(gone)[:2],
        "no route": error_of(kite.call("GET", "/nothing"))[:2],
        "no method": error_of(kite.call("PUT", "/orders"))[:2],
        "cancel what is done": error_of(kite.call("DELETE", f"/orders/regular/{done}"))[:2],
        "cancel what is not there": error_of(kite.call("DELETE", "/orders/regular/1"))[:2],
        "history of what is not there": error_of(kite.call("GET", "/orders/1"))[:2],
        "trigger that is not there": error_of(kite.call("GET", "/gtt/triggers/1"))[:2],
        "candles of what is not there": error_of(kite.call("GET", "/instruments/historical/1/day"))[:2],
    }

    assert found == {
        "no token": (403, "TokenException"),
        "wrong token": (403, "TokenException"),
        "no route": (404, "GeneralException"),
        "no method": (405, "GeneralException"),
        "cancel what is done": (400, "OrderException"),
        "cancel what is not there": (400, "OrderException"),
        "history of what is not there": (400, "OrderException"),
        "trigger that is not there": (404, "GeneralException"),
        "candles of what is not there": (400, "InputException"),
    }


def test_the_risk_desk_says_no_after_the_order_was_taken() -> None:
    settings = ExchangeSettings(acceptance_delay=timedelta(seconds=1), opening_cash=Decimal(1000))
    with ServedKite(settings) as kite:
        order_id = kite.ordered(product="CNC")
        first = kite.newest(order_id)
        kite.pass_time(1)
        then = kite.newest(order_id)
        words = [row["status"] for row in kite.data("GET", f"/orders/{order_id}")]

    assert first["status"] == "OPEN PENDING"
    assert (then["status"], then["exchange_order_id"]) == ("REJECTED", None)
    assert then["status_message"].startswith("Insufficient funds.")
    assert words == ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "REJECTED"]


def test_a_second_exit_of_an_intraday_position_needs_margin() -> None:
    with ServedKite(ExchangeSettings(opening_cash=Decimal(2000))) as kite:
        kite.ordered(price="801")
        stop = kite.ordered(**STOP)
        target = kite.ordered(transaction_type="SELL", price="820")
        told = kite.newest(target)

        assert kite.newest(stop)["status"] == "TRIGGER PENDING"
    assert told["status"] == "REJECTED"
    assert told["status_message"].startswith("Insufficient funds.")


def test_a_second_exit_of_delivery_finds_no_shares(kite: ServedKite) -> None:
    kite.ordered(product="CNC", price="801")
    kite.ordered(**(STOP | {"product": "CNC"}))
    second = kite.newest(kite.ordered(transaction_type="SELL", product="CNC", price="820"))

    assert second["status"] == "REJECTED"
    assert second["status_message"].startswith("RMS:Rule")


def test_intraday_positions_are_closed_at_twenty_past_three_and_delivery_is_not() -> None:
    settings = ExchangeSettings(hours=SessionHours(), squares_off_at=time(15, 20))
    with ServedKite(settings, at=MONDAY_1519) as kite:
        kite.ordered(price="801")
        kite.ordered(price="801", product="CNC")
        stop = kite.ordered(**STOP)
        kite.pass_time(59)
        before = quantities(kite)
        kite.pass_time(1)
        after = quantities(kite)
        kite.ordered(price="801", quantity=1)
        kite.pass_time(1)

        assert kite.newest(stop)["status"] == "LAPSED"
        assert quantities(kite)["MIS"] == 1  # once a day
    assert (before, after) == ({"MIS": 10, "CNC": 10}, {"MIS": 0, "CNC": 10})


def quantities(kite: ServedKite) -> dict[str, int]:
    return {row["product"]: row["quantity"] for row in kite.data("GET", "/portfolio/positions")["net"]}


def test_a_market_order_stays_open_when_the_market_has_not_enough(kite: ServedKite) -> None:
    kite.price(800, depth=4)
    row = kite.newest(kite.ordered(**MARKET))

    assert (row["status"], row["filled_quantity"], row["pending_quantity"]) == ("OPEN", 4, 6)


def test_the_twenty_sixth_modification_is_refused(kite: ServedKite) -> None:
    order_id = kite.ordered(price="790")
    codes = [
        kite.call("PUT", f"/orders/regular/{order_id}", price=str(790 + at % 2)).status_code
        for at in range(25)
    ]
    last = error_of(kite.call("PUT", f"/orders/regular/{order_id}", price="792"))

    assert set(codes) == {200}
    assert last[:2] == (400, "OrderException")
    assert last[2].startswith("Maximum allowed order modifications exceeded.")


def test_the_history_has_every_state_with_its_quantities(kite: ServedKite) -> None:
    kite.ordered(price="801")
    stop = kite.ordered(**STOP)
    kite.call("PUT", f"/orders/regular/{stop}", quantity="8")
    kite.exchange.set_price(*SBIN, last=Decimal(789), bid=Decimal("788.5"), depth=5)
    kite.exchange.set_price(*SBIN, last=Decimal("788.5"), depth=50)
    rows = kite.data("GET", f"/orders/{stop}")

    assert [(row["status"], row["quantity"], row["filled_quantity"]) for row in rows] == [
        ("PUT ORDER REQ RECEIVED", 8, 0),
        ("VALIDATION PENDING", 8, 0),
        ("OPEN PENDING", 8, 0),
        ("TRIGGER PENDING", 10, 0),
        ("MODIFY VALIDATION PENDING", 10, 0),
        ("MODIFY PENDING", 10, 0),
        ("MODIFIED", 10, 0),
        ("TRIGGER PENDING", 8, 0),
        ("OPEN", 8, 0),
        ("OPEN", 8, 5),
        ("COMPLETE", 8, 8),
    ]
    assert (rows[0]["exchange_order_id"], rows[-1]["exchange_order_id"]) == (None, f"1{stop}")


def test_the_history_of_a_cancelled_order_says_that_it_was_on_its_way(kite: ServedKite) -> None:
    order_id = kite.ordered(price="790")
    kite.data("DELETE", f"/orders/regular/{order_id}")
    rows = kite.data("GET", f"/orders/{order_id}")

    assert [row["status"] for row in rows[3:]] == ["OPEN", "CANCEL PENDING", "CANCELLED"]
    assert (rows[-1]["cancelled_quantity"], rows[-1]["pending_quantity"]) == (10, 0)


def test_an_after_market_order_waits_for_the_morning_and_can_be_changed_until_then() -> None:
    settings = ExchangeSettings(hours=SessionHours(), ends_days_by_itself=True)
    with ServedKite(settings, at=MONDAY_2000) as kite:
        refused = error_of(kite.order(price="790"))
        kept = kite.ordered(variety="amo", price="801", product="CNC")
        dropped = kite.ordered(variety="amo", price="790")
        kite.data("PUT", f"/orders/amo/{kept}", quantity="12")
        evening = kite.newest(kept)
        kite.data("DELETE", f"/orders/amo/{dropped}")
        kite.pass_time(4 * 3600)  # past midnight
        night = kite.data("GET", "/orders")
        kite.pass_time(9.25 * 3600)  # 9:15
        morning = kite.newest(kept)

    assert refused[2].startswith("Markets are closed right now.")
    assert (evening["status"], evening["variety"], evening["quantity"]) == ("AMO REQ RECEIVED", "amo", 12)
    assert [row["order_id"] for row in night] == [kept]
    assert (morning["status"], morning["filled_quantity"]) == ("COMPLETE", 12)


def test_a_large_order_is_sliced_and_each_slice_answers_for_itself(kite: ServedKite) -> None:
    kite.exchange.set_price("NFO", "NIFTY29DEC26FUT", last=Decimal(25000))
    form = FUTURE | {"quantity": 1950, "price": "24000", "autoslice": "true", "tag": "BIG"}
    children = kite.order(**form).json()["data"]["children"]
    refused = kite.order(**(form | {"price": "24000.05"})).json()["data"]["children"]
    too_large = kite.order(**(form | {"quantity": 65 * 300})).json()["data"]["children"]

    rows = [kite.newest(child["order_id"]) for child in children]
    assert [(row["quantity"], row["tag"]) for row in rows] == [(1755, "BIG"), (195, "BIG")]
    assert [child["error"]["error_type"] for child in refused] == ["InputException"] * 2
    assert [child["error"]["message"][:27] for child in too_large] == ["Quantity is above the freez"]


# --- limits


def allowed(clock: VirtualClock, limits: Limits, *calls: tuple[str, str], every: float = 0.0) -> int:
    """Return how many calls pass before the first refusal."""
    for number, (method, path) in enumerate(calls):
        clock.advance(timedelta(seconds=every))
        try:
            limits.count(USER, method=method, path=path)
        except KiteFailure as refused:
            assert (refused.status, refused.error_type) == (429, "NetworkException")
            return number
    return len(calls)


@pytest.mark.parametrize(
    ("method", "path", "every", "most"),
    [
        ("POST", "/orders/regular", 0.0, 10),
        ("PUT", "/orders/regular/1", 0.0, 10),
        ("DELETE", "/orders/regular/1", 0.0, 10),
        ("POST", "/gtt/triggers", 0.0, 10),
        ("POST", "/orders/regular", 0.125, 400),  # a minute
        ("POST", "/orders/regular", 0.2, 5000),  # a day
        ("GET", "/quote", 0.0, 1),
        ("GET", "/quote/ltp", 0.0, 1),
        ("GET", "/instruments/historical/1/day", 0.0, 3),
        ("GET", "/orders", 0.0, 10),
        ("GET", "/portfolio/positions", 0.0, 10),
    ],
)
def test_calls_above_a_limit_are_refused(method: str, path: str, every: float, most: int) -> None:
    clock = VirtualClock()

    assert allowed(clock, Limits(clock), *[(method, path)] * (most + 1), every=every) == most


def test_placing_changing_and_cancelling_share_one_limit_and_reading_has_its_own() -> None:
    clock = VirtualClock()
    limits = Limits(clock)
    writes = [("POST", "/orders/regular"), ("PUT", "/orders/regular/1"), ("DELETE", "/orders/regular/1")] * 4

    assert allowed(clock, limits, *writes) == 10
    assert allowed(clock, limits, ("GET", "/orders")) == 1
    clock.advance(timedelta(seconds=1))
    assert allowed(clock, limits, *writes) == 10


# --- GTT


def trigger(kite: ServedKite, values: list[float], prices: list[float], **more: Any) -> requests.Response:
    last = more.pop("last_price", 800)
    leg = {"transaction_type": "SELL", "quantity": 10, "order_type": "LIMIT", "product": "CNC"} | more
    condition = {"exchange": "NSE", "tradingsymbol": "SBIN", "trigger_values": values, "last_price": last}
    return kite.call(
        "POST",
        "/gtt/triggers",
        type="single" if len(values) == 1 else "two-leg",
        condition=json.dumps(condition),
        orders=json.dumps([leg | {"price": price} for price in prices]),
    )


def triggered(kite: ServedKite, answer: requests.Response) -> dict[str, Any]:
    trigger_id = answer.json()["data"]["trigger_id"]
    row: dict[str, Any] = kite.data("GET", f"/gtt/triggers/{trigger_id}")
    return row


def test_a_two_leg_trigger_cancels_its_sibling_when_it_fires_not_when_it_fills(kite: ServedKite) -> None:
    kite.ordered(product="CNC", price="801")
    answer = trigger(kite, [790, 820], [789, 820])
    waiting = triggered(kite, answer)
    kite.price(785)  # below the limit of the leg that fires
    fired = triggered(kite, answer)
    result = fired["orders"][0]["result"]
    child = kite.newest(result["order_result"]["order_id"])
    kite.price(825)

    assert (waiting["status"], waiting["type"]) == ("active", "two-leg")
    assert waiting["condition"]["trigger_values"] == [790, 820]
    assert [order["result"] for order in waiting["orders"]] == [None, None]
    assert (fired["status"], fired["orders"][1]["result"]) == ("triggered", None)
    assert result["order_result"]["status"] == "success"
    assert json.loads(result["meta"])["gtt"] == fired["id"]
    assert (child["status"], child["order_type"], child["validity"], child["tag"]) == (
        "OPEN",
        "LIMIT",
        "DAY",
        None,
    )
    assert triggered(kite, answer)["orders"][1]["result"] is None


def test_a_trigger_whose_order_is_refused_is_done_all_the_same(kite: ServedKite) -> None:
    kite.ordered(product="CNC", price="801")
    answer = trigger(kite, [700], [600])
    kite.exchange.set_band(*SBIN, lower=Decimal(640), upper=Decimal(960))
    kite.price(699)
    fired = triggered(kite, answer)
    told = fired["orders"][0]["result"]["order_result"]

    assert fired["status"] == "triggered"
    assert (told["status"], told["order_id"]) == ("failed", "")
    assert told["rejection_reason"].startswith("Price is beyond the circuit limit.")


def test_nothing_is_held_for_a_trigger_so_its_order_may_be_rejected_when_it_fires(kite: ServedKite) -> None:
    fired = trigger(kite, [790], [789])
    kite.price(789)
    result = triggered(kite, fired)["orders"][0]["result"]["order_result"]

    assert result["status"] == "success"
    assert kite.newest(result["order_id"])["status"] == "REJECTED"


GTT_REFUSED: list[tuple[list[float], list[float], dict[str, Any], str]] = [
    ([790, 800], [789, 800], {}, "second trigger price less than or equal to the last price"),
    ([800, 820], [799, 820], {}, "first trigger price more than or equal to the last price"),
    ([799], [798], {}, "at least 0.25% away"),
    ([790], [789], {"product": "MIS"}, "not allowed for the product MIS"),
    ([790, 820], [789, 820], {"transaction_type": "BUY"}, "Two-leg GTT orders on equity can only sell."),
    ([790], [789], {"order_type": "MARKET"}, "only LIMIT orders are allowed"),
    ([790.01], [789], {}, "Tick size for this script is not met."),
    ([790], [789], {"quantity": 0}, "positive multiple of the lot size"),
    ([790, 820], [789], {}, "one trigger value for each order"),
]


@pytest.mark.parametrize(("values", "prices", "more", "words"), GTT_REFUSED, ids=[r[3] for r in GTT_REFUSED])
def test_a_trigger_that_makes_no_sense_is_refused(
    kite: ServedKite, values: list[float], prices: list[float], more: dict[str, Any], words: str
) -> None:
    status, _, message = error_of(trigger(kite, values, prices, **more))

    assert status == 400
    assert words in message
    assert kite.data("GET", "/gtt/triggers") == []


def test_an_ended_trigger_is_listed_for_seven_days_and_cannot_be_changed(kite: ServedKite) -> None:
    answer = trigger(kite, [700], [699])
    trigger_id = answer.json()["data"]["trigger_id"]
    kite.data("DELETE", f"/gtt/triggers/{trigger_id}")
    again = error_of(kite.call("DELETE", f"/gtt/triggers/{trigger_id}"))
    for _ in range(7):
        kite.pass_time(24 * 3600)
        kite.exchange.end_of_day()
    week = [row["status"] for row in kite.data("GET", "/gtt/triggers")]
    kite.pass_time(24 * 3600)
    kite.exchange.end_of_day()

    assert again[:2] == (400, "OrderException")
    assert week == ["deleted"]
    assert kite.data("GET", "/gtt/triggers") == []


def test_a_trigger_on_shares_expires_after_a_year(kite: ServedKite) -> None:
    answer = trigger(kite, [700], [699])
    kite.clock.advance(timedelta(days=365))
    kite.kite.tick()

    assert triggered(kite, answer)["status"] == "expired"


def test_the_251st_active_trigger_is_refused(kite: ServedKite) -> None:
    codes = [trigger(kite, [700], [699]).status_code for _ in range(250)]

    assert set(codes) == {200}
    assert "Maximum allowed active GTT" in error_of(trigger(kite, [700], [699]))[2]


# --- login, margins, candles


def test_the_login_page_sends_the_browser_back_with_a_request_token(kite: ServedKite) -> None:
    kite.sim("app", api_key=KEY, redirect_url="http://127.0.0.1:1/callback?from=kite")
    page = requests.get(
        f"{kite.kite.url}/connect/login",
        params={"v": "3", "api_key": KEY, "redirect_params": "state=abc"},
        allow_redirects=False,
        timeout=5,
    )
    parts = requests.models.PreparedRequest()
    parts.prepare_url(page.headers["Location"], None)
    words = dict(pair.split("=") for pair in str(parts.url).partition("?")[2].split("&"))
    checksum = hashlib.sha256(f"{KEY}{words['request_token']}{SECRET}".encode()).hexdigest()
    session = kite.data(
        "POST", "/session/token", api_key=KEY, request_token=words["request_token"], checksum=checksum
    )

    assert page.status_code == 302
    assert (words["from"], words["status"], words["action"], words["state"]) == (
        "kite",
        "success",
        "login",
        "abc",
    )
    assert session["user_id"] == USER


def test_a_login_page_without_an_address_shows_the_token(kite: ServedKite) -> None:
    page = requests.get(f"{kite.kite.url}/connect/login?v=3&api_key={KEY}", timeout=5)
    nobody = requests.get(f"{kite.kite.url}/connect/login?v=3&api_key=nobody", timeout=5)

    assert page.text.startswith("request_token: ")
    assert error_of(nobody)[:2] == (400, "InputException")


def test_margins_of_orders_are_what_placing_them_would_hold(kite: ServedKite) -> None:
    asked = {
        "exchange": "NSE",
        "tradingsymbol": "SBIN",
        "transaction_type": "BUY",
        "product": "MIS",
        "order_type": "LIMIT",
        "quantity": 10,
        "price": 790,
        "variety": "regular",
    }
    head = {"Authorization": f"token {KEY}:{TOKEN}"}
    rows = requests.post(f"{kite.kite.url}/margins/orders", json=[asked], headers=head, timeout=5)
    basket = requests.post(f"{kite.kite.url}/margins/basket", json=[asked] * 2, headers=head, timeout=5)
    wrong = requests.post(f"{kite.kite.url}/margins/orders", json={"a": 1}, headers=head, timeout=5)
    kite.ordered(price="790")

    used = kite.data("GET", "/user/margins/equity")["utilised"]["debits"]
    assert [row["total"] for row in rows.json()["data"]] == [used] == [1580]
    assert basket.json()["data"]["final"]["total"] == 2 * 1580
    assert error_of(wrong)[:2] == (400, "InputException")


def test_candles_hold_what_was_seen_of_the_market(kite: ServedKite) -> None:
    for last in (805, 795, 801):
        kite.price(last)
    kite.clock.advance(timedelta(minutes=1))
    kite.price(802)
    token = kite.kite.desk.token_of(SBIN)
    span = "from=2026-12-07+00:00:00&to=2026-12-07+23:59:59"
    minutes = kite.data("GET", f"/instruments/historical/{token}/minute?{span}")["candles"]
    day = kite.data("GET", f"/instruments/historical/{token}/day?{span}")["candles"]

    assert minutes[1] == ["2026-12-07T10:01:00+0530", 802, 802, 802, 802, 0]
    assert minutes[0][2:5] == [805, 795, 801]
    assert [one[0] for one in day] == ["2026-12-07T00:00:00+0530"]
    assert kite.call("GET", f"/instruments/historical/{token}/2minute?{span}").status_code == 400


def test_a_quote_has_the_days_prices_and_the_close_of_the_day_before(kite: ServedKite) -> None:
    kite.clock.advance(timedelta(days=1))
    kite.price(810)
    quote = kite.data("GET", "/quote?i=NSE:SBIN")["NSE:SBIN"]

    assert quote["ohlc"] == {"open": 810, "high": 810, "low": 810, "close": 800}
    assert quote["net_change"] == 10


def test_how_often_an_app_called_what_is_told_by_the_answer_it_got() -> None:
    with ServedKite(has_limits=True) as kite:
        order_id = kite.ordered()
        kite.call("GET", f"/orders/{order_id}")
        for _ in range(2):
            kite.call("GET", "/quote", i="NSE:SBIN")

        counted = kite.sim(f"calls?api_key={KEY}", "GET")

    assert counted == {
        "POST /orders/regular 200": 1,
        "GET /orders/:id 200": 1,
        "GET /quote 200": 1,
        "GET /quote 429": 1,
    }


def test_a_users_books_can_be_seen_without_using_up_the_users_limits() -> None:
    with ServedKite(has_limits=True) as kite:
        order_id = kite.ordered(price="790")

        seen = [kite.sim(f"books?user_id={USER}", "GET") for _ in range(12)][-1]

        assert [row["order_id"] for row in seen["orders"]] == [order_id]
        assert (seen["gtts"], seen["positions"], seen["holdings"]) == ([], [], [])
        assert kite.sim("books?user_id=NOBODY", "GET")["orders"] == []
        assert kite.call("GET", "/orders").ok
