"""Shares that no bracket protects are what the account holds less what its open brackets hold."""

import pytest

from services.beside import shares_beside
from services.bracket.model import PositionRow
from tests.unit.driver import Driver


def held(quantity: int, *, symbol: str = "SBIN", product: str = "MIS") -> PositionRow:
    return PositionRow(exchange="NSE", symbol=symbol, product=product, quantity=quantity)


def holding() -> Driver:
    driver = Driver()
    driver.protect()
    return driver


@pytest.mark.parametrize(
    ("positions", "beside"),
    [
        ([held(100)], []),  # all of it is the bracket's
        ([held(105)], [("SBIN", "MIS", 5)]),
        ([held(60)], [("SBIN", "MIS", -40)]),  # somebody sold what the bracket holds
        ([held(100), held(7, product="CNC")], [("SBIN", "CNC", 7)]),
        ([held(100), held(-3, symbol="INFY")], [("INFY", "MIS", -3)]),
    ],
)
def test_what_a_bracket_holds_is_not_beside_it(
    positions: list[PositionRow], beside: list[tuple[str, str, int]]
) -> None:
    found = shares_beside(positions, [holding().bracket])

    assert [(row.symbol, row.product, row.quantity) for row in found] == beside


def test_before_a_fill_a_bracket_holds_nothing() -> None:
    waiting = Driver()
    waiting.look()

    assert [row.quantity for row in shares_beside([held(5)], [waiting.bracket])] == [5]
