"""Upstox's words in ours: what each status, rule and half-written row means."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker.base import ReadFailed, Symbol
from broker.http import Answer
from broker.upstox.brackets import Book, Known, book
from broker.upstox.instruments import instruments
from broker.upstox.login import UpstoxLogin
from broker.upstox.mapping import funds, gtts, order_row, orders, position_rows, quotes, trade_rows
from services.bracket.model import OrderRow, OrderType, Purpose, RefusalKind, RowStatus, Side

FIXTURES = Path(__file__).parent.parent / "fixtures" / "upstox"
KEY = "NSE_EQ|INE062A01020"
GTT = "GTT-C26271100000001"
ENTRY, STOP, TARGET = f"{GTT}:ENTRY", f"{GTT}:STOPLOSS", f"{GTT}:TARGET"
NOW = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)


class Listed:
    """Satisfies InstrumentNames with one share."""

    def number_of(self, _broker: str, _symbol: Symbol) -> str | None:
        return KEY

    def symbol_of(self, _broker: str, exchange: str, number: str) -> Symbol | None:
        return (exchange, "SBIN") if number == KEY else None


NAMES = Listed()


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())["data"]


def ok(content: object) -> Answer:
    return Answer(status=200, body=json.dumps({"status": "success", "data": content}).encode())


def an_order(number: int = 0, /, **changes: object) -> dict[str, object]:
    """Return a recorded order, the first being a buy of 10 at 812.35, with these fields instead."""
    found: dict[str, object] = recorded("orders.json")[number]
    return found | changes


def row_of(number: int = 0, /, **changes: object) -> OrderRow:
    (order,) = orders(ok([an_order(number, **changes)]))
    return order_row(order, NAMES)


# Orders


def test_an_order_row_says_what_the_book_says() -> None:
    assert row_of() == OrderRow(
        broker_order_id="261127000000001",
        tag="B7K2E1",
        exchange="NSE",
        symbol="SBIN",
        product="MIS",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=0,
        price=Decimal("812.35"),
        updated_at=datetime(2026, 11, 27, 5, 7, 47, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("put order req received", RowStatus.PENDING),
        ("validation pending", RowStatus.PENDING),
        ("open pending", RowStatus.PENDING),
        ("after market order req received", RowStatus.PENDING),
        ("open", RowStatus.OPEN),
        ("modify pending", RowStatus.OPEN),
        ("modified", RowStatus.OPEN),
        ("not modified", RowStatus.OPEN),
        ("cancel pending", RowStatus.OPEN),
        ("not cancelled", RowStatus.OPEN),
        ("cancelled", RowStatus.CANCELLED),
        ("cancelled after market order", RowStatus.CANCELLED),
        ("rejected", RowStatus.REJECTED),
        ("complete", RowStatus.UNKNOWN),  # and nothing filled
        ("Open", RowStatus.UNKNOWN),
        ("frozen", RowStatus.UNKNOWN),
        ("", RowStatus.UNKNOWN),
    ],
)
def test_each_word_means_one_status_and_others_are_unknown(word: str, status: RowStatus) -> None:
    assert row_of(status=word).status is status


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("trigger pending", 0, RowStatus.TRIGGER_PENDING),
        ("modified", 0, RowStatus.PENDING),  # whether it rests, the next word tells
        ("open", 0, RowStatus.OPEN),  # it has fired
        ("modify pending", 4, RowStatus.OPEN),
    ],
)
def test_a_stop_rests_only_where_the_word_says_so(word: str, filled: int, status: RowStatus) -> None:
    assert row_of(1, status=word, filled_quantity=filled).status is status


def test_quantities_run_ahead_of_the_word() -> None:
    filled = row_of(filled_quantity=10, average_price=812.3)

    assert (filled.status, filled.average_price) == (RowStatus.FILLED, Decimal("812.3"))


@pytest.mark.parametrize(
    "changes",
    [
        {"filled_quantity": 11},
        {"filled_quantity": -1},
        {"transaction_type": "B"},
        {"order_type": "TWAP"},
        {"order_timestamp": "today"},
    ],
)
def test_a_row_that_cannot_be_is_no_row(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        row_of(**changes)


@pytest.mark.parametrize("changes", [{"quantity": None}, {"order_id": ""}, {"price": "much"}])
def test_a_row_that_cannot_be_read_fails_the_whole_read(changes: dict[str, object]) -> None:
    with pytest.raises(ReadFailed):
        orders(ok([an_order(), an_order(**changes)]))


def test_a_rejected_order_says_why() -> None:
    row = row_of(2)

    assert (row.status, row.refusal) == (RowStatus.REJECTED, RefusalKind.MARGIN)
    assert row.reason == "You need to add Rs. 812.35 to place this order."


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, ("NSE", "SBIN", "MIS")),
        ({"product": "D"}, ("NSE", "SBIN", "CNC")),
        ({"instrument_token": "NSE_FO|35003", "product": "D"}, ("NFO", "SBIN#35003", "NRML")),
        ({"instrument_token": "NSE_COM|7", "product": "CO"}, ("NSE_COM", "SBIN", "CO")),  # none of ours
    ],
)
def test_a_key_and_a_product_are_ours_or_like_none_of_ours(
    changes: dict[str, object], place: tuple[str, str, str]
) -> None:
    row = row_of(**changes)

    assert (row.exchange, row.symbol, row.product) == place


# GTTs


def a_rule(strategy: str, status: str = "SCHEDULED", order_id: str | None = None) -> dict[str, object]:
    level = {"ENTRY": 812.35, "TARGET": 830.0, "STOPLOSS": 800.0}[strategy]
    return {
        "strategy": strategy,
        "status": status,
        "trigger_type": "IMMEDIATE",
        "trigger_price": level,
        "transaction_type": "BUY" if strategy == "ENTRY" else "SELL",
        "order_id": order_id,
        "message": "circuit limits" if status == "FAILED" else None,
    }


def a_gtt(entry: str, exits: str = "SCHEDULED", *, stop: str | None = None, **ids: str) -> dict[str, object]:
    """Return the recorded GTT with its rules in these states; ids are of their orders."""
    rules = [
        a_rule("ENTRY", entry, ids.get("entry_id")),
        a_rule("TARGET", exits),
        a_rule("STOPLOSS", stop or exits, ids.get("stop_id")),
    ]
    found: dict[str, object] = recorded("gtts.json")[0]
    return found | {"rules": rules}


def a_child(
    order_id: str, *, side: str = "BUY", price: float = 812.35, **changes: object
) -> dict[str, object]:
    """Return an order that the GTT placed."""
    own: dict[str, object] = {"order_id": order_id, "transaction_type": side, "price": price, "tag": None}
    return an_order(**(own | {"order_ref_id": GTT} | changes))


FILLED: dict[str, Any] = {"status": "complete", "filled_quantity": 10, "average_price": 812.3}
CUT: dict[str, Any] = {"status": "cancelled", "filled_quantity": 4, "average_price": 812.3}


def seen(
    rows: Sequence[dict[str, object]], listed: Sequence[dict[str, object]] = (), known: Known | None = None
) -> Book:
    return book(orders(ok(list(rows))), gtts(ok(list(listed))), known or Known())


def by_id(found: Book) -> dict[str, OrderRow]:
    return {row.broker_order_id: row for row in found.rows(NAMES)}


def statuses(found: Book) -> dict[str, RowStatus]:
    return {own_id: row.status for own_id, row in by_id(found).items()}


def test_a_gtt_is_an_entry_and_two_exits_of_its_own() -> None:
    rows = by_id(seen([a_child("7", **FILLED)], [a_gtt("COMPLETED", entry_id="7")]))

    assert rows.keys() == {ENTRY, STOP, TARGET}
    entry, stop, target = rows[ENTRY], rows[STOP], rows[TARGET]
    assert (entry.status, entry.filled, entry.average_price) == (RowStatus.FILLED, 10, Decimal("812.3"))
    assert (stop.status, stop.trigger_price, stop.order_type) == (
        RowStatus.TRIGGER_PENDING,
        Decimal(800),
        OrderType.SL,
    )
    assert (target.status, target.price, target.order_type) == (
        RowStatus.OPEN,
        Decimal(830),
        OrderType.LIMIT,
    )
    assert {row.parent_order_id for row in (stop, target)} == {ENTRY}
    assert (stop.exit_purpose, target.exit_purpose) == (Purpose.STOP, Purpose.TARGET)
    assert {row.side for row in (stop, target)} == {Side.SELL}


def test_a_rule_never_looks_newer_than_the_order_it_placed() -> None:
    before = by_id(seen([], [a_gtt("SCHEDULED")]))

    after = by_id(seen([a_child("7", order_timestamp="2026-11-27 10:37:47", **FILLED)]))

    # Microseconds there, whole seconds here: within one second the order would count as old news.
    assert before[ENTRY].updated_at == after[ENTRY].updated_at == datetime(2026, 11, 27, 5, 7, 47, tzinfo=UTC)
    assert (before[STOP].updated_at, before[TARGET].updated_at) == (None, None)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SCHEDULED", RowStatus.PENDING),
        ("PENDING", RowStatus.PENDING),
        ("INACTIVE", RowStatus.PENDING),
        ("TRIGGERED", RowStatus.PENDING),
        ("OPEN", RowStatus.PENDING),  # its order is on its way into the book
        ("COMPLETED", RowStatus.FILLED),
        ("CANCELLED", RowStatus.CANCELLED),
        ("FAILED", RowStatus.REJECTED),
        ("EXPIRED", RowStatus.EXPIRED),
        ("scheduled", RowStatus.UNKNOWN),
        ("HALTED", RowStatus.UNKNOWN),
    ],
)
def test_each_word_of_a_rule_means_one_status_and_others_are_unknown(word: str, status: RowStatus) -> None:
    assert statuses(seen([], [a_gtt(word)]))[ENTRY] is status


def test_exits_protect_only_once_the_entry_is_complete() -> None:
    part = a_child("7", filled_quantity=4, average_price=812.3)

    held = statuses(seen([part], [a_gtt("OPEN", entry_id="7")]))

    assert held == {ENTRY: RowStatus.OPEN, STOP: RowStatus.PENDING, TARGET: RowStatus.PENDING}


def test_an_entry_that_failed_takes_its_exits_along_and_says_why() -> None:
    rows = by_id(seen([], [a_gtt("FAILED", "CANCELLED")]))

    assert {own_id: row.status for own_id, row in rows.items()} == {
        ENTRY: RowStatus.REJECTED,
        STOP: RowStatus.CANCELLED,
        TARGET: RowStatus.CANCELLED,
    }
    assert (rows[ENTRY].reason, rows[ENTRY].refusal) == ("circuit limits", RefusalKind.BAND)


def test_an_exit_that_was_sent_is_the_order_its_rule_names() -> None:
    sent = a_child("8", side="SELL", price=784.0, order_ref_id=None, status="open")
    gtt = a_gtt("COMPLETED", "CANCELLED", stop="OPEN", entry_id="7", stop_id="8")

    rows = by_id(seen([a_child("7", **FILLED), sent], [gtt]))

    assert rows.keys() == {ENTRY, STOP, TARGET}  # and no order 8 that stands alone
    assert (rows[STOP].status, rows[STOP].trigger_price) == (RowStatus.OPEN, Decimal(800))
    assert rows[TARGET].status is RowStatus.CANCELLED


@pytest.mark.parametrize(("price", "sent", "gone"), [(830.0, TARGET, STOP), (784.0, STOP, TARGET)])
@pytest.mark.parametrize("remembered", [False, True])
def test_a_gtt_that_is_over_is_told_by_its_orders_alone(
    remembered: bool, price: float, sent: str, gone: str
) -> None:
    entry = a_child("7", **FILLED)
    known = seen([entry], [a_gtt("COMPLETED", entry_id="7")]).known(Known()) if remembered else None
    exited = a_child("8", side="SELL", price=price, **FILLED)

    told = statuses(seen([entry, exited], known=known))

    assert told == {ENTRY: RowStatus.FILLED, sent: RowStatus.FILLED, gone: RowStatus.CANCELLED}


def test_a_short_one_has_its_target_below() -> None:
    entry = a_child("7", side="SELL", **FILLED)
    exited = a_child("8", side="BUY", price=790.0, **FILLED)

    assert statuses(seen([entry, exited]))[TARGET] is RowStatus.FILLED


def test_a_gtt_that_one_list_lacks_has_no_exits_to_tell_of() -> None:
    entry = a_child("7", **FILLED)
    known = seen([entry], [a_gtt("COMPLETED", entry_id="7")]).known(Known())

    first = seen([entry], known=known)
    second = seen([entry], known=first.known(known))

    # Nothing proves what became of them: they are missing, and stay it.
    assert statuses(first) == statuses(second) == {ENTRY: RowStatus.FILLED}


@pytest.mark.parametrize("remembered", [False, True])
def test_exits_of_an_entry_that_was_cut_short_are_gone_when_two_lists_lack_them(remembered: bool) -> None:
    entry = a_child("7", **CUT)
    before = seen([entry], [a_gtt("OPEN", entry_id="7")]).known(Known()) if remembered else Known()

    first = seen([entry], known=before)
    second = seen([entry], known=first.known(before))

    assert statuses(first) == {ENTRY: RowStatus.CANCELLED}
    assert statuses(second) == dict.fromkeys((ENTRY, STOP, TARGET), RowStatus.CANCELLED)


def test_a_gtt_that_comes_back_into_the_list_starts_the_count_again() -> None:
    entry, gtt = a_child("7", **CUT), a_gtt("OPEN", entry_id="7")
    known = seen([entry], [gtt]).known(Known())
    known = seen([entry], known=known).known(known)
    known = seen([entry], [gtt], known).known(known)

    assert statuses(seen([entry], known=known)) == {ENTRY: RowStatus.CANCELLED}


def test_a_gtt_that_we_ended_is_cancelled_as_soon_as_the_list_lacks_it() -> None:
    entry = a_child("7", **FILLED)
    known = seen([entry], [a_gtt("COMPLETED", entry_id="7")]).known(Known())
    ended = Known(gtts=known.gtts, cancelled=frozenset({GTT}))

    told = statuses(seen([entry], known=ended))

    assert (told[STOP], told[TARGET]) == (RowStatus.CANCELLED, RowStatus.CANCELLED)


def test_what_is_neither_listed_nor_ended_nor_placed_is_forgotten() -> None:
    known = seen([], [a_gtt("SCHEDULED")]).known(Known())

    gone = seen([], known=known)

    assert (gone.rows(NAMES), gone.known(known).gtts) == ((), {})


# Everything else


def test_a_trade_of_a_gtt_has_the_id_its_order_goes_by() -> None:
    parts = seen([a_child("261127000000004", **FILLED)]).parts()

    (trade,) = trade_rows(ok(recorded("trades.json")), NAMES, parts)

    assert (trade.broker_order_id, trade.quantity, trade.price) == (ENTRY, 10, Decimal("812.3"))
    assert trade.at == datetime(2026, 11, 27, 5, 8, 1, tzinfo=UTC)


def test_delivery_is_what_is_held_and_what_was_traded_today() -> None:
    rows = position_rows(ok(recorded("positions.json")), ok(recorded("holdings.json")), NAMES)

    # 50 held, 10 that come tomorrow, 15 of them sold today.
    assert {row.product: row.quantity for row in rows} == {"MIS": 10, "CNC": 45}


def test_a_quote_has_both_sides_and_the_bands() -> None:
    quote = quotes(ok(recorded("quotes.json")), {KEY: ("NSE", "SBIN")}, at=NOW)["NSE", "SBIN"]

    told = (quote.last, quote.bid, quote.ask, quote.lower_band, quote.upper_band)
    assert told == tuple(map(Decimal, ("815.5", "815.45", "815.55", "729.0", "891.0")))
    assert quote.at == NOW


def test_funds_are_those_of_the_equity_part() -> None:
    found = funds(ok(recorded("funds.json")))

    assert (found.available, found.used) == (Decimal("15507.46"), Decimal("812.35"))


EXPIRY = int(datetime(2026, 12, 29, 18, 29, 59, tzinfo=UTC).timestamp()) * 1000
SHARE = {
    "segment": "NSE_EQ",
    "instrument_key": KEY,
    "instrument_type": "EQ",
    "trading_symbol": "SBIN",
    "name": "STATE BANK OF INDIA",
    "tick_size": 5.0,
    "lot_size": 1,
    "freeze_quantity": 100000.0,
}
OPTION = {
    "segment": "NSE_FO",
    "instrument_key": "NSE_FO|35003",
    "instrument_type": "CE",
    "trading_symbol": "NIFTY 26000 CE 29 DEC 26",
    "underlying_symbol": "NIFTY",
    "tick_size": 5.0,
    "lot_size": 65,
    "freeze_quantity": 1800.0,
    "expiry": EXPIRY,
    "strike_price": 26000.0,
}
INDEX = {
    "segment": "NSE_INDEX",
    "instrument_key": "NSE_INDEX|Nifty 50",
    "instrument_type": "INDEX",
    "trading_symbol": "NIFTY",
}
BOND = SHARE | {"instrument_key": "NSE_EQ|INE0B", "instrument_type": "N1", "trading_symbol": "SBIN"}
TRADE_TO_TRADE = SHARE | {"instrument_key": "NSE_EQ|INE1B", "instrument_type": "BE", "trading_symbol": "IDEA"}


def listed(*rows: dict[str, Any], packed: bool = True) -> dict[Symbol, Any]:
    text = json.dumps(rows).encode()
    content = gzip.compress(text) if packed else text
    pieces = [content[start : start + 50] for start in range(0, len(content), 50)]
    return {(one.instrument.exchange, one.instrument.symbol): one for one in instruments(pieces)}


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_lists_shares_and_contracts_by_our_names(packed: bool) -> None:
    found = listed(SHARE, OPTION, INDEX, BOND, TRADE_TO_TRADE, packed=packed)

    assert found.keys() == {("NSE", "SBIN"), ("NFO", "NIFTY29DEC2626000CE"), ("NSE", "IDEA-BE")}
    share, option = found["NSE", "SBIN"], found["NFO", "NIFTY29DEC2626000CE"]
    assert (share.token, share.instrument.tick_size) == (KEY, Decimal("0.05"))  # told in paise
    instrument = option.instrument
    assert (instrument.expiry, instrument.strike) == (date(2026, 12, 29), Decimal(26000))
    assert (instrument.lot_size, instrument.freeze_quantity) == (65, 1800)


@pytest.mark.parametrize(
    "content",
    [b"<html>", gzip.compress(b"[]")[:-4], gzip.compress(b'[{"segment":"NSE_EQ"}]'), b""],
    ids=[
        "a page",
        "cut off",
        "no whole row",
        "nothing",
    ],  # a name from the bytes would hold the time of packing
)
def test_half_a_file_is_none(content: bytes) -> None:
    with pytest.raises(ReadFailed):
        instruments([content])


@pytest.mark.parametrize(
    ("obtained", "days"), [("2026-11-27T21:59:00+00:00", 0), ("2026-11-27T22:01:00+00:00", 1)]
)
def test_a_token_ends_at_half_past_three_in_the_morning(obtained: str, days: int) -> None:
    ends = UpstoxLogin().ends_at(datetime.fromisoformat(obtained))

    assert ends == datetime(2026, 11, 27, 22, 0, tzinfo=UTC) + timedelta(days=days)


def test_no_push_is_genuine() -> None:
    assert UpstoxLogin().is_genuine(b'{"update_type":"order"}', {"api_secret": "s"}) is False
