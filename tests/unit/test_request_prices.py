"""Which spellings of a number are a price: plain decimals, nothing Python alone would read."""

from decimal import Decimal

import pytest

from services.bracket.request import parse_price


@pytest.mark.parametrize(
    ("sent", "price"),
    [
        (500, "500"),
        ("500.05", "500.05"),
        (" 500 ", "500"),
        (500.05, "500.05"),
        ("5e2", "500"),
        (1e-07, "0.0000001"),
        (Decimal("500.10"), "500.10"),
        (".5", "0.5"),
        ("+5", "5"),
        ("-5", "-5"),
    ],
)
def test_a_plain_decimal_number_is_a_price(sent: object, price: str) -> None:
    assert parse_price(sent) == Decimal(price)


@pytest.mark.parametrize(
    "sent",
    [
        "1_000",
        "١٢٣",
        "５００",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "0x10",
        "1,000",
        "1 000",
        "500-5",
        "",
        ".",
        "e5",
        "1e9999",
        "9" * 5000,
        True,
        None,
        float("nan"),
        float("inf"),
        Decimal("1e999999"),
        [500],
    ],
)
def test_everything_else_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match="Invalid price values"):
        parse_price(sent)
