"""What goes over the wire to Upstox, and what the account makes of what comes back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses

from broker import upstox
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerSettings,
    LoggedIn,
    NotSent,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Symbol,
    Terms,
)
from broker.upstox.api.auth_api import exchange_code, login_url
from broker.upstox.session import API_ROOT, ORDERS_ROOT
from services.bracket.model import OrderType, Product, RefusalKind, Side

FIXTURES = Path(__file__).parent.parent / "fixtures" / "upstox"
SBIN = "NSE_EQ|INE062A01020"
ORDER, GTT = "240108010918222", "GTT-C26281100000001"
BOOK, GTTS = f"{API_ROOT}/v2/order/retrieve-all", f"{API_ROOT}/v3/order/gtt"
PLACE = f"{ORDERS_ROOT}/v3/order/place"


class Listed:
    """The list of the day, for what is asked of it."""

    can_be_read = True

    def number_of(self, broker: str, symbol: Symbol) -> str | None:
        if not self.can_be_read:
            raise ReadFailed("the database does not answer")
        return SBIN if (broker, symbol) == ("upstox", ("NSE", "SBIN")) else None

    def symbol_of(self, _broker: str, exchange: str, number: str) -> Symbol | None:
        return ("NSE", "SBIN") if (exchange, number) == ("NSE", SBIN) else None


SETTINGS = BrokerSettings(api_roots={}, paper_state="", paper_prices="", names=Listed())

Upstox = responses.RequestsMock


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def success(content: object) -> dict[str, object]:
    return {"status": "success", "data": content, "metadata": {"latency": 30}}


def failure(code: str, message: str = "No.") -> dict[str, object]:
    return {"status": "error", "errors": [{"error_code": code, "errorCode": code, "message": message}]}


@pytest.fixture
def api() -> Iterator[Upstox]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    opened = upstox.connect(AccountCredentials(account_id="a1", auth_token="TOK"), SETTINGS)
    yield opened
    opened.close()


def terms(order_type: OrderType, price: str | None = None, trigger: str | None = None) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=5,
        price=Decimal(price) if price else None,
        trigger_price=Decimal(trigger) if trigger else None,
    )


LIMIT = terms(OrderType.LIMIT, "100.5")
NATIVE = replace(LIMIT, target_price=Decimal(110), stop_trigger=Decimal(95))


def an_order(wanted: Terms = LIMIT, side: Side = Side.BUY, **changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "bo1",
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.MIS,
        "side": side,
        "terms": wanted,
    }
    return OrderRequest(**(fields | changes))


def rule(strategy: str, level: float, status: str = "SCHEDULED", **more: object) -> dict[str, object]:
    side = "BUY" if strategy == "ENTRY" else "SELL"
    told = {"strategy": strategy, "status": status, "trigger_price": level, "transaction_type": side}
    return told | {"trigger_type": "IMMEDIATE", "order_id": None} | more


def listed_gtt(*rules: dict[str, object]) -> dict[str, object]:
    """Return the answer that lists the one GTT, of these rules or of three that wait."""
    waiting = (rule("ENTRY", 100.5), rule("TARGET", 110), rule("STOPLOSS", 95))
    return success(
        [
            {
                "type": "MULTIPLE",
                "quantity": 5,
                "product": "I",
                "rules": rules or waiting,
                "instrument_token": SBIN,
                "trading_symbol": "SBIN",
                "gtt_order_id": GTT,
                "created_at": 1795756067123456,
            }
        ]
    )


CALLS: dict[str, Callable[[BrokerAccount], object]] = {
    "place_limit": lambda account: account.place_order(an_order()),
    "place_stop": lambda account: account.place_order(
        an_order(terms(OrderType.SL, "95", "96"), side=Side.SELL)
    ),
    "place_market": lambda account: account.place_order(an_order(terms(OrderType.MARKET))),
    "morph_to_limit": lambda account: account.modify_order(ORDER, terms(OrderType.LIMIT, "110")),
    "cancel": lambda account: account.cancel_order(ORDER),
    "place_gtt": lambda account: account.place_order(an_order(NATIVE)),
    "move_stop": lambda account: account.modify_order(f"{GTT}:STOPLOSS", terms(OrderType.SL, trigger="97")),
    "cancel_gtt": lambda account: account.cancel_order(f"{GTT}:STOPLOSS"),
}


def answer_to(name: str) -> dict[str, object]:
    if name in ("place_gtt", "move_stop", "cancel_gtt"):
        return success({"gtt_order_ids": [GTT]})
    return success({"order_ids": [ORDER]} if name.startswith("place") else {"order_id": ORDER})


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_request_the_official_client_sends(
    name: str, account: BrokerAccount, api: Upstox
) -> None:
    expected = recorded("requests.json")[name]
    root = API_ROOT if "gtt" in expected["path"] else ORDERS_ROOT  # as the client's own two hosts
    api.assert_all_requests_are_fired = False
    api.add("GET", GTTS, json=listed_gtt())
    api.add("GET", BOOK, json=success([]))
    api.add(expected["method"], root + expected["path"], json=answer_to(name))

    CALLS[name](account)

    sent = api.calls[-1].request
    assert json.loads(sent.body or b"{}") == expected["body"]
    assert sent.headers["Authorization"] == "Bearer TOK"


def test_every_recorded_request_has_its_call() -> None:
    assert recorded("requests.json").keys() == CALLS.keys()


READS: dict[str, tuple[str, Callable[[BrokerAccount], object]]] = {
    "/v2/order/retrieve-all": ("orders.json", lambda account: account.order_book()),
    "/v3/order/gtt": ("gtts.json", lambda account: account.order_book()),
    "/v2/order/trades/get-trades-for-day": ("trades.json", lambda account: account.trade_book()),
    "/v2/portfolio/short-term-positions": ("positions.json", lambda account: account.positions()),
    "/v2/portfolio/long-term-holdings": ("holdings.json", lambda account: account.positions()),
    "/v2/user/get-funds-and-margin": ("funds.json", lambda account: account.funds()),
    "/v2/user/profile": ("profile.json", lambda account: account.session_alive()),
    "/v2/market-quote/quotes": (
        "quotes.json",
        lambda account: account.quotes(frozenset({("NSE", "SBIN"), ("NSE", "UNLISTED")})),
    ),
}


def answering(api: Upstox, path: str = "", **words: Any) -> None:
    """Answer each read with its page, the one at the path otherwise."""
    api.assert_all_requests_are_fired = False
    for one, (fixture, _) in READS.items():
        api.add("GET", API_ROOT + one, **(words if one == path else {"json": recorded(fixture)}))


@pytest.mark.parametrize("path", READS)
def test_each_read_gets_its_page_from_the_host_for_reads(
    path: str, account: BrokerAccount, api: Upstox
) -> None:
    answering(api)

    assert READS[path][1](account)

    assert path in {urlsplit(str(call.request.url)).path for call in api.calls}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>\xff</html>"),
        (200, b'{"status":"success","data":['),
        (200, b'{"status":"partial_success","data":[]}'),
        (500, b"<html></html>"),
        (404, json.dumps(failure("UDAPI100060")).encode()),
    ],
)
def test_a_page_that_is_not_upstox_s_fails_each_read(
    status: int, body: bytes, path: str, account: BrokerAccount, api: Upstox
) -> None:
    answering(api, path, body=body, status=status)

    with pytest.raises(ReadFailed):
        READS[path][1](account)


@pytest.mark.parametrize("path", READS)
def test_a_dead_token_is_told_apart_from_no_answer_on_each_read(
    path: str, account: BrokerAccount, api: Upstox
) -> None:
    answering(api, path, status=401, json=failure("UDAPI100050", "Invalid token used to access API"))

    if path.endswith("profile"):
        assert account.session_alive() is False
    else:
        with pytest.raises(AuthDead):
            READS[path][1](account)


def test_quotes_name_every_listed_key_in_one_call(account: BrokerAccount, api: Upstox) -> None:
    answering(api)

    found = account.quotes(frozenset({("NSE", "SBIN"), ("NSE", "UNLISTED")}))

    assert parse_qsl(urlsplit(str(api.calls[0].request.url)).query) == [("instrument_key", SBIN)]
    assert found[("NSE", "SBIN")].last == Decimal("815.5")


# What the answer to a write may be


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"status":"success","data":{}}'),
        (200, b'{"status":"success","data":{"order_ids":[],"gtt_order_ids":[]}}'),
        (200, b'{"status":"success","data":{"order_ids":[""],"gtt_order_ids":[""]}}'),
        (200, b'{"status":"success","data":{"order_ids":["1","2"],"gtt_order_ids":["1","2"]}}'),
        (200, b'{"status":"partial_success","data":{"order_ids":["1"],"gtt_order_ids":["1"]}}'),
        (200, b'{"status":"success","data":{"order_ids":["'),
        (200, b""),
        (200, b"<html></html>"),
        (502, b"<html>Bad gateway</html>"),
        (400, b"{}"),
        (400, json.dumps(failure("UDAPI999999")).encode()),  # not in the table
        (500, json.dumps(failure("UDAPI100500", "Something went wrong")).encode()),
        (500, json.dumps(failure("UDAPI1052")).encode()),  # a refusal's code, but its server broke
    ],
)
def test_whatever_is_not_plainly_a_refusal_leaves_the_order_unknown(
    status: int, body: bytes, native: bool, account: BrokerAccount, api: Upstox
) -> None:
    api.add("POST", f"{GTTS}/place" if native else PLACE, status=status, body=body)

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order(NATIVE if native else LIMIT))
    assert len(api.calls) == 1


@pytest.mark.parametrize("call", [CALLS["morph_to_limit"], CALLS["cancel"]])
def test_an_answer_about_another_order_leaves_a_change_unknown(
    call: Callable[[BrokerAccount], object], account: BrokerAccount, api: Upstox
) -> None:
    api.assert_all_requests_are_fired = False
    for method, path in (("PUT", "modify"), ("DELETE", "cancel")):
        api.add(method, f"{ORDERS_ROOT}/v3/order/{path}", json=success({"order_id": "1"}))

    with pytest.raises(OutcomeUnknown):
        call(account)


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        ("UDAPI100036", "You need to add Rs. 812.35", RefusalKind.MARGIN),
        ("UDAPI100036", "RMS: price band", RefusalKind.BAND),
        ("UDAPI100036", "RMS: something else", RefusalKind.RMS),
        ("UDAPI100036", "Price is not a multiple of tick size", RefusalKind.TICK),
        ("UDAPI100036", "Trigger price should be less than LTP", RefusalKind.TRIGGER_CROSSED),
        ("UDAPI100036", "16052 : Function not available", RefusalKind.STOP_MARKET_BANNED),
        ("UDAPI1158", "market_protection is required", RefusalKind.PROTECTION_MISSING),
        ("UDAPI100040", "No.", RefusalKind.ALREADY_DONE),
        ("UDAPI100010", "No.", RefusalKind.NOT_FOUND),
        ("UDAPI1057", "No.", RefusalKind.UNCLASSIFIED),
    ],
)
def test_a_refusal_carries_the_brokers_words_and_their_kind(
    code: str, words: str, kind: RefusalKind, account: BrokerAccount, api: Upstox
) -> None:
    api.add("PUT", f"{ORDERS_ROOT}/v3/order/modify", status=400, json=failure(code, words))

    with pytest.raises(OrderRejected) as refused:
        account.modify_order(ORDER, LIMIT)

    assert (refused.value.reason, refused.value.kind) == (words, kind)


@pytest.mark.parametrize("code", ["UDAPI100036", "UDAPI100500"])
def test_a_sale_that_wants_edis_says_where_to_authorise_it(
    code: str, account: BrokerAccount, api: Upstox
) -> None:
    api.add("POST", PLACE, status=400, json=failure(code, "Please authorise with your CDSL TPIN"))

    with pytest.raises(OrderRejected) as refused:
        account.place_order(an_order(side=Side.SELL, product=Product.CNC))

    assert refused.value.kind is RefusalKind.DEMAT_AUTHORISATION
    assert "https://pro.upstox.com" in refused.value.reason


def test_an_address_that_is_not_registered_is_told_in_plain_words(
    account: BrokerAccount, api: Upstox
) -> None:
    api.add("POST", PLACE, status=403, json=failure("UDAPI1154"))

    with pytest.raises(OrderRejected, match="registered static IP"):
        account.place_order(an_order())


@pytest.mark.parametrize("code", ["UDAPI100050", "UDAPI100016"])
def test_an_order_sent_with_a_dead_token_says_so(code: str, account: BrokerAccount, api: Upstox) -> None:
    api.add("POST", PLACE, status=401, json=failure(code))

    with pytest.raises(AuthDead):
        account.place_order(an_order())


def test_a_429_was_not_carried_out(account: BrokerAccount, api: Upstox) -> None:
    api.add("POST", PLACE, status=429, json=failure("UDAPI10005", "Too Many Request Sent"))

    with pytest.raises(RateLimited):
        account.place_order(an_order())
    assert len(api.calls) == 1


# Rules of a GTT


def test_a_change_of_one_rule_names_all_of_them_as_they_are(account: BrokerAccount, api: Upstox) -> None:
    api.add("GET", GTTS, json=listed_gtt(rule("ENTRY", 100.5, "OPEN", order_id="7"), rule("TARGET", 111)))
    api.add("PUT", f"{GTTS}/modify", json=success({"gtt_order_ids": [GTT]}))

    account.modify_order(f"{GTT}:TARGET", terms(OrderType.LIMIT, "112"))

    body = json.loads(api.calls[-1].request.body or b"")
    assert [one["trigger_price"] for one in body["rules"]] == [100.5, 112]
    assert body["quantity"] == 5


def test_an_exit_that_is_sent_is_not_changed_by_its_gtt(account: BrokerAccount, api: Upstox) -> None:
    rules = (rule("ENTRY", 100.5, "COMPLETED"), rule("STOPLOSS", 95, "OPEN", order_id="7"))
    api.add("GET", GTTS, json=listed_gtt(*rules))

    with pytest.raises(OrderRejected) as refused:
        CALLS["move_stop"](account)

    assert refused.value.kind is RefusalKind.ALREADY_DONE
    assert [call.request.method for call in api.calls] == ["GET"]


def test_a_rule_that_cannot_be_looked_at_is_not_changed(account: BrokerAccount, api: Upstox) -> None:
    api.add("GET", GTTS, status=502, body=b"<html>")

    for name in ("move_stop", "cancel_gtt"):
        with pytest.raises(NotSent):
            CALLS[name](account)
    assert {call.request.method for call in api.calls} == {"GET"}


def test_a_gtt_that_is_not_listed_is_not_found(account: BrokerAccount, api: Upstox) -> None:
    api.add("GET", GTTS, json=success([]))
    api.add("GET", BOOK, json=success([]))

    for name in ("move_stop", "cancel_gtt"):
        with pytest.raises(OrderRejected) as refused:
            CALLS[name](account)
        assert refused.value.kind is RefusalKind.NOT_FOUND


def test_an_exit_at_the_exchange_is_cancelled_by_its_own_order(account: BrokerAccount, api: Upstox) -> None:
    rules = (rule("ENTRY", 100.5, "COMPLETED"), rule("STOPLOSS", 95, "OPEN", order_id=ORDER))
    (template,) = recorded("orders.json")["data"][:1]
    api.add("GET", GTTS, json=listed_gtt(*rules))
    api.add("GET", BOOK, json=success([template | {"order_id": ORDER, "transaction_type": "SELL"}]))
    api.add("DELETE", f"{ORDERS_ROOT}/v3/order/cancel", json=success({"order_id": ORDER}))

    account.cancel_order(f"{GTT}:STOPLOSS")

    assert api.calls[-1].request.method == "DELETE"


# What never leaves us


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (an_order(tag="x" * 41), "longer than 40"),
        (an_order(symbol="NOSUCH"), "instruments sync"),
        (an_order(terms(OrderType.SL, "95")), "needs a trigger price"),
        (an_order(replace(NATIVE, order_type=OrderType.MARKET, price=None)), "is a LIMIT"),
        (an_order(replace(NATIVE, target_price=None)), "needs a target price"),
    ],
)
def test_what_upstox_would_not_take_never_reaches_the_wire(
    order: OrderRequest, words: str, account: BrokerAccount, api: Upstox
) -> None:
    with pytest.raises(OrderRejected, match=words):
        account.place_order(order)
    assert len(api.calls) == 0


def test_an_order_whose_key_nobody_knows_now_is_not_sent_and_not_refused(
    monkeypatch: pytest.MonkeyPatch, account: BrokerAccount, api: Upstox
) -> None:
    monkeypatch.setattr(Listed, "can_be_read", False)

    with pytest.raises(NotSent):
        account.place_order(an_order())
    assert len(api.calls) == 0


def test_another_address_takes_all_calls_and_one_may_be_named_for_orders(api: Upstox) -> None:
    api.add("POST", "http://127.0.0.1:1/v3/order/place", json=success({"order_ids": ["1"]}))
    api.add("POST", "http://127.0.0.1:2/v3/order/place", json=success({"order_ids": ["2"]}))
    roots = {"upstox": "http://127.0.0.1:1"}

    for more, order_id in (({}, "1"), ({"upstoxhft": "http://127.0.0.1:2"}, "2")):
        settings = replace(SETTINGS, api_roots=roots | more)
        opened = upstox.connect(AccountCredentials(account_id="a1", auth_token="TOK"), settings)
        assert opened.place_order(an_order()).broker_order_id == order_id
        opened.close()


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_a_damaged_token_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(ValueError, match="printable") as refused:
        upstox.connect(AccountCredentials(account_id="a1", auth_token=token), SETTINGS)
    assert not token or token not in str(refused.value)


# The login


def test_the_login_page_is_asked_for_a_code_and_the_state() -> None:
    page = urlsplit(login_url("key", "http://us/back", "s1"))

    assert f"{page.scheme}://{page.netloc}{page.path}" == f"{API_ROOT}/v2/login/authorization/dialog"
    assert dict(parse_qsl(page.query)) == {
        "response_type": "code",
        "client_id": "key",
        "redirect_uri": "http://us/back",
        "state": "s1",
    }


def logged_in() -> LoggedIn:
    return exchange_code("c1", SETTINGS, api_key="key", api_secret="secret", redirect_uri="http://us/back")


def test_a_code_is_exchanged_by_a_form(api: Upstox) -> None:
    token = {"access_token": "TOK2", "user_id": "2ABCDE", "broker": "UPSTOX"}
    api.add("POST", f"{API_ROOT}/v2/login/authorization/token", json=token)

    session = logged_in()

    assert (session.auth_token, session.user_id) == ("TOK2", "2ABCDE")
    form = api.calls[0].request.body
    assert isinstance(form, bytes)
    assert dict(parse_qsl(form.decode())) == {
        "code": "c1",
        "client_id": "key",
        "client_secret": "secret",
        "redirect_uri": "http://us/back",
        "grant_type": "authorization_code",
    }


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, failure("UDAPI100057", "Invalid Auth code"), AuthDead),
        (500, failure("UDAPI100500"), OutcomeUnknown),
        (429, failure("UDAPI10005"), RateLimited),
        (200, {"user_id": "2ABCDE"}, OutcomeUnknown),
    ],
)
def test_a_login_that_did_not_work_says_how(
    status: int, body: dict[str, object], error: type[Exception], api: Upstox
) -> None:
    api.add("POST", f"{API_ROOT}/v2/login/authorization/token", status=status, json=body)

    with pytest.raises(error):
        logged_in()
