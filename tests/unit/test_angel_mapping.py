"""Angel One's rows, names and instruments into ours."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.angel.instruments import instruments
from broker.angel.login import AngelLogin
from broker.angel.mapping import ROW_STATUSES, order_rows, orders, trade_rows
from broker.angel.notes import OrderNotes, note_of
from broker.angel.refusals import refusal_kind
from broker.angel.scripts import symbol_of
from broker.angel.session import client_headers, hardware_address, token_parts
from broker.base import ReadFailed
from broker.http import Answer
from services.bracket.model import Instrument, OrderRow, OrderType, RefusalKind, RowStatus, Side

FIXTURES = Path(__file__).parent.parent / "fixtures" / "angel"


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


def read(*rows: dict[str, Any]) -> tuple[OrderRow, ...]:
    body = {"status": True, "message": "SUCCESS", "errorcode": "", "data": list(rows)}
    return order_rows(orders(Answer(status=200, body=json.dumps(body).encode())))


def a_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = recorded("orders.json")["data"][0]
    return row | changes


def status_of(word: str, other: str | None = None, **changes: Any) -> RowStatus:
    (row,) = read(a_row(status=word, orderstatus=word if other is None else other, **changes))
    return row.status


def test_a_row_is_read_whole() -> None:
    (row,) = read(a_row())

    assert row == OrderRow(
        broker_order_id="200910000000111",
        tag="B7K2E1",
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=4,
        price=Decimal("194.0"),
        trigger_price=None,
        average_price=Decimal("193.95"),
        updated_at=datetime(2026, 11, 27, 4, 30, 3, tzinfo=UTC),
        reason=None,
        refusal=None,
    )


@pytest.mark.parametrize("word", ROW_STATUSES)
def test_each_word_is_its_status(word: str) -> None:
    filled = 10 if word == "complete" else 0

    assert status_of(word, filledshares=str(filled)) is ROW_STATUSES[word]


@pytest.mark.parametrize(
    ("status", "orderstatus", "filled", "expected"),
    [
        ("open", "", 0, RowStatus.OPEN),
        ("", "trigger pending", 0, RowStatus.TRIGGER_PENDING),
        ("open", "cancelled", 0, RowStatus.UNKNOWN),  # the two fields do not agree
        ("open", "complete", 10, RowStatus.UNKNOWN),
        ("", "", 0, RowStatus.UNKNOWN),
        ("OPEN", "OPEN", 0, RowStatus.UNKNOWN),  # a word that nobody has documented
        ("lapsed", "lapsed", 0, RowStatus.UNKNOWN),
        ("open", "open", 10, RowStatus.FILLED),  # the quantities run ahead
        ("complete", "complete", 4, RowStatus.UNKNOWN),
        ("cancelled", "cancelled", 4, RowStatus.CANCELLED),
        ("rejected", "rejected", 4, RowStatus.REJECTED),
        ("modified", "modified", 0, RowStatus.PENDING),
    ],
)
def test_a_word_counts_only_where_nothing_contradicts_it(
    status: str, orderstatus: str, filled: int, expected: RowStatus
) -> None:
    assert status_of(status, orderstatus, filledshares=str(filled)) is expected


def test_a_rejection_has_its_words_and_its_kind() -> None:
    words = "Your order has been rejected due to Insufficient Funds. Available funds - Rs. 937.00 ."

    (row,) = read(a_row(status="rejected", orderstatus="rejected", filledshares="0", text=words))

    assert (row.reason, row.refusal) == (words, RefusalKind.MARGIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"filledshares": "11"},
        {"filledshares": "-1"},
        {"quantity": "ten"},
        {"ordertype": "ICEBERG"},
        {"transactiontype": "HOLD"},
        {"orderid": ""},
        {"price": "NaN"},
        {"updatetime": "2026-11-27"},
    ],
)
def test_a_row_that_makes_no_sense_fails_the_whole_book(changes: dict[str, Any]) -> None:
    with pytest.raises(ReadFailed):
        read(a_row(), a_row(**changes))


@pytest.mark.parametrize("field", ["orderid", "status", "filledshares", "variety", "tradingsymbol"])
def test_a_row_without_a_field_fails_the_whole_book(field: str) -> None:
    row = a_row()
    del row[field]

    with pytest.raises(ReadFailed):
        read(row)


def test_a_trade_is_of_today() -> None:
    answer = Answer(status=200, body=(FIXTURES / "trades.json").read_bytes())

    (trade,) = trade_rows(answer, date(2026, 11, 27))

    assert (trade.trade_id, trade.symbol, trade.product, trade.quantity) == ("50005750", "ITC", "CNC", 1)
    assert (trade.price, trade.at) == (Decimal(175), datetime(2026, 11, 27, 7, 57, 53, tzinfo=UTC))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Your order has been rejected due to Insufficient Funds.", RefusalKind.MARGIN),
        ("Price is not a multiple of tick size", RefusalKind.TICK),
        ("Trigger price should be lower than LTP", RefusalKind.TRIGGER_CROSSED),
        (
            "Difference between limit price and trigger price for SL Limit Order is beyond the exchange's"
            " permissible range",
            RefusalKind.BAND,
        ),
        ("16052 : Function not available", RefusalKind.STOP_MARKET_BANNED),
        ("Order is already complete", RefusalKind.ALREADY_DONE),
        ("Order not found", RefusalKind.NOT_FOUND),
        ("RMS:Rule: block type", RefusalKind.RMS),
        ("something new", RefusalKind.UNCLASSIFIED),
    ],
)
def test_words_of_a_refusal_have_their_kind(words: str, kind: RefusalKind) -> None:
    assert refusal_kind(words) is kind


@pytest.mark.parametrize(
    ("name", "exchange", "symbol"),
    [
        ("SBIN-EQ", "NSE", "SBIN"),
        ("BAJAJ-AUTO-EQ", "NSE", "BAJAJ-AUTO"),
        ("IDEA-BE", "NSE", "IDEA-BE"),
        ("SBIN", "BSE", "SBIN"),
        ("NIFTY29DEC26FUT", "NFO", "NIFTY29DEC26FUT"),
    ],
)
def test_a_symbol_is_the_name_without_the_series_of_ordinary_shares(
    name: str, exchange: str, symbol: str
) -> None:
    assert symbol_of(name, exchange) == symbol


# The file of instruments


def a_script(**changes: str) -> dict[str, str]:
    share = {
        "token": "2885",
        "symbol": "RELIANCE-EQ",
        "name": "RELIANCE",
        "expiry": "",
        "strike": "-1.000000",
        "lotsize": "1",
        "instrumenttype": "",
        "exch_seg": "NSE",
        "tick_size": "10.000000",
    }
    return share | changes


FUTURE = a_script(
    token="53001",  # an instrument's number
    symbol="NIFTY29DEC26FUT",
    name="NIFTY",
    expiry="29DEC2026",
    lotsize="65",
    instrumenttype="FUTIDX",
    exch_seg="NFO",
)
OPTION = FUTURE | {
    "token": "35084",
    "symbol": "NIFTY29DEC2629150CE",
    "strike": "2915000.000000",
    "instrumenttype": "OPTIDX",
    "tick_size": "5.000000",
}
CRUDE = FUTURE | {
    "token": "7",
    "symbol": "CRUDEOIL18DEC26FUT",
    "lotsize": "100",
    "instrumenttype": "FUTCOM",
    "exch_seg": "MCX",
}


def parts(*scripts: dict[str, str], text: str | None = None) -> Sequence[bytes]:
    return (json.dumps(list(scripts)) if text is None else text).encode().split(b"}")


def test_shares_futures_and_options_are_listed_with_name_and_number() -> None:
    index = a_script(symbol="Nifty 50", instrumenttype="AMXIDX")
    bond = a_script(symbol="754KA29-SG")
    currency = OPTION | {"exch_seg": "CDS", "instrumenttype": "OPTCUR"}

    share, future, option, crude = instruments(
        parts(a_script(), FUTURE, index, OPTION, bond, CRUDE, currency)
    )

    assert (share.token, share.instrument.symbol) == ("2885:RELIANCE-EQ", "RELIANCE")
    assert (share.instrument.tick_size, share.instrument.lot_size) == (Decimal("0.1"), 1)
    assert (future.token, future.instrument.kind) == ("53001:NIFTY29DEC26FUT", "FUT")
    assert option.instrument == Instrument(
        exchange="NFO",
        symbol="NIFTY29DEC2629150CE",
        name="NIFTY",
        kind="CE",
        tick_size=Decimal("0.05"),
        lot_size=65,
        expiry=date(2026, 12, 29),
        strike=Decimal(29150),
    )
    assert (crude.instrument.exchange, crude.instrument.lot_size) == ("MCX", 1)  # in lots


def test_a_symbol_that_comes_twice_is_left_out() -> None:
    again = a_script(token="9")  # an instrument's number

    assert [one.token for one in instruments(parts(a_script(), FUTURE, again))] == ["53001:NIFTY29DEC26FUT"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "<html></html>",
        json.dumps([a_script(), FUTURE])[:-1],  # without the closing bracket
        json.dumps([a_script(), FUTURE])[:-20],
        json.dumps({"data": [a_script()]}),
        json.dumps([a_script(), FUTURE]).replace("}, {", "}; {"),
        json.dumps([{"token": "1"}]),
        json.dumps([FUTURE | {"expiry": "soon"}]),
        json.dumps([OPTION | {"symbol": "NIFTY29DEC26"}]),
        json.dumps([a_script(tick_size="none")]),
    ],
)
def test_a_file_that_breaks_off_or_is_another_replaces_nothing(text: str) -> None:
    with pytest.raises(ReadFailed):
        instruments(parts(text=text))


def test_a_file_that_breaks_off_between_two_objects_replaces_nothing() -> None:
    with pytest.raises(ReadFailed, match="breaks off"):
        instruments(parts(a_script(), FUTURE)[:-1])


# Token and headers


def test_a_jwt_with_its_app_is_a_token() -> None:
    assert token_parts("KEY:eyJ0.eyJ1.sig-_") == ("KEY", "eyJ0.eyJ1.sig-_")


def test_no_header_is_made_up() -> None:
    assert client_headers()["X-ClientLocalIP"].count(".") == 3
    assert hardware_address(0x02FC00000001) == "02:fc:00:00:00:01"
    assert hardware_address(0x03FC00000001) == "00:00:00:00:00:00"  # drawn, there is no card


# What is noted of orders


def test_an_order_is_asked_for_by_its_unique_id_while_it_is_young_and_the_book_omits_it() -> None:
    notes = OrderNotes(young_seconds=30)
    (row,) = orders(Answer(status=200, body=json.dumps({"status": True, "data": [a_row()]}).encode()))
    notes.add("1", note_of(row), unique_id="u-1", now=100)
    notes.add("2", note_of(row), unique_id="", now=101)
    notes.add(row.orderid, note_of(row), unique_id="u-3", now=102)
    before = notes.unseen(103)

    notes.take_book([row])

    assert before == ("u-1", "u-3")
    assert (notes.unseen(129), notes.unseen(130)) == (("u-1",), ())
    assert notes.of("1") == notes.of(row.orderid) == note_of(row)


@pytest.mark.parametrize(
    ("obtained", "end"),
    [
        (datetime(2026, 11, 27, 3, 30, tzinfo=UTC), datetime(2026, 11, 27, 23, 30, tzinfo=UTC)),
        (datetime(2026, 11, 26, 22, 0, tzinfo=UTC), datetime(2026, 11, 26, 23, 30, tzinfo=UTC)),
    ],
)
def test_a_token_is_counted_on_until_five_of_the_next_morning(obtained: datetime, end: datetime) -> None:
    assert AngelLogin().ends_at(obtained) == end
