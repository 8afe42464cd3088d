"""Fyers' words in ours: what each status, tag and half-written row means."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.base import ReadFailed
from broker.fyers.children import with_children
from broker.fyers.instruments import instruments
from broker.fyers.login import FyersLogin
from broker.fyers.mapping import funds, gtt_rows, order_rows, quotes, trade_rows
from broker.http import Answer
from services.bracket.model import GttRow, GttStatus, OrderRow, OrderType, RefusalKind, RowStatus, Side

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fyers"
NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FIXTURES / name).read_text())
    return content


def ok(content: object) -> Answer:
    return Answer(status=200, body=json.dumps(content).encode())


def order_with(**changes: object) -> OrderRow:
    """Return the first recorded order, a buy of 10 at 812.35, with these fields instead."""
    book = recorded("orders.json")
    (row,) = order_rows(ok(book | {"orderBook": [book["orderBook"][0] | changes]}))
    return row


def test_an_order_row_says_what_the_book_says() -> None:
    first = order_with()

    assert first == OrderRow(
        broker_order_id="26112700000001",
        tag="B7K2E1",
        exchange="NSE",
        symbol="SBIN",
        product="CNC",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=0,
        price=Decimal("812.35"),
        updated_at=datetime(2026, 11, 27, 5, 7, 47, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, RowStatus.CANCELLED),
        (4, RowStatus.PENDING),
        (5, RowStatus.REJECTED),
        (6, RowStatus.OPEN),
        (7, RowStatus.EXPIRED),
        (3, RowStatus.UNKNOWN),  # "for future use"
        (20, RowStatus.UNKNOWN),
        (2, RowStatus.UNKNOWN),  # traded, and nothing filled
    ],
)
def test_each_number_means_one_status_and_others_are_unknown(number: int, status: RowStatus) -> None:
    assert order_with(status=number).status is status


def test_quantities_run_ahead_of_the_status() -> None:
    filled = order_with(filledQty=10, tradedPrice=812.35)

    assert (filled.status, filled.average_price) == (RowStatus.FILLED, Decimal("812.35"))


@pytest.mark.parametrize("filled", [11, -1])
def test_a_row_filled_beyond_its_quantity_fails_the_read(filled: int) -> None:
    with pytest.raises(ReadFailed):
        order_with(filledQty=filled)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"type": 4, "side": -1, "stopPrice": 800, "lp": 815.5}, RowStatus.TRIGGER_PENDING),
        ({"type": 3, "side": -1, "stopPrice": 800, "lp": 815.5}, RowStatus.TRIGGER_PENDING),
        ({"type": 4, "side": -1, "stopPrice": 800, "lp": 800}, RowStatus.OPEN),  # it has fired
        ({"type": 4, "side": -1, "stopPrice": 800, "lp": 815.5, "filledQty": 4}, RowStatus.OPEN),
        ({"type": 4, "side": 1, "stopPrice": 820, "lp": 815.5}, RowStatus.TRIGGER_PENDING),
        ({"type": 4, "side": 1, "stopPrice": 820, "lp": 820.05}, RowStatus.OPEN),
        ({"type": 4, "side": -1, "stopPrice": 800, "lp": 0}, RowStatus.TRIGGER_PENDING),  # no price told
        ({"type": 1, "side": -1, "stopPrice": 800, "lp": 815.5}, RowStatus.OPEN),  # morphed: keeps its stop
        ({"type": 4, "side": -1, "stopPrice": 800, "lp": 815.5, "status": 4}, RowStatus.PENDING),
    ],
)
def test_a_stop_waits_or_works_by_its_type_and_what_has_triggered(
    changes: dict[str, object], status: RowStatus
) -> None:
    assert order_with(**changes).status is status


@pytest.mark.parametrize(
    ("told", "tag"),
    [("1:B7K2E1", "B7K2E1"), ("2:Untagged", None), ("1:GTTB7K2X3", "GTTB7K2X3"), ("", None), (None, None)],
)
def test_only_a_tag_of_our_own_making_is_one(told: str | None, tag: str | None) -> None:
    assert order_with(orderTag=told).tag == tag


def test_a_rejected_order_says_why() -> None:
    row = order_rows(ok(recorded("orders.json")))[3]

    assert (row.status, row.refusal) == (RowStatus.REJECTED, RefusalKind.MARGIN)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"symbol": "BSE:SBIN-A", "exchange": 12}, ("BSE", "SBIN")),
        ({"symbol": "NSE:BAJAJ-AUTO-EQ"}, ("NSE", "BAJAJ-AUTO")),
        ({"symbol": "NSE:IDEA-BE"}, ("NSE", "IDEA-BE")),
        ({"symbol": "NSE:NIFTY26DECFUT", "segment": 11}, ("NFO", "NIFTY26DECFUT")),
        ({"symbol": "MCX:CRUDEOIL26DECFUT", "exchange": 11, "segment": 20}, ("MCX", "CRUDEOIL26DECFUT")),
        ({"symbol": "NSE:BRENT26DEC", "segment": 20}, ("10/20", "BRENT26DEC")),  # not ours, and no trouble
    ],
)
def test_a_ticker_and_its_numbers_name_exchange_and_symbol(
    changes: dict[str, object], place: tuple[str, str]
) -> None:
    row = order_with(**changes)

    assert (row.exchange, row.symbol) == place


@pytest.mark.parametrize(
    "changes", [{"side": 0}, {"type": 9}, {"symbol": "SBIN"}, {"orderDateTime": "today"}, {"qty": None}]
)
def test_a_row_that_cannot_be_read_fails_the_whole_read(changes: dict[str, object]) -> None:
    with pytest.raises(ReadFailed):
        order_with(**changes)


def test_a_trade_has_its_order_and_its_time() -> None:
    (trade,) = trade_rows(ok(recorded("trades.json")))

    assert (trade.broker_order_id, trade.quantity, trade.price) == ("26112700000003", 10, Decimal("815.45"))
    assert trade.at == datetime(2026, 11, 27, 5, 7, 48, tzinfo=UTC)


# GTTs


def gtt_with(**changes: object) -> GttRow:
    """Return the first recorded GTT, an OCO that sells 10 below 795 or above 850."""
    book = recorded("gtts.json")
    (row,) = gtt_rows(ok(book | {"orderBook": [book["orderBook"][0] | changes]}))
    return row


def test_the_legs_of_a_gtt_come_lower_first_whichever_way_fyers_has_them() -> None:
    row = gtt_with()

    legs = [(leg.trigger_price, leg.price, leg.quantity) for leg in row.legs]
    assert legs == [(Decimal(795), Decimal(790), 10), (Decimal(850), Decimal(850), 10)]
    assert (row.side, row.product, row.tag) == (Side.SELL, "CNC", "B7K2X5")
    assert row.created_at == datetime(2026, 11, 27, 5, 10, tzinfo=UTC)


def test_a_single_has_one_leg() -> None:
    row = gtt_with(gtt_oco_ind=1, price2_trigger=0, price2_limit=0, qty2=0)

    assert [leg.trigger_price for leg in row.legs] == [850]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (1, GttStatus.CANCELLED),
        (2, GttStatus.TRIGGERED),
        (4, GttStatus.UNKNOWN),  # in transit guards nothing yet
        (5, GttStatus.REJECTED),
        (6, GttStatus.ACTIVE),
        (7, GttStatus.EXPIRED),
        (3, GttStatus.UNKNOWN),
    ],
)
def test_each_number_of_a_gtt_means_one_status(number: int, status: GttStatus) -> None:
    assert gtt_with(ord_status=number).status is status


def test_a_rejected_gtt_says_why() -> None:
    row = gtt_with(ord_status=5, oms_msg="RED:Margin Shortfall:INR 1")

    assert row.legs[0].child_refusal is RefusalKind.MARGIN


@pytest.mark.parametrize(
    ("fields", "tag"),
    [
        ({"ordertag": "1:GTTB7K2X5"}, "B7K2X5"),
        ({"ordertag": None, "orderTag": "1:GTTB7K2X5"}, "B7K2X5"),
        ({"ordertag": "2:GTTUntagged"}, None),
        ({"ordertag": None}, None),
    ],
)
def test_the_tag_of_a_gtt_is_read_however_it_is_spelt(fields: dict[str, object], tag: str | None) -> None:
    assert gtt_with(**fields).tag == tag


def a_child(**changes: object) -> OrderRow:
    return order_with(
        **{
            "id": "C1",
            "side": -1,
            "limitPrice": 790,
            "orderDateTime": "27-Nov-2026 11:00:00",
            "orderTag": "1:GTTB7K2X5",
        }
        | changes
    )


def children(row: GttRow) -> list[str | None]:
    return [leg.child_order_id for leg in row.legs]


def test_the_order_that_a_gtt_placed_is_found_by_its_tag() -> None:
    fired = gtt_with(ord_status=2)

    (found,) = with_children([fired], [order_with(), a_child()])

    assert children(found) == ["C1", None]


@pytest.mark.parametrize("price", [789, 760, 700])
def test_a_child_that_was_moved_is_still_its_stops(price: int) -> None:
    (found,) = with_children([gtt_with(ord_status=2)], [a_child(limitPrice=price)])

    assert children(found) == ["C1", None]


def test_a_gtt_that_waits_has_no_child_whatever_the_book_shows() -> None:
    (found,) = with_children([gtt_with()], [a_child()])

    assert children(found) == [None, None]


@pytest.mark.parametrize(
    "changes",
    [
        {"orderTag": "1:GTTANOTHER"},
        {"orderTag": "1:B7K2X5"},  # a plain order with the same tag
        {"side": 1},
        {"productType": "INTRADAY"},
        {"symbol": "NSE:INFY-EQ"},
    ],
)
def test_another_order_is_not_taken_for_the_child(changes: dict[str, object]) -> None:
    (found,) = with_children([gtt_with(ord_status=2)], [a_child(**changes)])

    assert children(found) == [None, None]


def test_without_tags_in_the_list_a_child_is_known_by_what_it_says() -> None:
    fired = gtt_with(ord_status=2, ordertag=None)
    later = replace(fired, trigger_id="G2")
    orders = [
        a_child(id="C1", limitPrice=850),
        a_child(id="C2", limitPrice=850),
        a_child(id="C0", limitPrice=850, qty=3),
        a_child(id="C9", limitPrice=850, orderDateTime="27-Nov-2026 10:39:59"),  # before the GTT was there
    ]

    found = with_children([fired, later], orders)

    assert [children(row) for row in found] == [[None, "C1"], [None, "C2"]]


def test_a_gtt_that_says_its_tag_keeps_its_child_from_one_that_does_not() -> None:
    silent, tagged = gtt_with(id="G1", ord_status=2, ordertag=None), gtt_with(id="G2", ord_status=2)

    found = {row.trigger_id: children(row) for row in with_children([silent, tagged], [a_child()])}

    assert found == {"G1": [None, None], "G2": ["C1", None]}


# The rest


def test_a_quote_has_the_time_of_the_question() -> None:
    found = quotes(ok(recorded("quotes.json")), {"NSE:SBIN-EQ": ("NSE", "SBIN")}, NOW)

    assert set(found) == {("NSE", "SBIN")}
    quote = found["NSE", "SBIN"]
    assert (quote.last, quote.bid, quote.ask, quote.at) == (
        Decimal("815.5"),
        Decimal("815.45"),
        Decimal("815.55"),
        NOW,
    )


def test_funds_are_those_of_the_two_rows_that_count() -> None:
    found = funds(ok(recorded("funds.json")))

    assert (found.available, found.used) == (Decimal("36.05"), Decimal("20.77"))


def test_funds_without_those_rows_are_no_funds() -> None:
    with pytest.raises(ReadFailed):
        funds(ok({"s": "ok", "code": 200, "fund_limit": []}))


def listed(name: str) -> dict[str, tuple[Any, ...]]:
    rows = instruments((FIXTURES / f"{name}.csv").read_bytes().splitlines(keepends=True))
    return {
        one.token: (
            one.instrument.exchange,
            one.instrument.symbol,
            one.instrument.kind,
            one.instrument.tick_size,
            one.instrument.lot_size,
        )
        for one in rows
    }


def test_shares_and_funds_are_listed_bonds_and_indices_are_not() -> None:
    assert listed("NSE_CM") == {
        "NSE:SBIN-EQ": ("NSE", "SBIN", "EQ", Decimal("0.1"), 1),
        "NSE:BAJAJ-AUTO-EQ": ("NSE", "BAJAJ-AUTO", "EQ", Decimal("1.0"), 1),
        "NSE:IDEA-BE": ("NSE", "IDEA-BE", "EQ", Decimal("0.01"), 1),
        "NSE:GOLDBEES-EQ": ("NSE", "GOLDBEES", "EQ", Decimal("0.01"), 1),
    }


def test_contracts_are_listed_with_expiry_and_strike() -> None:
    future, option = instruments((FIXTURES / "NSE_FO.csv").read_bytes().splitlines(keepends=True))

    assert (future.instrument.kind, future.instrument.expiry) == ("FUT", date(2026, 12, 29))
    assert (option.instrument.kind, option.instrument.strike) == ("CE", Decimal(26200))
    assert (option.token, option.instrument.symbol) == ("NSE:NIFTY26D0126200CE", "NIFTY26D0126200CE")


def test_a_share_in_two_groups_of_bse_is_not_guessed_at() -> None:
    assert listed("BSE_CM") == {"BSE:SBIN-A": ("BSE", "SBIN", "EQ", Decimal("0.05"), 1)}


def test_commodities_and_currencies_are_counted_in_lots() -> None:
    assert listed("MCX_COM")["MCX:CRUDEOIL26DECFUT"][-1] == 1
    assert listed("NSE_CD")["NSE:USDINR26DECFUT"][-1] == 1


@pytest.mark.parametrize("lines", [[], [b"a,b,c\n"], [b"\xff\n"], [b'"half\n']])
def test_a_file_that_is_not_fyers_is_no_list(lines: list[bytes]) -> None:
    with pytest.raises(ReadFailed):
        instruments(lines)


@pytest.mark.parametrize(
    ("obtained", "ends"), [("2026-11-27T03:00", "2026-11-28T00:30"), ("2026-11-27T00:29", "2026-11-27T00:30")]
)
def test_a_token_is_counted_on_until_six_in_the_morning(obtained: str, ends: str) -> None:
    found = FyersLogin().ends_at(datetime.fromisoformat(obtained).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(ends).replace(tzinfo=UTC)
