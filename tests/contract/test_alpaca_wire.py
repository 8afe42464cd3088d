"""The simulated Alpaca through our adapter and plain HTTP: what it takes, shows, tells and refuses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from broker import alpaca
from broker.base import AccountCredentials, AuthDead, OrderRejected, OrderRequest, OutcomeUnknown
from services.bracket.model import (
    GttRequest,
    GttStatus,
    OrderRow,
    OrderType,
    Product,
    Purpose,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
)
from tests.alpaca_served import KEY, QQQ, SECRET, USER, ServedAlpaca
from tests.serving import until

LONG = {"stop": "490", "target": "510"}


@pytest.fixture
def served() -> Iterator[ServedAlpaca]:
    with ServedAlpaca() as one:
        yield one


def an_order(
    terms: Terms, *, side: Side = Side.BUY, tag: str = "b1e1", product: Product = Product.MIS
) -> OrderRequest:
    return OrderRequest(tag=tag, exchange="US", symbol="QQQ", product=product, side=side, terms=terms)


def a_bracket(
    *, side: Side = Side.BUY, price: str | None = "500", stop: str = "490", target: str = "510"
) -> OrderRequest:
    terms = Terms(
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=10,
        price=None if price is None else Decimal(price),
        stop_trigger=Decimal(stop),
        target_price=Decimal(target),
    )
    return an_order(terms, side=side)


def a_limit(price: str, quantity: int = 10) -> Terms:
    return Terms(order_type=OrderType.LIMIT, quantity=quantity, price=Decimal(price))


def a_stop(trigger: str, quantity: int = 10) -> Terms:
    return Terms(order_type=OrderType.SL_M, quantity=quantity, trigger_price=Decimal(trigger))


def an_oco(quantity: int = 10, *, stop: str = "490", target: str = "510") -> GttRequest:
    return GttRequest(
        exchange="US",
        symbol="QQQ",
        product=Product.CNC,
        side=Side.SELL,
        tag="b1x1",
        last_price=Decimal(500),
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            trigger_price=Decimal(stop),
            target_trigger=Decimal(target),
            target_price=Decimal(target),
        ),
    )


def rows_of(served: ServedAlpaca) -> dict[str, OrderRow]:
    """Return the rows of the one bracket: entry, stop and target."""
    found = {str(row.exit_purpose or "entry"): row for row in served.account.order_book()}
    assert len(found) == 3
    return found


def statuses(served: ServedAlpaca) -> dict[str, RowStatus]:
    return {name: row.status for name, row in rows_of(served).items()}


def position(served: ServedAlpaca) -> int:
    return sum(row.quantity for row in served.account.positions())


def bought(served: ServedAlpaca, product: Product = Product.CNC) -> None:
    served.account.place_order(an_order(a_limit("500"), product=product))
    assert position(served) == 10


def refusal_of(answer: requests.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["code"]


def a_body(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "QQQ",
        "qty": 10,
        "side": "buy",
        "type": "limit",
        "limit_price": 500,
        "time_in_force": "day",
    } | changes


BRACKET = {
    "order_class": "bracket",
    "take_profit": {"limit_price": 510},
    "stop_loss": {"stop_price": 490},
}


# Brackets


@pytest.mark.parametrize(
    ("side", "price", "last", "purpose"),
    [
        (Side.BUY, "500", "511", Purpose.TARGET),
        (Side.BUY, None, "489", Purpose.STOP),
        (Side.SELL, "500", "489", Purpose.TARGET),
        (Side.SELL, None, "511", Purpose.STOP),
    ],
)
def test_a_bracket_is_ended_by_the_exit_whose_price_comes(
    side: Side, price: str | None, last: str, purpose: Purpose, served: ServedAlpaca
) -> None:
    levels = LONG if side is Side.BUY else {"stop": "510", "target": "490"}
    entry = served.account.place_order(a_bracket(side=side, price=price, **levels)).broker_order_id
    held = statuses(served)

    served.price(last)

    other = Purpose.STOP if purpose is Purpose.TARGET else Purpose.TARGET
    rows = rows_of(served)
    assert (held["stop"], held["target"]) == (RowStatus.TRIGGER_PENDING, RowStatus.OPEN)
    assert (rows[purpose].status, rows[purpose].filled) == (RowStatus.FILLED, 10)
    assert (rows[other].status, rows["stop"].parent_order_id) == (RowStatus.CANCELLED, entry)
    assert position(served) == 0
    traded = [trade.broker_order_id for trade in served.account.trade_book()]
    assert traded == [entry, rows[purpose].broker_order_id]


def test_the_exits_are_held_until_the_entry_is_complete(served: ServedAlpaca) -> None:
    served.account.place_order(a_bracket(price="495"))
    served.price("495", depth=4)
    part = statuses(served)
    (words,) = [row["legs"] for row in served.sim(f"books?user_id={USER}", "GET")["orders"]]

    served.price("495", depth=6)

    assert part == {"entry": RowStatus.OPEN, "stop": RowStatus.PENDING, "target": RowStatus.PENDING}
    assert [leg["status"] for leg in words] == ["held", "held"]
    until(lambda: statuses(served)["stop"] is RowStatus.TRIGGER_PENDING, what="the exits at work")


def test_a_stop_at_work_is_called_held_as_long_as_its_target_rests(served: ServedAlpaca) -> None:
    served.account.place_order(a_bracket())

    (row,) = served.call("GET", "/v2/orders?status=all&nested=true").json()

    assert {leg["type"]: leg["status"] for leg in row["legs"]} == {"limit": "new", "stop": "held"}


def test_cancelling_one_exit_takes_the_other_along(served: ServedAlpaca) -> None:
    served.account.place_order(a_bracket())

    served.account.cancel_order(rows_of(served)["stop"].broker_order_id)

    assert statuses(served) == {
        "entry": RowStatus.FILLED,
        "stop": RowStatus.CANCELLED,
        "target": RowStatus.CANCELLED,
    }


def test_cancelling_a_part_filled_entry_takes_the_exits_along(served: ServedAlpaca) -> None:
    entry = served.account.place_order(a_bracket(price="495")).broker_order_id
    served.price("495", depth=4)

    served.account.cancel_order(entry)

    assert set(statuses(served).values()) == {RowStatus.CANCELLED}
    assert position(served) == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stop_loss": {"stop_price": 500}}, "beyond base_price"),
        ({"take_profit": {"limit_price": 500}}, "beyond base_price"),
        ({"stop_loss": None}, "stop_loss.stop_price"),
        ({"qty": 1.5}, "fractional orders must be simple"),
        ({"time_in_force": "ioc"}, "time_in_force"),
    ],
)
def test_a_bracket_that_makes_no_sense_is_refused_whole(
    changes: dict[str, Any], words: str, served: ServedAlpaca
) -> None:
    refused = served.call("POST", "/v2/orders", a_body(**BRACKET) | changes)

    assert refused.status_code == 422
    assert words in refused.json()["message"]
    assert served.account.order_book() == ()


def test_a_bracket_does_not_leave_a_position(served: ServedAlpaca) -> None:
    bought(served)
    levels = {"take_profit": {"limit_price": 490}, "stop_loss": {"stop_price": 510}}

    refused = served.call("POST", "/v2/orders", a_body(side="sell", **BRACKET | levels))

    assert (refused.status_code, "must be entry orders" in refused.text) == (422, True)


# Replacement


def test_a_changed_order_goes_by_another_id_at_alpaca_and_by_its_first_one_here(served: ServedAlpaca) -> None:
    ack = served.account.place_order(an_order(a_limit("495")))
    for price in ("494", "493"):
        served.account.modify_order(ack.broker_order_id, a_limit(price))

    words = served.call("GET", "/v2/orders?status=all").json()
    (row,) = served.account.order_book()
    (elsewhere,) = served.connect().order_book()  # nothing of it is in our memory only
    served.connect().cancel_order(ack.broker_order_id)

    assert sorted(one["status"] for one in words) == ["new", "replaced", "replaced"]
    assert len({one["id"] for one in words}) == 3
    assert row == elsewhere
    assert (row.broker_order_id, row.tag, row.price) == (ack.broker_order_id, "b1e1", Decimal(493))
    assert [one.status for one in served.account.order_book()] == [RowStatus.CANCELLED]


def test_a_changed_exit_of_a_bracket_keeps_its_id_for_whoever_reads_it_first(served: ServedAlpaca) -> None:
    """Legs that were replaced are listed nowhere: what they replaced is asked for, once."""
    served.account.place_order(a_bracket())
    stop = rows_of(served)["stop"]
    for trigger in ("491", "492"):
        served.account.modify_order(stop.broker_order_id, a_stop(trigger))

    other = served.connect()
    (moved,) = [row for row in other.order_book() if row.exit_purpose is Purpose.STOP]
    asked = looked_at(served)
    (again,) = [row for row in other.order_book() if row.exit_purpose is Purpose.STOP]

    assert (moved.broker_order_id, moved.trigger_price) == (stop.broker_order_id, Decimal(492))
    assert again == moved
    assert looked_at(served) == asked > 0


def looked_at(served: ServedAlpaca) -> int:
    """Return how often a single order was asked for."""
    calls = served.sim(f"calls?api_key={KEY}", "GET")
    return sum(count for name, count in calls.items() if name.startswith("GET /v2/orders/"))


def test_a_changed_stop_still_ends_the_bracket(served: ServedAlpaca) -> None:
    served.account.place_order(a_bracket())
    stop = rows_of(served)["stop"].broker_order_id
    served.account.modify_order(stop, a_stop("495"))

    served.price("494")

    assert rows_of(served)["stop"].filled == 10
    assert served.account.trade_book()[-1].broker_order_id == stop
    assert position(served) == 0


@pytest.mark.parametrize(
    "body", [{"limit_price": 495}, {"qty": 10}, {}], ids=["the same price", "the same quantity", "nothing"]
)
def test_a_change_that_changes_nothing_is_refused(body: dict[str, Any], served: ServedAlpaca) -> None:
    served.account.place_order(an_order(a_limit("495")))
    (row,) = served.call("GET", "/v2/orders").json()

    refused = served.call("PATCH", f"/v2/orders/{row['id']}", body)

    assert (refused.status_code, refused.json()["message"]) == (422, "order parameters are not changed")


def test_an_order_never_becomes_one_of_another_type(served: ServedAlpaca) -> None:
    ack = served.account.place_order(an_order(a_limit("495")))

    with pytest.raises(OrderRejected, match="changes no limit order"):
        served.account.modify_order(ack.broker_order_id, a_stop("505"))


# OCO


def test_an_oco_is_one_gtt_until_one_of_its_orders_fills(served: ServedAlpaca) -> None:
    bought(served)
    trigger_id = served.account.place_gtt(an_oco()).broker_order_id
    (rests,) = served.account.gtt_book()
    orders = [row.tag for row in served.account.order_book()]

    served.price("489")

    rows = {row.broker_order_id: row for row in served.account.order_book()}
    (over,) = served.account.gtt_book()
    stop, target = over.legs
    child = rows[stop.child_order_id or ""]
    assert (rests.trigger_id, rests.status, rests.tag) == (trigger_id, GttStatus.ACTIVE, "b1x1")
    assert orders == ["b1e1"]  # its orders are not shown beside it
    assert (over.status, target.child_order_id) == (GttStatus.TRIGGERED, None)
    assert (child.status, child.filled, child.product) == (RowStatus.FILLED, 10, "CNC")
    assert position(served) == 0


def test_both_orders_of_an_oco_move_and_go_together(served: ServedAlpaca) -> None:
    bought(served)
    trigger_id = served.account.place_gtt(an_oco()).broker_order_id

    served.account.modify_gtt(trigger_id, an_oco(stop="492", target="512"))
    (moved,) = served.connect().gtt_book()
    served.account.cancel_gtt(trigger_id)
    (gone,) = served.account.gtt_book()

    assert [leg.trigger_price for leg in moved.legs] == [Decimal(492), Decimal(512)]
    assert (moved.trigger_id, moved.status, gone.status) == (
        trigger_id,
        GttStatus.ACTIVE,
        GttStatus.CANCELLED,
    )


def test_an_oco_takes_a_position_to_leave(served: ServedAlpaca) -> None:
    with pytest.raises(OrderRejected, match="must be exit orders"):
        served.account.place_gtt(an_oco())


def test_a_share_is_closed_by_one_order_only(served: ServedAlpaca) -> None:
    bought(served)
    served.account.place_gtt(an_oco(6))

    with pytest.raises(OrderRejected) as refused:
        served.account.place_order(an_order(a_limit("510", 5), side=Side.SELL, tag="b2", product=Product.CNC))
    served.account.place_order(an_order(a_limit("510", 4), side=Side.SELL, tag="b3", product=Product.CNC))

    assert refused.value.reason == "insufficient qty available for order (requested: 5, available: 4)"
    assert refused.value.kind is RefusalKind.RMS


# Client ids and lost answers


def test_a_client_id_is_taken_once_whatever_became_of_its_order(served: ServedAlpaca) -> None:
    first = served.call("POST", "/v2/orders", a_body(client_order_id="mine", limit_price=495)).json()
    served.call("DELETE", f"/v2/orders/{first['id']}")

    again = served.call("POST", "/v2/orders", a_body(client_order_id="mine"))
    found = served.call("GET", "/v2/orders:by_client_order_id?client_order_id=mine").json()

    assert refusal_of(again) == (422, 40010001)
    assert (found["id"], found["status"]) == (first["id"], "canceled")


@pytest.mark.parametrize("fault", ["502 after acceptance", "504 after acceptance"])
def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(fault: str, served: ServedAlpaca) -> None:
    served.sim("faults", at="network", fault=fault, method="POST", path="orders$")

    ack = served.account.place_order(a_bracket())

    assert rows_of(served)["entry"].broker_order_id == ack.broker_order_id


def test_an_order_that_never_arrived_is_unknown(served: ServedAlpaca) -> None:
    served.sim("faults", at="network", fault="502 before acceptance", method="POST", path="orders$")

    with pytest.raises(OutcomeUnknown):
        served.account.place_order(a_bracket())
    assert served.account.order_book() == ()


# Books, limits, keys


def test_older_orders_that_rest_are_read_beside_the_latest_page(
    served: ServedAlpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("broker.alpaca.book", "broker.alpaca.api.order_api"):
        monkeypatch.setattr(f"{module}.PAGE", 2)
    for number in range(5):
        tag = f"b{number}"
        served.account.place_order(an_order(a_limit("490", 1), tag=tag, product=Product.CNC))
        served.clock.advance(timedelta(seconds=1))

    first = {row.tag for row in served.account.order_book()}
    second = {row.tag for row in served.account.order_book()}

    assert first == second == {"b0", "b1", "b2", "b3", "b4"}


def test_what_day_orders_hold_is_told_apart_from_what_stays(served: ServedAlpaca) -> None:
    bought(served, Product.CNC)
    served.account.place_order(an_order(a_limit("500", 4), tag="b2"))

    found = {row.product: row.quantity for row in served.account.positions()}

    assert found == {"CNC": 10, "MIS": 4}


def test_201_calls_in_a_minute_are_one_too_many() -> None:
    with ServedAlpaca(has_limits=True) as served:
        for _ in range(200):
            assert served.call("GET", "/v2/clock").ok
        refused = served.call("GET", "/v2/clock")
        data = served.call("GET", "/v2/stocks/snapshots?symbols=QQQ")
        served.clock.advance(timedelta(seconds=61))

        assert refusal_of(refused) == (429, 42910000)
        assert data.ok  # market data is counted by itself
        assert served.call("GET", "/v2/clock").ok


def test_dead_keys_are_401_and_the_next_ones_work(served: ServedAlpaca) -> None:
    served.sim("token", api_key=KEY, alive=False)

    with pytest.raises(AuthDead):
        served.account.order_book()
    assert served.account.session_alive() is False
    served.sim("token", api_key=KEY, alive=True)
    assert served.account.session_alive() is True


def test_an_account_without_market_data_gets_no_quotes() -> None:
    with ServedAlpaca(gives_quotes=False) as served:
        assert served.account.quotes(frozenset({QQQ})) == {}
        assert served.account.capabilities.gives_quotes is False


def test_the_adapter_reads_the_assets(served: ServedAlpaca) -> None:
    found = {one.instrument.symbol for one in alpaca.list_instruments(served.settings, f"{KEY}:{SECRET}")}

    assert found == {symbol for _, symbol in served.exchange.instruments}


# The stream


class Heard:
    """Satisfies PushListener."""

    def __init__(self) -> None:
        self.up: list[bool] = []
        self.orders = 0

    def on_health(self, *, is_up: bool) -> None:
        self.up.append(is_up)

    def on_orders(self) -> None:
        self.orders += 1

    def on_quotes(self, quotes: object) -> None:
        raise AssertionError("Alpaca's stream of trade updates brings no prices")


@contextmanager
def listening(served: ServedAlpaca, secret: str = SECRET) -> Iterator[Heard]:
    """Listen to the account's stream until the end of the block."""
    stop, listener = threading.Event(), Heard()
    settings = replace(served.settings, ws_roots={"alpaca": served.alpaca.socket_url})
    credentials = AccountCredentials(account_id="main", auth_token=f"{KEY}:{secret}")
    stream = alpaca.open_stream(credentials, settings, lambda _broker, _symbol: None)
    thread = threading.Thread(target=stream.run, args=(stop, listener))
    thread.start()
    try:
        yield listener
    finally:
        stop.set()
        thread.join()


def test_every_change_of_an_order_is_a_hint(served: ServedAlpaca) -> None:
    with listening(served) as heard:
        until(lambda: heard.orders == 1, what="the first look")
        served.account.place_order(an_order(a_limit("495")))
        until(lambda: heard.orders >= 2, what="news of the order")
        served.price("494")
        until(lambda: heard.orders >= 3, what="news of the fill")

        assert heard.up == [True]


def test_a_stream_that_refuses_the_keys_is_never_up(served: ServedAlpaca) -> None:
    with listening(served, secret="guessed") as heard:
        until(lambda: heard.up, what="the refusal")

        assert (True in heard.up, heard.orders) == (False, 0)
