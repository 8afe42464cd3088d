"""Lots, values, amounts and multiples put into shares and points."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket.model import Quote
from services.bracket.request import BracketOrderRequest
from services.bracket.units import settle
from tests.builders import NINE_THIRTY, an_instrument

LOT = 65
UNITS = {"lots", "order_value", "sl_amount", "target_amount", "target_r"}


def asked(**said: Any) -> BracketOrderRequest:
    plain: dict[str, Any] = {"action": "BUY", "entry_price": 500, "sl_points": 10, "target_points": 20}
    merged = {name: value for name, value in (plain | said).items() if value is not ...}
    prices = {name for name in merged if name not in ("action", "quantity", "lots", "pricetype")}
    typed: dict[str, Any] = {
        name: Decimal(str(value)) if name in prices else value for name, value in merged.items()
    }
    return BracketOrderRequest(**typed)


def settled(request: BracketOrderRequest, **more: Any) -> tuple[BracketOrderRequest, list[str]]:
    facts = {"instrument": an_instrument(lot_size=LOT), "quote": None} | more
    found = settle(request, **facts)
    return found.request, [fault.sentence for fault in found.faults]


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ({"lots": 2}, {"quantity": 130}),
        ({"order_value": 100_000}, {"quantity": 195}),
        ({"quantity": 130, "sl_points": ..., "sl_amount": 1000}, {"sl_points": "7.6923"}),
        ({"quantity": 130, "target_points": ..., "target_amount": 1000}, {"target_points": "7.6923"}),
        ({"lots": 1, "sl_points": ..., "sl_amount": 650}, {"quantity": 65, "sl_points": "10"}),
        ({"risk_amount": 1300, "target_points": ..., "target_amount": 2600}, {"target_points": "20"}),
        ({"quantity": 65, "target_points": ..., "target_r": "2.5"}, {"target_points": "25.0"}),
        (
            {"quantity": 65, "sl_points": ..., "sl_percent": 1, "target_points": ..., "target_r": 2},
            {"target_percent": "2"},
        ),
        (
            {"quantity": 65, "sl_points": ..., "sl_price": 490, "target_points": ..., "target_r": 3},
            {"target_points": "30"},
        ),
        (
            {"quantity": 65, "sl_points": ..., "sl_amount": 650, "target_points": ..., "target_r": 2},
            {"sl_points": "10", "target_points": "20"},
        ),
    ],
)
def test_each_unit_has_one_plain_way_to_say_it(said: dict[str, Any], becomes: dict[str, Any]) -> None:
    request, faults = settled(asked(**said))

    found = {name: getattr(request, name) for name in becomes}
    assert faults == []
    assert found == {
        name: value if isinstance(value, int) else Decimal(value) for name, value in becomes.items()
    }
    assert all(getattr(request, name) is None for name in UNITS)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"lots": 0}, "lots 0 must be greater than 0"),
        ({"order_value": -1}, "order_value -1 must be greater than 0"),
        ({"quantity": 1, "lots": 1}, "quantity and lots exclude each other: send one"),
        ({"order_value": 1, "risk_amount": 1}, "order_value and risk_amount exclude each other: send one"),
        (
            {"quantity": 65, "sl_amount": 5},
            "sl_points and sl_amount exclude each other: send one",
        ),
        (
            {"quantity": 65, "target_r": 5},
            "target_points and target_r exclude each other: send one",
        ),
        (
            {"order_value": 100},
            "order_value 100 is less than one lot of 65 costs: 32500 at 500",
        ),
        (
            {"order_value": 100, "entry_price": ..., "pricetype": "MARKET"},
            "order_value 100 needs an entry price: there is no quote",
        ),
        (
            {"risk_amount": 100, "sl_points": ..., "sl_amount": 5},
            "sl_amount needs a quantity: with risk_amount send sl_price, sl_points or sl_percent",
        ),
        (
            {"quantity": 65, "sl_points": ..., "target_points": ..., "target_r": 2},
            "target_r 2 needs one stop to be a multiple of",
        ),
        (
            {
                "quantity": 65,
                "sl_points": ...,
                "sl_price": 490,
                "target_points": ...,
                "target_r": 2,
                "entry_price": ...,
                "pricetype": "MARKET",
            },
            "target_r 2 needs an entry price, or sl_points or sl_percent",
        ),
        ({"target_points": ..., "target_amount": 5}, "target_amount 5 needs a quantity"),
    ],
)
def test_what_cannot_be_put_into_shares_or_points_is_told(said: dict[str, Any], sentence: str) -> None:
    assert settled(asked(**said))[1] == [sentence]


def test_a_market_order_is_measured_by_the_quote() -> None:
    quote = Quote(last=Decimal(250), at=NINE_THIRTY)

    request, _ = settled(asked(order_value=65_000, entry_price=..., pricetype="MARKET"), quote=quote)

    assert request.quantity == 260


def test_without_an_instrument_nothing_is_guessed() -> None:
    request = asked(lots=2)

    assert settle(request, instrument=None, quote=None).request == request


def test_a_request_in_plain_units_stays_as_it_is() -> None:
    request = replace(asked(), quantity=65)

    assert settled(request) == (request, [])


@given(
    amount=st.decimals("1", "1000000", places=2),
    lots=st.integers(1, 50),
    side=st.sampled_from(["BUY", "SELL"]),
)
def test_a_stop_by_amount_never_loses_more_than_was_said(amount: Decimal, lots: int, side: str) -> None:
    request, faults = settled(asked(action=side, lots=lots, sl_points=..., sl_amount=amount))

    assert faults == []
    assert request.sl_points is not None
    assert request.quantity is not None
    assert 0 <= amount - request.sl_points * request.quantity < request.quantity * Decimal("0.0001")
