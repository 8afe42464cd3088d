"""When a request becomes a native bracket, when it is held by the second choice, and what is told."""

from dataclasses import replace
from typing import Any

import pytest

from services.bracket.model import OrderType, Side, Topology
from services.bracket.protection import describe_protection, plan_warnings
from services.event_codec import decode_event
from tests.unit.test_validation import (
    BROKER,
    FUTURE,
    D,
    faults,
    on,
    planned,
    quote,
    request,
    session,
    several,
)

ABLE = replace(
    BROKER,
    topologies=BROKER.topologies | {"MIS": Topology.NATIVE, "NRML:NFO": Topology.NATIVE},
    fallbacks={"MIS": Topology.MORPH, "NRML": Topology.OCO},
    overnight=BROKER.overnight | {"NRML:NFO"},
    native_entry_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
)
RELATIVE = {"sl_price": None, "sl_points": D(5)}
MARKET: dict[str, Any] = {"pricetype": "MARKET", "entry_price": None}


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(**RELATIVE),
        request(**MARKET),
        request(**MARKET | RELATIVE),
        request(action="SELL", sl_price=D(105), target_price=D(90)),
    ],
)
def test_one_target_priced_before_the_entry_is_a_native_bracket(asked: Any) -> None:
    assert planned(asked, capabilities=ABLE, market=quote()).topology is Topology.NATIVE


@pytest.mark.parametrize(
    "asked",
    [
        request(**several("105", "110")),
        request(pricetype="SL", trigger_price=D(100)),
        request(validity="IOC"),
        request(disclosed_quantity=5),
        request(**MARKET | RELATIVE),  # nobody says what its points count from
    ],
)
def test_what_no_native_bracket_can_be_is_held_by_the_second_choice(asked: Any) -> None:
    assert planned(asked, capabilities=ABLE).topology is Topology.MORPH


def test_absolute_prices_need_no_price_to_count_from() -> None:
    assert planned(request(**MARKET), capabilities=ABLE).topology is Topology.NATIVE


def test_a_product_without_native_brackets_is_held_as_before() -> None:
    assert planned(request(product="CNC"), capabilities=ABLE).topology is Topology.OCO


def test_what_the_second_choice_cannot_hold_is_refused_before_the_entry() -> None:
    able = replace(ABLE, oco_short_exchanges=frozenset())
    short = {"action": "SELL", "product": "NRML", "sl_price": D(105)}
    one = request(**on(FUTURE), **short, target_price=D(90))
    two = request(**on(FUTURE, quantity=150), **short, **several("90", "85"))

    assert not faults(one, capabilities=able, instrument=FUTURE)
    assert "cannot be protected at this broker" in " ".join(
        fault.sentence for fault in faults(two, capabilities=able, instrument=FUTURE)
    )


def test_the_caller_is_told_what_a_native_bracket_leaves_open() -> None:
    asked = request(**RELATIVE)
    plan = planned(asked, capabilities=ABLE)

    told = describe_protection(plan, plan_warnings(plan, request=asked, quote=quote(), session=session()))

    assert (told.topology, told.held_by) == (Topology.NATIVE, "broker's native bracket order")
    assert (told.survives_stop, told.survives_target) == (True, True)
    assert told.warnings[:3] == (
        "the broker decides how many shares its exits cover: where they cover other than what is held, or one"
        " of them dies, both are taken away and replaced (stop resting at the exchange; target by this"
        " service)",
        "the broker may hold its exits back until the entry has filled completely: what filled may be"
        " unprotected for 3 s, then the rest of the entry is cancelled",
        "stop and target go with the entry as prices and are moved to the average fill",
    )


def test_a_stop_outside_the_days_band_is_refused_for_a_native_bracket_too() -> None:
    found = faults(request(), capabilities=ABLE, market=quote(lower_band=D(96)))

    assert [one.field for one in found] == ["sl_price"]


def test_events_stored_before_there_were_native_brackets_are_read_as_before() -> None:
    payload = (
        b'{"seq":1,"slice":0,"role":"E","kind":"order","tag":"0BRACKETE01X","side":"BUY","terms":{'
        b'"order_type":"LIMIT","quantity":10,"price":"100.00","trigger_price":null,"target_trigger":null,'
        b'"target_price":null},"purpose":"entry","rung":0}'
    )

    event = decode_event("LegIntended", payload)

    assert (event.side, event.terms.is_native) == (Side.BUY, False)  # type: ignore[union-attr]  # as asked


def test_a_night_that_only_the_native_bracket_outlives_is_none_for_what_stands_in_for_it() -> None:
    able = replace(
        ABLE,
        topologies=ABLE.topologies | {"CNC": Topology.NATIVE},
        native_entry_types=frozenset({OrderType.LIMIT}),
    )
    native, market = request(product="CNC"), request(product="CNC", **MARKET)

    assert planned(native, capabilities=able).survives_day
    assert [fault.sentence for fault in faults(market, capabilities=able)] == [
        "product CNC on NSE cannot be protected overnight at this broker but by its own bracket order"
        " (LIMIT entry, one target, prices known before): send exit_at before 15:30, or use MIS"
    ]
