"""The simulated Upstox through our adapter and through plain HTTP: what it takes, shows and refuses."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from broker import upstox
from broker.base import AuthDead, BrokerAccount, OrderRejected, OrderRequest, OutcomeUnknown
from broker.upstox.api.auth_api import exchange_code
from services.bracket.model import (
    OrderRow,
    OrderType,
    Product,
    Purpose,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
)
from tests.receiver import a_receiver
from tests.serving import until
from tests.upstox_served import KEY, SECRET, TOKEN, USER, ServedUpstox

GTTS = "/v3/order/gtt"
ORDERS = "/v3/order"
BOOK = "/v2/order/retrieve-all"


@pytest.fixture
def served() -> Iterator[ServedUpstox]:
    with ServedUpstox() as one:
        yield one


def a_native(
    *,
    side: Side = Side.BUY,
    price: str = "500",
    stop: str = "490",
    target: str = "510",
    product: Product = Product.MIS,
) -> OrderRequest:
    terms = Terms(
        order_type=OrderType.LIMIT,
        quantity=10,
        price=Decimal(price),
        stop_trigger=Decimal(stop),
        target_price=Decimal(target),
    )
    return OrderRequest(tag="b1", exchange="NSE", symbol="SBIN", product=product, side=side, terms=terms)


def place(served: ServedUpstox, **words: Any) -> str:
    """Place a native bracket through the adapter and return its GTT's id."""
    entry = served.account.place_order(a_native(**words)).broker_order_id
    gtt_id, _, strategy = entry.partition(":")
    assert strategy == "ENTRY"
    return gtt_id


def rows_of(account: BrokerAccount) -> dict[str, OrderRow]:
    """Return the rows of the one GTT, by rule."""
    return {row.broker_order_id.partition(":")[2]: row for row in account.order_book()}


def statuses(account: BrokerAccount) -> dict[str, RowStatus]:
    return {rule: row.status for rule, row in rows_of(account).items()}


def position(served: ServedUpstox) -> int:
    return sum(row.quantity for row in served.account.positions())


def a_body(served: ServedUpstox, **changes: Any) -> dict[str, Any]:
    return {
        "quantity": 10,
        "product": "I",
        "validity": "DAY",
        "price": 500,
        "tag": "b1",
        "slice": False,
        "instrument_token": served.sbin,
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "disclosed_quantity": 0,
        "trigger_price": 0,
        "is_amo": False,
    } | changes


def a_rule(strategy: str, level: float, **more: Any) -> dict[str, Any]:
    return {"strategy": strategy, "trigger_type": "IMMEDIATE", "trigger_price": level} | more


def a_gtt(served: ServedUpstox, *rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "MULTIPLE" if len(rules) > 1 else "SINGLE",
        "quantity": 10,
        "product": "I",
        "rules": rules,
        "instrument_token": served.sbin,
        "transaction_type": "BUY",
    }


def refusal_of(answer: requests.Response) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    assert answer.json()["status"] == "error"
    assert error["error_code"] == error["errorCode"]
    return answer.status_code, error["error_code"]


# GTTs


@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize(
    ("side", "last", "ended"),
    [
        (Side.BUY, "511", "TARGET"),
        (Side.BUY, "489", "STOPLOSS"),
        (Side.SELL, "489", "TARGET"),
        (Side.SELL, "511", "STOPLOSS"),
    ],
)
def test_a_gtt_is_ended_by_the_exit_whose_price_comes(
    side: Side, last: str, ended: str, reconnects: bool, served: ServedUpstox
) -> None:
    levels = {"stop": "490", "target": "510"} if side is Side.BUY else {"stop": "510", "target": "490"}
    place(served, side=side, **levels)
    held = statuses(served.account)

    served.price(last)

    account = served.connect() if reconnects else served.account  # who never saw it listed tells the same
    other = "STOPLOSS" if ended == "TARGET" else "TARGET"
    rows = rows_of(account)
    assert (held["STOPLOSS"], held["TARGET"]) == (RowStatus.TRIGGER_PENDING, RowStatus.OPEN)
    assert served.gtts() == []  # what is over is not listed
    assert (rows[ended].status, rows[ended].filled) == (RowStatus.FILLED, 10)
    assert rows[ended].exit_purpose is (Purpose.TARGET if ended == "TARGET" else Purpose.STOP)
    assert rows[other].status is RowStatus.CANCELLED
    assert position(served) == 0
    assert [trade.broker_order_id.partition(":")[2] for trade in account.trade_book()] == ["ENTRY", ended]
    if reconnects:
        account.close()


def test_exits_wait_until_the_entry_is_complete(served: ServedUpstox) -> None:
    place(served, price="495")
    before = statuses(served.account)

    served.price("495", depth=4)
    part = statuses(served.account)
    served.price("489", depth=0)

    assert before["STOPLOSS"] is before["TARGET"] is RowStatus.PENDING
    assert part == {
        "ENTRY": RowStatus.OPEN,
        "STOPLOSS": RowStatus.PENDING,
        "TARGET": RowStatus.PENDING,
    }
    assert position(served) == 4  # nobody sold it


def test_an_entry_cut_short_leaves_its_part_without_exits(served: ServedUpstox) -> None:
    gtt_id = place(served, price="495")
    served.price("495", depth=4)

    served.account.cancel_order(f"{gtt_id}:ENTRY")
    first = statuses(served.account)

    assert served.gtts() == []
    assert first == {"ENTRY": RowStatus.CANCELLED}
    assert statuses(served.account) == dict.fromkeys(("ENTRY", "STOPLOSS", "TARGET"), RowStatus.CANCELLED)
    assert position(served) == 4


def test_cancelling_one_exit_takes_the_whole_gtt_away(served: ServedUpstox) -> None:
    gtt_id = place(served)

    served.account.cancel_order(f"{gtt_id}:STOPLOSS")

    assert served.gtts() == []
    for _ in range(2):  # nobody saw it listed, and it is not forgotten either
        assert statuses(served.account) == {
            "ENTRY": RowStatus.FILLED,
            "STOPLOSS": RowStatus.CANCELLED,
            "TARGET": RowStatus.CANCELLED,
        }
    served.price("489")
    assert position(served) == 10


def test_a_stop_is_moved_and_the_target_stays(served: ServedUpstox) -> None:
    gtt_id = place(served)

    served.account.modify_order(
        f"{gtt_id}:STOPLOSS", Terms(order_type=OrderType.SL, quantity=10, trigger_price=Decimal(495))
    )

    rows = rows_of(served.account)
    assert (rows["STOPLOSS"].trigger_price, rows["TARGET"].price) == (Decimal(495), Decimal(510))
    served.price("494.9")
    assert rows_of(served.account)["STOPLOSS"].status is RowStatus.FILLED


def test_an_entry_that_the_exchange_rejects_is_rejected_later_with_its_exits(served: ServedUpstox) -> None:
    place(served, price="499.97", target="510")

    rows = rows_of(served.account)

    assert {rule: row.status for rule, row in rows.items()} == {
        "ENTRY": RowStatus.REJECTED,
        "STOPLOSS": RowStatus.CANCELLED,
        "TARGET": RowStatus.CANCELLED,
    }
    assert rows["ENTRY"].refusal is RefusalKind.TICK


def test_a_stop_that_the_market_jumps_over_has_a_limit_with_room(served: ServedUpstox) -> None:
    place(served)

    served.price("470")

    stop = rows_of(served.account)["STOPLOSS"]
    (order,) = [row for row in served.told("GET", BOOK) if row["transaction_type"] == "SELL"]
    assert (stop.status, stop.trigger_price) == (RowStatus.OPEN, Decimal(490))
    assert order["price"] == pytest.approx(480.2, abs=0.05)  # two per cent beyond the trigger
    served.account.cancel_order(stop.broker_order_id)  # its order, for the GTT is over
    assert rows_of(served.account)["STOPLOSS"].status is RowStatus.CANCELLED


@pytest.mark.parametrize("is_seen", [True, False])
def test_exits_of_delivery_wait_over_the_night_and_those_of_the_day_do_not(
    is_seen: bool, served: ServedUpstox
) -> None:
    place(served)
    delivery = place(served, product=Product.CNC)
    served.exchange.end_of_day()
    served.clock.advance(timedelta(days=1))

    # As after a restart, before the exit is sent or only behind it: yesterday's orders are in no book.
    account = served.connect()
    morning = rows_of(account) if is_seen else {}
    listed = [gtt["gtt_order_id"] for gtt in served.gtts()]
    served.price("511")
    over = statuses(account)

    assert listed == [delivery]
    assert {rule: row.status for rule, row in morning.items()} in (
        {},
        {
            "ENTRY": RowStatus.FILLED,
            "STOPLOSS": RowStatus.TRIGGER_PENDING,
            "TARGET": RowStatus.OPEN,
        },
    )
    assert bool(morning) is is_seen
    assert over == ({"ENTRY": RowStatus.FILLED} if is_seen else {}) | {
        "STOPLOSS": RowStatus.CANCELLED,
        "TARGET": RowStatus.FILLED,
    }
    account.close()


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ((a_rule("TARGET", 510), a_rule("STOPLOSS", 490)), "UDAPI1126"),
        ((a_rule("ENTRY", 500), a_rule("ENTRY", 501)), "UDAPI1132"),
        ((a_rule("ENTRY", 500), a_rule("TARGET", 490), a_rule("STOPLOSS", 510)), "UDAPI1143"),
        ((a_rule("ENTRY", 500), a_rule("TARGET", 510, trigger_type="ABOVE")), "UDAPI1131"),
    ],
)
def test_a_gtt_that_is_none_is_refused(
    rules: tuple[dict[str, Any], ...], code: str, served: ServedUpstox
) -> None:
    assert refusal_of(served.call("POST", f"{GTTS}/place", a_gtt(served, *rules))) == (400, code)


def test_the_quantity_of_an_entry_that_works_is_frozen(served: ServedUpstox) -> None:
    rules = (a_rule("ENTRY", 495), a_rule("TARGET", 510), a_rule("STOPLOSS", 490))
    gtt = a_gtt(served, *rules)
    (gtt_id,) = served.told("POST", f"{GTTS}/place", gtt)["gtt_order_ids"]
    change = {"type": "MULTIPLE", "gtt_order_id": gtt_id, "rules": rules}

    assert refusal_of(served.call("PUT", f"{GTTS}/modify", change | {"quantity": 5}))[0] == 400
    assert served.told("PUT", f"{GTTS}/modify", change | {"quantity": 10})["gtt_order_ids"] == [gtt_id]


def test_a_person_s_gtt_waits_for_its_price(served: ServedUpstox) -> None:
    served.told("POST", f"{GTTS}/place", a_gtt(served, a_rule("ENTRY", 490, trigger_type="BELOW")))
    (waiting,) = served.account.gtt_book()

    served.price("489")

    assert (waiting.side, waiting.legs[0].trigger_price) == (Side.BUY, Decimal(490))
    assert position(served) == 10


# Orders


def test_ids_come_in_a_list_and_an_order_goes_by_one(served: ServedUpstox) -> None:
    (order_id,) = served.told("POST", f"{ORDERS}/place", a_body(served, price=490))["order_ids"]

    told = served.told("DELETE", f"{ORDERS}/cancel?order_id={order_id}")

    assert told == {"order_id": order_id}
    (row,) = served.told("GET", BOOK)
    assert (row["status"], row["tag"]) == ("cancelled", "b1")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"order_type": "MARKET", "price": 0}, "UDAPI1158"),  # no market protection
        ({"price": 499.97}, "UDAPI100036"),
        ({"instrument_token": "NSE_EQ|NOSUCH"}, "UDAPI100011"),
        ({"tag": "x" * 41}, "UDAPI1119"),
        ({"quantity": 0}, "UDAPI1052"),
        ({"price": 0}, "UDAPI1043"),
        ({"order_type": "BRACKET"}, "UDAPI100036"),
    ],
)
def test_what_cannot_be_an_order_is_refused_with_a_code(
    changes: dict[str, Any], code: str, served: ServedUpstox
) -> None:
    assert refusal_of(served.call("POST", f"{ORDERS}/place", a_body(served, **changes))) == (400, code)


def test_an_order_that_is_taken_may_be_rejected_later(served: ServedUpstox) -> None:
    served.told("POST", f"{ORDERS}/place", a_body(served, quantity=10_000_000))

    (row,) = served.told("GET", BOOK)

    assert (row["status"], row["filled_quantity"]) == ("rejected", 0)
    assert row["status_message"]


def test_an_unknown_order_is_not_found(served: ServedUpstox) -> None:
    with pytest.raises(OrderRejected) as refused:
        served.account.cancel_order("1")

    assert refused.value.kind is RefusalKind.NOT_FOUND


@pytest.mark.parametrize("fault", ["502 after acceptance", "garbled JSON after acceptance"])
def test_an_answer_that_is_lost_may_stand_for_a_gtt_that_is_there(fault: str, served: ServedUpstox) -> None:
    served.sim("faults", at="network", fault=fault, method="POST", path="gtt/place$")

    with pytest.raises(OutcomeUnknown):
        served.account.place_order(a_native(price="495"))

    assert len(served.gtts()) == 1


# Limits and tokens


def test_the_eleventh_order_of_a_second_is_refused_gtts_count_too() -> None:
    with ServedUpstox(has_limits=True) as served:
        for _ in range(5):
            served.told("POST", f"{ORDERS}/place", a_body(served, price=490))
            served.told("POST", f"{GTTS}/place", a_gtt(served, a_rule("ENTRY", 490)))

        refused = served.call("POST", f"{ORDERS}/place", a_body(served, price=490))
        assert served.call("GET", BOOK).ok  # a read counts for itself
        served.clock.advance(timedelta(seconds=1))

        assert refusal_of(refused) == (429, "UDAPI10005")
        assert "Retry-After" not in refused.headers
        assert served.call("POST", f"{ORDERS}/place", a_body(served, price=490)).ok


def test_a_dead_token_is_401(served: ServedUpstox) -> None:
    served.sim("token", api_key=KEY, alive=False)

    assert refusal_of(served.call("GET", BOOK)) == (401, "UDAPI100050")
    with pytest.raises(AuthDead):
        served.account.place_order(a_native())


def test_a_code_from_the_page_becomes_a_token_once(served: ServedUpstox) -> None:
    redirect = "http://us/back"
    page = (
        f"/v2/login/authorization/dialog?response_type=code&client_id={KEY}&redirect_uri={redirect}&state=s1"
    )
    answer = requests.get(served.upstox.url + page, allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    words = {"api_key": KEY, "api_secret": SECRET, "redirect_uri": redirect}

    session = exchange_code(back["code"][0], served.settings, **words)

    assert (back["state"], session.user_id) == (["s1"], USER)
    assert served.call("GET", BOOK, token=session.auth_token).ok
    with pytest.raises(AuthDead):
        exchange_code(back["code"][0], served.settings, **words)


def test_a_wrong_secret_gets_no_token(served: ServedUpstox) -> None:
    code = served.sim("login", api_key=KEY)["code"]

    with pytest.raises(AuthDead):
        exchange_code(code, served.settings, api_key=KEY, api_secret="guessed", redirect_uri="http://us/back")


def test_a_logout_ends_the_token(served: ServedUpstox) -> None:
    served.told("DELETE", "/v2/logout")

    assert served.account.session_alive() is False


# Books, prices, files and pushes


def test_the_adapter_reads_every_file(served: ServedUpstox) -> None:
    found = {
        (one.instrument.exchange, one.instrument.symbol): one.instrument
        for one in upstox.list_instruments(served.settings, None)
    }

    assert {exchange for exchange, _ in found} == {"NSE", "NFO", "BSE", "BFO", "MCX"}
    for place_, ours in found.items():
        theirs = served.exchange.instruments[place_]
        assert (ours.tick_size, ours.lot_size, ours.expiry, ours.strike) == (
            theirs.tick_size,
            theirs.lot_size,
            theirs.expiry,
            theirs.strike,
        )


def test_an_order_is_posted_to_the_app_and_not_signed(served: ServedUpstox) -> None:
    with a_receiver() as receiver:
        served.sim("app", api_key=KEY, postback_url=f"{receiver.root}/postback")
        (order_id,) = served.told("POST", f"{ORDERS}/place", a_body(served))["order_ids"]
        until(lambda: len(receiver.requests) >= 2, what="both pushes")

        told = [one.body for one in receiver.requests]

    assert all(order_id.encode() in body and b'"update_type"' in body for body in told)


def test_the_books_can_be_seen_without_a_token(served: ServedUpstox) -> None:
    place(served)

    books = served.sim(f"books?user_id={USER}", "GET")

    assert (len(books["orders"]), len(books["gtts"]), books["positions"][0]["quantity"]) == (1, 1, 10)
    assert TOKEN not in str(books)
