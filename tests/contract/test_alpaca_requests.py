"""What goes over the wire to Alpaca, and what the account makes of what comes back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from broker import alpaca
from broker.alpaca.session import DATA_ROOT, LIVE_ROOT, PAPER_ROOT
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerSettings,
    GttRequest,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Renewable,
    TellsUser,
    Terms,
)
from services.bracket.model import OrderType, Product, RefusalKind, Side, Validity

FIXTURES = Path(__file__).parent.parent / "fixtures" / "alpaca"
SETTINGS = BrokerSettings(api_roots={}, paper_state="", paper_prices="")
TOKEN = "PKTESTKEY:secretword"
ORDERS = f"{PAPER_ROOT}/v2/orders"
ORDER_ID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
LOOK_UP = f"{ORDERS}:by_client_order_id"
SPY = ("US", "SPY")

Alpaca = responses.RequestsMock


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def an_answer(**changes: object) -> dict[str, Any]:
    """Return the recorded bracket, filled, with these fields instead."""
    found: dict[str, Any] = recorded("orders.json")[1]
    return found | changes


def a_leg(**changes: object) -> dict[str, Any]:
    """Return the recorded stop of the bracket, by itself."""
    found: dict[str, Any] = an_answer()["legs"][1]
    return found | {"id": ORDER_ID, "stop_price": "290"} | changes


@pytest.fixture
def api() -> Iterator[Alpaca]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    opened = alpaca.connect(AccountCredentials(account_id="a1", auth_token=TOKEN), SETTINGS)
    yield opened
    opened.close()


def a_bracket(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "bo-1",
        "exchange": "US",
        "symbol": "SPY",
        "product": Product.MIS,
        "side": Side.BUY,
        "terms": Terms(
            order_type=OrderType.LIMIT,
            quantity=1,
            price=Decimal("300.00"),
            stop_trigger=Decimal("290.00"),
            stop_limit=Decimal("289.00"),
            target_price=Decimal("310.00"),
        ),
    }
    return OrderRequest(**(fields | changes))


def a_stop(trigger: str = "291.00", limit: str | None = None) -> Terms:
    return Terms(
        order_type=OrderType.SL_M if limit is None else OrderType.SL,
        quantity=10,
        trigger_price=Decimal(trigger),
        price=None if limit is None else Decimal(limit),
    )


def an_oco(**changes: Any) -> GttRequest:
    fields: dict[str, Any] = {
        "exchange": "US",
        "symbol": "SPY",
        "product": Product.CNC,
        "side": Side.SELL,
        "terms": Terms(
            order_type=OrderType.LIMIT,
            quantity=1,
            trigger_price=Decimal(290),
            target_trigger=Decimal(310),
            target_price=Decimal(310),
        ),
        "last_price": Decimal(300),
    }
    return GttRequest(**(fields | changes))


CALLS: dict[str, Callable[[BrokerAccount], object]] = {
    "bracket": lambda account: account.place_order(a_bracket()),
    "oco": lambda account: account.place_gtt(an_oco()),
    "change_stop": lambda account: account.modify_order(ORDER_ID, a_stop()),
    "cancel": lambda account: account.cancel_order(ORDER_ID),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_request_the_official_client_sends(
    name: str, account: BrokerAccount, api: Alpaca
) -> None:
    expected = recorded("requests.json")[name]
    if ORDER_ID in expected["path"]:  # an order that nobody has read yet is looked at first
        api.add("GET", PAPER_ROOT + expected["path"], json=a_leg())
    is_cancel = expected["method"] == "DELETE"
    answer: dict[str, Any] = {"status": 204} if is_cancel else {"json": an_answer()}
    api.add(expected["method"], PAPER_ROOT + expected["path"], **answer)

    CALLS[name](account)

    call = api.calls[len(api.calls) - 1].request
    sent = json.loads(call.body) if call.body else None
    assert (sent, call.method) == (expected["body"], expected["method"])
    assert call.headers["APCA-API-KEY-ID"] == "PKTESTKEY"
    assert call.headers["APCA-API-SECRET-KEY"] == "secretword"
    if sent is not None:
        assert call.headers["Content-Type"] == "application/json"


def test_every_recorded_request_has_its_call() -> None:
    assert recorded("requests.json").keys() == CALLS.keys() | {"look_up"}


@pytest.mark.parametrize(
    ("product", "validity", "word"),
    [
        (Product.MIS, Validity.DAY, "day"),
        (Product.CNC, Validity.DAY, "gtc"),
        (Product.MIS, Validity.IOC, "ioc"),
    ],
)
def test_a_product_is_a_time_in_force(
    product: Product, validity: Validity, word: str, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("POST", ORDERS, json=an_answer())
    terms = Terms(order_type=OrderType.MARKET, quantity=3)

    account.place_order(a_bracket(product=product, validity=validity, terms=terms))

    sent = json.loads(api.calls[0].request.body or b"")
    assert sent == {
        "symbol": "SPY",
        "qty": 3,
        "side": "buy",
        "type": "market",
        "time_in_force": word,
        "client_order_id": "bo-1",
    }


def test_prices_below_a_dollar_keep_their_four_places(account: BrokerAccount, api: Alpaca) -> None:
    api.add("POST", ORDERS, json=an_answer())
    terms = Terms(order_type=OrderType.LIMIT, quantity=1, price=Decimal("0.1234"))

    account.place_order(a_bracket(terms=terms))

    assert b'"limit_price":0.1234' in (api.calls[0].request.body or b"")


# Reads

READS: dict[str, tuple[str, Callable[[BrokerAccount], object]]] = {
    f"{PAPER_ROOT}/v2/orders": ("orders.json", lambda account: account.order_book()),
    f"{PAPER_ROOT}/v2/account": ("account.json", lambda account: account.funds()),
    f"{DATA_ROOT}/v2/stocks/snapshots": (
        "snapshots.json",
        lambda account: account.quotes(frozenset({SPY})),
    ),
}


@pytest.mark.parametrize("url", READS)
def test_each_read_is_one_get_of_its_page(url: str, account: BrokerAccount, api: Alpaca) -> None:
    fixture, read = READS[url]
    api.add("GET", url, json=recorded(fixture))

    assert read(account)

    assert len(api.calls) == 1


@pytest.mark.parametrize("url", READS)
@pytest.mark.parametrize("status", [200, 500, 502])
def test_a_page_that_is_not_alpacas_fails_each_read(
    status: int, url: str, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("GET", url, body=b"<html>\xff</html>", status=status)

    with pytest.raises(ReadFailed):
        READS[url][1](account)


@pytest.mark.parametrize("url", READS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"code": 40110000, "message": "request is not authorized"}),
        (403, {"message": "forbidden."}),
    ],
)
def test_dead_keys_are_told_apart_from_no_answer_on_each_read(
    status: int, body: dict[str, object], url: str, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("GET", url, status=status, json=body)

    with pytest.raises(AuthDead):
        READS[url][1](account)
    if url.endswith("account"):
        assert account.session_alive() is False


def test_the_account_says_whose_keys_they_are(account: BrokerAccount, api: Alpaca) -> None:
    api.add("GET", f"{PAPER_ROOT}/v2/account", json=recorded("account.json"))

    assert isinstance(account, TellsUser)
    assert account.user_id() == "PA3ABCDEF123"
    assert account.session_alive() is True


def test_fills_and_positions_are_read_with_the_orders_they_belong_to(
    account: BrokerAccount, api: Alpaca
) -> None:
    api.add("GET", ORDERS, json=recorded("orders.json"))
    api.add("GET", f"{PAPER_ROOT}/v2/account/activities/FILL", json=recorded("fills.json"))
    api.add("GET", f"{PAPER_ROOT}/v2/positions", json=recorded("positions.json"))

    (trade,) = account.trade_book()
    parts = {row.product: row.quantity for row in account.positions()}

    assert (trade.product, trade.quantity, trade.price) == ("MIS", 10, Decimal("589.98"))
    assert parts == {"MIS": 10, "CNC": 4}  # 10 bought by a day order; the rest was there
    assert len(api.calls) == 3


def test_fills_are_read_page_by_page(account: BrokerAccount, api: Alpaca) -> None:
    (fill,) = recorded("fills.json")
    page = [fill | {"id": f"2026::{number}"} for number in range(100)]
    api.add("GET", f"{PAPER_ROOT}/v2/account/activities/FILL", json=page)
    api.add("GET", f"{PAPER_ROOT}/v2/account/activities/FILL", json=[fill])
    api.add("GET", ORDERS, json=recorded("orders.json"))

    trades = account.trade_book()

    second = parse_qs(urlsplit(str(api.calls[1].request.url)).query)
    assert (len(trades), second["page_token"]) == (101, ["2026::99"])


def test_an_account_without_market_data_finds_out_quietly(account: BrokerAccount, api: Alpaca) -> None:
    refused = {"code": 40310000, "message": "subscription does not permit querying recent SIP data"}
    api.add("GET", f"{DATA_ROOT}/v2/stocks/snapshots", status=403, json=refused)

    assert account.quotes(frozenset({SPY})) == {}
    assert account.capabilities.gives_quotes is False


def test_assets_that_cannot_be_traded_at_an_exchange_are_not_listed(api: Alpaca) -> None:
    api.add("GET", f"{PAPER_ROOT}/v2/assets", json=recorded("assets.json"))

    (listed,) = alpaca.list_instruments(SETTINGS, TOKEN)

    one = listed.instrument
    assert (one.exchange, one.symbol, one.tick_size, one.lot_size) == ("US", "SPY", Decimal("0.01"), 1)


# Hosts and keys


@pytest.mark.parametrize(
    ("token", "root"), [("AKLIVE:s", LIVE_ROOT), ("PKPAPER:s", PAPER_ROOT), ("XYZ:s", PAPER_ROOT)]
)
def test_only_a_key_that_says_that_it_is_a_live_one_reaches_the_live_host(
    token: str, root: str, api: Alpaca
) -> None:
    api.add("GET", f"{root}/v2/account", json=recorded("account.json"))
    opened = alpaca.connect(AccountCredentials(account_id="a1", auth_token=token), SETTINGS)

    assert opened.funds().available == Decimal("188200.4")
    opened.close()


def test_keys_do_not_reach_alpacas_data_host_from_another_api(api: Alpaca) -> None:
    root = "http://127.0.0.1:5040"
    settings = replace(SETTINGS, api_roots={"alpaca": root})
    api.add("GET", f"{root}/v2/stocks/snapshots", json=recorded("snapshots.json"))
    opened = alpaca.connect(AccountCredentials(account_id="a1", auth_token=TOKEN), settings)

    assert opened.quotes(frozenset({SPY}))[SPY].last == Decimal("590.01")
    opened.close()


def test_new_keys_are_spoken_with_from_the_next_call_on(account: BrokerAccount, api: Alpaca) -> None:
    api.add("GET", f"{PAPER_ROOT}/v2/account", json=recorded("account.json"))

    assert isinstance(account, Renewable)
    account.renew("PKOTHER:otherword")
    account.funds()

    assert api.calls[0].request.headers["APCA-API-KEY-ID"] == "PKOTHER"
    assert api.calls[0].request.headers["APCA-API-SECRET-KEY"] == "otherword"


@pytest.mark.parametrize("token", ["AKLIVE:s", "PKNOSECRET", ":s", "PK:", "PK A:s", "PKü:s"])
def test_keys_of_another_kind_and_damaged_ones_are_refused(token: str, account: BrokerAccount) -> None:
    assert isinstance(account, Renewable)
    with pytest.raises(ValueError, match=r"alpaca token|paper and live") as refused:
        account.renew(token)

    assert (token.partition(":")[0] or "secret!") not in str(refused.value)


# What the answer to a write may be


def refusal(code: int, message: str = "No.") -> dict[str, object]:
    return {"code": code, "message": message}


@pytest.mark.parametrize(
    "first",
    [
        {"status": 502, "body": b"<html>Bad gateway</html>"},
        {"status": 504, "json": refusal(50410000)},
        {"status": 200, "body": b'{"id":'},
        {"status": 422, "json": refusal(40010001, "client_order_id must be unique")},
    ],
)
def test_an_order_that_may_exist_is_found_by_its_client_id_and_not_sent_again(
    first: dict[str, Any], account: BrokerAccount, api: Alpaca
) -> None:
    api.add("POST", ORDERS, **first)
    api.add("GET", LOOK_UP, json=an_answer(client_order_id="bo-1"))

    ack = account.place_order(a_bracket())

    asked = recorded("requests.json")["look_up"]
    assert ack.broker_order_id == an_answer()["id"]
    assert str(api.calls[1].request.url) == PAPER_ROOT + asked["path"]
    assert [call.request.method for call in api.calls] == ["POST", "GET"]


@pytest.mark.parametrize(
    "looked_up",
    [
        {"status": 404, "json": refusal(40410000, "order not found for bo-1")},
        {"status": 502, "body": b"<html>"},
        {"status": 401, "json": refusal(40110000)},
        {"status": 200, "json": an_answer(client_order_id="another")},
    ],
)
@pytest.mark.parametrize("status", [422, 502])
def test_an_order_that_the_look_up_does_not_show_is_unknown(
    status: int, looked_up: dict[str, Any], account: BrokerAccount, api: Alpaca
) -> None:
    api.add("POST", ORDERS, status=status, json=refusal(40010001, "client_order_id must be unique"))
    api.add("GET", LOOK_UP, **looked_up)

    with pytest.raises(OutcomeUnknown):
        account.place_order(a_bracket())
    assert [call.request.method for call in api.calls] == ["POST", "GET"]


def test_a_client_id_that_another_order_has_is_a_refusal(account: BrokerAccount, api: Alpaca) -> None:
    api.add("POST", ORDERS, status=422, json=refusal(40010001, "client_order_id must be unique"))
    api.add("GET", LOOK_UP, json=an_answer(client_order_id="bo-1", symbol="QQQ"))

    with pytest.raises(OrderRejected) as refused:
        account.place_order(a_bracket())
    assert refused.value.kind is RefusalKind.DUPLICATE_TAG


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"status":"new"}'),  # no id
        (200, b""),
        (200, b"<html></html>"),
        (500, b'{"code":50010000,"message":"internal server error occurred"}'),
        (503, b"<html>"),
        (400, b"{}"),
        (422, b"<html>"),
        (302, b"{}"),
    ],
)
def test_whatever_is_not_plainly_a_refusal_leaves_the_order_unknown(
    status: int, body: bytes, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("POST", ORDERS, status=status, body=body)

    with pytest.raises(OutcomeUnknown):
        account.place_order(a_bracket(tag=""))  # without a tag there is nothing to ask by
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (403, "insufficient buying power", RefusalKind.MARGIN),
        (403, "insufficient qty available for order (requested: 10, available: 0)", RefusalKind.RMS),
        (422, "sub-penny increment does not fulfill minimum pricing criteria", RefusalKind.TICK),
        (403, "potential wash trade detected. use complex orders", RefusalKind.SELF_TRADE),
        (422, "fractional orders must be simple orders", RefusalKind.UNCLASSIFIED),
        (422, "qty must be > 0", RefusalKind.UNCLASSIFIED),
    ],
)
def test_a_refusal_carries_the_brokers_words_and_their_kind(
    status: int, words: str, kind: RefusalKind, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("POST", ORDERS, status=status, json=refusal(status * 100_000 + 10_000, words))

    with pytest.raises(OrderRejected) as refused:
        account.place_order(a_bracket())

    assert (refused.value.reason, refused.value.kind) == (words, kind)


def test_an_order_sent_with_dead_keys_says_so(account: BrokerAccount, api: Alpaca) -> None:
    api.add("POST", ORDERS, status=401, json=refusal(40110000, "request is not authorized"))

    with pytest.raises(AuthDead):
        account.place_order(a_bracket())


def test_a_429_says_when_to_come_again_and_is_not_sent_again(account: BrokerAccount, api: Alpaca) -> None:
    body = refusal(42910000, "rate limit exceeded")
    api.add("POST", ORDERS, status=429, json=body, headers={"Retry-After": "3"})

    with pytest.raises(RateLimited) as limited:
        account.place_order(a_bracket())

    assert limited.value.retry_after.total_seconds() == 3
    assert len(api.calls) == 1


# Orders that were replaced


def test_a_change_goes_to_what_replaced_the_order(account: BrokerAccount, api: Alpaca) -> None:
    later = "71e69015-8549-4bfd-b9c3-01e75843f47d"
    api.add("GET", f"{ORDERS}/{ORDER_ID}", json=a_leg(status="replaced", replaced_by=later))
    api.add("GET", f"{ORDERS}/{later}", json=a_leg(id=later, replaces=ORDER_ID, stop_price="288"))
    api.add("PATCH", f"{ORDERS}/{later}", json=a_leg(id="81e69015-8549-4bfd-b9c3-01e75843f47d"))

    account.modify_order(ORDER_ID, a_stop("291"))

    assert json.loads(api.calls[2].request.body or b"") == {"stop_price": 291}


def test_a_change_to_what_is_so_already_sends_nothing(account: BrokerAccount, api: Alpaca) -> None:
    api.add("GET", f"{ORDERS}/{ORDER_ID}", json=a_leg(stop_price="291"))

    account.modify_order(ORDER_ID, a_stop("291"))

    assert len(api.calls) == 1


def test_an_order_that_turns_out_to_be_replaced_is_followed_once(account: BrokerAccount, api: Alpaca) -> None:
    """Somebody else changed it after we read it."""
    book, later = recorded("orders.json"), "71e69015-8549-4bfd-b9c3-01e75843f47d"
    stop_id = book[1]["legs"][1]["id"]
    words = "order in replaced status cannot be canceled"
    api.add("GET", ORDERS, json=book)
    api.add("DELETE", f"{ORDERS}/{stop_id}", status=422, json=refusal(42210000, words))
    api.add("GET", f"{ORDERS}/{stop_id}", json=a_leg(id=stop_id, status="replaced", replaced_by=later))
    api.add("GET", f"{ORDERS}/{later}", json=a_leg(id=later, replaces=stop_id))
    api.add("DELETE", f"{ORDERS}/{later}", status=204)

    account.order_book()
    account.cancel_order(stop_id)

    assert [call.request.method for call in api.calls] == ["GET", "DELETE", "GET", "GET", "DELETE"]


@pytest.mark.parametrize("status", [404, 422])
def test_an_order_that_alpaca_does_not_show_is_not_found(
    status: int, account: BrokerAccount, api: Alpaca
) -> None:
    api.add("GET", f"{ORDERS}/{ORDER_ID}", status=status, json=refusal(40410000, "order not found"))

    with pytest.raises(OrderRejected) as refused:
        account.cancel_order(ORDER_ID)
    assert refused.value.kind is RefusalKind.NOT_FOUND


def test_a_cancel_without_an_answer_is_unknown_and_not_sent_again(
    account: BrokerAccount, api: Alpaca
) -> None:
    api.add("GET", f"{ORDERS}/{ORDER_ID}", json=a_leg())
    api.add("DELETE", f"{ORDERS}/{ORDER_ID}", status=502, body=b"<html>")

    with pytest.raises(OutcomeUnknown):
        account.cancel_order(ORDER_ID)
    assert len(api.calls) == 2


def test_an_oco_of_which_only_the_stop_changed_is_unknown(account: BrokerAccount, api: Alpaca) -> None:
    target = an_answer(order_class="oco", side="sell", status="new", filled_qty="0", legs=[a_leg()])
    target_url = f"{ORDERS}/{target['id']}"
    api.add("GET", target_url, json=target)
    api.add("GET", f"{ORDERS}/{ORDER_ID}", json=a_leg(order_class="oco"))
    api.add("PATCH", f"{ORDERS}/{ORDER_ID}", json=a_leg(id="81e69015", stop_price="291"))
    api.add("PATCH", target_url, status=422, json=refusal(42210000))

    terms = replace(an_oco().terms, trigger_price=Decimal(291))
    with pytest.raises(OutcomeUnknown):
        account.modify_gtt(f"oco:{target['id']}", an_oco(terms=terms))


# What never leaves us


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": "x" * 129},
        {"exchange": "NSE"},
        {"product": Product.NRML},
        {"product": Product.CNC, "validity": Validity.IOC},
        {"validity": Validity.IOC},  # of a bracket
        {"disclosed_quantity": 5},
        {"terms": Terms(order_type=OrderType.SL, quantity=1, price=Decimal(1))},
    ],
)
def test_what_alpaca_would_not_take_never_reaches_the_wire(
    changes: dict[str, Any], account: BrokerAccount, api: Alpaca
) -> None:
    with pytest.raises(OrderRejected):
        account.place_order(a_bracket(**changes))
    assert len(api.calls) == 0


def test_a_trigger_with_one_leg_never_reaches_the_wire(account: BrokerAccount, api: Alpaca) -> None:
    single = Terms(order_type=OrderType.SL_M, quantity=1, trigger_price=Decimal(290))
    with pytest.raises(OrderRejected):
        account.place_gtt(an_oco(terms=single))
    assert len(api.calls) == 0
