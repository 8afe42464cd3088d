"""The simulated Dhan through our adapter and through plain HTTP: what it takes, shows, tells and refuses."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from broker import dhan
from broker.base import AccountCredentials, AuthDead, OrderRejected, OrderRequest, OutcomeUnknown, RateLimited
from broker.dhan.stream import DhanStream
from services.bracket.model import OrderRow, OrderType, Product, Purpose, RowStatus, Side, Terms
from simulator import load_instruments
from tests.dhan_served import CLIENT, PIN, SBIN, TOKEN, ServedDhan
from tests.serving import until
from utils.clock import SystemClock

LOGIN = {"client_id": CLIENT, "pin": PIN, "totp_seed": "GEZDGNBVGY3TQOJQ"}


@pytest.fixture
def served() -> Iterator[ServedDhan]:
    with ServedDhan() as one:
        yield one


def a_super(
    *, side: Side = Side.BUY, price: str | None = "500", stop: str = "490", target: str = "510"
) -> OrderRequest:
    return OrderRequest(
        tag="b1",
        exchange="NSE",
        symbol="SBIN",
        product=Product.MIS,
        side=side,
        terms=Terms(
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            quantity=10,
            price=None if price is None else Decimal(price),
            stop_trigger=Decimal(stop),
            target_price=Decimal(target),
        ),
    )


def rows_of(served: ServedDhan) -> dict[str, OrderRow]:
    """Return the rows of the one super order, by leg."""
    return {row.broker_order_id.partition(":")[2]: row for row in served.account.order_book()}


def statuses(served: ServedDhan) -> dict[str, RowStatus]:
    return {leg: row.status for leg, row in rows_of(served).items()}


def position(served: ServedDhan) -> int:
    return sum(row.quantity for row in served.account.positions())


# Super orders


@pytest.mark.parametrize(
    ("side", "price", "last", "leg"),
    [
        (Side.BUY, "500", "511", "TARGET_LEG"),
        (Side.BUY, None, "489", "STOP_LOSS_LEG"),
        (Side.SELL, "500", "489", "TARGET_LEG"),
        (Side.SELL, None, "511", "STOP_LOSS_LEG"),
    ],
)
def test_a_super_order_is_ended_by_the_exit_whose_price_comes(
    side: Side, price: str | None, last: str, leg: str, served: ServedDhan
) -> None:
    levels = {"stop": "490", "target": "510"} if side is Side.BUY else {"stop": "510", "target": "490"}
    served.account.place_order(a_super(side=side, price=price, **levels))
    held = statuses(served)

    served.price(last)

    other = "STOP_LOSS_LEG" if leg == "TARGET_LEG" else "TARGET_LEG"
    rows = rows_of(served)
    assert (held["STOP_LOSS_LEG"], held["TARGET_LEG"]) == (RowStatus.TRIGGER_PENDING, RowStatus.OPEN)
    assert (rows[leg].status, rows[leg].filled, rows[leg].average_price) == (
        RowStatus.FILLED,
        10,
        Decimal(last),
    )
    assert rows[other].status is RowStatus.CANCELLED
    assert position(served) == 0
    ids = [trade.broker_order_id.partition(":")[2] for trade in served.account.trade_book()]
    assert ids == ["ENTRY_LEG", leg]


def test_each_part_of_a_super_orders_entry_is_covered_as_it_fills(served: ServedDhan) -> None:
    served.account.place_order(a_super(price="495"))
    before = statuses(served)

    served.price("495", depth=4)
    part = rows_of(served)
    served.price("489")

    assert before["STOP_LOSS_LEG"] is before["TARGET_LEG"] is RowStatus.PENDING
    assert (part["STOP_LOSS_LEG"].quantity, part["STOP_LOSS_LEG"].status) == (4, RowStatus.TRIGGER_PENDING)
    assert part["STOP_LOSS_LEG"].exit_purpose is Purpose.STOP
    until(lambda: position(served) == 0, what="the stop of all that filled")


def test_an_exit_moves_by_itself_and_a_cancelled_one_does_not_come_back(served: ServedDhan) -> None:
    entry = served.account.place_order(a_super()).broker_order_id
    order_id = entry.partition(":")[0]
    stop = Terms(order_type=OrderType.SL, quantity=10, trigger_price=Decimal(495))

    served.account.modify_order(f"{order_id}:STOP_LOSS_LEG", stop)
    moved = rows_of(served)["STOP_LOSS_LEG"].trigger_price
    served.account.cancel_order(f"{order_id}:STOP_LOSS_LEG")
    with pytest.raises(OrderRejected):
        served.account.modify_order(f"{order_id}:STOP_LOSS_LEG", stop)
    served.price("480")

    assert moved == Decimal(495)
    assert statuses(served) == {
        "ENTRY_LEG": RowStatus.FILLED,
        "STOP_LOSS_LEG": RowStatus.CANCELLED,
        "TARGET_LEG": RowStatus.OPEN,
    }
    assert position(served) == 10


def test_cancelling_the_entry_takes_the_exits_along(served: ServedDhan) -> None:
    entry = served.account.place_order(a_super(price="495")).broker_order_id

    served.account.cancel_order(entry)

    assert set(statuses(served).values()) == {RowStatus.CANCELLED}


def test_a_market_super_order_with_a_price_is_refused(served: ServedDhan) -> None:
    body = {
        "transactionType": "BUY",
        "exchangeSegment": "NSE_EQ",
        "productType": "INTRADAY",
        "orderType": "MARKET",
        "securityId": served.settings.names.number_of("dhan", SBIN),
        "quantity": 1,
        "price": 500,
        "targetPrice": 510,
        "stopLossPrice": 490,
    }

    answer = served.call("POST", "/v2/super/orders", body)

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "DH-905")


# The network


@pytest.mark.parametrize(
    "fault", ["502 after acceptance", "empty answer after acceptance", "garbled JSON after acceptance"]
)
def test_an_order_whose_answer_is_lost_is_found_by_its_tag(fault: str, served: ServedDhan) -> None:
    served.sim("faults", at="network", fault=fault, method="POST", path="/v2/", times=1)

    ack = served.account.place_order(replace(a_super(), tag="lost1"))

    assert f"{ack.broker_order_id}" in {row.broker_order_id for row in served.account.order_book()} | {
        row.broker_order_id.partition(":")[0] for row in served.account.order_book()
    }
    assert len(served.exchange.orders(CLIENT)) == 1


def test_an_order_that_never_arrived_stays_unknown(served: ServedDhan) -> None:
    served.sim("faults", at="network", fault="502 before acceptance", method="POST", path="/v2/", times=1)

    with pytest.raises(OutcomeUnknown):
        served.account.place_order(a_super())

    assert served.exchange.orders(CLIENT) == ()


def test_the_eleventh_order_of_a_second_is_refused_with_dhans_code() -> None:
    with ServedDhan(has_limits=True) as served:
        answers = [served.call("DELETE", "/v2/orders/1") for _ in range(11)]

    assert [one.json()["errorCode"] for one in answers] == ["DH-906"] * 10 + ["DH-904"]
    assert answers[-1].status_code == 429


def test_a_429_of_the_broker_is_a_rate_limit(served: ServedDhan) -> None:
    served.sim("faults", at="network", fault="429", method="POST", path="/v2/orders", times=1)

    with pytest.raises(RateLimited):
        served.account.place_order(replace(a_super(), terms=Terms(order_type=OrderType.MARKET, quantity=1)))


# Logging in


def test_a_token_is_had_by_pin_and_one_time_password_and_dies_after_a_day(served: ServedDhan) -> None:
    login = dhan.daily_login()

    session = login.log_in(LOGIN, served.settings, SystemClock().now())

    account = dhan.connect(AccountCredentials(account_id="b", auth_token=session.auth_token), served.settings)
    assert (session.user_id, account.session_alive()) == (CLIENT, True)
    ends = login.ends_at(served.clock.now())
    served.clock.advance(ends - served.clock.now())
    assert not account.session_alive()
    account.close()


@pytest.mark.parametrize("change", [{"pin": "111111"}, {"totp_seed": "not base32!"}])
def test_a_refused_login_tells_no_secret(change: dict[str, str], served: ServedDhan) -> None:
    with pytest.raises(AuthDead) as refused:
        dhan.daily_login().log_in(LOGIN | change, served.settings, SystemClock().now())

    assert not any(secret in str(refused.value) for secret in (*change.values(), PIN))


def test_a_login_that_gets_no_answer_tells_no_secret(served: ServedDhan) -> None:
    served.sim("faults", at="network", fault="reset after acceptance", method="POST", path="/app/", times=1)

    with pytest.raises(OutcomeUnknown) as unknown:
        dhan.daily_login().log_in(LOGIN, served.settings, SystemClock().now())

    assert PIN not in str(unknown.value)
    assert unknown.value.__cause__ is None


def test_a_pasted_token_is_taken_once_dhan_says_whose_it_is(served: ServedDhan) -> None:
    login = dhan.daily_login()

    session = login.exchange(TOKEN, LOGIN, served.settings)

    assert (session.user_id, session.auth_token) == (CLIENT, f"{CLIENT}:{TOKEN}")
    with pytest.raises(AuthDead):
        login.exchange("another", LOGIN, served.settings)


# Instruments and prices


def test_every_listed_instrument_comes_back_from_the_file_with_its_number(served: ServedDhan) -> None:
    found = {(one.instrument.exchange, one.instrument.symbol): one for one in listed(served)}

    assert {key: one.instrument for key, one in found.items()} == {
        one.key: one.instrument for one in load_instruments()
    }
    assert all(served.settings.names.number_of("dhan", key) == one.token for key, one in found.items())


def listed(served: ServedDhan) -> Any:
    return dhan.list_instruments(served.settings, None)


def test_without_the_data_plan_an_account_finds_out_that_it_has_no_prices() -> None:
    with ServedDhan(gives_quotes=False) as served:
        served.account.learn()  # type: ignore[attr-defined]  # Renewable

        assert not served.account.capabilities.gives_quotes
        assert served.account.quotes(frozenset({SBIN})) == {}


# Pushes


class Heard:
    """What a stream told."""

    def __init__(self) -> None:
        self.orders = 0
        self.health: list[bool] = []

    def on_orders(self) -> None:
        self.orders += 1

    def on_quotes(self, quotes: object) -> None:
        raise AssertionError(quotes)

    def on_health(self, *, is_up: bool) -> None:
        self.health.append(is_up)

    def wanted(self) -> frozenset[Any]:
        return frozenset()


def listening(served: ServedDhan, token: str, heard: Heard) -> tuple[threading.Thread, threading.Event]:
    stream = DhanStream(served.dhan.socket_url, f"{CLIENT}:{token}", clock=SystemClock())
    stop = threading.Event()
    thread = threading.Thread(target=stream.run, args=(stop, heard))
    thread.start()
    return thread, stop


def test_the_stream_says_that_orders_changed_and_comes_back_after_a_break(served: ServedDhan) -> None:
    heard = Heard()
    thread, stop = listening(served, TOKEN, heard)
    until(lambda: heard.health[-1:] == [True], what="a healthy stream")
    until(lambda: served.sim("sockets?api_key=" + CLIENT, "GET")["open"] == 1, what="its login")
    before = heard.orders

    served.account.place_order(a_super(price="495"))
    until(lambda: heard.orders > before, what="news")
    served.sim("sockets/cut", api_key=CLIENT)
    until(lambda: heard.health[-2:] == [False, True], what="another connection")
    stop.set()
    thread.join()

    assert heard.health[0] is True
    assert heard.health[-1] is False
