"""What goes over the wire to Angel One, and what the account makes of what comes back."""

import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import responses

from broker import angel
from broker.angel.account import AngelAccount
from broker.angel.refusals import REFUSING_CODES, TOKEN_CODES
from broker.angel.session import API_ROOT, HOLDINGS, ORDER_BOOK, POSITIONS, SECURE, TRADE_BOOK
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerSettings,
    NotSent,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Symbol,
    Terms,
)
from services.bracket.model import OrderType, Product, RefusalKind, Side, Validity

FIXTURES = Path(__file__).parent.parent / "fixtures" / "angel"
LISTED = {("NSE", "SBIN"): "3045:SBIN-EQ", ("NFO", "NIFTY29DEC26FUT"): "53001:NIFTY29DEC26FUT"}
PLACE, MODIFY, CANCEL = (f"{API_ROOT}{SECURE}/order/v1/{name}Order" for name in ("place", "modify", "cancel"))
BOOK = f"{API_ROOT}{ORDER_BOOK}"
DETAILS = f"{API_ROOT}{SECURE}/order/v1/details"
ACCEPTED = {
    "status": True,
    "message": "SUCCESS",
    "errorcode": "",
    "data": {"script": "SBIN-EQ", "orderid": "261127000000009", "uniqueorderid": "u-9"},
}
EMPTY: dict[str, Any] = {"status": True, "message": "SUCCESS", "errorcode": "", "data": None}
BUSY = "Access denied because of exceeding access rate"

Angel = responses.RequestsMock


class Listed:
    """The list of the day, for what is asked of it."""

    can_be_read = True

    def number_of(self, broker: str, symbol: Symbol) -> str | None:
        if not self.can_be_read:
            raise ReadFailed("the database does not answer")
        return LISTED.get(symbol) if broker == "angel" else None

    def symbol_of(self, _broker: str, _exchange: str, _number: str) -> Symbol | None:
        raise AssertionError("a name says its symbol by itself")


@pytest.fixture
def api() -> Iterator[Angel]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def names() -> Listed:
    return Listed()


@pytest.fixture
def account(names: Listed) -> Iterator[BrokerAccount]:
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="", names=names)
    opened = angel.connect(AccountCredentials(account_id="a1", auth_token="APIKEY:JWT"), settings)
    yield opened
    opened.close()


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


def terms(
    order_type: OrderType, price: str | None = None, trigger: str | None = None, *, quantity: int = 1
) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=quantity,
        price=Decimal(price) if price else None,
        trigger_price=Decimal(trigger) if trigger else None,
    )


def an_order(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "bo1",
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.MIS,
        "side": Side.SELL,
        "terms": terms(OrderType.SL, "194.50", "195"),
    }
    return OrderRequest(**(fields | changes))


ENTRY, STOP = "200910000000111", "261127000000002"
CALLS: dict[str, Callable[[BrokerAccount], object]] = {
    "place_stop": lambda account: account.place_order(an_order()),
    "place_limit": lambda account: account.place_order(
        an_order(
            tag="B7K2E1",
            side=Side.BUY,
            product=Product.CNC,
            terms=terms(OrderType.LIMIT, "812.35", quantity=10),
        )
    ),
    "place_market_ioc_disclosed": lambda account: account.place_order(
        an_order(
            tag="",
            exchange="NFO",
            symbol="NIFTY29DEC26FUT",
            product=Product.NRML,
            terms=terms(OrderType.MARKET, quantity=130),
            validity=Validity.IOC,
            disclosed_quantity=65,
        )
    ),
    "morph_to_limit": lambda account: account.modify_order(STOP, terms(OrderType.LIMIT, "210")),
    "move_stop": lambda account: account.modify_order(STOP, terms(OrderType.SL, "195.50", "196")),
    "cancel_entry": lambda account: account.cancel_order(ENTRY),
    "cancel_stop": lambda account: account.cancel_order(STOP),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_request_the_official_client_sends(
    name: str, account: BrokerAccount, api: Angel
) -> None:
    expected = recorded("requests.json")[name]
    if not name.startswith("place"):
        api.add("GET", BOOK, json=recorded("orders.json"))  # nothing is known of it after a restart
    api.add("POST", API_ROOT + expected["path"], json=ACCEPTED)

    CALLS[name](account)

    sent = api.calls[-1].request
    assert json.loads(sent.body or b"") == expected["body"]
    assert (sent.headers["Authorization"], sent.headers["X-PrivateKey"]) == ("Bearer JWT", "APIKEY")
    assert sent.headers["Content-Type"] == "application/json"


def test_every_recorded_request_has_its_call() -> None:
    assert recorded("requests.json").keys() == CALLS.keys()


def test_the_headers_tell_of_this_machine_and_not_of_the_official_client(
    account: BrokerAccount, api: Angel
) -> None:
    api.add("POST", PLACE, json=ACCEPTED)

    account.place_order(an_order())

    headers = api.calls[0].request.headers
    assert (headers["X-UserType"], headers["X-SourceID"]) == ("USER", "WEB")
    assert headers["X-ClientLocalIP"] == headers["X-ClientPublicIP"] != "106.193.147.98"
    assert len(headers["X-MACAddress"].split(":")) == 6
    assert "python" not in headers["User-Agent"]


def test_an_order_of_ours_is_changed_without_reading_the_book(account: BrokerAccount, api: Angel) -> None:
    api.add("POST", PLACE, json=ACCEPTED)
    api.add("POST", MODIFY, json=ACCEPTED)
    ack = account.place_order(an_order())

    account.modify_order(ack.broker_order_id, terms(OrderType.LIMIT, "210"))

    body = json.loads(api.calls[1].request.body or b"")
    assert (body["variety"], body["ordertype"], body["triggerprice"]) == ("STOPLOSS", "LIMIT", "0")


def test_a_change_of_an_order_that_no_book_shows_is_not_sent(account: BrokerAccount, api: Angel) -> None:
    api.add("GET", BOOK, json=EMPTY)

    with pytest.raises(NotSent, match="must repeat"):
        account.modify_order("1", terms(OrderType.LIMIT, "210"))
    assert len(api.calls) == 1


def test_a_cancel_of_an_order_that_no_book_shows_is_sent_as_of_an_ordinary_one(
    account: BrokerAccount, api: Angel
) -> None:
    api.add("GET", BOOK, json=EMPTY)
    api.add("POST", CANCEL, json=refusal("AB1013", "Order not found"))

    with pytest.raises(OrderRejected) as rejected:
        account.cancel_order("1")

    assert rejected.value.kind is RefusalKind.NOT_FOUND
    assert json.loads(api.calls[1].request.body or b"") == {"variety": "NORMAL", "orderid": "1"}


def test_a_change_is_not_sent_while_the_book_cannot_be_read(account: BrokerAccount, api: Angel) -> None:
    api.add("GET", BOOK, status=502, body="<html>")

    with pytest.raises(NotSent):
        account.modify_order("1", terms(OrderType.LIMIT, "210"))


def test_an_order_the_book_omits_is_looked_up_by_its_unique_id(account: BrokerAccount, api: Angel) -> None:
    row = recorded("orders.json")["data"][1] | {"orderid": "261127000000009", "status": "rejected"}
    api.add("POST", PLACE, json=ACCEPTED)
    api.add("GET", BOOK, json=EMPTY)
    api.add("GET", f"{DETAILS}/u-9", json=EMPTY | {"data": row | {"orderstatus": "rejected"}})
    account.place_order(an_order())

    (found,) = account.order_book()

    assert (found.broker_order_id, found.status.value) == ("261127000000009", "rejected")


def test_a_look_up_that_fails_leaves_the_book_as_it_is(account: BrokerAccount, api: Angel) -> None:
    api.add("POST", PLACE, json=ACCEPTED)
    api.add("GET", BOOK, json=recorded("orders.json"))
    api.add("GET", f"{DETAILS}/u-9", json=refusal("AB1013", "Order not found"))
    account.place_order(an_order())

    assert [row.broker_order_id for row in account.order_book()] == [ENTRY, STOP]


READS: dict[str, tuple[str, str, Callable[[BrokerAccount], object]]] = {
    ORDER_BOOK: ("GET", "orders.json", lambda account: account.order_book()),
    TRADE_BOOK: ("GET", "trades.json", lambda account: account.trade_book()),
    f"{SECURE}/user/v1/getRMS": ("GET", "limits.json", lambda account: account.funds()),
    f"{SECURE}/user/v1/getProfile": ("GET", "profile.json", lambda account: account.session_alive()),
    f"{SECURE}/market/v1/quote/": (
        "POST",
        "quotes.json",
        lambda account: account.quotes(frozenset({("NSE", "SBIN")})),
    ),
}


def refusal(code: str, message: str = "No.", said: object = False) -> dict[str, object]:
    return {"status": said, "message": message, "errorcode": code, "data": None}


@pytest.mark.parametrize("path", READS)
def test_each_read_is_one_call_of_its_page(path: str, account: BrokerAccount, api: Angel) -> None:
    method, fixture, read = READS[path]
    api.add(method, API_ROOT + path, json=recorded(fixture))

    assert read(account)
    assert len(api.calls) == 1


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>\xff</html>"),
        (502, b"<html>"),
        (200, b'{"message":"neither good nor bad","data":[]}'),
        (200, b'{"status":"false","message":"Something Went Wrong","errorcode":"AB1004","data":null}'),
        (403, BUSY.encode()),
        (500, b'{"status":true,"data":null}'),
    ],
)
def test_what_is_no_answer_of_angel_one_fails_each_read(
    status: int, body: bytes, path: str, account: BrokerAccount, api: Angel
) -> None:
    method, _, read = READS[path]
    api.add(method, API_ROOT + path, body=body, status=status)

    with pytest.raises(ReadFailed):
        read(account)


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "told",
    [
        {"success": False, "message": "Invalid Token", "errorCode": "AG8001", "data": ""},
        {"status": "false", "message": "Client not login", "errorcode": "AB1011", "data": None},
    ],
)
def test_a_dead_token_is_told_in_both_spellings(
    told: dict[str, object], path: str, account: BrokerAccount, api: Angel
) -> None:
    method, _, read = READS[path]
    api.add(method, API_ROOT + path, json=told)

    if path.endswith("getProfile"):
        assert account.session_alive() is False
    else:
        with pytest.raises(AuthDead):
            read(account)


def test_positions_are_read_with_the_holdings(account: BrokerAccount, api: Angel) -> None:
    api.add("GET", API_ROOT + POSITIONS, json=recorded("positions.json"))
    api.add("GET", API_ROOT + HOLDINGS, json=recorded("holdings.json"))

    rows = {(row.symbol, row.product): row.quantity for row in account.positions()}

    # 8 held and 2 that come tomorrow, 3 of them sold today.
    assert rows == {("RELIANCE", "CNC"): 7, ("NIFTY29DEC26FUT", "NRML"): 65}


def test_empty_books_are_null(account: BrokerAccount, api: Angel) -> None:
    for page in (ORDER_BOOK, TRADE_BOOK, POSITIONS, HOLDINGS):
        api.add("GET", API_ROOT + page, json=EMPTY)

    assert (account.order_book(), account.trade_book(), account.positions()) == ((), (), ())


def test_a_page_is_asked_for_once_in_its_second(account: BrokerAccount, api: Angel) -> None:
    for page in (ORDER_BOOK, TRADE_BOOK):
        api.add("GET", API_ROOT + page, json=EMPTY)
    begun = time.monotonic()

    account.order_book()
    account.trade_book()
    account.order_book()

    assert time.monotonic() - begun >= 1.2
    assert len(api.calls) == 3


def test_quotes_name_every_number_by_its_exchange_in_one_call(account: BrokerAccount, api: Angel) -> None:
    api.add("POST", f"{API_ROOT}{SECURE}/market/v1/quote/", json=recorded("quotes.json"))

    found = account.quotes(frozenset({("NSE", "SBIN"), ("NFO", "NIFTY29DEC26FUT"), ("NSE", "UNLISTED")}))

    asked = json.loads(api.calls[0].request.body or b"")
    assert asked == {"mode": "FULL", "exchangeTokens": {"NFO": ["53001"], "NSE": ["3045"]}}
    assert found.keys() == {("NSE", "SBIN")}
    quote = found["NSE", "SBIN"]
    assert [quote.last, quote.bid, quote.ask, quote.lower_band, quote.upper_band] == [
        Decimal(text) for text in ("568.2", "568.2", "568.25", "510.7", "624.1")
    ]


# What the answer to a write may be

WRITES: dict[str, tuple[str, Callable[[BrokerAccount], object]]] = {
    "place": (PLACE, lambda account: account.place_order(an_order())),
    "modify": (MODIFY, lambda account: account.modify_order(STOP, terms(OrderType.LIMIT, "210"))),
    "cancel": (CANCEL, lambda account: account.cancel_order(STOP)),
}


def written(account: BrokerAccount, api: Angel, name: str, **answer: Any) -> None:
    url, call = WRITES[name]
    if name != "place":
        api.add("GET", BOOK, json=recorded("orders.json"))
    api.add("POST", url, **answer)
    call(account)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("said", [False, "false"])
@pytest.mark.parametrize("code", sorted(REFUSING_CODES))
def test_a_refusal_inside_http_200_is_a_refusal(
    code: str, said: object, name: str, account: BrokerAccount, api: Angel
) -> None:
    with pytest.raises(OrderRejected):
        written(account, api, name, json=refusal(code, "No.", said))


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("code", sorted(TOKEN_CODES))
def test_a_dead_token_is_no_refusal(code: str, name: str, account: BrokerAccount, api: Angel) -> None:
    with pytest.raises(AuthDead):
        written(account, api, name, json=refusal(code))


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403, "body": BUSY},
        {"status": 429, "body": "slow down"},
        {"status": 200, "json": refusal("AB1021", "Too many requests")},
    ],
)
def test_too_many_calls_were_never_looked_at(
    answer: dict[str, Any], name: str, account: BrokerAccount, api: Angel
) -> None:
    with pytest.raises(RateLimited):
        written(account, api, name, **answer)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    "answer",
    [
        {"json": refusal("AB1004", "Something Went Wrong, Please Try After Sometime")},
        {"json": refusal("AB1007", "AMX Error")},
        {"json": refusal("AB2000")},
        {"json": refusal("AB2001")},
        {"json": refusal("AB9999")},
        {"json": refusal("")},
        {"json": refusal("AB1013"), "status": 500},  # a refusing code does not count in a failure
        {"json": {"message": "SUCCESS", "data": {"orderid": "1"}}},
        {"json": ACCEPTED, "status": 502},
        {"json": EMPTY},
        {"json": EMPTY | {"data": {"orderid": ""}}},
        {"json": EMPTY | {"data": {"orderid": None}}},
        {"body": b'{"status":true,"data":{"orderid":"26'},
        {"body": b""},
        {"body": b"<html>Request Rejected</html>"},
        {"body": b"<html>", "status": 403},
        {"body": b"<html>", "status": 502},
        {"body": ConnectionResetError()},
    ],
)
def test_whatever_proves_nothing_is_unknown_and_sent_once(
    answer: dict[str, Any], name: str, account: BrokerAccount, api: Angel
) -> None:
    with pytest.raises(OutcomeUnknown):
        written(account, api, name, **answer)
    assert [call.request.method for call in api.calls].count("POST") == 1


# What is refused before anything is sent


@pytest.mark.parametrize(
    "order",
    [
        an_order(symbol="UNLISTED"),
        an_order(exchange="NCDEX"),
        an_order(tag="B" * 20),
        an_order(terms=terms(OrderType.SL, "194.50")),
        an_order(terms=terms(OrderType.LIMIT)),
        an_order(terms=terms(OrderType.SL_M, None, "195")),
    ],
)
def test_what_angel_one_would_refuse_or_misread_is_not_sent(
    order: OrderRequest, account: BrokerAccount, api: Angel
) -> None:
    with pytest.raises(OrderRejected):
        account.place_order(order)
    assert not api.calls


def test_an_exit_survives_a_list_that_was_lost(names: Listed, account: BrokerAccount, api: Angel) -> None:
    api.add("POST", PLACE, json=ACCEPTED)
    account.place_order(an_order())
    names.can_be_read = False

    account.place_order(an_order(tag="bo2"))
    with pytest.raises(NotSent):
        account.place_order(an_order(exchange="NFO", symbol="NIFTY29DEC26FUT"))

    assert len(api.calls) == 2


# The token


def test_a_new_token_is_used_from_the_next_call_on(account: BrokerAccount, api: Angel) -> None:
    api.add("GET", f"{API_ROOT}{SECURE}/user/v1/getProfile", json=recorded("profile.json"))
    assert isinstance(account, AngelAccount)

    account.renew("OTHERKEY:NEXT")
    account.learn()

    headers = api.calls[0].request.headers
    assert (headers["X-PrivateKey"], headers["Authorization"]) == ("OTHERKEY", "Bearer NEXT")


@pytest.mark.parametrize("token", ["", "APIKEY", "APIKEY:", ":JWT", "APIKEY:JWT\nX-Evil: 1"])
def test_a_damaged_token_is_refused_and_not_repeated(token: str) -> None:
    settings = BrokerSettings(api_roots={}, paper_state="", paper_prices="")

    with pytest.raises(ValueError, match="must look like") as damaged:
        angel.connect(AccountCredentials(account_id="a1", auth_token=token), settings)
    assert "APIKEY" not in str(damaged.value)


@pytest.mark.parametrize(
    ("ask", "path"), [("order_book", ORDER_BOOK), ("session_alive", f"{SECURE}/user/v1/getProfile")]
)
def test_a_refusal_of_the_old_token_says_nothing_of_the_new_one(
    ask: str, path: str, account: BrokerAccount, api: Angel
) -> None:
    assert isinstance(account, AngelAccount)
    renew = account.renew

    def answer(_request: object) -> tuple[int, dict[str, str], str]:
        renew("APIKEY:NEXT")  # a person logs in while the call is out
        return 200, {}, json.dumps(refusal("AG8001", "Invalid Token"))

    api.add_callback("GET", API_ROOT + path, answer)

    with pytest.raises(ReadFailed, match="replaced"):
        getattr(account, ask)()
