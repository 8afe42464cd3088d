"""OpenAlgo's words and ours: what is believed of its books, and what is not."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import Answer
from broker.openalgo import mapping
from broker.openalgo.instruments import instruments
from broker.openalgo.refusals import write_error
from broker.openalgo.settling import LASTS, Endings
from broker.openalgo.times import moment
from services.bracket.model import OrderRequest as Request
from services.bracket.model import OrderRow, OrderType, Product, RefusalKind, RowStatus, Side, Terms

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 10:30 at the exchange


def answered(data: Any, *, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps({"status": "success", "data": data}).encode())


def error(message: object, status: int) -> Answer:
    return Answer(status=status, body=json.dumps({"status": "error", "message": message}).encode())


def an_order(**changes: Any) -> dict[str, Any]:
    return {
        "action": "BUY",
        "symbol": "SBIN",
        "exchange": "NSE",
        "orderid": "26112300000001",
        "product": "MIS",
        "quantity": "10",
        "price": 500.05,
        "pricetype": "LIMIT",
        "order_status": "open",
        "trigger_price": 0.0,
        "timestamp": "23-Nov-2026 10:15:30",
    } | changes


def a_trade(quantity: object = 10, price: object = 500.05, **changes: Any) -> dict[str, Any]:
    return {
        "action": "BUY",
        "symbol": "SBIN",
        "exchange": "NSE",
        "orderid": "26112300000001",
        "product": "MIS",
        "quantity": quantity,
        "average_price": price,
        "timestamp": "10:15:31",
        "trade_value": 5000.5,
    } | changes


def row_of(order: dict[str, Any], *trades: dict[str, Any]) -> OrderRow:
    (row,) = mapping.order_rows(answered({"orders": [order], "statistics": {}}), answered(list(trades)))
    return row


def test_a_row_is_read_whole_and_has_no_tag() -> None:
    row = row_of(an_order())

    assert row == OrderRow(
        broker_order_id="26112300000001",
        tag=None,
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=0,
        price=Decimal("500.05"),
        updated_at=datetime(2026, 11, 23, 4, 45, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("word", "traded", "status"),
    [
        ("open", 0, RowStatus.OPEN),
        ("trigger pending", 0, RowStatus.TRIGGER_PENDING),
        ("TRIGGER_PENDING", 0, RowStatus.TRIGGER_PENDING),
        ("cancelled", 4, RowStatus.CANCELLED),
        ("rejected", 0, RowStatus.REJECTED),
        ("complete", 10, RowStatus.FILLED),
        ("complete", 4, RowStatus.UNKNOWN),  # the word of another row, or trades that are late
        ("complete", 0, RowStatus.UNKNOWN),
        ("open", 10, RowStatus.FILLED),  # the trades run ahead of the word
        ("cancelled", 10, RowStatus.FILLED),
        ("unfilled", 0, RowStatus.UNKNOWN),
        ("partially filled", 4, RowStatus.UNKNOWN),
        ("", 0, RowStatus.UNKNOWN),
    ],
)
def test_a_status_is_what_the_word_and_the_trades_agree_on(word: str, traded: int, status: RowStatus) -> None:
    row = row_of(an_order(order_status=word), *([a_trade(traded)] if traded else []))

    assert (row.status, row.filled) == (status, traded)


def test_a_fill_is_the_sum_of_its_trades_and_its_price_their_mean_by_quantity() -> None:
    row = row_of(an_order(average_price=500), a_trade(4, 500), a_trade(6, "500.50"))

    assert (row.filled, row.average_price) == (10, Decimal("500.30"))


def test_a_trade_without_quantity_has_its_value_over_its_price() -> None:
    assert row_of(an_order(), a_trade(0.0, 500.05, trade_value=5000.5)).filled == 10
    with pytest.raises(ReadFailed):
        row_of(an_order(), a_trade(0.0, 500.05, trade_value=0))


def test_a_server_that_tells_the_fill_is_believed_when_its_trades_are_late() -> None:
    row = row_of(an_order(filled_quantity=4, average_price=500))

    assert (row.filled, row.average_price, row.status) == (4, Decimal(500), RowStatus.OPEN)


def test_more_trades_than_the_order_has_make_the_whole_book_unreadable() -> None:
    with pytest.raises(ReadFailed, match="filled 20 of 10"):
        row_of(an_order(), a_trade(10), a_trade(10))


@pytest.mark.parametrize(
    "changes",
    [{"orderid": ""}, {"quantity": "1.5"}, {"action": "HOLD"}, {"pricetype": "BO"}, {"price": "NaN"}],
)
def test_a_row_that_says_nonsense_makes_the_whole_book_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(ReadFailed):
        row_of(an_order(**changes))


def test_the_names_of_analyze_mode_and_empty_amounts_are_read_too() -> None:
    order = an_order(price_type="SL", price="", trigger_price="499.95", status="trigger pending")
    del order["pricetype"], order["order_status"]

    row = row_of(order)

    assert (row.order_type, row.price, row.trigger_price) == (OrderType.SL, None, Decimal("499.95"))
    assert row.status is RowStatus.TRIGGER_PENDING


@pytest.mark.parametrize(
    "text",
    [
        "23-Nov-2026 10:15:30",
        "2026-11-23 10:15:30",
        "2026-11-23 10:15:30.123456",
        "10:15:30 23-11-2026",
        "23/11/2026 10:15:30",
        "Mon, 23 Nov 2026 10:15:30 GMT",
        "2026-11-23T10:15:30+05:30",
        "2026-11-23T04:45:30Z",
    ],
)
def test_times_are_read_as_the_brokers_behind_it_write_them(text: str) -> None:
    assert moment(text) == datetime(2026, 11, 23, 4, 45, 30, tzinfo=UTC)


def test_a_time_of_the_day_is_todays_and_an_unknown_form_is_none() -> None:
    assert moment("10:15:31", today=NOW) == datetime(2026, 11, 23, 4, 45, 31, tzinfo=UTC)
    assert [moment(text) for text in ("10:15:31", "yesterday", "", None)] == [None] * 4


def test_trades_are_told_apart_by_their_place_and_need_a_time() -> None:
    first, second = mapping.trade_rows(answered([a_trade(4), a_trade(6)]), NOW)

    assert [first.trade_id, second.trade_id] == ["26112300000001-1", "26112300000001-2"]
    assert first.at == datetime(2026, 11, 23, 4, 45, 31, tzinfo=UTC)
    with pytest.raises(ReadFailed, match="no time"):
        mapping.trade_rows(answered([a_trade(timestamp="noon")]), NOW)


def test_delivery_is_what_is_held_what_settles_and_todays_own() -> None:
    positions = [
        {"symbol": "SBIN", "exchange": "NSE", "product": "CNC", "quantity": "-3", "average_price": "500.00"},
        {"symbol": "SBIN", "exchange": "NSE", "product": "MIS", "quantity": 5},
    ]
    held = {"holdings": [{"symbol": "SBIN", "exchange": "NSE", "quantity": 10, "t1_quantity": 2}]}

    rows = mapping.position_rows(answered(positions), answered(held))

    assert {(row.product, row.quantity) for row in rows} == {("CNC", 9), ("MIS", 5)}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("Invalid openalgo apikey", 403), AuthDead),
        (error("Rate limit exceeded. Please try again later.", 429), RateLimited),
        (Answer(status=429, body=b"<html>"), RateLimited),
        (error({"strategy": ["Missing data for required field."]}, 400), OrderRejected),
        (error("GTT orders are not supported for broker 'x' yet", 501), OrderRejected),
        (error("Insufficient funds. Required margin is 1,000", 500), OrderRejected),
        (error("Failed to place order due to internal error", 500), OutcomeUnknown),
        (error("An unexpected error occurred in the API endpoint", 500), OutcomeUnknown),
        (Answer(status=502, body=b"<html>Bad Gateway</html>"), OutcomeUnknown),
        (Answer(status=403, body=b"<html>Forbidden</html>"), OutcomeUnknown),
        (Answer(status=404, body=b"<html>Not Found</html>"), OutcomeUnknown),
    ],
)
def test_only_a_verdict_proves_that_nothing_was_placed(answer: Answer, kind: type[BrokerError]) -> None:
    assert type(write_error(answer)) is kind
    with pytest.raises(kind):
        mapping.ack(answer)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success"}',
        b'{"status":"success","orderid":""}',
        b'{"status":"success","orderid":null}',
        b'{"status":"success","mode":"semi_auto","pending_order_id":7}',
        b'{"status":"success","orderid":"01JD","confirmed":false}',
        b'{"status":"success","orderid":"26',
        b"",
    ],
)
def test_a_success_without_a_confirmed_id_is_unknown(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown):
        mapping.ack(Answer(status=200, body=body))


def test_an_error_with_http_200_is_no_success() -> None:
    with pytest.raises(OutcomeUnknown):
        mapping.ack(error("something went wrong", 200))
    with pytest.raises(ReadFailed):
        mapping.funds(error("something went wrong", 200))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("RMS:Margin Exceeds,Cash Available", RefusalKind.MARGIN),
        ("Price should be in multiple of tick size", RefusalKind.TICK),
        ("Trigger price for SELL should be lower than the last traded price", RefusalKind.TRIGGER_CROSSED),
        ("16283 : The price is outside the current execution range", RefusalKind.BAND),
        ("Maximum allowed order modifications exceeded.", RefusalKind.MODIFICATION_CAP),
        ("Order cannot be modified as it is being processed or already completed", RefusalKind.ALREADY_DONE),
        ("Order 26112300000001 not found", RefusalKind.NOT_FOUND),
        ("Sell authorisation by TPIN is needed", RefusalKind.DEMAT_AUTHORISATION),
        ("no such words", RefusalKind.UNCLASSIFIED),
    ],
)
def test_a_refusal_is_sorted_by_its_words(words: str, kind: RefusalKind) -> None:
    found = write_error(error(words, 400))

    assert isinstance(found, OrderRejected)
    assert (found.kind, found.reason) == (kind, words)


def test_what_it_does_not_have_is_refused_before_anything_is_sent() -> None:
    terms = Terms(order_type=OrderType.LIMIT, quantity=10, price=Decimal(500))
    asked = Request(tag="t", exchange="NSE", symbol="SBIN", product=Product.MTF, side=Side.BUY, terms=terms)

    with pytest.raises(OrderRejected, match="MTF"):
        mapping.order_body(asked)
    with pytest.raises(OrderRejected, match="price"):
        mapping.modify_body("1", ("NSE", "SBIN", Side.BUY, "MIS"), Terms(order_type=OrderType.SL, quantity=1))


def an_end(status: RowStatus = RowStatus.CANCELLED, **changes: Any) -> OrderRow:
    word = {RowStatus.CANCELLED: "cancelled", RowStatus.REJECTED: "rejected", RowStatus.OPEN: "open"}[status]
    return row_of(an_order(order_status=word, **changes))


def test_an_end_is_believed_once_it_was_said_for_a_while() -> None:
    endings, lasts = Endings(), LASTS.total_seconds()

    seen = [endings.settled([an_end()], at)[0].status for at in (0.0, 1.0, lasts, lasts + 1)]

    assert seen == [RowStatus.UNKNOWN, RowStatus.UNKNOWN, RowStatus.CANCELLED, RowStatus.CANCELLED]


def test_a_word_that_passes_in_between_begins_anew() -> None:
    endings = Endings()
    rows = [
        an_end(),
        an_end(RowStatus.OPEN),
        an_end(),
        an_end(RowStatus.REJECTED),
        an_end(RowStatus.REJECTED),
    ]

    seen = [endings.settled([row], 2.0 * at)[0].status for at, row in enumerate(rows)]

    assert seen == [RowStatus.UNKNOWN, RowStatus.OPEN] + [RowStatus.UNKNOWN] * 3


def test_a_refusal_with_a_reason_is_its_own_and_believed_at_once() -> None:
    row = an_end(RowStatus.REJECTED, rejection_reason="RMS:Margin Exceeds")

    (settled,) = Endings().settled([row], 0.0)

    assert (settled.status, settled.refusal) == (RowStatus.REJECTED, RefusalKind.MARGIN)


HEAD = b"symbol,brsymbol,name,exchange,brexchange,token,expiry,strike,lotsize,instrumenttype,tick_size"
SHARE = b"SBIN,SBIN-EQ,STATE BANK,NSE,NSE,3045,,-0.01,1,,0.05"
CALL = b"NIFTY29DEC2625000CE,X,NIFTY,NFO,NFO,9,29-DEC-26,25000.0,75,OPTIDX,0.05"
INDEX = b"NIFTY,NIFTY 50,NIFTY,NSE_INDEX,NSE,26000,,-1,1,INDEX,0.05"


def test_the_list_is_read_by_its_names_and_indices_are_left_out() -> None:
    share, call = instruments([HEAD, SHARE, CALL, INDEX])

    assert (share.instrument.symbol, share.instrument.kind, share.token) == ("SBIN", "EQ", "3045")
    assert (share.instrument.expiry, share.instrument.strike) == (None, None)
    assert (call.instrument.kind, call.instrument.lot_size) == ("CE", 75)
    assert (str(call.instrument.expiry), call.instrument.strike) == ("2026-12-29", Decimal(25000))


@pytest.mark.parametrize("lines", [[b"a,b"], [HEAD, SHARE[:20]], [HEAD, CALL.replace(b"29-DEC-26", b"soon")]])
def test_half_a_list_or_another_file_is_not_taken(lines: list[bytes]) -> None:
    with pytest.raises(ReadFailed):
        instruments(lines)
