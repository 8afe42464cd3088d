"""What goes over the wire to Kite, and what the account makes of what comes back."""

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

from broker import zerodha
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
    ReadFailed,
    Terms,
)
from broker.zerodha.account import ZerodhaAccount
from broker.zerodha.api.auth_api import exchange_request_token, login_url
from broker.zerodha.api.order_api import get_ltp
from broker.zerodha.session import API_ROOT, open_session
from services.bracket.model import OrderType, Product, RefusalKind, RowStatus, Side, Topology, Validity

FIXTURES = Path(__file__).parent.parent / "fixtures" / "zerodha"
SETTINGS = BrokerSettings(api_roots={}, paper_state="", paper_prices="")
STOP_ID = "2042130686722629634"

Kite = responses.RequestsMock


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


@pytest.fixture
def kite() -> Iterator[Kite]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def account() -> Iterator[BrokerAccount]:
    credentials = AccountCredentials(account_id="a1", auth_token="apikey:acctok")
    opened = zerodha.connect(credentials, SETTINGS)
    yield opened
    opened.close()


def an_order(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "B7K2X1",
        "exchange": "NSE",
        "symbol": "INFY",
        "product": Product.MIS,
        "side": Side.SELL,
        "terms": Terms(order_type=OrderType.MARKET, quantity=10),
    }
    return OrderRequest(**(fields | changes))


def terms(order_type: OrderType, price: str | None = None, trigger: str | None = None) -> Terms:
    return Terms(
        order_type=order_type,
        quantity=10,
        price=Decimal(price) if price else None,
        trigger_price=Decimal(trigger) if trigger else None,
    )


def a_gtt(target: str | None = "790") -> GttRequest:
    return GttRequest(
        exchange="NSE",
        symbol="SBIN",
        product=Product.CNC,
        side=Side.SELL,
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=50,
            trigger_price=Decimal("740.05"),
            price=Decimal("738"),
            target_trigger=Decimal(target) if target else None,
            target_price=Decimal(target) if target else None,
        ),
        last_price=Decimal("762.40"),
    )


CALLS: dict[str, Callable[[BrokerAccount], object]] = {
    "place_limit": lambda account: account.place_order(
        an_order(tag="B7K2E1", side=Side.BUY, terms=terms(OrderType.LIMIT, "1512.35"))
    ),
    "place_stop": lambda account: account.place_order(
        an_order(symbol="M&M", terms=terms(OrderType.SL, "1497.20", "1499.70"), uses_reserve=True)
    ),
    "place_stop_market": lambda account: account.place_order(
        an_order(terms=terms(OrderType.SL_M, None, "1499.70"))
    ),
    "place_market_ioc_disclosed": lambda account: account.place_order(
        an_order(validity=Validity.IOC, disclosed_quantity=5)
    ),
    "morph_to_limit": lambda account: account.modify_order(STOP_ID, terms(OrderType.LIMIT, "1540.00")),
    "modify_to_market": lambda account: account.modify_order(STOP_ID, terms(OrderType.MARKET)),
    "cancel": lambda account: account.cancel_order(STOP_ID),
    "place_oco": lambda account: account.place_gtt(a_gtt()),
    "place_single": lambda account: account.place_gtt(a_gtt(target=None)),
    "modify_oco": lambda account: account.modify_gtt("9001", a_gtt()),
    "cancel_gtt": lambda account: account.cancel_gtt("9001"),
}


def sent_form(body: bytes | None) -> dict[str, Any]:
    form: dict[str, Any] = dict(parse_qsl((body or b"").decode(), strict_parsing=bool(body)))
    return form | {name: json.loads(form[name]) for name in ("condition", "orders") if name in form}


@pytest.mark.parametrize("name", CALLS)
def test_each_write_is_the_documented_request(name: str, account: BrokerAccount, kite: Kite) -> None:
    expected = recorded("requests.json")[name]
    answer = {"status": "success", "data": {"order_id": STOP_ID, "trigger_id": 9001}}
    kite.add(expected["method"], API_ROOT + expected["path"], json=answer)

    CALLS[name](account)

    (call,) = kite.calls
    assert sent_form(call.request.body) == expected["form"]  # type: ignore[arg-type]  # always bytes here
    assert call.request.headers["Authorization"] == "token apikey:acctok"
    assert call.request.headers["X-Kite-Version"] == "3"
    if expected["form"]:
        assert call.request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_every_documented_request_has_its_call() -> None:
    assert recorded("requests.json").keys() == CALLS.keys()


READS: dict[str, tuple[str, Callable[[BrokerAccount], object]]] = {
    "/orders": ("orders.json", lambda account: account.order_book()),
    "/trades": ("trades.json", lambda account: account.trade_book()),
    "/gtt/triggers": ("gtts.json", lambda account: account.gtt_book()),
    "/user/margins": ("margins.json", lambda account: account.funds()),
    "/user/profile": ("profile.json", lambda account: account.session_alive()),
    "/quote": ("quotes.json", lambda account: account.quotes(frozenset({("NSE", "INFY")}))),
}


@pytest.mark.parametrize("path", READS)
def test_each_read_is_one_get_of_its_page(path: str, account: BrokerAccount, kite: Kite) -> None:
    fixture, read = READS[path]
    kite.add("GET", API_ROOT + path, json=recorded(fixture))

    assert read(account)

    assert urlsplit(kite.calls[0].request.url).path == path


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("status", [200, 500, 502])
def test_a_page_that_is_not_kites_fails_each_read(
    status: int, path: str, account: BrokerAccount, kite: Kite
) -> None:
    kite.add("GET", API_ROOT + path, body=b"<html>\xff</html>", status=status)

    with pytest.raises(ReadFailed):
        READS[path][1](account)


def refusal(error_type: str, message: str = "No.") -> dict[str, object]:
    return {"status": "error", "message": message, "error_type": error_type, "data": None}


def test_positions_are_read_with_the_holdings(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/portfolio/positions", json=recorded("positions.json"))
    kite.add("GET", f"{API_ROOT}/portfolio/holdings", json=recorded("holdings.json"))

    rows = account.positions()

    assert {row.symbol: row.quantity for row in rows}["SBIN"] == 45


def test_positions_without_the_holdings_are_no_positions(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/portfolio/positions", json=recorded("positions.json"))
    kite.add("GET", f"{API_ROOT}/portfolio/holdings", status=503, json=refusal("NetworkException"))

    with pytest.raises(ReadFailed):
        account.positions()


def test_quotes_name_every_instrument_in_one_call(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/quote", json=recorded("quotes.json"))

    account.quotes(frozenset({("NSE", "INFY"), ("NFO", "NIFTY26JANFUT")}))

    query = urlsplit(kite.calls[0].request.url).query
    assert parse_qsl(str(query)) == [("i", "NFO:NIFTY26JANFUT"), ("i", "NSE:INFY")]


def test_no_quotes_wanted_is_no_call(account: BrokerAccount, kite: Kite) -> None:
    assert account.quotes(frozenset()) == {}
    assert len(kite.calls) == 0


def test_the_free_plan_has_no_quotes_and_says_so_quietly(account: BrokerAccount, kite: Kite) -> None:
    body = refusal("PermissionException", "Insufficient permission for that call.")
    kite.add("GET", f"{API_ROOT}/quote", status=403, json=body)

    assert account.quotes(frozenset({("NSE", "INFY")})) == {}


def test_a_second_quote_call_within_the_second_is_held_back(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/quote", json=recorded("quotes.json"))
    account.quotes(frozenset({("NSE", "INFY")}))

    with pytest.raises(ReadFailed, match="RateLimited"):
        account.quotes(frozenset({("NSE", "INFY")}))


def test_a_dead_token_is_told_apart_from_no_answer(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/user/profile", status=403, json=refusal("TokenException"))

    assert account.session_alive() is False


def test_an_order_sent_with_a_dead_token_says_so(account: BrokerAccount, kite: Kite) -> None:
    kite.add("POST", f"{API_ROOT}/orders/regular", status=403, json=refusal("TokenException"))

    with pytest.raises(AuthDead):
        account.place_order(an_order())


def test_a_refusal_carries_the_brokers_words_and_their_kind(account: BrokerAccount, kite: Kite) -> None:
    words = "Maximum allowed order modifications exceeded."
    url = f"{API_ROOT}/orders/regular/{STOP_ID}"
    kite.add("PUT", url, status=400, json=refusal("InputException", words))

    with pytest.raises(OrderRejected) as refused:
        account.modify_order(STOP_ID, terms(OrderType.LIMIT, "1540.00"))

    assert (refused.value.reason, refused.value.kind) == (words, RefusalKind.MODIFICATION_CAP)


def test_a_gateway_error_leaves_the_order_unknown(account: BrokerAccount, kite: Kite) -> None:
    kite.add("POST", f"{API_ROOT}/orders/regular", status=502, body="<html>Bad gateway</html>")

    with pytest.raises(OutcomeUnknown):
        account.place_order(an_order())
    assert len(kite.calls) == 1


def test_the_ack_of_a_gtt_is_its_trigger_id_as_text(account: BrokerAccount, kite: Kite) -> None:
    kite.add("POST", f"{API_ROOT}/gtt/triggers", json={"status": "success", "data": {"trigger_id": 9001}})

    assert account.place_gtt(a_gtt()).broker_order_id == "9001"


def test_an_intraday_gtt_never_reaches_the_wire(account: BrokerAccount, kite: Kite) -> None:
    gtt = a_gtt()
    intraday = GttRequest(
        exchange=gtt.exchange,
        symbol=gtt.symbol,
        product=Product.MIS,
        side=gtt.side,
        terms=gtt.terms,
        last_price=gtt.last_price,
    )

    with pytest.raises(OrderRejected):
        account.place_gtt(intraday)
    assert len(kite.calls) == 0


def test_entries_leave_room_for_a_stop_on_the_wire(account: BrokerAccount, kite: Kite) -> None:
    answer = {"status": "success", "data": {"order_id": STOP_ID}}
    kite.add("POST", f"{API_ROOT}/orders/regular", json=answer)
    for _ in range(7):
        account.place_order(an_order())

    with pytest.raises(NotSent):
        account.place_order(an_order())

    assert account.place_order(an_order(uses_reserve=True)).broker_order_id == STOP_ID


def test_what_protects_nothing_leaves_room_for_a_stop_on_the_wire(account: BrokerAccount, kite: Kite) -> None:
    answer = {"status": "success", "data": {"order_id": STOP_ID, "trigger_id": 9001}}
    kite.add("POST", f"{API_ROOT}/orders/regular", json=answer)
    kite.add("PUT", f"{API_ROOT}/orders/regular/{STOP_ID}", json=answer)
    kite.add("POST", f"{API_ROOT}/gtt/triggers", json=answer)
    kite.add("PUT", f"{API_ROOT}/gtt/triggers/9001", json=answer)
    for _ in range(7):
        account.place_order(an_order())
    new_terms, plain = terms(OrderType.LIMIT, "1540.00"), replace(a_gtt(), uses_reserve=False)

    for call in (
        lambda: account.modify_order(STOP_ID, new_terms, uses_reserve=False),
        lambda: account.place_gtt(plain),
        lambda: account.modify_gtt("9001", plain),
    ):
        with pytest.raises(NotSent):
            call()

    account.modify_order(STOP_ID, new_terms)
    account.place_gtt(a_gtt())
    account.modify_gtt("9001", a_gtt())
    assert len(kite.calls) == 10


def test_an_id_with_odd_characters_cannot_leave_its_place_in_the_path(
    account: BrokerAccount, kite: Kite
) -> None:
    answer = {"status": "success", "data": {"order_id": "x"}}
    kite.add("DELETE", f"{API_ROOT}/orders/regular/1%2F..%3Fa", json=answer)

    account.cancel_order("1/..?a")


# One order, holdings, last prices


def test_the_history_of_an_order_is_every_state_it_went_through(account: BrokerAccount, kite: Kite) -> None:
    placed = recorded("orders.json")["data"][0] | {"filled_quantity": 0}
    words = ["PUT ORDER REQ RECEIVED", "OPEN PENDING", "SOMETHING NEW"]
    rows = [placed | {"status": word} for word in words]
    kite.add("GET", f"{API_ROOT}/orders/{STOP_ID}", json={"status": "success", "data": rows})

    history = zerodha_account(account).order_history(STOP_ID)

    assert [row.status for row in history] == [RowStatus.PENDING, RowStatus.PENDING, RowStatus.UNKNOWN]


def test_a_history_without_a_row_is_no_history(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/orders/{STOP_ID}", json={"status": "success", "data": []})

    with pytest.raises(ReadFailed):
        zerodha_account(account).order_history(STOP_ID)


def test_holdings_count_those_of_tomorrow(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/portfolio/holdings", json=recorded("holdings.json"))
    rows = recorded("holdings.json")["data"]

    found = zerodha_account(account).holdings()

    assert [row.quantity for row in found] == [row["quantity"] + row["t1_quantity"] for row in rows]
    assert {row.product for row in found} == {"CNC"}


def test_last_prices_alone_are_one_call_and_exact(kite: Kite) -> None:
    rows = {"NSE:INFY": {"instrument_token": 408065, "last_price": 1512.35}}
    kite.add("GET", f"{API_ROOT}/quote/ltp", json={"status": "success", "data": rows})
    session = open_session(SETTINGS, "apikey:acctok")

    found = get_ltp(frozenset({("NSE", "INFY")}), session)

    assert found == {("NSE", "INFY"): Decimal("1512.35")}
    assert urlsplit(str(kite.calls[0].request.url)).query == "i=NSE%3AINFY"


# The plan, and a new token in a running account


def zerodha_account(account: BrokerAccount) -> ZerodhaAccount:
    assert isinstance(account, ZerodhaAccount)
    return account


PLANS: dict[str, tuple[int, dict[str, Any]]] = {
    "refused": (403, {"status": "error", "error_type": "PermissionException", "message": "no", "data": None}),
    "every symbol left out": (200, {"status": "success", "data": {}}),
}


@pytest.mark.parametrize("plan", PLANS)
def test_the_free_plan_is_found_out_by_asking(plan: str, account: BrokerAccount, kite: Kite) -> None:
    status, body = PLANS[plan]
    kite.add("GET", f"{API_ROOT}/quote", status=status, json=body)
    before = account.capabilities.gives_quotes

    zerodha_account(account).learn()

    assert (before, account.capabilities.gives_quotes) == (True, False)
    assert zerodha.capabilities().gives_quotes  # of the broker; another account may pay


def test_a_plan_that_was_paid_since_is_found_out_too(account: BrokerAccount, kite: Kite) -> None:
    zerodha_account(account).capabilities = replace(account.capabilities, gives_quotes=False)
    kite.add("GET", f"{API_ROOT}/quote", json=recorded("quotes.json"))

    zerodha_account(account).learn()

    assert account.capabilities.gives_quotes


def test_no_answer_and_an_unknown_symbol_say_nothing_of_the_plan(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/quote", status=502, body="<html>")

    with pytest.raises(ReadFailed):
        zerodha_account(account).learn()

    assert account.capabilities.gives_quotes


def test_a_symbol_without_a_quote_is_no_free_plan(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/quote", json={"status": "success", "data": {}})

    assert account.quotes(frozenset({("NSE", "NEVERTRADED")})) == {}
    assert account.capabilities.gives_quotes


def test_a_new_token_speaks_from_the_next_call_on(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/orders", json=recorded("orders.json"))

    account.order_book()
    zerodha_account(account).renew("apikey:fresh")
    account.order_book()

    spoken = [call.request.headers["Authorization"] for call in kite.calls]
    assert spoken == ["token apikey:acctok", "token apikey:fresh"]


def test_a_damaged_new_token_leaves_the_old_one(account: BrokerAccount, kite: Kite) -> None:
    kite.add("GET", f"{API_ROOT}/orders", json=recorded("orders.json"))

    with pytest.raises(ValueError, match="api_key:access_token") as raised:
        zerodha_account(account).renew("no-colon")
    account.order_book()

    assert "no-colon" not in str(raised.value)
    assert kite.calls[0].request.headers["Authorization"] == "token apikey:acctok"


@pytest.mark.parametrize("ask", ["order_book", "session_alive"])
def test_a_refusal_of_the_old_token_says_nothing_of_the_new_one(
    ask: str, account: BrokerAccount, kite: Kite
) -> None:
    def answer(_request: object) -> tuple[int, dict[str, str], str]:
        zerodha_account(account).renew("apikey:fresh")  # a person logs in while the call is out
        return 403, {}, json.dumps(refusal("TokenException"))

    path = {"order_book": "/orders", "session_alive": "/user/profile"}[ask]
    kite.add_callback("GET", API_ROOT + path, answer)

    with pytest.raises(ReadFailed, match="replaced"):
        getattr(account, ask)()


# Login


def test_the_state_of_a_login_comes_back_by_kites_own_means() -> None:
    address = urlsplit(login_url("apikey", "lg_1_a&b=c"))

    assert dict(parse_qsl(address.query)) == {
        "v": "3",
        "api_key": "apikey",
        "redirect_params": "state=lg_1_a%26b%3Dc",
    }


HALF_A_LOGIN = b'{"status":"success","data":{"access_token":"t"}}'


@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", HALF_A_LOGIN, b'{"status":"success"}'])
def test_a_login_answer_that_lacks_token_or_user_is_no_login(body: bytes, kite: Kite) -> None:
    kite.add("POST", f"{API_ROOT}/session/token", body=body)

    with pytest.raises(OutcomeUnknown):
        exchange_request_token("rt", SETTINGS, api_key="apikey", api_secret="hush")


def test_a_stream_is_not_opened_where_only_the_api_is_somebody_elses() -> None:
    credentials = AccountCredentials(account_id="a1", auth_token="apikey:acctok")
    elsewhere = replace(SETTINGS, api_roots={"zerodha": "http://127.0.0.1:1"})

    assert zerodha.open_stream(credentials, SETTINGS, lambda *_: None) is not None
    assert zerodha.open_stream(credentials, elsewhere, lambda *_: None) is None


def test_the_login_page_names_the_app() -> None:
    assert login_url("my key") == "https://kite.zerodha.com/connect/login?v=3&api_key=my+key"


def test_a_request_token_is_exchanged_with_a_checksum_of_the_secret(kite: Kite) -> None:
    answer = {"status": "success", "data": {"user_id": "AB1234", "access_token": "fresh"}}
    kite.add("POST", f"{API_ROOT}/session/token", json=answer)

    session = exchange_request_token("rt", SETTINGS, api_key="apikey", api_secret="hush")

    assert (session.auth_token, session.user_id) == ("apikey:fresh", "AB1234")
    assert "fresh" not in repr(session)
    (call,) = kite.calls
    assert sent_form(call.request.body) == {  # type: ignore[arg-type]  # always bytes here
        "api_key": "apikey",
        "request_token": "rt",
        "checksum": hashlib.sha256(b"apikeyrthush").hexdigest(),
    }
    assert "Authorization" not in call.request.headers


@pytest.mark.parametrize("error_type", ["TokenException", "InputException"])
def test_a_refused_login_asks_for_a_new_one(error_type: str, kite: Kite) -> None:
    kite.add("POST", f"{API_ROOT}/session/token", status=403, json=refusal(error_type))

    with pytest.raises(AuthDead):
        exchange_request_token("rt", SETTINGS, api_key="apikey", api_secret="hush")


# The front door


def test_the_package_is_a_broker_module() -> None:
    module: BrokerModule = zerodha

    assert module.capabilities().tag_length == 20


def test_what_zerodha_can_protect_and_how() -> None:
    able = zerodha.capabilities()

    assert able.topologies["MIS"] is Topology.MORPH
    assert able.topologies["CNC:NSE"] is Topology.OCO
    assert able.topologies["NRML:NFO"] is Topology.OCO
    assert able.topologies["NRML:MCX"] is Topology.MORPH
    assert "NRML:MCX" not in able.overnight
    assert "NRML:NSE" not in able.topologies
    assert able.oco_short_exchanges == {"NFO", "BFO"}
    assert (able.modifications_per_order, able.gtt_minimum_distance) == (25, Decimal("0.0025"))
    assert able.pushes_orders is False


@pytest.mark.parametrize(
    "token", ["", "apikey", "apikey:", ":tok", "api key:tok", "apikey:tok\r\nX: y", "a:ü"]
)
def test_a_damaged_token_is_refused_without_being_repeated(token: str) -> None:
    with pytest.raises(ValueError, match="must look like") as refused:
        zerodha.connect(AccountCredentials(account_id="a1", auth_token=token), SETTINGS)

    assert not token or token not in str(refused.value)


def test_another_address_can_be_set(kite: Kite) -> None:
    settings = BrokerSettings(
        api_roots={"zerodha": "http://127.0.0.1:9/kite/"}, paper_state="", paper_prices=""
    )
    kite.add("GET", "http://127.0.0.1:9/kite/orders", json=recorded("orders.json"))
    account = zerodha.connect(AccountCredentials(account_id="a1", auth_token="k:t"), settings)

    assert len(account.order_book()) == 4
    account.close()
