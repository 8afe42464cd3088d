"""What goes over the wire to Dhan, and what the account makes of what comes back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from broker import dhan
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerError,
    BrokerSettings,
    GttRequest,
    NotSent,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Symbol,
    Terms,
)
from broker.dhan.refusals import STATIC_IP_WORDS
from broker.dhan.session import API_ROOT
from services.bracket.model import (
    GttStatus,
    OrderType,
    Product,
    Purpose,
    RefusalKind,
    RowStatus,
    Side,
)

FIXTURES = Path(__file__).parent.parent / "fixtures" / "dhan"
NUMBERS = {("NSE", "TCS"): "11536", ("NSE", "HDFCBANK"): "1333"}

Mock = responses.RequestsMock


class Names:
    """Satisfies InstrumentNames with two shares."""

    def number_of(self, _broker: str, symbol: Symbol, /) -> str | None:
        return NUMBERS.get(symbol)

    def symbol_of(self, _broker: str, exchange: str, number: str, /) -> Symbol | None:
        return next((key for key, one in NUMBERS.items() if (key[0], one) == (exchange, number)), None)


SETTINGS = BrokerSettings(api_roots={}, paper_state="", paper_prices="", names=Names())


def connected() -> BrokerAccount:
    return dhan.connect(AccountCredentials(account_id="a1", auth_token="1000000003:JWT"), SETTINGS)


def body_of(request: PreparedRequest) -> Any:
    """Return what a request says, None when it says nothing."""
    return json.loads(request.body) if request.body else None


@pytest.fixture
def mock() -> Iterator[Mock]:
    with responses.RequestsMock() as one:
        yield one


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    opened = connected()
    yield opened
    opened.close()


def an_order(**changes: Any) -> OrderRequest:
    plain: dict[str, Any] = {
        "tag": "bo1",
        "exchange": "NSE",
        "symbol": "TCS",
        "product": Product.MIS,
        "side": Side.BUY,
        "terms": limit("100"),
    }
    return OrderRequest(**(plain | changes))


def limit(price: str) -> Terms:
    return Terms(order_type=OrderType.LIMIT, quantity=5, price=Decimal(price))


def native(order_type: OrderType, price: str | None) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=5,
        price=None if price is None else Decimal(price),
        stop_trigger=Decimal(1400),
        target_price=Decimal(1600),
    )


def an_oco(*, quantity: int = 5, stop: str = "1420", target: str = "1427") -> GttRequest:
    return GttRequest(
        exchange="NSE",
        symbol="HDFCBANK",
        product=Product.CNC,
        side=Side.SELL,
        last_price=Decimal("1424"),
        tag="x",
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=quantity,
            trigger_price=Decimal(stop),
            price=Decimal(stop) - 1,
            target_trigger=Decimal(target),
            target_price=Decimal(target) + 1,
        ),
    )


STOP_TERMS = Terms(order_type=OrderType.SL, quantity=5, trigger_price=Decimal("1410.5"))
CALLS: dict[str, Callable[[BrokerAccount], object]] = {
    "place_limit": lambda account: account.place_order(an_order()),
    "place_super": lambda account: account.place_order(an_order(terms=native(OrderType.LIMIT, "1500"))),
    "place_super_market": lambda account: account.place_order(an_order(terms=native(OrderType.MARKET, None))),
    "move_target": lambda account: account.modify_order("1:TARGET_LEG", limit("1450")),
    "move_stop": lambda account: account.modify_order("1:STOP_LOSS_LEG", STOP_TERMS),
    "cancel_stop": lambda account: account.cancel_order("1:STOP_LOSS_LEG"),
    "cancel_super": lambda account: account.cancel_order("1:ENTRY_LEG"),
    "morph_to_limit": lambda account: account.modify_order("1", limit("1540")),
    "cancel": lambda account: account.cancel_order("1"),
    "place_oco": lambda account: account.place_gtt(an_oco()),
    "cancel_gtt": lambda account: account.cancel_gtt("9001"),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_request_of_the_official_client(
    name: str, account: BrokerAccount, mock: Mock
) -> None:
    recorded = json.loads((FIXTURES / "requests.json").read_text())[name]
    mock.add(recorded["method"], API_ROOT + recorded["path"], json={"orderId": "1", "orderStatus": "PENDING"})

    CALLS[name](account)

    (call,) = mock.calls
    sent = body_of(call.request)
    assert sent == (recorded["body"] and {k: v for k, v in recorded["body"].items() if v is not None})
    assert call.request.headers["access-token"] == "JWT"
    assert call.request.headers["client-id"] == "1000000003"


def test_a_super_orders_entry_goes_by_its_leg(account: BrokerAccount, mock: Mock) -> None:
    mock.post(f"{API_ROOT}/v2/super/orders", json={"orderId": "77", "orderStatus": "PENDING"})

    ack = account.place_order(an_order(terms=native(OrderType.LIMIT, "1500")))

    assert ack.broker_order_id == "77:ENTRY_LEG"


@pytest.mark.parametrize(
    "order",
    [
        an_order(terms=replace(limit("100"), price=Decimal(0))),
        an_order(terms=Terms(order_type=OrderType.SL_M, quantity=5, trigger_price=Decimal(90))),
        an_order(terms=native(OrderType.SL, "100")),
        an_order(exchange="FOREX", symbol="TCS"),
        an_order(tag="t" * 31),
    ],
    ids=["limit at 0", "stop market", "super with a trigger", "no such exchange", "long tag"],
)
def test_what_dhan_refuses_is_not_sent(order: OrderRequest, account: BrokerAccount, mock: Mock) -> None:
    with pytest.raises((OrderRejected, NotSent)):
        account.place_order(order)

    assert len(mock.calls) == 0


def test_an_intraday_forever_order_is_not_sent(account: BrokerAccount, mock: Mock) -> None:
    with pytest.raises(OrderRejected):
        account.place_gtt(replace(an_oco(), product=Product.MIS))

    assert len(mock.calls) == 0


# Answers to writes


def failure(code: str, message: str = "words") -> dict[str, str]:
    return {"errorType": "x", "errorCode": code, "errorMessage": message}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "DH-901", AuthDead),
        (403, "DH-902", OrderRejected),
        (400, "DH-903", OrderRejected),
        (429, "DH-904", RateLimited),
        (400, "DH-904", RateLimited),
        (400, "DH-905", OrderRejected),
        (400, "DH-906", OrderRejected),
        (400, "DH-907", OutcomeUnknown),
        (500, "DH-908", OutcomeUnknown),
        (500, "DH-909", OutcomeUnknown),
        (400, "DH-910", OutcomeUnknown),
        (400, "DH-911", OrderRejected),
        (500, "DH-906", OutcomeUnknown),
        (400, "DH-999", OutcomeUnknown),
    ],
)
def test_each_code_means_one_thing_for_a_write(
    status: int, code: str, kind: type[BrokerError], account: BrokerAccount, mock: Mock
) -> None:
    mock.delete(f"{API_ROOT}/v2/orders/1", status=status, json=failure(code))

    with pytest.raises(BrokerError) as raised:
        account.cancel_order("1")

    assert type(raised.value) is kind


def test_a_wrong_address_is_refused_with_the_sentence_that_helps(account: BrokerAccount, mock: Mock) -> None:
    mock.post(f"{API_ROOT}/v2/orders", status=400, json=failure("DH-911", "Invalid IP"))

    with pytest.raises(OrderRejected) as rejected:
        account.place_order(an_order())

    assert rejected.value.reason == STATIC_IP_WORDS
    assert "static IP" in STATIC_IP_WORDS


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_202_says_that_a_cancel_is_being_processed(
    body: bytes, account: BrokerAccount, mock: Mock
) -> None:
    mock.delete(f"{API_ROOT}/v2/orders/1", status=202, body=body)

    account.cancel_order("1")

    assert len(mock.calls) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(200, b""), (200, b"{}"), (202, b'{"orderId":""}'), (302, b"x")]
)
def test_an_answer_without_an_order_is_unknown(
    status: int, body: bytes, account: BrokerAccount, mock: Mock
) -> None:
    mock.put(f"{API_ROOT}/v2/orders/1", status=status, body=body)

    with pytest.raises(OutcomeUnknown):
        account.modify_order("1", limit("100"))


# Unknown answers to placing


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"orderStatus":"TRANSIT"}'])
def test_an_unknown_answer_is_asked_about_by_tag_once_and_never_sent_again(
    body: bytes, account: BrokerAccount, mock: Mock
) -> None:
    post = mock.post(f"{API_ROOT}/v2/orders", status=502 if b"502" in body else 200, body=body)
    mock.get(f"{API_ROOT}/v2/orders/external/bo1", json=an_order_row())

    ack = account.place_order(an_order())

    assert (ack.broker_order_id, post.call_count) == ("1", 1)


@pytest.mark.parametrize(
    ("status", "found"),
    [(404, failure("DH-906", "Order not found")), (200, [])],
    ids=["no such order", "nonsense"],
)
def test_an_order_that_is_not_found_by_tag_stays_unknown(
    status: int, found: object, account: BrokerAccount, mock: Mock
) -> None:
    mock.post(f"{API_ROOT}/v2/orders", status=502, body=b"<html>")
    mock.get(f"{API_ROOT}/v2/orders/external/bo1", status=status, json=found)

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order())


def test_an_order_found_under_another_tag_is_not_ours(account: BrokerAccount, mock: Mock) -> None:
    mock.post(f"{API_ROOT}/v2/orders", status=502, body=b"<html>")
    mock.get(f"{API_ROOT}/v2/orders/external/bo1", json=an_order_row(correlationId="bo10"))

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order())


# Books


def an_order_row(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "dhanClientId": "1000000003",
        "orderId": "1",
        "correlationId": "bo1",
        "orderStatus": "PENDING",
        "transactionType": "BUY",
        "exchangeSegment": "NSE_EQ",
        "productType": "INTRADAY",
        "orderType": "LIMIT",
        "validity": "DAY",
        "tradingSymbol": "TCS",
        "securityId": "11536",
        "quantity": 5,
        "filledQty": 0,
        "price": 100.0,
        "triggerPrice": 0.0,
        "averageTradedPrice": 0,
        "legName": None,
        "createTime": "2026-11-24 13:33:03",
        "updateTime": "2026-11-24 13:33:04",
        "exchangeTime": "NA",
        "omsErrorDescription": None,
    }
    return plain | changes


def a_super_row(**changes: Any) -> dict[str, Any]:
    legs = [
        {"orderId": "9", "legName": "STOP_LOSS_LEG", "orderStatus": "PENDING", "price": 90},
        {"orderId": "9", "legName": "TARGET_LEG", "orderStatus": "PENDING", "price": 120},
    ]
    return an_order_row(orderId="9", legName="ENTRY_LEG", legDetails=legs) | changes


def shown(mock: Mock, orders: list[dict[str, Any]], supers: list[dict[str, Any]]) -> None:
    mock.get(f"{API_ROOT}/v2/super/orders", json=supers)
    mock.get(f"{API_ROOT}/v2/orders", json=orders)


@pytest.mark.parametrize(
    ("word", "changes", "status"),
    [
        ("TRANSIT", {}, RowStatus.PENDING),
        ("PENDING", {}, RowStatus.OPEN),
        ("PENDING", {"orderType": "STOP_LOSS", "triggerPrice": 101.0}, RowStatus.TRIGGER_PENDING),
        ("PART_TRADED", {"filledQty": 2}, RowStatus.OPEN),
        ("PENDING", {"filledQty": 5}, RowStatus.FILLED),
        ("TRADED", {"filledQty": 5}, RowStatus.FILLED),
        ("TRADED", {"filledQty": 4}, RowStatus.UNKNOWN),
        ("REJECTED", {}, RowStatus.REJECTED),
        ("CANCELLED", {"filledQty": 2}, RowStatus.CANCELLED),
        ("EXPIRED", {}, RowStatus.EXPIRED),
        ("Traded", {"filledQty": 5}, RowStatus.UNKNOWN),
        ("CANCEL_PENDING", {}, RowStatus.UNKNOWN),
    ],
)
def test_each_status_word_means_one_thing(
    word: str, changes: dict[str, Any], status: RowStatus, account: BrokerAccount, mock: Mock
) -> None:
    shown(mock, [an_order_row(orderStatus=word, **changes)], [])

    (row,) = account.order_book()

    assert (row.status, row.tag, row.symbol, row.product) == (status, "bo1", "TCS", "MIS")


def test_a_rejected_order_has_the_brokers_words_and_their_kind(account: BrokerAccount, mock: Mock) -> None:
    shown(mock, [an_order_row(orderStatus="REJECTED", omsErrorDescription="RMS: Margin Shortfall")], [])

    (row,) = account.order_book()

    assert (row.reason, row.refusal) == ("RMS: Margin Shortfall", RefusalKind.MARGIN)


def test_an_instrument_that_is_not_listed_goes_by_a_name_that_is_none_of_ours(
    account: BrokerAccount, mock: Mock
) -> None:
    shown(mock, [an_order_row(securityId="4711", tradingSymbol="TCS")], [])

    (row,) = account.order_book()

    assert (row.exchange, row.symbol) == ("NSE", "TCS#4711")


@pytest.mark.parametrize(
    "changes", [{"filledQty": 6}, {"filledQty": -1}, {"orderId": ""}, {"orderType": "X"}]
)
def test_an_impossible_row_fails_the_whole_read(
    changes: dict[str, Any], account: BrokerAccount, mock: Mock
) -> None:
    shown(mock, [an_order_row(), an_order_row(**changes)], [])

    with pytest.raises(ReadFailed):
        account.order_book()


@pytest.mark.parametrize(
    ("filled", "stop", "target"),
    [
        (0, RowStatus.PENDING, RowStatus.PENDING),
        (3, RowStatus.TRIGGER_PENDING, RowStatus.OPEN),
        (5, RowStatus.TRIGGER_PENDING, RowStatus.OPEN),
    ],
)
def test_the_exits_of_a_super_order_work_once_there_are_shares_for_them(
    filled: int, stop: RowStatus, target: RowStatus, account: BrokerAccount, mock: Mock
) -> None:
    word = {0: "PENDING", 3: "PART_TRADED", 5: "TRADED"}[filled]
    entry = an_order_row(orderId="9", legName="ENTRY_LEG", orderStatus=word, filledQty=filled)
    shown(mock, [entry], [a_super_row(orderStatus=word, filledQty=filled)])

    rows = {row.broker_order_id: row for row in account.order_book()}

    assert set(rows) == {"9:ENTRY_LEG", "9:STOP_LOSS_LEG", "9:TARGET_LEG"}
    assert (rows["9:STOP_LOSS_LEG"].status, rows["9:TARGET_LEG"].status) == (stop, target)
    assert rows["9:STOP_LOSS_LEG"].quantity == (filled or 5)
    assert {row.parent_order_id for row in rows.values() if row.exit_purpose} == {"9:ENTRY_LEG"}
    assert rows["9:TARGET_LEG"].exit_purpose is Purpose.TARGET
    assert rows["9:STOP_LOSS_LEG"].trigger_price == Decimal(90)
    assert rows["9:STOP_LOSS_LEG"].side is Side.SELL


def test_an_exit_that_the_order_book_shows_is_taken_from_there(account: BrokerAccount, mock: Mock) -> None:
    legs = a_super_row()["legDetails"]
    legs[1] |= {"orderStatus": "TRIGGERED", "triggeredQuantity": 5, "totalQuatity": 5}
    entry = an_order_row(orderId="9", legName="ENTRY_LEG", orderStatus="TRADED", filledQty=5)
    sent = an_order_row(
        orderId="9",
        legName="TARGET_LEG",
        transactionType="SELL",
        orderStatus="PART_TRADED",
        filledQty=2,
        averageTradedPrice=121,
    )
    shown(mock, [entry, sent], [a_super_row(orderStatus="CLOSED", filledQty=5, legDetails=legs)])

    rows = {row.broker_order_id: row for row in account.order_book()}

    target = rows["9:TARGET_LEG"]
    assert (target.status, target.filled, target.average_price) == (RowStatus.OPEN, 2, Decimal(121))
    assert len(rows) == 3


def a_trade(**changes: Any) -> dict[str, Any]:
    plain = {
        "orderId": "9",
        "exchangeTradeId": "t1",
        "transactionType": "BUY",
        "exchangeSegment": "NSE_EQ",
        "productType": "INTRADAY",
        "securityId": "11536",
        "tradedQuantity": 5,
        "tradedPrice": 100,
        "exchangeTime": "2026-11-24 13:33:03",
    }
    return plain | changes


def test_trades_of_a_super_order_are_those_of_the_leg_that_made_them(
    account: BrokerAccount, mock: Mock
) -> None:
    legs = a_super_row()["legDetails"]
    legs[1] |= {"orderStatus": "TRIGGERED", "triggeredQuantity": 5}
    mock.get(f"{API_ROOT}/v2/super/orders", json=[a_super_row(legDetails=legs, filledQty=5)])
    rows = [a_trade(), a_trade(exchangeTradeId="t2", transactionType="SELL"), a_trade(orderId="1")]
    mock.get(f"{API_ROOT}/v2/trades", json=rows)

    found = account.trade_book()

    assert [row.broker_order_id for row in found] == ["9:ENTRY_LEG", "9:TARGET_LEG", "1"]


# Forever orders


def a_leg(name: str, price: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "orderId": "9001",
        "orderStatus": "CONFIRM",
        "correlationId": "x",
        "transactionType": "SELL",
        "exchangeSegment": "NSE_EQ",
        "productType": "CNC",
        "orderType": "OCO",
        "securityId": "1333",
        "quantity": 5,
        "price": float(price) + (1 if name == "TARGET_LEG" else -1),
        "triggerPrice": float(price),
        "legName": name,
        "createTime": "2026-11-24 13:33:03",
        "updateTime": None,
    }
    return plain | changes


OCO = [a_leg("TARGET_LEG", "1427"), a_leg("STOP_LOSS_LEG", "1420")]


def test_the_rows_of_a_forever_order_are_one_trigger(account: BrokerAccount, mock: Mock) -> None:
    mock.get(f"{API_ROOT}/v2/forever/orders", json=[*OCO, a_leg("ENTRY_LEG", "1", orderId="9002")])

    oco, single = account.gtt_book()

    assert (oco.trigger_id, oco.status, oco.tag, len(single.legs)) == ("9001", GttStatus.ACTIVE, "x", 1)
    assert [leg.trigger_price for leg in oco.legs] == [Decimal(1420), Decimal(1427)]


@pytest.mark.parametrize(
    ("gtt", "changed"),
    [
        (an_oco(stop="1421"), [("STOP_LOSS_LEG", 1421.0, 5)]),
        (an_oco(target="1430"), [("TARGET_LEG", 1430.0, 5)]),
        (an_oco(quantity=3), [("STOP_LOSS_LEG", 1420.0, 3), ("TARGET_LEG", 1427.0, 3)]),
        (an_oco(), []),
    ],
    ids=["stop", "target", "quantity", "nothing"],
)
def test_only_the_legs_that_differ_are_changed_by_the_names_dhan_gives_them(
    gtt: GttRequest, changed: list[tuple[str, float, int]], account: BrokerAccount, mock: Mock
) -> None:
    mock.get(f"{API_ROOT}/v2/forever/orders", json=OCO)
    if changed:
        mock.put(f"{API_ROOT}/v2/forever/orders/9001", json={"orderId": "9001", "orderStatus": "PENDING"})

    account.modify_gtt("9001", gtt)

    sent = [body_of(call.request) for call in mock.calls if call.request.method == "PUT"]
    assert [(one["legName"], one["triggerPrice"], one["quantity"]) for one in sent] == changed
    assert all(one["orderFlag"] == "OCO" for one in sent)


def test_a_refusal_of_the_second_leg_is_unknown_for_the_first_has_changed(
    account: BrokerAccount, mock: Mock
) -> None:
    path = f"{API_ROOT}/v2/forever/orders"
    mock.get(path, json=OCO)
    mock.put(f"{path}/9001", json={"orderId": "9001"})
    mock.put(f"{path}/9001", status=400, json=failure("DH-905"))

    with pytest.raises(OutcomeUnknown):
        account.modify_gtt("9001", an_oco(quantity=3))


@pytest.mark.parametrize("status", [500, 429])
def test_legs_that_cannot_be_read_are_not_changed(status: int, account: BrokerAccount, mock: Mock) -> None:
    mock.get(f"{API_ROOT}/v2/forever/orders", status=status, body=b"<html>")

    with pytest.raises(NotSent):
        account.modify_gtt("9001", an_oco(stop="1421"))


@pytest.mark.parametrize(
    ("child", "status", "child_id"),
    [
        ({"orderId": "5", "correlationId": "x"}, GttStatus.TRIGGERED, "5"),
        ({"orderId": "5", "correlationId": "y"}, GttStatus.UNKNOWN, None),
        ({"orderId": "5", "correlationId": "x", "orderStatus": "REJECTED"}, GttStatus.TRIGGERED, None),
    ],
    ids=["its order", "no order of its", "refused"],
)
def test_a_leg_that_fired_is_told_by_the_order_it_placed(
    child: dict[str, Any], status: GttStatus, child_id: str | None, account: BrokerAccount, mock: Mock
) -> None:
    fired = [OCO[0] | {"orderStatus": "CANCELLED"}, OCO[1] | {"orderStatus": "TRADED"}]
    mock.get(f"{API_ROOT}/v2/forever/orders", json=fired)
    mock.get(f"{API_ROOT}/v2/orders", json=[an_order_row(**child)])

    (gtt,) = account.gtt_book()

    stop, target = gtt.legs
    assert (gtt.status, stop.child_order_id, target.child_order_id) == (status, child_id, None)
    assert (stop.child_reason is not None) is (child.get("orderStatus") == "REJECTED")


# Positions, prices, sessions


def test_positions_are_holdings_and_todays_own(account: BrokerAccount, mock: Mock) -> None:
    net = {
        "exchangeSegment": "NSE_EQ",
        "productType": "CNC",
        "securityId": "1333",
        "netQty": -4,
        "costPrice": 1400,
    }
    held = {"securityId": "1333", "totalQty": 10, "avgCostPrice": 1300, "tradingSymbol": "HDFCBANK"}
    mock.get(f"{API_ROOT}/v2/positions", json=[net])
    mock.get(f"{API_ROOT}/v2/holdings", json=[held])

    (row,) = account.positions()

    assert (row.exchange, row.symbol, row.product, row.quantity) == ("NSE", "HDFCBANK", "CNC", 6)


def test_quotes_are_asked_for_by_number_and_without_the_plan_there_are_none(
    account: BrokerAccount, mock: Mock
) -> None:
    path = f"{API_ROOT}/v2/marketfeed/quote"
    mock.post(path, status=401, json=failure("DH-902", "User has not subscribed to Data APIs"))

    found = account.quotes(frozenset({("NSE", "TCS"), ("NSE", "NOSUCH")}))

    assert body_of(mock.calls[0].request) == {"NSE_EQ": [11536]}
    assert (found, account.capabilities.gives_quotes) == ({}, False)


def test_a_dead_token_is_told_and_another_clients_is_not_taken(account: BrokerAccount, mock: Mock) -> None:
    mock.get(f"{API_ROOT}/v2/profile", status=401, json=failure("DH-901"))

    assert not account.session_alive()
    with pytest.raises(ValueError, match="another client") as raised:
        account.renew("1000000004:SECRETJWT")  # type: ignore[attr-defined]  # Renewable
    assert "SECRETJWT" not in str(raised.value)


@pytest.mark.parametrize("token", ["", "JWT", ":JWT", "1000000003:", "1000000003:J WT"])
def test_a_damaged_token_connects_nothing_and_is_not_repeated(token: str) -> None:
    with pytest.raises(ValueError, match="client_id:access_token") as raised:
        dhan.connect(AccountCredentials(account_id="a1", auth_token=token), SETTINGS)

    assert "JWT" not in str(raised.value)
