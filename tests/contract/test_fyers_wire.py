"""The simulated Fyers over its wire: true to what the documentation says, odd as that is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from broker import fyers
from broker.base import AuthDead, BrokerSettings
from broker.fyers.api.auth_api import exchange_auth_code
from simulator import ExchangeSettings
from tests.fyers_served import API, APP_ID, SECRET, TOKEN, USER, ServedFyers
from tests.kite_served import wait_until
from tests.receiver import a_receiver

ORDERS, GTTS = f"{API}/orders/sync", f"{API}/gtt/orders/sync"


@pytest.fixture
def served() -> Iterator[ServedFyers]:
    with ServedFyers() as one:
        yield one


def settings_of(served: ServedFyers) -> BrokerSettings:
    return BrokerSettings(api_roots={"fyers": served.fyers.url}, paper_state="", paper_prices="")


def refusal_of(answer: Any) -> tuple[int, int]:
    """Return the HTTP status and the code of an answer that is a no."""
    assert answer.json()["s"] == "error"
    return answer.status_code, answer.json()["code"]


def test_an_order_goes_from_transit_to_pending_to_traded() -> None:
    with ServedFyers(ExchangeSettings(acceptance_delay=timedelta(seconds=1))) as served:
        order_id = served.ordered(limitPrice=790)
        on_its_way = served.newest(order_id)["status"]
        served.pass_time(2)
        resting = served.newest(order_id)["status"]
        served.price(789)

        assert (on_its_way, resting, served.newest(order_id)["status"]) == (4, 6, 2)


def test_an_order_that_nobody_can_pay_is_taken_in_and_rejected_later(served: ServedFyers) -> None:
    order_id = served.ordered(qty=1_000_000, productType="CNC")

    row = served.newest(order_id)
    assert (row["status"], row["message"][:20]) == (5, "RED:Margin Shortfall")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"limitPrice": 800.03}, -50),
        ({"type": 4, "side": -1, "limitPrice": 805, "stopPrice": 810}, -50),  # above the market
        ({"symbol": "NSE:NOSUCH-EQ"}, -300),
        ({"symbol": "SBIN"}, -300),
        ({"orderTag": "with-dash"}, -50),
        ({"orderTag": "x" * 31}, -50),
        ({"orderTag": "Untagged"}, -50),
        ({"orderTag": USER}, -50),
        ({"productType": "BO"}, -50),
        ({"type": 7}, -50),
        ({"qty": "10"}, -50),
    ],
)
def test_what_makes_no_order_is_refused_by_its_code(
    changes: dict[str, object], code: int, served: ServedFyers
) -> None:
    assert refusal_of(served.order(**changes)) == (400, code)
    assert served.told("GET", f"{API}/orders")["orderBook"] == []


def test_a_tag_comes_back_with_its_prefix_and_finds_the_order(served: ServedFyers) -> None:
    tagged, plain = served.ordered(limitPrice=790, orderTag="B7K2E1"), served.ordered(limitPrice=791)

    found = served.told("GET", f"{API}/orders?order_tag=1:B7K2E1")["orderBook"]

    assert [(row["id"], row["orderTag"]) for row in found] == [(tagged, "1:B7K2E1")]
    assert served.newest(plain)["orderTag"] == "2:Untagged"


def test_a_change_keeps_what_it_does_not_name(served: ServedFyers) -> None:
    served.ordered()
    stop = served.ordered(side=-1, type=4, limitPrice=788, stopPrice=790)

    served.told("PATCH", ORDERS, {"id": stop, "type": 1, "limitPrice": 820, "qty": 10})
    as_target = served.newest(stop)
    served.told("PATCH", ORDERS, {"id": stop, "type": 4, "limitPrice": 786, "stopPrice": 788})
    as_stop = served.newest(stop)

    assert [as_target[name] for name in ("type", "limitPrice", "qty", "status")] == [1, 820, 10, 6]
    assert [as_stop[name] for name in ("type", "stopPrice", "qty", "status")] == [4, 788, 10, 6]


def test_a_stop_that_fired_and_did_not_fill_looks_like_one_that_waits(served: ServedFyers) -> None:
    served.ordered()
    stop = served.ordered(side=-1, type=4, limitPrice=788, stopPrice=790)

    served.price(785)
    row = served.newest(stop)
    moved = served.call("PATCH", ORDERS, {"id": stop, "type": 1, "limitPrice": 785})

    assert [row[name] for name in ("type", "status", "filledQty", "lp")] == [4, 6, 0, 785]
    assert moved.json()["code"] == 1102
    assert served.newest(stop)["status"] == 2


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_order_that_is_over_cannot_be_changed_and_one_that_never_was_neither(
    method: str, served: ServedFyers
) -> None:
    done = served.ordered()

    assert refusal_of(served.call(method, ORDERS, {"id": done, "qty": 5})) == (400, -50)
    assert refusal_of(served.call(method, ORDERS, {"id": "1", "qty": 5})) == (400, -51)


# GTTs


def test_a_gtt_shows_its_legs_side_by_side_and_its_tag(served: ServedFyers) -> None:
    answer = served.oco(orderTag="B7K2X5").json()

    (row,) = served.gtts()
    assert (answer["code"], row["id"]) == (1101, answer["id"])
    assert [row[name] for name in ("price_trigger", "price2_trigger", "gtt_oco_ind")] == [820, 780, 2]
    assert [row[name] for name in ("ord_status", "tran_side", "ordertag")] == [6, -1, "1:GTTB7K2X5"]


@pytest.mark.parametrize(
    "changes",
    [
        {"productType": "INTRADAY"},
        {
            "orderInfo": {
                "leg1": {"price": 778, "triggerPrice": 780, "qty": 10},
                "leg2": {"price": 820, "triggerPrice": 820, "qty": 10},
            }
        },
        {
            "orderInfo": {
                "leg1": {"price": 820, "triggerPrice": 800, "qty": 10},
                "leg2": {"price": 778, "triggerPrice": 780, "qty": 10},
            }
        },
        {"orderInfo": {"leg2": {"price": 778, "triggerPrice": 780, "qty": 10}}},
    ],
)
def test_leg_1_is_above_the_market_and_leg_2_below_or_there_is_no_gtt(
    changes: dict[str, object], served: ServedFyers
) -> None:
    assert refusal_of(served.oco(**changes)) == (400, -50)
    assert served.gtts() == []


def test_a_gtt_that_fires_places_an_order_with_its_tag_and_does_not_say_which(served: ServedFyers) -> None:
    served.ordered(productType="CNC")
    served.oco(orderTag="B7K2X5")

    served.price(779)

    (gtt,) = served.gtts()
    (child,) = served.told("GET", f"{API}/orders?order_tag=1:GTTB7K2X5")["orderBook"]
    assert gtt["ord_status"] == 2
    assert child["id"] not in str(gtt)
    assert [child[name] for name in ("limitPrice", "side", "type", "status")] == [778, -1, 1, 2]


def test_the_child_of_a_gtt_without_a_tag_says_so(served: ServedFyers) -> None:
    served.ordered(productType="CNC")
    served.oco()

    served.price(821)

    assert [row["orderTag"] for row in served.told("GET", f"{API}/orders")["orderBook"]] == [
        "2:Untagged",
        "2:GTTUntagged",
    ]


def test_a_gtt_is_changed_as_a_whole_and_ends_when_it_is_cancelled(served: ServedFyers) -> None:
    trigger_id = served.oco().json()["id"]
    legs = {
        "leg1": {"price": 830, "triggerPrice": 830, "qty": 6},
        "leg2": {"price": 770, "triggerPrice": 772, "qty": 6},
    }

    changed = served.told("PATCH", GTTS, {"id": trigger_id, "orderInfo": legs})
    (row,) = served.gtts()
    cancelled = served.told("DELETE", GTTS, {"id": trigger_id})
    (over,) = served.gtts()

    assert (changed["code"], row["price_trigger"], row["qty2"]) == (1102, 830, 6)
    assert (cancelled["code"], over["ord_status"]) == (1103, 1)
    assert refusal_of(served.call("DELETE", GTTS, {"id": trigger_id}))[0] == 400


def test_what_ended_yesterday_is_not_listed_any_more(served: ServedFyers) -> None:
    served.told("DELETE", GTTS, {"id": served.oco().json()["id"]})

    served.pass_time(24 * 3600)

    assert served.gtts() == []


# What is sent and not acknowledged


def test_code_201_may_stand_for_an_order_that_is_there(served: ServedFyers) -> None:
    served.sim("faults", at="network", fault="201 after acceptance", method="POST")

    answer = served.order(orderTag="B7K2E1").json()

    assert (answer["s"], answer["code"], answer["id"]) == ("ok", 201, "")
    assert len(served.told("GET", f"{API}/orders?order_tag=1:B7K2E1")["orderBook"]) == 1


def test_code_201_may_stand_for_an_order_that_is_not(served: ServedFyers) -> None:
    served.sim("faults", at="network", fault="201 before acceptance", method="POST")

    assert served.order().json()["code"] == 201
    assert served.told("GET", f"{API}/orders")["orderBook"] == []


# Limits


def test_the_eleventh_call_of_a_second_is_refused_and_told_how_long_to_wait(served: ServedFyers) -> None:
    for _ in range(10):
        served.told("GET", f"{API}/orders")

    refused = served.call("GET", f"{API}/orders")
    served.pass_time(1)

    assert refusal_of(refused) == (429, -429)
    assert (refused.headers["Retry-After"], refused.headers["X-Retry-After-Ms"]) == ("2", "1001")
    assert served.call("GET", f"{API}/orders").ok


def use_up_a_minute(served: ServedFyers) -> None:
    """Make 200 calls, ten a second, and one too many."""
    for _ in range(20):
        for _ in range(10):
            assert served.call("GET", f"{API}/profile").ok
        served.pass_time(1)
    assert refusal_of(served.call("GET", f"{API}/profile")) == (429, -429)


def test_whoever_breaks_the_limit_of_the_minute_four_times_is_locked_out_for_the_day() -> None:
    with ServedFyers(at=datetime(2026, 11, 27, 4, 0, tzinfo=UTC)) as served:
        for _ in range(3):
            use_up_a_minute(served)
            assert not served.call("GET", f"{API}/profile").ok  # once more in the minute counts once
            served.pass_time(61)
            assert served.call("GET", f"{API}/profile").ok
            served.pass_time(61)
        use_up_a_minute(served)
        served.pass_time(3600)
        locked_out = served.call("DELETE", ORDERS, {"id": "1"})
        served.pass_time(20 * 3600)

        assert (locked_out.status_code, "blocked" in locked_out.text) == (429, True)
        assert served.call("GET", f"{API}/profile").ok


# Tokens


def test_a_dead_token_is_401_with_a_code_of_its_own(served: ServedFyers) -> None:
    served.sim("token", api_key=APP_ID, alive=False)

    assert refusal_of(served.call("GET", f"{API}/profile")) == (401, -17)
    assert refusal_of(served.order()) == (401, -17)


def test_a_code_from_the_page_becomes_a_token_once(served: ServedFyers) -> None:
    redirect = "http://127.0.0.1:5000/fyers/callback"
    served.sim("app", api_key=APP_ID, redirect_url=redirect)
    page = f"{API}/generate-authcode?client_id={APP_ID}&redirect_uri={redirect}&response_type=code&state=s1"
    back = parse_qs(urlsplit(served.call("GET", page).headers["Location"]).query)
    (code,) = back["auth_code"]

    session = exchange_auth_code(code, settings_of(served), app_id=APP_ID, secret_id=SECRET)

    assert (back["s"], back["state"]) == (["ok"], ["s1"])
    assert session.user_id == USER
    assert served.call("GET", f"{API}/orders", token=session.auth_token.partition(":")[2]).ok
    with pytest.raises(AuthDead):
        exchange_auth_code(code, settings_of(served), app_id=APP_ID, secret_id=SECRET)


def test_a_login_page_for_another_address_leads_nowhere(served: ServedFyers) -> None:
    served.sim("app", api_key=APP_ID, redirect_url="http://127.0.0.1:5000/fyers/callback")

    page = f"{API}/generate-authcode?client_id={APP_ID}&redirect_uri=http://127.0.0.1:1/&response_type=code"
    assert refusal_of(served.call("GET", page)) == (400, -50)


def test_a_wrong_secret_gets_no_token(served: ServedFyers) -> None:
    code = served.sim("login", api_key=APP_ID)["auth_code"]

    with pytest.raises(AuthDead):
        exchange_auth_code(code, settings_of(served), app_id=APP_ID, secret_id="guessed")


def test_a_logout_ends_the_token(served: ServedFyers) -> None:
    served.told("POST", f"{API}/logout")

    assert served.call("GET", f"{API}/profile").status_code == 401


# Books, prices and lists


def test_shares_that_come_tomorrow_have_a_row_of_their_own(served: ServedFyers) -> None:
    served.ordered(productType="CNC")
    served.exchange.end_of_day()
    served.ordered(productType="CNC", qty=5)
    served.exchange.end_of_day()
    served.ordered(productType="CNC", side=-1, qty=4)

    rows = served.told("GET", f"{API}/holdings")["holdings"]
    (position,) = served.told("GET", f"{API}/positions")["netPositions"]

    kinds = [(row["holdingType"], row["quantity"], row["qty_t1"], row["remainingQuantity"]) for row in rows]
    assert kinds == [("HLD", 10, 0, 6), ("T1", 0, 5, 1)]
    assert (position["netQty"], position["productType"]) == (-4, "CNC")


def test_a_quote_of_nothing_is_told_beside_the_others(served: ServedFyers) -> None:
    known, unknown = served.told("GET", "/data/quotes?symbols=NSE:SBIN-EQ,NSE:NOSUCH-EQ")["d"]

    assert (known["v"]["lp"], known["v"]["bid"], unknown["s"]) == (800, 800, "error")


def test_an_app_without_the_permission_gets_no_quotes() -> None:
    with ServedFyers(gives_quotes=False) as served:
        answer = served.call("GET", "/data/quotes?symbols=NSE:SBIN-EQ")

    assert answer.status_code == 403


def test_the_adapter_reads_every_list(served: ServedFyers) -> None:
    found = fyers.list_instruments(settings_of(served), None)

    by_place = {(one.instrument.exchange, one.instrument.symbol): one for one in found}
    assert by_place["NSE", "SBIN"].token == "NSE:SBIN-EQ"
    assert {exchange for exchange, _ in by_place} == {"NSE", "NFO", "CDS", "BSE", "BFO", "MCX"}
    listed = {place: one for place, one in served.exchange.instruments.items() if place in by_place}
    assert len(listed) == len(served.exchange.instruments)
    for place, one in listed.items():
        ours = by_place[place].instrument
        assert (ours.tick_size, ours.kind, ours.expiry, ours.strike) == (
            one.tick_size,
            one.kind,
            one.expiry,
            one.strike,
        )


def test_a_list_that_does_not_exist_is_404(served: ServedFyers) -> None:
    assert served.call("GET", "/sym_details/NYSE.csv").status_code == 404


def test_an_order_is_posted_to_the_app_and_not_signed(served: ServedFyers) -> None:
    with a_receiver() as receiver:
        served.sim("app", api_key=APP_ID, postback_url=f"{receiver.root}/postback")
        order_id = served.ordered(orderTag="B7K2E1")
        wait_until(lambda: len(receiver.requests) >= 2, what="both postbacks")

        told = [one.body for one in receiver.requests]

    assert all(order_id.encode() in body for body in told)
    assert not any(b"checksum" in body for body in told)


def test_the_books_can_be_seen_without_a_token(served: ServedFyers) -> None:
    served.ordered()
    served.oco()

    books = served.sim(f"books?user_id={USER}", "GET")

    assert (len(books["orders"]), len(books["gtts"]), books["positions"][0]["netQty"]) == (1, 1, 10)
    assert Decimal(str(books["positions"][0]["netAvg"])) == 800
    assert TOKEN not in str(books)
