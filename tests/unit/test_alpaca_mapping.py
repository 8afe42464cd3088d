"""Alpaca's words in ours: what each status, replacement and half-written row means."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from broker.alpaca.book import OrderBook
from broker.alpaca.chains import Orders, arranged, unexplained
from broker.alpaca.mapping import order_row, order_rows, position_rows, quotes, trade_rows
from broker.alpaca.ocos import gtt_rows, hidden
from broker.alpaca.refusals import refusal_kind
from broker.alpaca.schemas import Fill, Order
from broker.base import ReadFailed
from broker.http import Answer
from services.bracket.model import GttStatus, OrderRow, OrderType, Purpose, RefusalKind, RowStatus, Side
from simulator import VirtualClock

FIXTURES = Path(__file__).parent.parent / "fixtures" / "alpaca"
DAY = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)  # New York's midnight


def recorded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def an_order(**changes: object) -> Order:
    """Return the first recorded order, a stop-limit buy of 10, as a plain limit order with these fields."""
    plain = {"type": "limit", "stop_price": None, "time_in_force": "day"}
    return msgspec.convert(recorded("orders.json")[0] | plain | changes, Order, strict=False)


def a_bracket(stop: str = "held", target: str = "new", **changes: object) -> Order:
    """Return the recorded bracket, its entry filled, with these words for its exits."""
    row = recorded("orders.json")[1]
    legs = [leg | {"status": word} for leg, word in zip(row["legs"], (target, stop), strict=True)]
    return msgspec.convert(row | {"legs": legs} | changes, Order, strict=False)


def known(*orders: Order) -> Orders:
    return arranged(orders, {})


def row_with(**changes: object) -> OrderRow:
    order = an_order(**changes)
    orders = known(order)
    return order_row(orders.chains[order.id], orders)


def rows_of(orders: Orders) -> list[OrderRow]:
    return list(order_rows_of(orders, ()))


def order_rows_of(orders: Orders, left_out: Iterable[str]) -> tuple[OrderRow, ...]:
    return order_rows(orders, left_out, since=DAY)


# Orders


def test_an_order_row_says_what_the_book_says() -> None:
    assert row_with() == OrderRow(
        broker_order_id="40000000-0000-4000-8000-000000000004",
        tag="B7K2E2",
        exchange="US",
        symbol="SPY",
        product="MIS",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=10,
        status=RowStatus.OPEN,
        filled=0,
        price=Decimal("610.5"),
        updated_at=datetime(2026, 11, 27, 15, 0, 1, 500000, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("new", RowStatus.OPEN),
        ("pending_cancel", RowStatus.OPEN),
        ("pending_replace", RowStatus.OPEN),
        ("stopped", RowStatus.OPEN),
        ("accepted", RowStatus.PENDING),
        ("pending_new", RowStatus.PENDING),
        ("pending_review", RowStatus.PENDING),
        ("accepted_for_bidding", RowStatus.PENDING),
        ("suspended", RowStatus.PENDING),
        ("calculated", RowStatus.PENDING),
        ("held", RowStatus.PENDING),
        ("canceled", RowStatus.CANCELLED),
        ("expired", RowStatus.EXPIRED),
        ("rejected", RowStatus.REJECTED),
        ("done_for_day", RowStatus.EXPIRED),  # of a day order
        ("filled", RowStatus.UNKNOWN),  # and nothing filled
        ("replaced", RowStatus.UNKNOWN),  # by something that nobody shows
        ("resting", RowStatus.UNKNOWN),
    ],
)
def test_each_word_means_one_status_and_others_are_unknown(word: str, status: RowStatus) -> None:
    assert row_with(status=word).status is status


def test_an_order_until_cancelled_that_is_done_for_the_day_goes_on_tomorrow() -> None:
    assert row_with(status="done_for_day", time_in_force="gtc").status is RowStatus.PENDING


def test_quantities_run_ahead_of_the_word() -> None:
    filled = row_with(filled_qty="10", filled_avg_price="610.4")

    assert (filled.status, filled.average_price) == (RowStatus.FILLED, Decimal("610.4"))


@pytest.mark.parametrize("filled", ["11", "-1"])
def test_a_row_filled_beyond_its_quantity_is_impossible(filled: str) -> None:
    with pytest.raises(ValueError, match="filled"):
        row_with(filled_qty=filled)


@pytest.mark.parametrize("changes", [{"side": "hold"}, {"type": "pegged"}])
def test_a_row_with_a_word_that_decides_over_shares_cannot_be_guessed(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="unknown"):
        row_with(**changes)


def test_a_fraction_counts_as_ordered_and_not_as_filled() -> None:
    row = row_with(qty="1.5", filled_qty="0.7")

    assert (row.quantity, row.filled) == (2, 0)


def test_an_order_by_value_or_of_another_kind_of_asset_is_none_of_ours_and_no_trouble() -> None:
    by_value = row_with(qty=None, notional="500", filled_qty="0.3")
    crypto = row_with(asset_class="crypto", symbol="BTC/USD")
    opening = row_with(time_in_force="opg")

    assert (by_value.quantity, crypto.exchange, opening.product) == (1, "crypto", "opg")


@pytest.mark.parametrize("told", ["2f3a0d4c-1111-4222-8333-944445555666", ""])
def test_a_client_id_of_alpacas_own_making_is_no_tag(told: str) -> None:
    assert row_with(client_order_id=told).tag is None


# Exits of a bracket


def exits(order: Order) -> dict[Purpose | None, RowStatus]:
    return {row.exit_purpose: row.status for row in rows_of(known(order))}


@pytest.mark.parametrize(
    ("stop", "target", "status"),
    [
        ("held", "new", RowStatus.TRIGGER_PENDING),  # it works, whatever it is called
        ("held", "partially_filled", RowStatus.TRIGGER_PENDING),
        ("held", "pending_cancel", RowStatus.TRIGGER_PENDING),
        ("held", "held", RowStatus.PENDING),
        ("held", "accepted", RowStatus.PENDING),
        ("held", "canceled", RowStatus.PENDING),
        ("held", "something", RowStatus.PENDING),
        ("new", "held", RowStatus.TRIGGER_PENDING),
        ("canceled", "new", RowStatus.CANCELLED),
    ],
)
def test_a_held_stop_works_only_as_long_as_its_target_does(stop: str, target: str, status: RowStatus) -> None:
    assert exits(a_bracket(stop, target))[Purpose.STOP] is status


def test_exits_name_their_entry_and_no_tag() -> None:
    rows = {row.exit_purpose: row for row in rows_of(known(a_bracket()))}
    entry = rows.pop(None)

    assert entry.parent_order_id is None
    assert {row.parent_order_id for row in rows.values()} == {entry.broker_order_id}
    assert {row.tag for row in rows.values()} == {None}
    assert (rows[Purpose.STOP].trigger_price, rows[Purpose.STOP].price) == (Decimal("581.5"), None)


# Orders that were replaced


def chain_of(*orders: Order, links: dict[str, str | None] | None = None) -> OrderRow:
    (row,) = rows_of(arranged(orders, links or {}))
    return row


def test_an_order_goes_by_its_first_id_whatever_replaced_it() -> None:
    first = an_order(id="a", status="replaced", replaced_by="b")
    second = an_order(id="b", client_order_id="x", status="replaced", replaces="a", replaced_by="c")
    third = an_order(id="c", client_order_id="y", replaces="b", limit_price="611")

    rows = [chain_of(*orders) for orders in ((first, second, third), (third, first, second))]

    assert {(row.broker_order_id, row.tag, row.price) for row in rows} == {("a", "B7K2E2", Decimal(611))}


def test_an_order_that_alpaca_has_not_replaced_yet_still_stands() -> None:
    """The replacement may be refused: until it works, what it replaces does."""
    first = an_order(id="a", status="pending_replace", replaced_by="b")
    second = an_order(id="b", status="pending_new", replaces="a", limit_price="611")

    assert chain_of(first, second).price == Decimal("610.5")


def test_what_filled_before_a_replacement_counts() -> None:
    first = an_order(id="a", status="replaced", replaced_by="b", filled_qty="4", filled_avg_price="600")
    second = an_order(id="b", replaces="a", qty="6", filled_qty="1", filled_avg_price="605")

    row = chain_of(first, second)

    assert (row.quantity, row.filled, row.average_price) == (10, 5, Decimal(601))


def test_a_replaced_order_that_is_listed_nowhere_is_asked_for() -> None:
    last = an_order(id="c", replaces="b")

    assert unexplained([last], {}) == {"b"}
    assert unexplained([last], {"b": "a"}) == {"a"}
    assert unexplained([last], {"b": "a", "a": None}) == set()
    assert chain_of(last, links={"b": "a", "a": None}).broker_order_id == "a"


def test_orders_that_replace_each_other_in_a_circle_do_not_hang_a_read() -> None:
    one, other = an_order(id="a", replaces="b"), an_order(id="b", replaces="a")

    assert unexplained([one, other], {}) == set()
    assert rows_of(known(one, other))


# Positions, fills, prices


def test_a_position_has_what_day_orders_hold_apart_and_never_more_than_there_is() -> None:
    answer = Answer(status=200, body=json.dumps(recorded("positions.json")).encode())
    day = a_bracket()
    stopped = replace_leg(day, "stop", status="filled", filled_qty="10", filled_avg_price="581")
    sold_more = an_order(id="s", side="sell", status="filled", filled_qty="10", filled_avg_price="1")

    parts = [
        {row.product: row.quantity for row in position_rows(answer, known(*orders))}
        for orders in ((), (day,), (stopped,), (sold_more,))
    ]

    assert parts == [{"CNC": 14}, {"MIS": 10, "CNC": 4}, {"CNC": 14}, {"CNC": 14}]


def replace_leg(order: Order, kind: str, **changes: object) -> Order:
    legs = [msgspec.to_builtins(leg) | (changes if leg.type == kind else {}) for leg in order.legs or []]
    return msgspec.structs.replace(order, legs=[msgspec.convert(leg, Order, strict=False) for leg in legs])


def test_a_short_position_is_negative() -> None:
    (row,) = recorded("positions.json")
    body = json.dumps([row | {"qty": "-14", "side": "short"}]).encode()

    (found,) = position_rows(Answer(status=200, body=body), known())

    assert found.quantity == -14


def test_a_fill_goes_by_the_id_that_its_order_goes_by() -> None:
    first = an_order(id="a", status="replaced", replaced_by="b")
    fill = msgspec.convert(recorded("fills.json")[0] | {"order_id": "b"}, Fill, strict=False)

    (trade,) = trade_rows([fill], known(first, an_order(id="b", replaces="a")))

    assert (trade.broker_order_id, trade.quantity, trade.price) == ("a", 10, Decimal("589.98"))
    assert trade.at == datetime(2026, 11, 27, 15, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("row", [None, {}, {"latestTrade": {"p": 0, "t": "2026-11-27T15:00:02Z"}}])
def test_what_has_never_traded_has_no_quote(row: object) -> None:
    assert quotes(Answer(status=200, body=json.dumps({"SPY": row}).encode())) == {}


@pytest.mark.parametrize("words", ['order is already in "filled" state', "order in replaced status"])
def test_words_for_what_is_over_mean_that(words: str) -> None:
    assert refusal_kind(words) is RefusalKind.ALREADY_DONE


def test_an_order_that_is_not_accepted_yet_is_not_over() -> None:
    assert refusal_kind('order is already in "pending_new" state') is RefusalKind.UNCLASSIFIED


# OCO


def an_oco(target: str = "new", stop: str = "held", *, filled: str = "0") -> Order:
    """Return an OCO for a position of 10; filled is its stop's."""
    row = recorded("orders.json")[1]
    leg = row["legs"][1] | {"status": stop, "order_class": "oco", "filled_qty": filled}
    changes = {"order_class": "oco", "side": "sell", "status": target, "filled_qty": "0", "legs": [leg]}
    return msgspec.convert(row | {"filled_avg_price": None} | changes, Order, strict=False)


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (an_oco(), GttStatus.ACTIVE),
        (an_oco("accepted", "held"), GttStatus.ACTIVE),
        (an_oco("canceled", "canceled"), GttStatus.CANCELLED),
        (an_oco("expired", "expired"), GttStatus.EXPIRED),
        (an_oco("rejected", "rejected"), GttStatus.REJECTED),
        (an_oco("expired", "canceled"), GttStatus.CANCELLED),
        (an_oco("canceled", "new"), GttStatus.UNKNOWN),  # one without the other
        (an_oco("canceled", "partially_filled", filled="4"), GttStatus.TRIGGERED),
        (an_oco("resting"), GttStatus.UNKNOWN),
    ],
)
def test_an_oco_is_what_both_of_its_orders_are(order: Order, status: GttStatus) -> None:
    (row,) = gtt_rows(known(order), since=DAY)

    assert row.status is status


def test_only_what_has_begun_to_fill_is_shown_as_an_order() -> None:
    waits, begun = known(an_oco()), known(an_oco("canceled", "filled", filled="10"))

    (row,) = gtt_rows(begun, since=DAY)

    assert order_rows_of(waits, hidden(waits)) == ()
    (child,) = order_rows_of(begun, hidden(begun))
    assert [leg.child_order_id for leg in row.legs] == [child.broker_order_id, None]
    assert child.parent_order_id is None  # its parent is the GTT


def test_an_oco_whose_stop_is_not_listed_is_unknown() -> None:
    alone = msgspec.structs.replace(an_oco(), legs=None)

    (row,) = gtt_rows(known(alone), since=DAY)

    assert row.status is GttStatus.UNKNOWN


# The book


class Pages:
    """Satisfies Pages; counts what is asked."""

    def __init__(self, *orders: Order) -> None:
        self.orders = list(orders)
        self.asked: list[str] = []
        self.fails = False

    def latest(self, *, after: datetime, until: datetime | None) -> list[Order]:
        if self.fails:
            raise ReadFailed("no answer")
        self.asked.append("page")
        return self.orders

    def one(self, order_id: str) -> Order:
        self.asked.append(order_id)
        return an_order(id=order_id)


def a_clock() -> VirtualClock:
    return VirtualClock()


def test_positions_are_told_by_the_orders_just_read() -> None:
    clock, pages = a_clock(), Pages(an_order())
    book = OrderBook(pages, clock)

    book.read()
    book.recent()
    clock.advance(timedelta(seconds=6))
    book.recent()
    book.touch()
    book.recent()

    assert pages.asked == ["page"] * 3


def test_a_live_order_that_the_latest_page_leaves_out_is_asked_for_and_a_dead_one_is_not() -> None:
    live, dead = an_order(id="live"), an_order(id="dead", status="canceled")
    pages = Pages(live, dead)
    book = OrderBook(pages, a_clock())
    book.read()
    pages.orders = []

    found = book.read()

    assert pages.asked == ["page", "page", "live"]
    assert "live" in found.chains


def test_a_read_that_fails_leaves_what_was_known() -> None:
    pages = Pages(an_order(id="live"))
    book = OrderBook(pages, a_clock())
    book.read()
    pages.fails = True

    with pytest.raises(ReadFailed):
        book.read()

    assert book.known("live") is not None


def test_a_change_is_known_before_the_next_read_and_not_after_it() -> None:
    pages = Pages(an_order(id="a"))
    book = OrderBook(pages, a_clock())
    book.read()

    book.note("a", an_order(id="b", replaces="a"))
    noted = book.known("a")
    pages.orders = [an_order(id="c", replaces="a"), an_order(id="a", status="replaced", replaced_by="c")]
    book.read()
    read = book.known("a")

    assert noted is not None
    assert read is not None
    assert (noted.current.id, read.current.id) == ("b", "c")
