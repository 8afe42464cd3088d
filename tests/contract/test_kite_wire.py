"""The simulated Kite through our adapter and through plain HTTP: what it takes, shows and refuses."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from broker.base import (
    AccountCredentials,
    AuthDead,
    BrokerAccount,
    BrokerSettings,
    OrderRejected,
    RateLimited,
)
from broker.registry import import_broker_module
from broker.zerodha.api.auth_api import exchange_request_token
from broker.zerodha.refusals import refusal_kind
from services.bracket.model import (
    GttRequest,
    GttStatus,
    OrderRequest,
    OrderType,
    Product,
    RefusalKind,
    RowStatus,
    Side,
    Terms,
)
from simulator import ExchangeSettings, SimulatedExchange, VirtualClock, load_instruments
from simulator.kite.desk import Desk
from simulator.kite.failures import words_of
from simulator.kite.limits import Limits
from simulator.kite.routes import Router
from simulator.kite.server import KiteServer
from simulator.kite.sessions import App, Sessions, next_death

KEY, SECRET, TOKEN = "apikey", "appsecret", "acctok"
AUTHORIZED = {"Authorization": f"token {KEY}:{TOKEN}", "X-Kite-Version": "3"}
SBIN = ("NSE", "SBIN")


class Kite:
    """A served simulator whose clock stands still, and both ways to it."""

    def __init__(self, *, gives_quotes: bool = True, limits: bool = False) -> None:
        self.clock = VirtualClock()
        listings = load_instruments()
        self.exchange = SimulatedExchange(self.clock, ExchangeSettings(), listings=listings)
        self.exchange.set_price(*SBIN, last=Decimal(800))
        app = App(
            api_key=KEY, api_secret=SECRET, user_id="AB1234", access_token=TOKEN, gives_quotes=gives_quotes
        )
        desk = Desk(self.exchange, listings=listings, sessions=Sessions([app], self.clock))
        self.server = KiteServer(0, Router(desk, Limits(self.clock) if limits else None).answer)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.settings = BrokerSettings(
            api_roots={"zerodha": self.server.url}, paper_state="", paper_prices=""
        )
        self.broker: BrokerAccount = import_broker_module("zerodha").connect(
            AccountCredentials(account_id="main", auth_token=f"{KEY}:{TOKEN}"), self.settings
        )

    def call(self, method: str, path: str, **form: Any) -> requests.Response:
        return requests.request(method, f"{self.server.url}{path}", headers=AUTHORIZED, data=form, timeout=5)

    def close(self) -> None:
        self.broker.close()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def kite() -> Iterator[Kite]:
    served = Kite()
    yield served
    served.close()


def an_order(**changes: Any) -> OrderRequest:
    terms = {"order_type": OrderType.LIMIT, "quantity": 10, "price": Decimal("799.5")} | changes.pop(
        "terms", {}
    )
    given = {
        "tag": "BRACKET1E0100",
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.MIS,
        "side": Side.BUY,
    }
    return OrderRequest(**(given | changes), terms=Terms(**terms))


def an_oco(**changes: Any) -> GttRequest:
    terms = Terms(
        order_type=OrderType.LIMIT,
        quantity=10,
        trigger_price=Decimal(790),
        price=Decimal(786),
        target_trigger=Decimal(815),
        target_price=Decimal(815),
    )
    given = {
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.CNC,
        "side": Side.SELL,
        "terms": terms,
        "last_price": Decimal(800),
    }
    return GttRequest(**(given | changes))  # type: ignore[arg-type]


def test_an_order_is_taken_shown_changed_and_cancelled_as_the_adapter_expects(kite: Kite) -> None:
    order_id = kite.broker.place_order(an_order()).broker_order_id
    kite.broker.modify_order(
        order_id, Terms(order_type=OrderType.LIMIT, quantity=12, price=Decimal("799.25"))
    )
    (changed,) = kite.broker.order_book()
    kite.broker.cancel_order(order_id)
    (cancelled,) = kite.broker.order_book()

    assert (changed.broker_order_id, changed.tag) == (order_id, "BRACKET1E0100")
    assert (changed.status, changed.quantity, changed.price) == (RowStatus.OPEN, 12, Decimal("799.25"))
    assert cancelled.status is RowStatus.CANCELLED


def test_a_fill_shows_in_orders_trades_and_positions(kite: Kite) -> None:
    order_id = kite.broker.place_order(an_order(terms={"price": Decimal(801)})).broker_order_id

    (row,), (trade,), (position,) = (
        kite.broker.order_book(),
        kite.broker.trade_book(),
        kite.broker.positions(),
    )

    assert (row.status, row.filled, row.average_price) == (RowStatus.FILLED, 10, Decimal(800))
    assert (trade.broker_order_id, trade.quantity, trade.price) == (order_id, 10, Decimal(800))
    assert trade.at == kite.clock.now().replace(microsecond=0)
    assert (position.symbol, position.product, position.quantity) == ("SBIN", "MIS", 10)


def test_a_stop_waits_for_its_trigger_and_can_become_the_target(kite: Kite) -> None:
    kite.broker.place_order(an_order(terms={"price": Decimal(801)}))
    stop = an_order(
        tag="BRACKET1X0200",
        side=Side.SELL,
        terms={"order_type": OrderType.SL, "price": Decimal(788), "trigger_price": Decimal(790)},
    )
    order_id = kite.broker.place_order(stop).broker_order_id
    waiting = kite.broker.order_book()[1]
    kite.broker.modify_order(order_id, Terms(order_type=OrderType.LIMIT, quantity=10, price=Decimal(815)))
    kite.exchange.set_price(*SBIN, last=Decimal(816))

    assert (waiting.status, waiting.trigger_price) == (RowStatus.TRIGGER_PENDING, Decimal(790))
    assert kite.broker.order_book()[1].status is RowStatus.FILLED
    assert sum(row.quantity for row in kite.broker.positions()) == 0


def test_a_gtt_lives_fires_and_names_its_child(kite: Kite) -> None:
    kite.broker.place_order(an_order(product=Product.CNC, terms={"price": Decimal(801)}))
    trigger_id = kite.broker.place_gtt(an_oco()).broker_order_id
    (active,) = kite.broker.gtt_book()
    kite.exchange.set_price(*SBIN, last=Decimal(816))
    (fired,) = kite.broker.gtt_book()

    assert (active.trigger_id, active.status) == (trigger_id, GttStatus.ACTIVE)
    assert [(leg.trigger_price, leg.price, leg.quantity) for leg in active.legs] == [
        (Decimal(790), Decimal(786), 10),
        (Decimal(815), Decimal(815), 10),
    ]
    assert fired.status is GttStatus.TRIGGERED
    assert fired.legs[1].child_order_id == kite.broker.order_book()[1].broker_order_id
    assert fired.legs[0].child_order_id is None


def test_a_gtt_is_replaced_and_deleted_as_a_whole(kite: Kite) -> None:
    kite.broker.place_order(an_order(product=Product.CNC, terms={"price": Decimal(801)}))
    trigger_id = kite.broker.place_gtt(an_oco()).broker_order_id
    smaller = Terms(order_type=OrderType.LIMIT, quantity=4, trigger_price=Decimal(791), price=Decimal(787))
    kite.broker.modify_gtt(trigger_id, an_oco(terms=smaller))
    (changed,) = kite.broker.gtt_book()
    kite.broker.cancel_gtt(trigger_id)

    assert [(leg.trigger_price, leg.quantity) for leg in changed.legs] == [(Decimal(791), 4)]
    assert kite.broker.gtt_book()[0].status is GttStatus.DELETED
    assert kite.call("GET", "/gtt/triggers/999").status_code == 404


def test_delivery_moves_to_holdings_overnight_and_is_counted_once(kite: Kite) -> None:
    kite.broker.place_order(an_order(product=Product.CNC, terms={"price": Decimal(801)}))
    kite.exchange.end_of_day()
    (morning,) = kite.broker.positions()
    (holding,) = kite.call("GET", "/portfolio/holdings").json()["data"]

    assert kite.broker.order_book() == ()
    assert (morning.product, morning.quantity) == ("CNC", 10)
    assert (holding["quantity"], holding["t1_quantity"]) == (0, 10)


def test_quotes_have_depth_and_band_and_leave_the_unknown_out(kite: Kite) -> None:
    found = kite.broker.quotes(frozenset({SBIN, ("NSE", "NOSUCH")}))

    assert set(found) == {SBIN}
    assert (found[SBIN].last, found[SBIN].bid, found[SBIN].ask) == (Decimal(800),) * 3
    assert found[SBIN].lower_band is not None


def test_the_free_plan_gives_no_quotes() -> None:
    kite = Kite(gives_quotes=False)
    try:
        answer = kite.call("GET", "/quote?i=NSE:SBIN")
        found = kite.broker.quotes(frozenset({SBIN}))
    finally:
        kite.close()

    assert (answer.status_code, answer.json()["error_type"]) == (403, "PermissionException")
    assert found == {}


def test_last_prices_and_the_instruments_dump_agree_on_the_token(kite: Kite) -> None:
    price = kite.call("GET", "/quote/ltp?i=NSE:SBIN").json()["data"]["NSE:SBIN"]
    dump = list(csv.DictReader(io.StringIO(kite.call("GET", "/instruments/NSE").text)))
    (row,) = [row for row in dump if row["tradingsymbol"] == "SBIN"]

    assert int(row["instrument_token"]) == price["instrument_token"]
    assert (row["tick_size"], row["lot_size"], row["exchange"]) == ("0.05", "1", "NSE")
    assert len(dump) < len(kite.call("GET", "/instruments").text.splitlines())


def test_a_dead_token_is_told_apart_from_everything_else(kite: Kite) -> None:
    assert kite.broker.session_alive()
    requests.post(f"{kite.server.url}/sim/token", json={"api_key": KEY, "alive": False}, timeout=5)

    assert not kite.broker.session_alive()
    with pytest.raises(AuthDead):
        kite.broker.order_book()
    with pytest.raises(AuthDead):
        kite.broker.place_order(an_order())
    assert kite.call("GET", "/orders").json()["error_type"] == "TokenException"
    requests.post(f"{kite.server.url}/sim/token", json={"api_key": KEY, "alive": True}, timeout=5)
    assert kite.broker.order_book() == ()


def test_a_login_gives_a_token_that_dies_at_six(kite: Kite) -> None:
    wish = requests.post(f"{kite.server.url}/sim/login", json={"api_key": KEY}, timeout=5)
    request_token = wish.json()["data"]["request_token"]
    session = exchange_request_token(request_token, kite.settings, api_key=KEY, api_secret=SECRET)
    header = {"Authorization": f"token {session.auth_token}"}
    today = requests.get(f"{kite.server.url}/user/profile", headers=header, timeout=5)
    with pytest.raises(AuthDead):  # good for one exchange
        exchange_request_token(request_token, kite.settings, api_key=KEY, api_secret=SECRET)
    kite.clock.advance(next_death(kite.clock.now()) - kite.clock.now())

    assert today.json()["data"]["user_id"] == "AB1234"
    tomorrow = requests.get(f"{kite.server.url}/user/profile", headers=header, timeout=5)
    assert tomorrow.json()["error_type"] == "TokenException"


def test_tokens_die_at_six_in_india() -> None:
    before = datetime(2026, 12, 7, 0, 29, 59, tzinfo=UTC)  # 05:59:59 there
    six = datetime(2026, 12, 7, 0, 30, tzinfo=UTC)

    assert (next_death(before), next_death(six)) == (six, six + timedelta(days=1))


def test_a_wrong_checksum_logs_nobody_in(kite: Kite) -> None:
    wish = requests.post(f"{kite.server.url}/sim/login", json={"api_key": KEY}, timeout=5)
    form = {"api_key": KEY, "request_token": wish.json()["data"]["request_token"]}
    wrong = hashlib.sha256(b"guess").hexdigest()

    answer = kite.call("POST", "/session/token", **form, checksum=wrong)

    assert (answer.status_code, answer.json()["error_type"]) == (403, "TokenException")


REFUSALS = (
    (an_order(terms={"price": Decimal("799.51")}), RefusalKind.TICK),
    (an_order(terms={"price": Decimal(100)}), RefusalKind.BAND),
    (
        an_order(
            side=Side.SELL,
            terms={"order_type": OrderType.SL, "price": Decimal(809), "trigger_price": Decimal(810)},
        ),
        RefusalKind.TRIGGER_CROSSED,
    ),
)


@pytest.mark.parametrize(("order", "kind"), REFUSALS, ids=lambda value: str(value)[:20])
def test_a_refusal_reads_in_the_words_the_adapter_knows(
    kite: Kite, order: OrderRequest, kind: RefusalKind
) -> None:
    with pytest.raises(OrderRejected) as refused:
        kite.broker.place_order(order)

    assert refused.value.kind is kind


def test_no_money_is_a_rejected_row_after_the_order_was_taken(kite: Kite) -> None:
    kite.broker.place_order(
        an_order(product=Product.CNC, terms={"quantity": 1_000_000, "price": Decimal(799)})
    )
    (row,) = kite.broker.order_book()

    assert (row.status, row.refusal) == (RowStatus.REJECTED, RefusalKind.MARGIN)


def test_every_kind_the_simulator_can_say_is_understood() -> None:
    unspoken = {RefusalKind.UNCLASSIFIED, RefusalKind.DUPLICATE_TAG}
    understood = {kind: refusal_kind(words_of(kind, "")) for kind in RefusalKind if kind not in unspoken}

    assert understood == {kind: kind for kind in understood}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": ""}, "Missing or empty field `quantity`"),
        ({"quantity": "1.5"}, "Invalid `quantity`."),
        ({"product": "XYZ"}, "Invalid `product`."),
        ({"price": "NaN"}, "Invalid `price`."),
        ({"order_type": "MARKET"}, "market protection"),
        ({"order_type": "MARKET", "market_protection": "0"}, "market protection"),
    ],
)
def test_a_field_that_makes_no_sense_is_named(kite: Kite, changes: dict[str, str], words: str) -> None:
    form = {
        "exchange": "NSE",
        "tradingsymbol": "SBIN",
        "transaction_type": "BUY",
        "quantity": "1",
        "product": "MIS",
        "order_type": "LIMIT",
        "price": "799",
        "validity": "DAY",
    }
    answer = kite.call("POST", "/orders/regular", **(form | changes))

    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")
    assert words in answer.json()["message"]
    assert kite.broker.order_book() == ()


def test_what_the_official_client_sends_is_taken(kite: Kite) -> None:
    """A change with fewer fields than ours, and a two-leg GTT, as recorded from kiteconnect 5.2.2."""
    order_id = kite.broker.place_order(an_order()).broker_order_id
    changed = kite.call(
        "PUT", f"/orders/regular/{order_id}", variety="regular", order_id=order_id, price="10",
        order_type="LIMIT",
    )  # fmt: skip
    condition = {"exchange": "NSE", "tradingsymbol": "SBIN", "trigger_values": [790, 815], "last_price": 800}
    leg = {
        "exchange": "NSE",
        "tradingsymbol": "SBIN",
        "transaction_type": "SELL",
        "quantity": 1,
        "order_type": "LIMIT",
        "product": "CNC",
    }
    orders = [leg | {"price": 789.0}, leg | {"price": 815.0}]
    placed = kite.call(
        "POST", "/gtt/triggers", condition=json.dumps(condition), orders=json.dumps(orders), type="two-leg"
    )

    assert changed.json()["message"].startswith("Price is beyond the circuit limit.")
    assert isinstance(placed.json()["data"]["trigger_id"], int)
    assert len(kite.call("GET", f"/orders/{order_id}").json()["data"]) == 4
    assert kite.call("GET", f"/orders/{order_id}/trades").json()["data"] == []


def test_calls_that_come_too_fast_are_refused_with_429() -> None:
    kite = Kite(limits=True)
    try:
        codes = [kite.call("GET", "/orders").status_code for _ in range(11)]
        kite.clock.advance(timedelta(seconds=1))
        after = kite.call("GET", "/orders").status_code
        kite.call("GET", "/quote?i=NSE:SBIN")
        second_quote = kite.call("GET", "/quote?i=NSE:SBIN")
    finally:
        kite.close()

    assert codes == [200] * 10 + [429]
    assert after == 200
    assert (second_quote.status_code, second_quote.json()["error_type"]) == (429, "NetworkException")


def test_the_adapter_reads_a_429_as_not_sent() -> None:
    kite = Kite(limits=True)
    form = {"exchange": "NSE"}
    try:
        for _ in range(10):
            kite.call("POST", "/orders/regular", **form)
        with pytest.raises(RateLimited):
            kite.broker.place_order(an_order())
    finally:
        kite.close()


def test_unknown_routes_and_methods_answer_as_kite_does(kite: Kite) -> None:
    assert kite.call("GET", "/nothing").status_code == 404
    assert kite.call("DELETE", "/orders").status_code == 405
    assert kite.call("POST", "/orders/co").json()["message"].startswith("Invalid `variety`")


def test_funds_and_segments_are_told(kite: Kite) -> None:
    kite.broker.place_order(an_order(terms={"price": Decimal(801)}))
    funds = kite.broker.funds()

    assert funds.used == Decimal(800) * 10 / 5
    assert kite.call("GET", "/user/margins/equity").json()["data"]["net"] == float(funds.available)
    assert kite.call("GET", "/user/margins/other").status_code == 400


def test_another_terminal_places_without_a_tag(kite: Kite) -> None:
    act = {
        "act": "place",
        "account_id": "AB1234",
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": "MIS",
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": 1,
        "price": "790",
    }
    told = requests.post(f"{kite.server.url}/sim/command", json=act, timeout=5)
    nonsense = requests.post(f"{kite.server.url}/sim/command", json={"act": "fly"}, timeout=5)

    assert told.json()["data"]["outcome"].startswith("done ")
    assert kite.broker.order_book()[0].tag is None
    assert nonsense.status_code == 400


def test_the_books_outlive_the_process(tmp_path: Path) -> None:
    path, listings = tmp_path / "kite.state", load_instruments()
    clock = VirtualClock()
    exchange = SimulatedExchange(clock, path=path, listings=listings)
    exchange.place("AB1234", an_order(terms={"price": Decimal(970)}))
    exchange.close()

    again = SimulatedExchange(clock, path=path, listings=listings)
    desk = Desk(again, listings=listings, sessions=Sessions([], clock))
    (order,) = again.orders("AB1234")
    again.close()

    assert desk.token_of(order.key) > 0
    assert order.tag == "BRACKET1E0100"
