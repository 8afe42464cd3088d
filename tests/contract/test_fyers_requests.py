"""What goes over the wire to Fyers, and what the account makes of what comes back."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses

from broker import fyers
from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerModule,
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
from broker.fyers.account import FyersAccount
from broker.fyers.api.auth_api import exchange_auth_code, login_url
from broker.fyers.session import API_ROOT, LISTS_ROOT
from services.bracket.model import OrderType, Product, RefusalKind, RowStatus, Side, Topology, Validity

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fyers"
LISTED = {
    ("NSE", "SBIN"): "NSE:SBIN-EQ",
    ("NSE", "INFY"): "NSE:INFY-EQ",
    ("BSE", "SBIN"): "BSE:SBIN-A",
    ("NFO", "NIFTY26DECFUT"): "NSE:NIFTY26DECFUT",
}


class Listed:
    """The list of the day, for what is asked of it."""

    can_be_read = True

    def number_of(self, broker: str, symbol: Symbol) -> str | None:
        if not self.can_be_read:
            raise ReadFailed("the database does not answer")
        return LISTED.get(symbol) if broker == "fyers" else None

    def symbol_of(self, _broker: str, _exchange: str, _number: str) -> Symbol | None:
        raise AssertionError("a ticker says its symbol by itself")


SETTINGS = BrokerSettings(
    api_roots={},
    paper_state="",
    paper_prices="",
    names=Listed(),
)
ORDERS, GTTS = f"{API_ROOT}/api/v3/orders/sync", f"{API_ROOT}/api/v3/gtt/orders/sync"
BOOK = f"{API_ROOT}/api/v3/orders"
ACCEPTED = {"s": "ok", "code": 1101, "message": "Successfully placed order", "id": "26112700000001"}
IN_TRANSIT = {"s": "ok", "code": 201, "message": "Request sent", "id": ""}
CODES = {"POST": 1101, "PATCH": 1102, "DELETE": 1103}

Fyers = responses.RequestsMock


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


@pytest.fixture
def api() -> Iterator[Fyers]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    credentials = AccountCredentials(account_id="a1", auth_token="APPID-100:TOK")
    opened = fyers.connect(credentials, SETTINGS)
    yield opened
    opened.close()


def an_order(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "bo1",
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.MIS,
        "side": Side.SELL,
        "terms": terms(OrderType.SL, "99", "100"),
    }
    return OrderRequest(**(fields | changes))


def terms(
    order_type: OrderType, price: str | None = None, trigger: str | None = None, *, quantity: int = 1
) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=quantity,
        price=Decimal(price) if price else None,
        trigger_price=Decimal(trigger) if trigger else None,
    )


def a_gtt(target: str | None = "110", **changes: Any) -> GttRequest:
    fields: dict[str, Any] = {
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.CNC,
        "side": Side.SELL,
        "terms": Terms(
            order_type=OrderType.LIMIT,
            quantity=1,
            trigger_price=Decimal(91),
            price=Decimal(90),
            target_trigger=Decimal(target) if target else None,
            target_price=Decimal(target) if target else None,
        ),
        "last_price": Decimal(100),
    }
    return GttRequest(**(fields | changes))


def a_gtt_of_a_short() -> GttRequest:
    exit_terms = Terms(
        order_type=OrderType.LIMIT,
        quantity=65,
        trigger_price=Decimal(26350),
        price=Decimal(26400),
        target_trigger=Decimal(25500),
        target_price=Decimal(25500),
    )
    return a_gtt(
        exchange="NFO",
        symbol="NIFTY26DECFUT",
        product=Product.NRML,
        side=Side.BUY,
        terms=exit_terms,
        tag="B7K2X3",
    )


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
            exchange="BSE",
            tag="",
            terms=terms(OrderType.MARKET, quantity=10),
            validity=Validity.IOC,
            disclosed_quantity=5,
        )
    ),
    "place_future": lambda account: account.place_order(
        an_order(
            exchange="NFO",
            symbol="NIFTY26DECFUT",
            tag="B7K2X2",
            product=Product.NRML,
            terms=terms(OrderType.SL_M, None, "25900", quantity=65),
        )
    ),
    "morph_to_limit": lambda account: account.modify_order("1", terms(OrderType.LIMIT, "101")),
    "morph_back_to_stop": lambda account: account.modify_order("1", terms(OrderType.SL, "99", "100")),
    "modify_to_market": lambda account: account.modify_order("1", terms(OrderType.MARKET)),
    "cancel": lambda account: account.cancel_order("1"),
    "place_oco_of_a_long": lambda account: account.place_gtt(a_gtt()),
    "place_oco_of_a_short": lambda account: account.place_gtt(a_gtt_of_a_short()),
    "place_single": lambda account: account.place_gtt(a_gtt(target=None)),
    "modify_oco": lambda account: account.modify_gtt("25012300000741", a_gtt()),
    "cancel_gtt": lambda account: account.cancel_gtt("25012300000741"),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_request_the_official_client_sends(
    name: str, account: BrokerAccount, api: Fyers
) -> None:
    expected = recorded("requests.json")[name]
    answer = ACCEPTED | {"code": CODES[expected["method"]]}
    api.add(expected["method"], API_ROOT + expected["path"], json=answer)

    CALLS[name](account)

    (call,) = api.calls
    assert json.loads(call.request.body or b"") == expected["body"]
    assert call.request.headers["Authorization"] == "APPID-100:TOK"
    assert call.request.headers["Content-Type"] == "application/json"


def test_every_recorded_request_has_its_call() -> None:
    assert recorded("requests.json").keys() == CALLS.keys()


READS: dict[str, tuple[str, Callable[[BrokerAccount], object]]] = {
    "/api/v3/orders": ("orders.json", lambda account: account.order_book()),
    "/api/v3/tradebook": ("trades.json", lambda account: account.trade_book()),
    "/api/v3/funds": ("funds.json", lambda account: account.funds()),
    "/api/v3/profile": ("profile.json", lambda account: account.session_alive()),
    "/data/quotes": ("quotes.json", lambda account: account.quotes(frozenset({("NSE", "SBIN")}))),
}


@pytest.mark.parametrize("path", READS)
def test_each_read_is_one_get_of_its_page(path: str, account: BrokerAccount, api: Fyers) -> None:
    fixture, read = READS[path]
    api.add("GET", API_ROOT + path, json=recorded(fixture))

    assert read(account)

    assert urlsplit(str(api.calls[0].request.url)).path == path


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("status", [200, 500, 502])
def test_a_page_that_is_not_fyers_fails_each_read(
    status: int, path: str, account: BrokerAccount, api: Fyers
) -> None:
    api.add("GET", API_ROOT + path, body=b"<html>\xff</html>", status=status)

    with pytest.raises(ReadFailed):
        READS[path][1](account)


def refusal(code: int, message: str = "No.") -> dict[str, object]:
    return {"s": "error", "code": code, "message": message}


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("status", [200, 401])
def test_a_dead_token_is_told_apart_from_no_answer_on_each_read(
    status: int, path: str, account: BrokerAccount, api: Fyers
) -> None:
    api.add("GET", API_ROOT + path, status=status, json=refusal(-15))

    if path.endswith("profile"):
        assert account.session_alive() is False
    else:
        with pytest.raises(AuthDead):
            READS[path][1](account)


def test_positions_are_read_with_the_holdings(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", f"{API_ROOT}/api/v3/positions", json=recorded("positions.json"))
    api.add("GET", f"{API_ROOT}/api/v3/holdings", json=recorded("holdings.json"))

    rows = account.positions()

    # 50 held in the morning, 10 that come tomorrow, 15 of them sold today.
    assert {row.product: row.quantity for row in rows} == {"MIS": 10, "CNC": 45}


def test_quotes_name_every_ticker_in_one_call(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", f"{API_ROOT}/data/quotes", json=recorded("quotes.json"))

    found = account.quotes(frozenset({("NSE", "SBIN"), ("NFO", "NIFTY26DECFUT"), ("NSE", "UNLISTED")}))

    query = urlsplit(str(api.calls[0].request.url)).query
    assert parse_qsl(query) == [("symbols", "NSE:NIFTY26DECFUT,NSE:SBIN-EQ")]
    assert found[("NSE", "SBIN")].last == Decimal("815.5")


def test_an_app_without_leave_for_quotes_finds_out_quietly(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", f"{API_ROOT}/data/quotes", status=403, json=refusal(-403, "Permission denied"))

    assert account.quotes(frozenset({("NSE", "SBIN")})) == {}
    assert account.capabilities.gives_quotes is False


# What the answer to a write may be


def test_an_order_that_nobody_answered_for_is_found_by_its_tag(account: BrokerAccount, api: Fyers) -> None:
    book = recorded("orders.json")
    api.add("POST", ORDERS, json=IN_TRANSIT)
    api.add("GET", BOOK, json=book | {"orderBook": book["orderBook"][:1]})

    ack = account.place_order(an_order(tag="B7K2E1"))

    assert ack.broker_order_id == "26112700000001"
    assert parse_qsl(urlsplit(str(api.calls[1].request.url)).query) == [("order_tag", "1:B7K2E1")]


@pytest.mark.parametrize(
    "looked_up",
    [
        {"status": 200, "json": {"s": "ok", "code": 200, "message": "", "orderBook": []}},
        {"status": 502, "body": "<html>"},
        {"status": 401, "json": {"s": "error", "code": -17, "message": "dead"}},
        {"status": 200, "json": recorded("orders.json")},  # a filter that filters nothing
    ],
)
def test_an_order_that_the_look_up_does_not_show_is_unknown_and_not_sent_again(
    looked_up: dict[str, Any], account: BrokerAccount, api: Fyers
) -> None:
    api.add("POST", ORDERS, json=IN_TRANSIT)
    api.add("GET", BOOK, **looked_up)

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order(tag="B7K2E1"))
    assert [call.request.method for call in api.calls] == ["POST", "GET"]


@pytest.mark.parametrize(
    "call",
    [
        lambda account: account.modify_order("1", terms(OrderType.LIMIT, "101")),
        lambda account: account.cancel_order("1"),
        lambda account: account.place_gtt(a_gtt()),
        lambda account: account.modify_gtt("1", a_gtt()),
        lambda account: account.cancel_gtt("1"),
    ],
)
def test_code_201_leaves_every_other_write_unknown(
    call: Callable[[BrokerAccount], object], account: BrokerAccount, api: Fyers
) -> None:
    for method in CODES:
        for url in (ORDERS, GTTS):
            api.add(method, url, json=IN_TRANSIT)
    api.assert_all_requests_are_fired = False

    with pytest.raises(OutcomeUnknown):
        call(account)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"s":"ok","code":1101,"message":""}'),  # no id
        (200, b'{"s":"ok","code":1101,"id":""}'),
        (200, b'{"s":"ok","code":1102,"id":"1"}'),  # the code of another success
        (200, b'{"s":"ok","code":1101,"id":"26112'),
        (200, b""),
        (200, b"<html></html>"),
        (200, b'{"s":"error","code":-1,"message":"?"}'),  # not in the table
        (500, b'{"s":"error","code":-99,"message":"RED:Margin Shortfall"}'),
        (502, b"<html>Bad gateway</html>"),
        (400, b"{}"),
    ],
)
def test_whatever_is_not_plainly_a_refusal_leaves_the_order_unknown(
    status: int, body: bytes, account: BrokerAccount, api: Fyers
) -> None:
    api.add("POST", ORDERS, status=status, body=body)

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order())
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (-99, "RED:Margin Shortfall:INR 203.50 Available:INR 7236.50 for C-X1 [RISK2]", RefusalKind.MARGIN),
        (-99, "RED:RULE:{Check circuit limit including square off order}Current:INR 1", RefusalKind.BAND),
        (-99, "RED:RULE:{Check something else}", RefusalKind.RMS),
        (-50, "StopPrice not a multiple of tick size 0.1000", RefusalKind.TICK),
        (-50, "Stop price should be less than LTP", RefusalKind.TRIGGER_CROSSED),
        (-50, "Order is already traded", RefusalKind.ALREADY_DONE),
        (-51, "No.", RefusalKind.NOT_FOUND),
        (-300, "Invalid symbol provided", RefusalKind.UNCLASSIFIED),
    ],
)
def test_a_refusal_carries_the_brokers_words_and_their_kind(
    code: int, words: str, kind: RefusalKind, account: BrokerAccount, api: Fyers
) -> None:
    api.add("PATCH", ORDERS, status=400, json=refusal(code, words))

    with pytest.raises(OrderRejected) as refused:
        account.modify_order("1", terms(OrderType.LIMIT, "101"))

    assert (refused.value.reason, refused.value.kind) == (words, kind)


@pytest.mark.parametrize("code", [-8, -15, -16, -17, -352])
def test_an_order_sent_with_a_dead_token_says_so(code: int, account: BrokerAccount, api: Fyers) -> None:
    api.add("POST", ORDERS, status=401, json=refusal(code))

    with pytest.raises(AuthDead):
        account.place_order(an_order())


def test_after_a_429_nothing_goes_out_until_fyers_listens_again(account: BrokerAccount, api: Fyers) -> None:
    head = {"Retry-After": "3", "X-Retry-After-Ms": "2600"}
    api.add("POST", ORDERS, status=429, json=refusal(-429, "request limit reached"), headers=head)

    with pytest.raises(RateLimited) as limited:
        account.place_order(an_order())
    with pytest.raises(NotSent):
        account.cancel_order("1")
    with pytest.raises(ReadFailed):
        account.order_book()

    assert limited.value.retry_after.total_seconds() == pytest.approx(2.6)
    assert len(api.calls) == 1


# What never leaves us


def test_an_intraday_gtt_never_reaches_the_wire(account: BrokerAccount, api: Fyers) -> None:
    with pytest.raises(OrderRejected):
        account.place_gtt(a_gtt(product=Product.MIS))
    assert len(api.calls) == 0


@pytest.mark.parametrize("tag", ["a-b", "x" * 31, "ü"])
def test_a_tag_that_fyers_would_not_take_never_reaches_the_wire(
    tag: str, account: BrokerAccount, api: Fyers
) -> None:
    with pytest.raises(OrderRejected, match="letters and digits"):
        account.place_order(an_order(tag=tag))
    assert len(api.calls) == 0


def test_a_symbol_without_a_ticker_never_reaches_the_wire(account: BrokerAccount, api: Fyers) -> None:
    with pytest.raises(OrderRejected, match="instruments sync"):
        account.place_order(an_order(symbol="NOSUCH"))
    assert len(api.calls) == 0


def test_a_symbol_that_was_listed_can_be_left_though_the_list_is_lost(
    monkeypatch: pytest.MonkeyPatch, account: BrokerAccount, api: Fyers
) -> None:
    api.add("POST", ORDERS, json=ACCEPTED)
    account.place_order(an_order())
    monkeypatch.delitem(LISTED, ("NSE", "SBIN"))
    account.place_order(an_order(uses_reserve=True))
    monkeypatch.setattr(Listed, "can_be_read", False)

    assert account.place_order(an_order(uses_reserve=True)).broker_order_id == "26112700000001"


def test_an_order_whose_ticker_nobody_knows_now_is_not_sent_and_not_refused(
    monkeypatch: pytest.MonkeyPatch, account: BrokerAccount, api: Fyers
) -> None:
    monkeypatch.setattr(Listed, "can_be_read", False)

    with pytest.raises(NotSent):
        account.place_order(an_order())
    assert len(api.calls) == 0


def test_all_that_an_account_may_ask_in_a_minute_is_well_below_what_locks_it_out() -> None:
    credentials = AccountCredentials(account_id="a1", auth_token="APPID-100:TOK")
    opened = fyers.connect(credentials, SETTINGS)
    assert isinstance(opened, FyersAccount)

    budgets = opened.rate_use()
    opened.close()

    a_minute = sum(one.calls for one in budgets if one.length.total_seconds() >= 60)
    a_second = sum(one.calls for one in budgets if one.length.total_seconds() < 60)
    assert (a_minute <= 185, a_second <= 9) == (True, True)


def test_the_pauses_between_reads_keep_a_busy_account_within_its_share() -> None:
    can = fyers.capabilities()

    book_and_gtts = 2 * 62 / can.read_pause.total_seconds()
    evidence = 3 * 62 / can.evidence_pause.total_seconds()
    assert book_and_gtts + evidence <= 114
    assert 62 / can.quote_pause.total_seconds() <= 20


# GTTs and the orders they placed


def test_a_gtt_that_fired_names_its_child_by_one_more_read(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", f"{API_ROOT}/api/v3/gtt/orders", json=recorded("gtts.json"))
    api.add("GET", BOOK, json=recorded("orders.json"))

    rows = {row.trigger_id: row for row in account.gtt_book()}

    lower, upper = rows["26112700000103"].legs
    assert (lower.child_order_id, upper.child_order_id) == (None, "26112700000006")


def test_a_look_that_has_just_read_the_orders_reads_them_once(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", f"{API_ROOT}/api/v3/gtt/orders", json=recorded("gtts.json"))
    api.add("GET", BOOK, json=recorded("orders.json"))

    account.order_book()
    rows = account.gtt_book()

    assert any(leg.child_order_id for row in rows for leg in row.legs)
    assert len(api.calls) == 2


def test_a_child_that_never_shows_costs_one_read_more_and_not_one_at_each_look(
    account: BrokerAccount, api: Fyers
) -> None:
    api.add("GET", f"{API_ROOT}/api/v3/gtt/orders", json=recorded("gtts.json"))
    api.add("GET", BOOK, json=recorded("orders.json") | {"orderBook": []})

    for _ in range(2):
        account.order_book()
        account.gtt_book()

    # Orders, GTTs, the orders once more for the child; then only orders and GTTs.
    assert [urlsplit(str(call.request.url)).path[8:] for call in api.calls] == [
        "orders",
        "gtt/orders",
        "orders",
        "orders",
        "gtt/orders",
    ]


# The login and the lists


def test_the_login_page_gets_the_apps_own_address_and_our_state() -> None:
    page = urlsplit(login_url("APPID-100", "https://example.com/fyers/callback", "s1"))

    assert f"{page.scheme}://{page.netloc}{page.path}" == f"{API_ROOT}/api/v3/generate-authcode"
    assert dict(parse_qsl(page.query)) == {
        "client_id": "APPID-100",
        "redirect_uri": "https://example.com/fyers/callback",
        "response_type": "code",
        "state": "s1",
    }


def test_an_auth_code_becomes_a_token_and_tells_whose_it_is(api: Fyers) -> None:
    token = {"s": "ok", "code": 200, "message": "", "access_token": "acctok", "refresh_token": "x"}
    api.add("POST", f"{API_ROOT}/api/v3/validate-authcode", json=token)
    api.add("GET", f"{API_ROOT}/api/v3/profile", json=recorded("profile.json"))

    found = exchange_auth_code("code1", SETTINGS, app_id="APPID-100", secret_id="hush")

    assert (found.auth_token, found.user_id) == ("APPID-100:acctok", "X00001")
    assert json.loads(api.calls[0].request.body or b"") == {
        "grant_type": "authorization_code",
        "appIdHash": hashlib.sha256(b"APPID-100:hush").hexdigest(),
        "code": "code1",
    }
    assert api.calls[1].request.headers["Authorization"] == "APPID-100:acctok"


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_refused_auth_code_is_a_refused_login(status: int, api: Fyers) -> None:
    url = f"{API_ROOT}/api/v3/validate-authcode"
    api.add("POST", url, status=status, json=refusal(-50, "invalid auth code"))

    with pytest.raises(AuthDead):
        exchange_auth_code("code1", SETTINGS, app_id="APPID-100", secret_id="hush")


def test_a_login_that_nobody_vouches_for_is_not_taken(api: Fyers) -> None:
    token = {"s": "ok", "code": 200, "message": "", "access_token": "acctok"}
    api.add("POST", f"{API_ROOT}/api/v3/validate-authcode", json=token)
    api.add("GET", f"{API_ROOT}/api/v3/profile", status=502, body="<html>")

    with pytest.raises(OutcomeUnknown):
        exchange_auth_code("code1", SETTINGS, app_id="APPID-100", secret_id="hush")


def add_lists(api: Fyers, **instead: bytes) -> None:
    for name in ("NSE_CM", "NSE_FO", "NSE_CD", "BSE_CM", "BSE_FO", "MCX_COM"):
        body = instead.get(name, (FIXTURES / f"{name}.csv").read_bytes())
        api.add("GET", f"{LISTS_ROOT}/sym_details/{name}.csv", body=body)


def test_the_lists_of_all_exchanges_are_read_without_a_login(api: Fyers) -> None:
    add_lists(api)
    progress: list[int] = []

    found = fyers.list_instruments(SETTINGS, None, progress.append)

    assert {one.instrument.exchange for one in found} == {"NSE", "NFO", "CDS", "BSE", "BFO", "MCX"}
    assert progress == sorted(progress)
    assert "Authorization" not in api.calls[0].request.headers


def test_one_broken_list_is_no_list(api: Fyers) -> None:
    api.assert_all_requests_are_fired = False
    add_lists(api, BSE_CM=(FIXTURES / "BSE_CM.csv").read_bytes()[:-60])

    with pytest.raises(ReadFailed):
        fyers.list_instruments(SETTINGS, None)


# The module


def test_the_module_is_what_the_registry_promises() -> None:
    module: BrokerModule = fyers  # pyright: ignore[reportAssignmentType]  # a module satisfies it

    assert module.daily_login() is not None
    assert module.capabilities().topologies["MIS"] is Topology.MORPH
    assert "MTF" not in module.capabilities().topologies


@pytest.mark.parametrize("token", ["", "APPID-100", ":TOK", "APPID-100:", "APPID-100:TO K", "APPID\n:TOK"])
def test_a_damaged_token_is_refused_and_not_repeated(token: str) -> None:
    credentials = AccountCredentials(account_id="a1", auth_token=token)

    with pytest.raises(ValueError, match="app_id:access_token"):
        fyers.connect(credentials, replace(SETTINGS))


def test_a_renewed_token_is_used_from_the_next_call_on(account: BrokerAccount, api: Fyers) -> None:
    api.add("GET", BOOK, json=recorded("orders.json"))
    assert isinstance(account, FyersAccount)

    account.renew("APPID-100:NEW")
    rows = account.order_book()

    assert api.calls[0].request.headers["Authorization"] == "APPID-100:NEW"
    assert rows[0].status is RowStatus.OPEN
