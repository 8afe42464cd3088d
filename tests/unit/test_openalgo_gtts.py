"""GTTs in OpenAlgo's words, and which order one has placed: what is proved, what is in doubt."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.base import GttRequest, GttRow, OrderRejected, OrderRow, OutcomeUnknown, PlacedGtt, ReadFailed
from broker.http import Answer
from broker.openalgo.fates import SLACK, Known, fates
from broker.openalgo.gtt_memory import CANCELLED_AFTER, LAGS, SEARCHED, GttMemory
from broker.openalgo.gtts import gtt_ack, gtt_body, gtt_change, gtt_rows
from services.bracket.gtt_rows import gtt_terms
from services.bracket.model import GttLegRow, GttStatus, OrderType, Product, RowStatus, Side, Terms

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)  # 10:30 at the exchange
LONG = Terms(
    order_type=OrderType.LIMIT,
    quantity=10,
    trigger_price=Decimal(490),
    price=Decimal(488),
    target_trigger=Decimal(510),
    target_price=Decimal("509.95"),
)
SHORT = replace(
    LONG,
    trigger_price=Decimal(510),
    price=Decimal(512),
    target_trigger=Decimal(490),
    target_price=Decimal("490.05"),
)


def a_request(terms: Terms = LONG, **changes: Any) -> GttRequest:
    usual: dict[str, Any] = {
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": Product.CNC,
        "side": Side.SELL,
        "terms": terms,
        "last_price": Decimal(500),
        "tag": "ABCDEFGHX02A",
    }
    return GttRequest(**usual | changes)


def listed(*rows: dict[str, Any]) -> Answer:
    return Answer(status=200, body=json.dumps({"status": "success", "data": rows}).encode())


def a_row(**changes: Any) -> dict[str, Any]:
    leg = {"action": "SELL", "quantity": 10, "pricetype": "LIMIT", "product": "CNC"}
    return {
        "trigger_id": "7",
        "trigger_type": "two-leg",
        "status": "active",
        "symbol": "SBIN",
        "exchange": "NSE",
        "trigger_prices": [490.0, 510.0],
        "last_price": 500.0,
        "legs": [leg | {"price": 488.0}, leg | {"price": 509.95}],
        "created_at": "2026-11-23 10:00:00",
        "updated_at": "2026-11-23 10:00:00",
        "expires_at": "2027-11-23 00:00:00",
    } | changes


def an_order(order_id: str = "c1", **changes: Any) -> OrderRow:
    """Return the order that the stop of the GTT would place."""
    usual: dict[str, Any] = {
        "broker_order_id": order_id,
        "tag": None,
        "exchange": "NSE",
        "symbol": "SBIN",
        "product": "CNC",
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "quantity": 10,
        "status": RowStatus.OPEN,
        "filled": 0,
        "price": Decimal(488),
        "updated_at": NOW,
    }
    return OrderRow(**usual | changes)


def known(trigger_id: str = "7", *versions: tuple[GttLegRow, ...], alive_at: datetime = NOW) -> Known:
    (row,) = gtt_rows(listed(a_row(trigger_id=trigger_id)))
    return Known(row=row, versions=versions or (row.legs,), alive_at=alive_at)


def children(gtts: Iterable[Known], *orders: OrderRow) -> dict[str, object]:
    """Return by trigger id the orders that are named, lower leg first, or None where there is doubt."""
    found = fates(list(gtts), orders)
    return {
        name: [leg.child_order_id for leg in fate.legs] if isinstance(fate, GttRow) else None
        for name, fate in found.items()
    }


def test_the_legs_of_a_longs_oco_are_its_stop_below_and_its_target_above() -> None:
    body = gtt_body(a_request())

    assert body == {
        "strategy": "ABCDEFGHX02A",
        "exchange": "NSE",
        "symbol": "SBIN",
        "action": "SELL",
        "product": "CNC",
        "quantity": 10,
        "pricetype": "LIMIT",
        "trigger_type": "OCO",
        "price": 0,
        "triggerprice_sl": Decimal(490),
        "stoploss": Decimal(488),
        "triggerprice_tg": Decimal(510),
        "target": Decimal("509.95"),
    }


def test_the_legs_of_a_shorts_oco_are_its_target_below_and_its_stop_above() -> None:
    short = a_request(SHORT, side=Side.BUY, product=Product.NRML)

    body, change = gtt_body(short), gtt_change("7", short)

    assert (body["triggerprice_sl"], body["stoploss"]) == (Decimal(490), Decimal("490.05"))
    assert (body["triggerprice_tg"], body["target"]) == (Decimal(510), Decimal(512))
    assert (body["action"], body["product"]) == ("BUY", "NRML")
    assert change == {"trigger_id": "7"} | body


@pytest.mark.parametrize(("trigger", "words"), [(490, ("sl", "tg")), (510, ("tg", "sl"))])
def test_a_single_trigger_is_named_by_its_side_of_the_market(trigger: int, words: tuple[str, str]) -> None:
    terms = replace(LONG, trigger_price=Decimal(trigger), target_trigger=None, target_price=None)

    body = gtt_body(a_request(terms))

    assert (body["trigger_type"], body["price"]) == ("SINGLE", Decimal(488))
    assert [body[f"triggerprice_{word}"] for word in words] == [Decimal(trigger), 0]


@pytest.mark.parametrize(
    "request_", [a_request(product=Product.MIS), a_request(replace(LONG, target_price=None))]
)
def test_what_no_gtt_can_hold_is_refused_before_anything_is_sent(request_: GttRequest) -> None:
    with pytest.raises(OrderRejected):
        gtt_body(request_)


@pytest.mark.parametrize(("side", "terms"), [(Side.SELL, LONG), (Side.BUY, SHORT)])
def test_a_listed_oco_says_again_what_was_placed_whichever_order_its_legs_are_in(
    side: Side, terms: Terms
) -> None:
    body = gtt_body(a_request(terms, side=side))
    leg = {"action": side.value, "quantity": "10", "pricetype": "LIMIT", "product": "CNC"}
    legs = [leg | {"price": str(body["target"])}, leg | {"price": str(body["stoploss"])}]
    triggers = [float(str(body["triggerprice_sl"])), float(str(body["triggerprice_tg"]))]

    (row,) = gtt_rows(listed(a_row(legs=legs, trigger_prices=triggers)))

    assert gtt_terms(row, side) == terms
    assert (row.status, row.side, row.created_at) == (
        GttStatus.ACTIVE,
        side,
        datetime(2026, 11, 23, 4, 30, tzinfo=UTC),
    )


def test_a_word_for_an_end_is_no_evidence_and_an_unknown_one_is_unknown() -> None:
    rows = gtt_rows(listed(a_row(status="triggered"), a_row(trigger_id="8", status="paused")))

    assert [(row.trigger_id, row.status) for row in rows] == [("8", GttStatus.UNKNOWN)]


@pytest.mark.parametrize(
    "changes", [{"legs": []}, {"trigger_prices": [490.0]}, {"created_at": "lately"}, {"created_at": None}]
)
def test_a_gtt_that_says_nonsense_makes_the_whole_list_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(ReadFailed):
        gtt_rows(listed(a_row(**changes)))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            Answer(status=404, body=b'{"message":"The requested URL was not found on the server."}'),
            OrderRejected,
        ),
        (Answer(status=405, body=b"<html>"), OrderRejected),
        (
            Answer(status=501, body=b'{"status":"error","message":"GTT orders are not supported"}'),
            OrderRejected,
        ),
        (Answer(status=502, body=b"<html>"), OutcomeUnknown),
        (Answer(status=200, body=b'{"status":"success"}'), OutcomeUnknown),
        (Answer(status=200, body=b'{"status":"success","trigger_id":""}'), OutcomeUnknown),
    ],
)
def test_a_server_without_gtts_refuses_and_a_success_without_an_id_is_unknown(
    answer: Answer, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        gtt_ack(answer)


def test_the_one_order_that_says_what_a_leg_says_is_what_it_placed() -> None:
    assert children([known()], an_order()) == {"7": ["c1", None]}
    assert children([known()], an_order(price=Decimal("509.95"))) == {"7": [None, "c1"]}


@pytest.mark.parametrize(
    "changes",
    [
        {"side": Side.BUY},
        {"product": "MIS"},
        {"symbol": "INFY"},
        {"exchange": "BSE"},
        {"updated_at": NOW - SLACK - timedelta(seconds=1)},
        {"price": Decimal(495), "status": RowStatus.CANCELLED},
    ],
)
def test_an_order_that_it_cannot_have_placed_tells_nothing(changes: dict[str, Any]) -> None:
    assert children([known()], an_order(**changes)) == {}


@pytest.mark.parametrize(
    "orders",
    [
        [an_order(), an_order("c2")],
        [an_order(), an_order("c2", price=Decimal("509.95"))],  # both legs came to life
        [an_order(updated_at=None)],
        [an_order(price=Decimal(495))],  # somebody may have moved it
        [an_order(quantity=4)],
        [an_order(status=RowStatus.UNKNOWN, price=None)],
    ],
)
def test_what_may_be_it_and_nobody_can_say_is_in_doubt(orders: list[OrderRow]) -> None:
    assert children([known()], *orders) == {"7": None}


def test_an_order_that_says_the_same_is_named_beside_a_strangers_other_one() -> None:
    assert children([known()], an_order(), an_order("c2", price=Decimal(495))) == {"7": ["c1", None]}


def test_of_two_that_say_the_same_each_has_one_only_when_there_are_two() -> None:
    both = [known("7"), known("8")]

    assert children(both, an_order()) == {"7": None, "8": None}
    assert children(both, an_order(), an_order("c2")) == {"7": ["c1", None], "8": ["c2", None]}
    assert children(both, an_order(), an_order("c2"), an_order("c3")) == {"7": None, "8": None}


def test_what_it_said_before_a_change_that_came_too_late_counts_as_well() -> None:
    newer = tuple(replace(leg, price=leg.price + 1) for leg in known().row.legs)
    gtt = known("7", known().row.legs, newer)

    assert children([gtt], an_order()) == {"7": ["c1", None]}
    assert children([gtt], an_order(price=Decimal(489))) == {"7": ["c1", None]}


class Ledger:
    """A memory and its clock: one list after the other, a second apart."""

    def __init__(self) -> None:
        self.memory = GttMemory()
        self.seconds = 0.0

    @property
    def wall(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def look(
        self, *rows: dict[str, Any], orders: Iterable[OrderRow] = (), after: float = 1
    ) -> tuple[GttRow, ...]:
        """Take in a list, and return what is shown beside it."""
        self.seconds += after
        missing = self.memory.take_list(gtt_rows(listed(*rows)), wall=self.wall, now=self.seconds)
        return self.memory.told(fates(missing, orders), now=self.seconds)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_what_left_the_list_without_a_trace_is_shown_no_more(ledger: Ledger) -> None:
    ledger.look(a_row())

    assert ledger.look() == ()  # the core calls it gone in its own time


def test_one_in_doubt_is_shown_and_known_again_once_it_is_listed(ledger: Ledger) -> None:
    ledger.look(a_row())

    (doubted,) = ledger.look(orders=[an_order(quantity=4)])
    again = ledger.look(a_row(), orders=[an_order(quantity=4)])

    assert (doubted.trigger_id, doubted.status) == ("7", GttStatus.UNKNOWN)
    assert again == ()


def test_what_it_placed_stays_told_when_the_book_has_more_later(ledger: Ledger) -> None:
    ledger.look(a_row())
    (first,) = ledger.look(orders=[an_order()])

    (later,) = ledger.look(orders=[an_order(), an_order("c2")])

    assert later == first
    assert first.status is GttStatus.TRIGGERED


def test_what_one_has_placed_is_no_others(ledger: Ledger) -> None:
    ledger.look(a_row(), a_row(trigger_id="8"))
    ledger.look(a_row(trigger_id="8"), orders=[an_order()])

    assert not ledger.memory.concerns(an_order())
    assert ledger.memory.concerns(an_order("c2"))
    assert not ledger.memory.concerns(an_order("c2", symbol="INFY"))


def test_a_confirmed_cancel_is_believed_after_some_lists_without_it(ledger: Ledger) -> None:
    ledger.look(a_row())
    ledger.memory.note_cancelled("7")

    soon = ledger.look()
    (later,) = ledger.look(after=CANCELLED_AFTER.total_seconds())

    assert soon == ()
    assert later.status is GttStatus.CANCELLED


def test_a_confirmed_cancel_is_not_believed_against_an_order_that_may_be_its(ledger: Ledger) -> None:
    ledger.look(a_row())
    ledger.memory.note_cancelled("7")
    ledger.look(orders=[an_order(updated_at=None)])

    (later,) = ledger.look(orders=[an_order(updated_at=None)], after=CANCELLED_AFTER.total_seconds())

    assert later.status is GttStatus.UNKNOWN


def test_one_that_fired_before_any_list_showed_it_is_known_by_its_answer(ledger: Ledger) -> None:
    ledger.memory.note_sent(a_request(), None, wall=NOW)
    ledger.memory.note_sent(a_request(), "7", wall=NOW)

    (row,) = ledger.look(orders=[an_order()])

    assert (row.trigger_id, row.legs[0].child_order_id) == ("7", "c1")


def test_one_that_fired_without_an_answer_is_told_by_its_order_alone(ledger: Ledger) -> None:
    ledger.memory.note_sent(a_request(), None, wall=NOW)

    unseen = ledger.look()
    (row,) = ledger.look(orders=[an_order()])

    assert unseen == ()
    assert (row.status, row.legs[0].child_order_id) == (GttStatus.TRIGGERED, "c1")
    assert row.created_at == NOW


def test_one_without_an_answer_that_is_listed_is_not_looked_for(ledger: Ledger) -> None:
    ledger.memory.note_sent(a_request(), None, wall=NOW)

    ledger.look(a_row())

    assert ledger.look(a_row(), orders=[an_order()]) == ()


def test_after_a_restart_the_record_says_what_is_to_be_found(ledger: Ledger) -> None:
    ledger.memory.follow([PlacedGtt(trigger_id="7", request=a_request(), sent_at=NOW)])

    (row,) = ledger.look(orders=[an_order()])

    assert (row.trigger_id, row.legs[0].child_order_id) == ("7", "c1")


def test_what_nothing_tells_of_is_looked_for_no_longer_than_it_takes_to_call_it_gone(ledger: Ledger) -> None:
    ledger.look(a_row())
    ledger.look()

    assert ledger.look(orders=[an_order()], after=SEARCHED.total_seconds() + 1) == ()
    assert not ledger.memory


def test_a_list_that_shows_what_seems_to_have_fired_is_believed_after_some_seconds(ledger: Ledger) -> None:
    ledger.look(a_row())

    assert not ledger.memory.lags([an_order(quantity=4)], now=ledger.seconds)
    assert ledger.memory.lags([an_order()], now=ledger.seconds)
    assert not ledger.memory.lags([an_order()], now=ledger.seconds + LAGS.total_seconds())
    assert not ledger.memory.lags([], now=ledger.seconds)
