"""Alerts in every dialect from the outside: what is placed, left, refused, limited and told beforehand."""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from database.auth_db import Scope, pause_webhook
from database.bracket_db import events_of
from database.webhook_settings import (
    TRADINGVIEW_ADDRESSES,
    OnExit,
    PriceUnit,
    WebhookLimits,
    WebhookSettings,
)
from tests.serving import Json, Served, a_config, end, serve, until

PATH = "/tradingview/webhook/bracket"
DEFAULTS = {"exchange": "NSE", "product": "MIS", "sl_percent": "10", "target_percent": "10"}
BOT = WebhookSettings(defaults=DEFAULTS)

# One alert of each dialect; every one a BUY of 10 SBIN at the market, 10 % to stop and target.
ALERTS: dict[str, Json | str] = {
    "native": {
        "symbol": "SBIN",
        "exchange": "NSE",
        "product": "MIS",
        "action": "buy",
        "quantity": "10",
        "pricetype": "MARKET",
        "sl_percent": "10",
        "target_percent": "10",
    },
    "openalgo": {
        "strategy": "TradingView Strategy",
        "symbol": "SBIN",
        "exchange": "NSE",
        "action": "BUY",
        "product": "MIS",
        "pricetype": "MARKET",
        "quantity": "10",
        "position_size": "10",
    },
    "traderspost": {
        "ticker": "SBIN",
        "action": "buy",
        "quantity": 10,
        "takeProfit": {"percent": 10},
        "stopLoss": {"type": "stop", "percent": 10},
    },
    "pickmytrade": {
        "symbol": "SBIN",
        "data": "buy",
        "quantity": "10",
        "percentage_tp": "10",
        "percentage_sl": "10",
        "token": "somebody else's",
    },
    "3commas": {
        "secret": "somebody else's",
        "tv_exchange": "NSE",
        "tv_instrument": "SBIN",
        "action": "enter_long",
        "bot_uuid": "b7c0",
        "order": {"amount": "10", "currency_type": "base"},
    },
    "pineconnector": "60123456789,buy,SBIN,quantity=10,sl_pct=10,tp_pct=10",
    "key=value": "long SBIN q=10 sl=10% tp=10%",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = serve(a_config(tmp_path_factory.mktemp("alerts")))
    yield served
    end(served)


@pytest.fixture
def service(shared: Served, request: pytest.FixtureRequest) -> Served:
    """An account of its own for each test: brackets of one would be in the way of the next."""
    return shared.for_another_account(request.node.name)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """A service that nobody else asks, for tests that move its clock or read all of its log."""
    served = serve(a_config(tmp_path))
    yield served
    end(served)


def send(service: Served, message: Json | str, *, token: str, **options: Any) -> Any:
    text = message if isinstance(message, str) else json.dumps(message)
    return service.app.test_client().post(f"{PATH}/{token}", data=text, content_type="text/plain", **options)


@pytest.mark.parametrize("dialect", ALERTS)
def test_an_alert_of_each_dialect_becomes_the_same_bracket(service: Served, dialect: str) -> None:
    answer = send(service, ALERTS[dialect], token=service.a_webhook(settings=BOT)).get_json()

    assert (answer["status"], answer.get("dialect")) == ("success", dialect), answer
    told = service.until_state(answer["bracket_id"], "PROTECTED")
    placed = [told[name] for name in ("symbol", "exchange", "product", "action", "quantity", "pricetype")]
    assert placed == ["SBIN", "NSE", "MIS", "BUY", 10, "MARKET"]


@pytest.mark.parametrize(
    ("exit_signal", "is_long"),
    [
        ({"symbol": "SBIN", "action": "exit"}, True),
        ({"symbol": "SBIN", "action": "SELL", "position_size": "0"}, True),
        ({"ticker": "SBIN", "action": "sell", "sentiment": "flat"}, True),
        ({"symbol": "SBIN", "data": "close"}, True),
        ({"tv_exchange": "NSE", "tv_instrument": "SBIN", "action": "exit_long", "bot_uuid": "b"}, True),
        ("60123456789,closelong,SBIN", True),
        ("close SBIN", True),
        ("60123456789,closeshort,SBIN", False),
        ({"tv_instrument": "SBIN", "action": "exit_short", "bot_uuid": "b"}, False),
    ],
)
def test_an_exit_signal_closes_the_brackets_of_its_side(
    service: Served, exit_signal: Json | str, is_long: bool
) -> None:
    token = service.a_webhook(settings=BOT)
    bracket_id = send(service, ALERTS["native"], token=token).get_json()["bracket_id"]
    service.until_state(bracket_id, "PROTECTED")

    told = send(service, exit_signal, token=token).get_json()

    assert (told["status"], told["brackets"]) == ("success", [bracket_id] if is_long else [])
    if is_long:
        service.until_state(bracket_id, "CLOSED")
        assert send(service, exit_signal, token=token).get_json()["duplicate"] is True
    else:
        assert service.status(bracket_id)["state"] == "PROTECTED"


@pytest.mark.parametrize(
    ("policy", "state"), [(OnExit.CANCEL_LEGS, "HANDED_OVER"), (OnExit.IGNORE, "PROTECTED")]
)
def test_what_an_exit_does_is_the_webhooks_to_say(service: Served, policy: OnExit, state: str) -> None:
    token = service.a_webhook(settings=WebhookSettings(defaults=DEFAULTS, on_exit=policy))
    bracket_id = send(service, ALERTS["native"], token=token).get_json()["bracket_id"]
    service.until_state(bracket_id, "PROTECTED")

    told = send(service, "close SBIN", token=token).get_json()

    assert told["ignored"] is (policy is OnExit.IGNORE)
    service.until_state(bracket_id, state)


def test_a_cancel_takes_the_entry_away_and_leaves_what_is_filled_protected(service: Served) -> None:
    token = service.a_webhook(settings=BOT)
    filled = send(service, ALERTS["native"], token=token).get_json()["bracket_id"]
    service.until_state(filled, "PROTECTED")
    resting = send(service, "buy SBIN q=5 entry=440 sl=1% tp=1%", token=token).get_json()["bracket_id"]
    service.until_state(resting, "ENTRY_OPEN")

    send(service, "cancel SBIN", token=token)

    service.until_state(resting, "CANCELLED")
    assert service.status(filled)["state"] == "PROTECTED"


def test_a_repeated_cancel_stores_nothing_new(service: Served) -> None:
    token = service.a_webhook(settings=BOT)
    filled = send(service, ALERTS["native"], token=token).get_json()["bracket_id"]
    service.until_state(filled, "PROTECTED")

    send(service, "cancel SBIN", token=token)
    send(service, "cancel SBIN", token=token)

    kinds = [event.kind for event in events_of(service.desk.db, filled)]
    assert kinds.count("CancelRequested") == 1


def test_closing_first_on_one_exchange_makes_no_room_on_another(service: Served) -> None:
    settings = WebhookSettings(defaults=DEFAULTS, on_opposite="close_first")
    token = service.a_webhook(settings=settings, limits=WebhookLimits(max_open_brackets=1))
    on_bse = {**ALERTS["native"], "exchange": "BSE"}  # type: ignore[dict-item]
    held = send(service, on_bse, token=token).get_json()["bracket_id"]
    service.until_state(held, "ENTRY_OPEN")

    answer = send(service, "short SBIN q=10", token=token)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "webhook_limit")
    assert service.status(held)["state"] == "ENTRY_OPEN"


def test_an_opposite_alert_follows_the_webhooks_setting(service: Served) -> None:
    settings = WebhookSettings(defaults=DEFAULTS, on_opposite="close_first")
    token = service.a_webhook(settings=settings, limits=WebhookLimits(max_open_brackets=1))
    old = send(service, ALERTS["native"], token=token).get_json()["bracket_id"]
    service.until_state(old, "PROTECTED")

    told = send(service, "short SBIN q=10", token=token).get_json()

    assert f"bracket {old} is closed first" in told["message"]
    service.until_state(told["bracket_id"], "PROTECTED")
    assert service.status(old)["state"] == "CLOSED"


@pytest.mark.parametrize(
    ("policy", "status", "code"), [("reject", 409, "symbol_conflict"), ("ignore", 200, None)]
)
def test_on_opposite_holds_on_rest_too(service: Served, policy: str, status: int, code: str | None) -> None:
    old = service.place()["bracket_id"]
    service.until_state(old, "PROTECTED")
    short = {**ALERTS["native"], "action": "SELL", "on_opposite": policy}  # type: ignore[dict-item]

    answer = service.post("placebracketorder", short)

    told = answer.get_json()
    assert (answer.status_code, told.get("code"), told.get("ignored")) == (status, code, code is None or None)
    assert old in told["message"]


@pytest.mark.parametrize(
    ("message", "field", "words"),
    [
        ({**ALERTS["native"], "exchange": "NSE_DLY"}, "exchange", "delayed prices"),  # type: ignore[dict-item]
        ({**ALERTS["native"], "symbol": "NIFTY"}, "symbol", "NIFTY1!"),  # type: ignore[dict-item]
        ("long SBIN q={{strategy.order.contracts}}", "message", "alerts of a strategy only"),
        ("long SBIN q=10 sl=50 tp=100", "sl", "write sl=1%"),
        ({"nonsense": 1}, "symbol", "Missing mandatory field(s): symbol"),
        ("exit", "symbol", "Missing mandatory field(s): symbol"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_would_be(
    service: Served, message: Json | str, field: str, words: str
) -> None:
    answer = send(service, message, token=service.a_webhook(settings=BOT))

    told = answer.get_json()
    assert (answer.status_code, told["code"], list(told["errors"])) == (400, "request_invalid", [field])
    assert words in told["message"]


@pytest.mark.parametrize(
    ("symbol", "exchange", "named"),
    [
        ("M_M", "NSE", ("NSE", "M&M")),
        ("BAJAJ_AUTO", "NSE", ("NSE", "BAJAJ-AUTO")),
        ("NSE:SBIN", "", ("NSE", "SBIN")),
        ("NIFTY1!", "NSE", ("NFO", "NIFTY29DEC26FUT")),
        ("BANKNIFTY", "NSE", ("NFO", "BANKNIFTY29DEC26FUT")),
        ("CRUDEOIL2!", "MCX", ("MCX", "CRUDEOIL19JAN27FUT")),
        ("BSX1!", "BSE", ("BFO", "SENSEX31DEC26FUT")),
        ("NIFTYF2027", "NSE", ("NFO", "NIFTY25JAN27FUT")),
        ("GONE", "NSE", ("NSE", "GONE")),
    ],
)
def test_tradingviews_names_become_the_brokers(
    service: Served, symbol: str, exchange: str, named: tuple[str, str]
) -> None:
    settings = WebhookSettings(defaults=DEFAULTS, symbol_map={"BANKNIFTY": "NSE:BANKNIFTY1!"})
    token = service.a_webhook(settings=settings)
    webhook = token[3:11]
    message = {"symbol": symbol, "exchange": exchange, "action": "buy", "lots": "1", "pricetype": "MARKET"}

    told = service.post("alerttest", {"message": message, "webhook": webhook}).get_json()

    assert (told["order"]["exchange"], told["order"]["symbol"]) == named


@pytest.mark.parametrize(
    "limits",
    [
        WebhookLimits(symbols=frozenset({"NSE:INFY"})),
        WebhookLimits(max_quantity=9),
        WebhookLimits(max_value=Decimal(1000)),
        WebhookLimits(products=frozenset({"CNC"})),
        WebhookLimits(hours="00:00-00:00"),
        WebhookLimits(addresses=frozenset(TRADINGVIEW_ADDRESSES)),
        WebhookLimits(max_open_brackets=0),
    ],
)
def test_each_limit_of_a_webhook_holds(service: Served, limits: WebhookLimits) -> None:
    message = "buy SBIN q=10 entry=440 sl=1% tp=1%"

    answer = send(service, message, token=service.a_webhook(settings=BOT, limits=limits))

    assert (answer.status_code, answer.get_json()["code"]) == (403, "webhook_limit")
    assert service.bracket_ids() == []


def test_within_its_limits_a_webhook_places(service: Served) -> None:
    limits = WebhookLimits(
        symbols=frozenset({"NSE:SBIN"}),
        max_quantity=10,
        max_value=Decimal(4400),
        products=frozenset({"MIS"}),
        hours="00:00-24:00",
        addresses=frozenset({"127.0.0.0/8"}),
        max_open_brackets=1,
    )

    answer = send(
        service, "buy SBIN q=10 entry=440 sl=1% tp=1%", token=service.a_webhook(settings=BOT, limits=limits)
    )

    assert answer.status_code == 200, answer.get_json()


def test_a_market_order_of_unknown_price_is_beyond_a_limit_of_value(service: Served) -> None:
    limits = WebhookLimits(max_value=Decimal(10_000_000))

    answer = send(service, "buy SBIN q=10", token=service.a_webhook(settings=BOT, limits=limits))

    assert (answer.status_code, "send entry_price" in answer.get_json()["message"]) == (403, True)


def test_limits_of_hours_hold_to_the_minute(alone: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    token = alone.a_webhook(settings=BOT, limits=WebhookLimits(hours="09:20-15:00"))
    codes = []
    for utc in ("03:49", "03:50", "09:29", "09:30"):  # 09:19 to 15:00 in India
        at = datetime.fromisoformat(f"2026-11-23T{utc}:00+00:00")
        monkeypatch.setattr(alone.desk.clock, "now", lambda at=at: at)
        message = f"buy SBIN q=1 entry=440 sl=1% tp=1% dry_run=true id={utc}"
        codes.append(send(alone, message, token=token).status_code)

    assert codes == [403, 200, 200, 403]


@pytest.mark.parametrize("address", [*TRADINGVIEW_ADDRESSES, "10.1.2.3"])
def test_alerts_may_be_kept_to_tradingviews_addresses(service: Served, address: str) -> None:
    limits = WebhookLimits(addresses=frozenset(TRADINGVIEW_ADDRESSES))
    token = service.a_webhook(settings=BOT, limits=limits)

    answer = send(service, "close SBIN", token=token, environ_overrides={"REMOTE_ADDR": address})

    assert answer.status_code == (403 if address.startswith("10.") else 200)


def test_a_symbol_that_may_not_be_traded_may_not_be_left_either(service: Served) -> None:
    bracket_id = service.place()["bracket_id"]
    token = service.a_webhook(settings=BOT, limits=WebhookLimits(symbols=frozenset({"NSE:INFY"})))

    answer = send(service, "close SBIN", token=token)

    assert answer.status_code == 403
    assert service.status(bracket_id)["state"] != "CLOSED"


def test_a_paused_webhook_takes_nothing(service: Served) -> None:
    token = service.a_webhook(settings=BOT)
    pause_webhook(service.desk.db, token[3:11], paused=True)

    answer = send(service, "close SBIN", token=token)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "webhook_paused")


@pytest.mark.parametrize(("lag", "status"), [("300", 200), ("1", 422)])
def test_a_3commas_bot_may_ask_for_less_patience(service: Served, lag: str, status: int) -> None:
    fired = service.desk.clock.now().timestamp() - 20
    message = {
        **ALERTS["3commas"],  # type: ignore[dict-item]
        "max_lag": lag,
        "timestamp": datetime.fromtimestamp(fired).astimezone().isoformat(),
    }

    answer = send(service, message, token=service.a_webhook(settings=BOT, require_timenow=True))

    assert answer.status_code == status, answer.get_json()


@pytest.mark.parametrize(
    "message",
    [
        "{token},buy,SBIN,quantity=1,sl=1%,tp=1%",
        "{token} long SBIN q=1 sl=1% tp=1%",
        '{{"token": "{token}", "symbol": "SBIN", "data": "buy", "quantity": "1"}}',
        '{{"secret": "{token}", "tv_instrument": "SBIN", "action": "enter_long", "order": {{"amount": 1}}}}',
    ],
)
def test_the_token_may_be_where_the_dialect_has_its_secret(service: Served, message: str) -> None:
    token = service.a_webhook(settings=BOT)

    answer = service.client.post(PATH, data=message.format(token=token), content_type="text/plain")

    assert answer.status_code == 200, answer.get_json()
    service.desk.order_log.flush()
    call = service.desk.order_log.calls(limit=1)[0]
    assert token not in call.request_data + call.response_data + answer.get_data(as_text=True)


def test_a_password_in_a_text_is_not_logged(alone: Served) -> None:
    send(alone, "my-own-password long SBIN q=1", token=alone.a_webhook(settings=BOT))
    send(alone, "my-own-password long SBIN q=1 x=1", token=alone.a_webhook(settings=BOT))
    send(alone, "my-own-password q=1", token=alone.a_webhook(settings=BOT))
    alone.desk.order_log.flush()

    calls = alone.desk.order_log.calls(limit=5)
    assert len(calls) == 3
    assert "my-own-password" not in str(calls)


# --- the dry run


@pytest.mark.parametrize("dialect", ALERTS)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_dry_run_tells_dialect_order_and_legs(service: Served, dialect: str, as_text: bool) -> None:
    message = ALERTS[dialect]
    if as_text and not isinstance(message, str):
        message = json.dumps(message)
    token = service.a_webhook(settings=BOT)

    told = service.post("alerttest", {"message": message, "webhook": token[3:11]}).get_json()

    assert (told["accepted"], told["dialect"], told["signal"]) == (True, dialect, "enter"), told
    assert (told["order"]["symbol"], told["order"]["action"]) == ("SBIN", "BUY")
    assert [leg["purpose"] for leg in told["legs"]] == ["entry", "stop", "target"]
    assert service.bracket_ids() == []


def test_a_dry_run_tells_what_the_grid_makes_of_the_prices(service: Served) -> None:
    message = "buy NSE:SBIN risk_amount=1000 entry=500.05 sl=1% tp=2r product=MIS"

    told = service.post("alerttest", {"message": message}).get_json()

    assert told["plan"]["quantity"] == 199
    assert told["reference_price"] == "500.05"
    assert [(leg["trigger_price"], leg["side"]) for leg in told["legs"]][1] == ("495.05", "SELL")
    assert told["rounding"] == [
        {"field": "stop", "exact": "495.0495", "rounded": "495.05"},
        {"field": "target", "exact": "510.051", "rounded": "510.05"},
    ]


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("long SBIN q=10 sl=50", "request_invalid", "sl"),
        ("long NSE:SBIN q=10 sl=1% tp=1% product=NRML", "request_invalid", "product"),
        ("long NSE:SBIN q=10 entry=500.01 sl=1% tp=1% product=MIS", "price_off_tick", "entry_price"),
        ('{"symbol": ', "request_invalid", None),
        ("buy {{ticker}}", "request_invalid", "message"),
        ("buy NSE:SBIN q=5 slp=490 tpp=480 entry=500 product=MIS", "price_relationship", "target_price"),
    ],
)
def test_a_dry_run_tells_why_it_would_be_refused(
    service: Served, message: str, code: str, field: str | None
) -> None:
    answer = service.post("alerttest", {"message": message})

    told = answer.get_json()
    assert (answer.status_code, told["status"], told["accepted"]) == (200, "success", False)
    assert told["code"] == code
    assert field is None or field in told["refusals"], told


def test_a_dry_run_holds_a_webhooks_limits_and_its_clock(service: Served) -> None:
    token = service.a_webhook(settings=BOT, limits=WebhookLimits(max_quantity=1))
    strict = service.a_webhook(settings=BOT, require_timenow=True)

    limited = service.post("alerttest", {"message": "buy SBIN q=2", "webhook": token[3:11]}).get_json()
    stale = service.post("alerttest", {"message": "buy SBIN q=2", "webhook": strict[3:11]}).get_json()

    assert (limited["code"], stale["code"]) == ("webhook_limit", "alert_stale")


def test_a_dry_run_knows_only_the_accounts_own_webhooks(service: Served) -> None:
    other = service.a_key(account=service.another_account("other"))
    token = service.a_webhook()

    answer = service.post("alerttest", {"message": "x", "webhook": token[3:11]}, key=other)

    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_an_exit_can_be_tried_too(service: Served) -> None:
    told = service.post("alerttest", {"message": "closeshort NSE:SBIN"}).get_json()

    assert (told["accepted"], told["signal"], told["side"]) == (True, "exit", "SELL")


# --- the message to paste


def filled(text: str, **more: str) -> str:
    """Return an alert's text as TradingView sends it."""
    values = {
        "ticker": "SBIN",
        "exchange": "NSE",
        "strategy.order.action": "buy",
        "strategy.order.contracts": "10",
        "strategy.market_position": "long",
        "strategy.market_position_size": "10",
        "strategy.order.id": "Long",
        **more,
    }
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def build(service: Served, **said: object) -> Any:
    return service.client.post("/tradingview/", json={"apikey": service.key, **said})


@pytest.mark.parametrize("style", ["line", "strategy"])
def test_the_message_to_paste_works_as_it_is(service: Served, style: str) -> None:
    token = service.a_webhook(require_timenow=True)

    told = build(service, style=style, product="MIS").get_json()

    assert told["alert"]["apikey"] == token
    assert service.key not in json.dumps(told)
    assert told["url"].endswith(PATH)
    now = service.desk.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = service.client.post(PATH, data=filled(told["text"], timenow=now), content_type="text/plain")
    service.until_state(answer.get_json()["bracket_id"], "PROTECTED")


def test_a_strategys_own_exit_closes_its_bracket(service: Served) -> None:
    service.a_webhook()
    text = build(service, style="strategy", product="MIS").get_json()["text"]
    entry = service.client.post(PATH, data=filled(text, timenow="2026-11-23T04:00:00Z")).get_json()
    service.until_state(entry["bracket_id"], "PROTECTED")
    flat = {"strategy.order.action": "sell", "strategy.market_position": "flat"}

    exit_told = service.client.post(
        PATH, data=filled(text, timenow="2026-11-23T04:09:00Z", **flat)
    ).get_json()

    assert exit_told["brackets"] == [entry["bracket_id"]]
    service.until_state(entry["bracket_id"], "CLOSED")


def test_a_message_says_what_was_asked_for(service: Served) -> None:
    token = service.a_webhook()

    told = build(
        service, symbol="INFY", action="SELL", lots=2, entry_price=1500.05, sl_points=5, target_r=2
    ).get_json()

    assert told["alert"] == {
        "apikey": token,
        "strategy": "TradingView Bracket Order",
        "symbol": "INFY",
        "exchange": "{{exchange}}",
        "action": "SELL",
        "lots": 2,
        "entry_price": "1500.05",
        "sl_points": 5,
        "target_r": 2,
        "timenow": "{{timenow}}",
    }


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"style": "sketch"}, 400),
        ({"mode": "smart"}, 400),
        ({"colour": "red"}, 400),
        ({"webhook": 5}, 400),
        ({"webhook": "AbCd1234"}, 404),
        ({"style": ["line"]}, 400),
        ({"client_order_id": "x"}, 400),
    ],
)
def test_what_no_message_can_be_made_of_is_refused(service: Served, said: Json, status: int) -> None:
    service.a_webhook()

    assert build(service, **said).status_code == status


def test_a_message_needs_a_trading_key_and_a_webhook(service: Served) -> None:
    assert build(service).status_code == 404
    reader = service.a_key(Scope.READ)
    assert service.client.post("/tradingview/", json={"apikey": reader}).status_code == 403
    assert service.client.post("/tradingview/", json={}).status_code == 401


def test_units_of_a_webhook_make_bare_numbers_clear(service: Served) -> None:
    settings = WebhookSettings(defaults={"exchange": "NSE", "product": "MIS"}, price_unit=PriceUnit.PERCENT)

    told = send(service, "buy SBIN q=10 sl=10 tp=10", token=service.a_webhook(settings=settings)).get_json()

    until(lambda: service.status(told["bracket_id"])["state"] == "PROTECTED")
    assert told["stop"] == {"percent": "10.00"}
