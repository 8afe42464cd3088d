"""What goes over the wire to an OpenAlgo server, equal to what its published client sends."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import responses

from broker import openalgo
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerSettings,
    NotSent,
    OrderRequest,
    OutcomeUnknown,
    ReadFailed,
    Renewable,
    Terms,
)
from services.bracket.model import OrderType, Product, Side

ROOT = "http://127.0.0.1:5000"
KEY = "0123456789abcdef"
ORDER_ID = "250408001002736"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        yield mocked


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")
    found = openalgo.connect(AccountCredentials(account_id="a1", auth_token=KEY), settings)
    yield found
    found.close()


def answer(wire: responses.RequestsMock, path: str, body: object, status: int = 200) -> None:
    wire.post(f"{ROOT}/api/v1/{path}", json=body, status=status)


def sent(wire: responses.RequestsMock, place: int = -1) -> tuple[str, dict[str, Any]]:
    """Return the end of the address and the body of a call."""
    request = wire.calls[place].request
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers
    body: dict[str, Any] = json.loads(request.body or b"")
    return str(request.url).removeprefix(f"{ROOT}/api/v1/"), body


def an_order(terms: Terms) -> OrderRequest:
    return OrderRequest(
        tag="ABCDEFGHE013",
        exchange="NSE",
        symbol="YESBANK",
        product=Product.CNC,
        side=Side.BUY,
        terms=terms,
    )


LIMIT = Terms(order_type=OrderType.LIMIT, quantity=1, price=Decimal("16.50"))
STOP = Terms(order_type=OrderType.SL, quantity=1, price=Decimal("16.40"), trigger_price=Decimal("16.45"))


def test_an_order_is_sent_as_the_published_client_sends_it_with_our_tag_as_the_strategy(
    wire: responses.RequestsMock, account: BrokerAccount
) -> None:
    answer(wire, "placeorder", {"orderid": ORDER_ID, "status": "success"})

    ack = account.place_order(an_order(LIMIT))

    assert ack.broker_order_id == ORDER_ID
    assert sent(wire) == (
        "placeorder",
        {
            "apikey": KEY,
            "strategy": "ABCDEFGHE013",
            "symbol": "YESBANK",
            "action": "BUY",
            "exchange": "NSE",
            "pricetype": "LIMIT",
            "product": "CNC",
            "quantity": "1",
            "price": "16.50",
            "trigger_price": "0",
            "disclosed_quantity": "0",
        },
    )


def test_a_change_says_the_whole_order_again(wire: responses.RequestsMock, account: BrokerAccount) -> None:
    answer(wire, "placeorder", {"orderid": ORDER_ID, "status": "success"})
    answer(wire, "modifyorder", {"orderid": ORDER_ID, "status": "success"})
    account.place_order(an_order(STOP))

    account.modify_order(ORDER_ID, LIMIT)

    path, body = sent(wire)
    assert path == "modifyorder"
    assert body == {
        "apikey": KEY,
        "orderid": ORDER_ID,
        "strategy": "OpenBracket",
        "symbol": "YESBANK",
        "action": "BUY",
        "exchange": "NSE",
        "pricetype": "LIMIT",
        "product": "CNC",
        "quantity": "1",
        "price": "16.50",
        "trigger_price": "0",
        "disclosed_quantity": "0",
    }


def a_book() -> dict[str, object]:
    row = {
        "orderid": ORDER_ID,
        "symbol": "INFY",
        "exchange": "NSE",
        "product": "MIS",
        "action": "SELL",
        "quantity": 5,
        "pricetype": "SL",
        "order_status": "trigger pending",
        "timestamp": "28-Aug-2026 09:59:10",
    }
    return {"status": "success", "data": {"orders": [row], "statistics": {}}}


def test_after_a_restart_the_book_says_what_an_order_is_before_it_is_changed(
    wire: responses.RequestsMock, account: BrokerAccount
) -> None:
    answer(wire, "orderbook", a_book())
    answer(wire, "tradebook", {"status": "success", "data": []})
    answer(wire, "modifyorder", {"orderid": ORDER_ID, "status": "success"})

    account.modify_order(ORDER_ID, LIMIT)

    body = sent(wire)[1]
    assert [sent(wire, place)[0] for place in range(3)] == ["orderbook", "tradebook", "modifyorder"]
    assert (body["symbol"], body["action"], body["product"]) == ("INFY", "SELL", "MIS")


@pytest.mark.parametrize("orders", [{"status": "success", "data": {"orders": []}}, {"status": "error"}])
def test_a_change_of_an_order_that_the_book_does_not_tell_is_not_sent(
    wire: responses.RequestsMock, account: BrokerAccount, orders: dict[str, object]
) -> None:
    answer(wire, "orderbook", orders)
    answer(wire, "tradebook", {"status": "success", "data": []})

    with pytest.raises(NotSent):
        account.modify_order(ORDER_ID, LIMIT)

    assert all("modifyorder" not in str(call.request.url) for call in wire.calls)


def test_a_cancel_names_the_order(wire: responses.RequestsMock, account: BrokerAccount) -> None:
    answer(wire, "cancelorder", {"orderid": ORDER_ID, "status": "success"})

    account.cancel_order(ORDER_ID)

    assert sent(wire) == (
        "cancelorder",
        {"apikey": KEY, "strategy": "OpenBracket", "orderid": ORDER_ID},
    )


def test_books_are_asked_for_with_the_key_alone(wire: responses.RequestsMock, account: BrokerAccount) -> None:
    nothing = {"status": "success", "data": []}
    for path in ("tradebook", "positionbook"):
        answer(wire, path, nothing)
    answer(wire, "holdings", {"status": "error", "message": "not here"}, 404)
    answer(wire, "funds", {"status": "success", "data": {"availablecash": "5.00", "utiliseddebits": ""}})

    assert (account.trade_book(), account.positions()) == ((), ())
    assert account.funds().available == 5

    bodies = [sent(wire, place)[1] for place in range(len(wire.calls))]
    assert bodies == [{"apikey": KEY}] * 4


def test_a_price_is_asked_for_by_symbol_and_those_beyond_ten_wait_their_turn(
    wire: responses.RequestsMock, account: BrokerAccount
) -> None:
    answer(wire, "quotes", {"status": "success", "data": {"ltp": 100.5, "bid": 100.45, "ask": 0}})
    symbols = frozenset(("NSE", f"S{number:02d}") for number in range(11))

    first = account.quotes(symbols)
    asked = {sent(wire, place)[1]["symbol"] for place in range(10)}
    account.quotes(symbols)
    late = sent(wire, 10)[1]["symbol"]

    assert (len(first), len(asked)) == (10, 10)
    assert {("NSE", late), *first} == symbols
    quote = first["NSE", "S00"]
    assert (quote.last, quote.bid, quote.ask) == (Decimal("100.5"), Decimal("100.45"), None)


def test_a_dead_key_ends_the_session_and_a_new_one_is_used_from_the_next_call_on(
    wire: responses.RequestsMock, account: BrokerAccount
) -> None:
    answer(wire, "funds", {"status": "error", "message": "Invalid openalgo apikey"}, 403)
    assert not account.session_alive()
    with pytest.raises(AuthDead):
        account.funds()

    assert isinstance(account, Renewable)
    account.renew("another")
    with pytest.raises(AuthDead):
        account.funds()

    assert sent(wire)[1] == {"apikey": "another"}
    with pytest.raises(ValueError, match="printable") as damaged:
        account.renew("a key")
    assert "a key" not in str(damaged.value)


def test_an_order_that_nobody_answers_for_is_unknown(
    wire: responses.RequestsMock, account: BrokerAccount
) -> None:
    wire.post(f"{ROOT}/api/v1/placeorder", body=ConnectionResetError("gone"))

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order(LIMIT))

    assert len(wire.calls) == 1


@pytest.mark.parametrize("status", [403, 500, 200])
def test_a_failure_of_the_list_never_tells_the_key(wire: responses.RequestsMock, status: int) -> None:
    wire.get(f"{ROOT}/api/v1/instruments", body=b"<html>", status=status)
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")

    with pytest.raises(ReadFailed) as failed:
        openalgo.list_instruments(settings, KEY)

    assert KEY not in str(failed.value)
    assert failed.value.__cause__ is None


def test_a_broken_connection_to_the_list_never_tells_the_key(wire: responses.RequestsMock) -> None:
    wire.get(f"{ROOT}/api/v1/instruments", body=ConnectionError(f"Max retries: url ?apikey={KEY}"))
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")

    with pytest.raises(ReadFailed) as failed:
        openalgo.list_instruments(settings, KEY)

    assert KEY not in str(failed.value)
    assert "instruments" in str(failed.value)


def test_the_list_needs_a_key() -> None:
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")

    with pytest.raises(ReadFailed, match="key"):
        openalgo.list_instruments(settings, None)
