"""Kite's words in ours: what each status, refusal and half-written row means."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.base import (
    AuthDead,
    BrokerError,
    GttRequest,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
    Terms,
)
from broker.http import Answer
from broker.zerodha.mapping import (
    funds,
    gtt_form,
    gtt_rows,
    order_ack,
    order_form,
    order_rows,
    position_rows,
    quotes,
    trade_rows,
)
from broker.zerodha.refusals import read_error, refusal_kind, write_error
from services.bracket.model import GttStatus, OrderType, Product, RefusalKind, RowStatus, Side

FIXTURES = Path(__file__).parent.parent / "fixtures" / "zerodha"


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


def ok(content: object) -> Answer:
    return Answer(status=200, body=json.dumps(content).encode())


def refused(
    status: int, error_type: str, message: str | None, retry_after: timedelta | None = None
) -> Answer:
    body = {"status": "error", "message": message, "data": None, "error_type": error_type}
    return Answer(status=status, body=json.dumps(body).encode(), retry_after=retry_after)


def book_with(**changes: object) -> Answer:
    book = recorded("orders.json")
    book["data"][1].update(changes)
    return ok(book)


def an_order(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "tag": "B7K2E1",
        "exchange": "NSE",
        "symbol": "INFY",
        "product": Product.MIS,
        "side": Side.BUY,
        "terms": Terms(order_type=OrderType.LIMIT, quantity=10, price=Decimal("1512.35")),
    }
    return OrderRequest(**(fields | changes))


def a_gtt(side: Side = Side.SELL, product: Product = Product.CNC, **terms: str) -> GttRequest:
    prices = {"trigger_price": "740", "price": "738", "target_trigger": "790", "target_price": "790"} | terms
    return GttRequest(
        exchange="NSE",
        symbol="SBIN",
        product=product,
        side=side,
        terms=Terms(
            order_type=OrderType.LIMIT,
            quantity=50,
            trigger_price=Decimal(prices["trigger_price"]),
            price=Decimal(prices["price"]),
            target_trigger=Decimal(prices["target_trigger"]) if prices["target_trigger"] else None,
            target_price=Decimal(prices["target_price"]) if prices["target_price"] else None,
        ),
        last_price=Decimal("762.4"),
    )


# Order book


def test_an_order_row_keeps_every_digit_of_its_id_and_prices() -> None:
    row = order_rows(ok(recorded("orders.json")))[0]

    assert row.broker_order_id == "2042130686722629633"
    assert (row.price, row.average_price) == (Decimal("1512.35"), Decimal("1512.1"))
    assert (row.tag, row.side, row.filled, row.status) == ("B7K2E1", Side.BUY, 10, RowStatus.FILLED)


def test_kites_times_without_zone_are_indian_and_become_utc() -> None:
    row = order_rows(ok(recorded("orders.json")))[0]

    assert row.updated_at == datetime(2026, 1, 5, 3, 46, 5, tzinfo=UTC)


def test_kites_zero_for_none_becomes_none() -> None:
    stop = order_rows(ok(recorded("orders.json")))[1]
    rejected = order_rows(ok(recorded("orders.json")))[2]

    assert (stop.average_price, stop.trigger_price) == (None, Decimal("1499.7"))
    assert (rejected.price, rejected.trigger_price, rejected.tag) == (None, None, None)


def test_a_rejected_row_carries_the_reason_and_its_kind() -> None:
    row = order_rows(ok(recorded("orders.json")))[2]

    assert row.status is RowStatus.REJECTED
    assert row.refusal is RefusalKind.MARGIN
    assert row.reason is not None and row.reason.startswith("Insufficient funds")


def test_a_cancelled_row_keeps_its_fill() -> None:
    row = order_rows(ok(recorded("orders.json")))[3]

    assert (row.status, row.filled, row.quantity) == (RowStatus.CANCELLED, 20, 50)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PUT ORDER REQ RECEIVED", RowStatus.PENDING),
        ("PUT ORDER REQUEST RECEIVED", RowStatus.PENDING),
        ("VALIDATION PENDING", RowStatus.PENDING),
        ("OPEN PENDING", RowStatus.PENDING),
        ("AMO REQ RECEIVED", RowStatus.PENDING),
        ("MODIFY VALIDATION PENDING", RowStatus.PENDING),
        ("MODIFY PENDING", RowStatus.PENDING),
        ("MODIFIED", RowStatus.PENDING),
        ("UPDATE", RowStatus.PENDING),
        ("CANCEL PENDING", RowStatus.PENDING),
        ("TRIGGER PENDING", RowStatus.TRIGGER_PENDING),
        ("OPEN", RowStatus.OPEN),
        ("CANCELLED", RowStatus.CANCELLED),
        ("CANCEL", RowStatus.CANCELLED),
        ("REJECTED", RowStatus.REJECTED),
        ("LAPSED", RowStatus.EXPIRED),
        ("open", RowStatus.UNKNOWN),
        ("OPEN ", RowStatus.UNKNOWN),
        ("SOMETHING NEW", RowStatus.UNKNOWN),
        ("", RowStatus.UNKNOWN),
    ],
)
def test_each_status_word_means_exactly_one_thing(word: str, status: RowStatus) -> None:
    assert order_rows(book_with(status=word))[1].status is status


def test_quantities_outrun_the_word_of_a_live_order() -> None:
    assert order_rows(book_with(status="OPEN", filled_quantity=10))[1].status is RowStatus.FILLED
    assert order_rows(book_with(status="OPEN", filled_quantity=9))[1].status is RowStatus.OPEN


def test_complete_without_all_its_shares_is_not_believed() -> None:
    assert order_rows(book_with(status="COMPLETE", filled_quantity=9))[1].status is RowStatus.UNKNOWN


def test_an_empty_book_is_empty() -> None:
    assert order_rows(ok({"status": "success", "data": []})) == ()


MANDATORY = (
    "order_id",
    "exchange",
    "tradingsymbol",
    "product",
    "transaction_type",
    "order_type",
    "quantity",
    "filled_quantity",
    "status",
    "price",
    "trigger_price",
    "average_price",
)


@pytest.mark.parametrize("field", MANDATORY)
def test_one_row_without_a_mandatory_field_fails_the_whole_read(field: str) -> None:
    book = recorded("orders.json")
    del book["data"][1][field]

    with pytest.raises(ReadFailed):
        order_rows(ok(book))


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": ""},
        {"order_id": 204213},
        {"transaction_type": "buy"},
        {"order_type": "TRAILING"},
        {"quantity": "10"},
        {"quantity": 10.5},
        {"filled_quantity": 11},
        {"filled_quantity": -1},
        {"filled_quantity": None},
        {"price": "NaN"},
        {"average_price": "Infinity"},
        {"order_timestamp": "yesterday"},
        {"exchange_update_timestamp": "2026-13-05 09:16:06"},
    ],
)
def test_one_row_that_makes_no_sense_fails_the_whole_read(changes: dict[str, object]) -> None:
    with pytest.raises(ReadFailed):
        order_rows(book_with(**changes))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"null",
        b'{"status":"success"}',
        b'{"status":"success","data":null}',
        b'{"status":"success","data":{}}',
        b'{"status":"error","data":[]}',
        b'{"status":"success","data":[{"order_id":"1"',
        b'{"status":"success","data":[],"x":"\xff\xfe"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_not_kites_is_no_empty_book(body: bytes) -> None:
    with pytest.raises(ReadFailed):
        order_rows(Answer(status=200, body=body))


# Trades, positions, quotes, funds


def test_a_trade_row_says_what_traded_when() -> None:
    (row,) = trade_rows(ok(recorded("trades.json")))

    assert (row.trade_id, row.quantity, row.price) == ("10000101", 10, Decimal("1512.1"))
    assert row.at == datetime(2026, 1, 5, 3, 46, 5, tzinfo=UTC)


def test_delivery_is_holdings_with_those_of_tomorrow_and_todays_position() -> None:
    rows = position_rows(ok(recorded("positions.json")), ok(recorded("holdings.json")))

    assert {(row.exchange, row.symbol, row.product): row.quantity for row in rows} == {
        ("NSE", "INFY", "MIS"): 10,
        ("NSE", "SBIN", "CNC"): 30 + 20 - 5,
        ("NFO", "NIFTY26JANFUT", "NRML"): -75,
        ("BSE", "TCS", "CNC"): 4,
    }


@pytest.mark.parametrize("field", ["quantity", "t1_quantity"])
def test_a_holding_without_its_quantity_fails_the_positions(field: str) -> None:
    holdings = recorded("holdings.json")
    del holdings["data"][0][field]

    with pytest.raises(ReadFailed):
        position_rows(ok(recorded("positions.json")), ok(holdings))


def test_a_quote_has_depth_and_bands_and_its_own_time() -> None:
    found = quotes(ok(recorded("quotes.json")))

    quote = found[("NSE", "INFY")]
    assert (quote.last, quote.bid, quote.ask) == (Decimal("1520.45"), Decimal("1520.4"), None)
    assert (quote.lower_band, quote.upper_band) == (Decimal("1361.1"), Decimal("1663.5"))
    assert quote.at == datetime(2026, 1, 5, 7, 0, 1, tzinfo=UTC)


def test_a_quote_of_unknown_age_is_left_out() -> None:
    assert ("NSE", "NEWCO") not in quotes(ok(recorded("quotes.json")))


def test_funds_are_the_equity_segments() -> None:
    cash = funds(ok(recorded("margins.json")))

    assert (cash.available, cash.used) == (Decimal("99725.05"), Decimal("145706.55"))


# GTT


def test_an_active_gtt_has_its_legs_in_ascending_order() -> None:
    row = gtt_rows(ok(recorded("gtts.json")))[0]

    assert (row.trigger_id, row.status, row.side) == ("9001", GttStatus.ACTIVE, Side.SELL)
    assert [(leg.trigger_price, leg.price, leg.quantity) for leg in row.legs] == [
        (Decimal(740), Decimal(738), 50),
        (Decimal(790), Decimal(790), 50),
    ]


def test_a_triggered_gtt_names_the_child_of_the_leg_that_fired() -> None:
    row = gtt_rows(ok(recorded("gtts.json")))[1]

    assert row.status is GttStatus.TRIGGERED
    assert [leg.child_order_id for leg in row.legs] == ["2042130686722700001", None]
    assert [leg.child_reason for leg in row.legs] == [None, None]


def test_a_failed_child_has_no_order_but_a_reason_and_its_kind() -> None:
    (leg,) = gtt_rows(ok(recorded("gtts.json")))[2].legs

    assert leg.child_order_id is None
    assert leg.child_reason is not None and "TPIN" in leg.child_reason
    assert leg.child_refusal is RefusalKind.DEMAT_AUTHORISATION


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("active", GttStatus.ACTIVE),
        ("triggered", GttStatus.TRIGGERED),
        ("disabled", GttStatus.DISABLED),
        ("expired", GttStatus.EXPIRED),
        ("cancelled", GttStatus.CANCELLED),
        ("rejected", GttStatus.REJECTED),
        ("deleted", GttStatus.DELETED),
        ("ACTIVE", GttStatus.UNKNOWN),
        ("paused", GttStatus.UNKNOWN),
    ],
)
def test_each_gtt_word_means_exactly_one_thing(word: str, status: GttStatus) -> None:
    book = recorded("gtts.json")
    book["data"][0]["status"] = word

    assert gtt_rows(ok(book))[0].status is status


def test_a_gtt_with_more_triggers_than_orders_fails_the_read() -> None:
    book = recorded("gtts.json")
    book["data"][0]["orders"].pop()

    with pytest.raises(ReadFailed):
        gtt_rows(ok(book))


def test_the_stop_of_a_short_is_the_upper_leg() -> None:
    form = gtt_form(
        a_gtt(
            Side.BUY, Product.NRML, trigger_price="790", price="795", target_trigger="740", target_price="741"
        )
    )

    assert json.loads(form["condition"])["trigger_values"] == [740, 790]
    assert [order["price"] for order in json.loads(form["orders"])] == [741, 795]


def test_a_gtt_for_an_intraday_product_is_refused_here() -> None:
    with pytest.raises(OrderRejected, match="MIS has no GTT"):
        gtt_form(a_gtt(product=Product.MIS))


def test_a_gtt_leg_without_its_limit_is_refused_here() -> None:
    with pytest.raises(OrderRejected, match="limit price"):
        gtt_form(a_gtt(target_price=""))


# Orders out


def test_a_tag_too_long_for_kite_is_refused_here() -> None:
    assert order_form(an_order(tag="B" * 20))["tag"] == "B" * 20
    with pytest.raises(OrderRejected, match="longer than 20"):
        order_form(an_order(tag="B" * 21))


@pytest.mark.parametrize("order_type", [OrderType.LIMIT, OrderType.SL, OrderType.SL_M])
def test_an_order_without_the_price_its_type_needs_is_refused_here(order_type: OrderType) -> None:
    with pytest.raises(OrderRejected, match="needs a"):
        order_form(an_order(terms=Terms(order_type=order_type, quantity=1)))


def test_prices_are_written_out_not_in_powers_of_ten() -> None:
    terms = Terms(order_type=OrderType.LIMIT, quantity=1, price=Decimal("2.5E+4"))

    assert order_form(an_order(terms=terms))["price"] == "25000"


# Refusals


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "Insufficient funds. Required margin is 95417.84 but available margin is 74251.80.",
            RefusalKind.MARGIN,
        ),
        ("RMS:Margin Exceeds, Required:45230.00, Available:12000.00", RefusalKind.MARGIN),
        ("Maximum allowed order modifications exceeded.", RefusalKind.MODIFICATION_CAP),
        (
            "Tick size for this script is 5.00 paise. Kindly enter price in the multiple of tick size.",
            RefusalKind.TICK,
        ),
        ("16283 : The order price is not multiple of the tick size.", RefusalKind.TICK),
        (
            "Your order price is lower than the current lower circuit limit of 1361.10.",
            RefusalKind.BAND,
        ),
        ("17070 : The Price is out of the current execution range", RefusalKind.BAND),
        (
            "Difference between limit price and trigger price for SL Limit Order is beyond the exchange's "
            "permissible range",
            RefusalKind.BAND,
        ),
        ("Order quantity exceeds the freeze limit of 1800", RefusalKind.FREEZE),
        ("16052: Function not available", RefusalKind.STOP_MARKET_BANNED),
        ("SL-M orders are blocked for index options.", RefusalKind.STOP_MARKET_BANNED),
        ("Market orders without market protection are not allowed via API.", RefusalKind.PROTECTION_MISSING),
        (
            "Trigger price for stoploss sell orders should be lower than the last traded price (1499.00).",
            RefusalKind.TRIGGER_CROSSED,
        ),
        (
            "Trigger cannot be created with the second trigger price less than the last price",
            RefusalKind.TRIGGER_CROSSED,
        ),
        (
            "Trigger cannot be created with the first trigger price more than the last price",
            RefusalKind.TRIGGER_CROSSED,
        ),
        ("Trigger already met.", RefusalKind.TRIGGER_CROSSED),
        (
            "The trigger price should be at least 0.25% away from the last price.",
            RefusalKind.TOO_NEAR,
        ),
        ("Holdings are not authorised at CDSL. Enter your TPIN to sell.", RefusalKind.DEMAT_AUTHORISATION),
        ("17000 : Order could not be processed: self-trade prevention", RefusalKind.SELF_TRADE),
        ("Markets are closed right now. Use GTT for long standing orders.", RefusalKind.SESSION_CLOSED),
        (
            "The instrument you are placing an order for has either expired or does not exist.",
            RefusalKind.CONTRACT_EXPIRED,
        ),
        ("Order cannot be cancelled as it is already complete", RefusalKind.ALREADY_DONE),
        ("Order has already been executed", RefusalKind.ALREADY_DONE),
        ("Couldn't find that `order_id`.", RefusalKind.NOT_FOUND),
        ("Trigger does not exist.", RefusalKind.NOT_FOUND),
        ("RMS:Rule: Check circuit limit including square off order exceeds", RefusalKind.BAND),
        ("RMS:Blocked for nse_cm XYZ BE MIS", RefusalKind.RMS),
        ("Insufficient stock holding for SBIN", RefusalKind.RMS),
        ("Security is in F&O ban period", RefusalKind.RMS),
        ("Order cannot be modified as it is being processed. Try later.", RefusalKind.UNCLASSIFIED),
        ("IP 203.0.113.7 is not allowed to place orders for this app", RefusalKind.UNCLASSIFIED),
        ("alarms and firms", RefusalKind.UNCLASSIFIED),
        ("", RefusalKind.UNCLASSIFIED),
    ],
)
def test_each_refusal_text_calls_for_its_own_answer(text: str, kind: RefusalKind) -> None:
    assert refusal_kind(text) is kind


HTML = Answer(status=502, body=b"<html>Bad gateway</html>")
FUNDS = "Insufficient funds. Required margin is 1 but available margin is 0."


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(400, "InputException", "Invalid `quantity`."), OrderRejected),
        (refused(400, "OrderException", "Something Kite dislikes"), OrderRejected),
        (refused(400, "MarginException", FUNDS), OrderRejected),
        (refused(400, "HoldingException", "Insufficient stock holding"), OrderRejected),
        (refused(400, "UserException", "Account is blocked"), OrderRejected),
        (refused(403, "PermissionException", "IP is not allowed"), OrderRejected),
        (refused(400, "InputException", None), OrderRejected),
        (refused(500, "OrderException", FUNDS), OrderRejected),
        (refused(500, "OrderException", "Order placement failed"), OutcomeUnknown),
        (refused(500, "GeneralException", "Something went wrong"), OutcomeUnknown),
        (refused(500, "GeneralException", FUNDS), OutcomeUnknown),
        (refused(502, "DataException", "Unable to parse the OMS answer"), OutcomeUnknown),
        (refused(503, "NetworkException", "Gateway timed out"), OutcomeUnknown),
        (refused(400, "GeneralException", "Something went wrong"), OutcomeUnknown),
        (refused(400, "NewException", "What is this"), OutcomeUnknown),
        (refused(302, "InputException", "a redirect is no refusal"), OutcomeUnknown),
        (refused(403, "TokenException", "Incorrect `api_key` or `access_token`."), AuthDead),
        (refused(400, "TokenException", "Token is invalid or has expired."), AuthDead),
        (refused(429, "NetworkException", "Too many requests"), RateLimited),
        (refused(400, "InputException", "Maximum allowed order requests exceeded."), RateLimited),
        (Answer(status=429, body=b"<html>slow down</html>"), RateLimited),
        (HTML, OutcomeUnknown),
        (Answer(status=403, body=b"<html>blocked</html>"), OutcomeUnknown),
        (Answer(status=400, body=b""), OutcomeUnknown),
        (Answer(status=504, body=b"\xff\xfe"), OutcomeUnknown),
    ],
)
def test_only_a_proven_refusal_of_a_write_counts_as_one(answer: Answer, error: type[BrokerError]) -> None:
    assert type(write_error(answer)) is error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(403, "TokenException", "Incorrect `api_key` or `access_token`."), AuthDead),
        (refused(403, "PermissionException", "Insufficient permission for that call."), ReadFailed),
        (refused(429, "NetworkException", "Too many requests"), ReadFailed),
        (refused(503, "NetworkException", "Gateway timed out"), ReadFailed),
        (refused(500, "GeneralException", "Something went wrong"), ReadFailed),
        (Answer(status=403, body=b"<html>blocked</html>"), ReadFailed),
        (HTML, ReadFailed),
    ],
)
def test_a_failed_read_is_never_a_refusal(answer: Answer, error: type[BrokerError]) -> None:
    assert type(read_error(answer)) is error


def test_the_brokers_own_waiting_time_is_kept() -> None:
    error = write_error(refused(429, "NetworkException", "Too many requests", timedelta(seconds=7)))

    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>all is well</html>",
        b"",
        b"\xff\xfe",
        b'{"status":"success"}',
        b'{"status":"success","data":{}}',
        b'{"status":"success","data":{"order_id":""}}',
        b'{"status":"success","data":{"order_id":null}}',
        b'{"status":"error","error_type":"InputException","message":"with a 200","data":null}',
    ],
)
def test_a_200_that_names_no_order_leaves_the_write_unknown(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        order_ack(Answer(status=200, body=body))
