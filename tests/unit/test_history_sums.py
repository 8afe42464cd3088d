"""What closed brackets come to."""

from datetime import UTC, date, datetime
from decimal import Decimal

from database.history_db import Ended
from services.history import Sums


def ended(profit: str | None, *, held_shares: bool = True, hour: int = 10, symbol: str = "SBIN") -> Ended:
    return Ended(
        finished_at=datetime(2026, 3, 2, hour, tzinfo=UTC),
        symbol=symbol,
        exchange="NSE",
        strategy="breakout",
        is_paper=False,
        held_shares=held_shares,
        profit=None if profit is None else Decimal(profit),
    )


def summed(*endings: Ended) -> Sums:
    sums = Sums.empty()
    for one in endings:
        sums.add(one)
    return sums


def test_gains_and_losses_are_added_exactly_and_counted() -> None:
    total = summed(ended("0.10"), ended("0.20"), ended("-1.05"), ended("0.00")).total

    assert total.profit == Decimal("-0.75")
    assert (total.brackets, total.traded, total.won, total.lost, total.unknown) == (4, 4, 2, 1, 0)


def test_an_entry_that_never_filled_is_neither_won_nor_lost_nor_unknown() -> None:
    total = summed(ended(None, held_shares=False)).total

    assert (total.brackets, total.traded, total.won, total.lost, total.unknown) == (1, 0, 0, 0, 0)


def test_a_profit_nobody_knows_is_counted_as_that() -> None:
    total = summed(ended(None), ended("5")).total

    assert (total.traded, total.unknown, total.profit) == (2, 1, Decimal(5))


def test_a_day_begins_at_midnight_in_india() -> None:
    sums = summed(ended("1", hour=18), ended("2", hour=19))  # 23:30 and 00:30 IST

    assert {day: one.profit for day, one in sums.by_day.items()} == {
        date(2026, 3, 2): Decimal(1),
        date(2026, 3, 3): Decimal(2),
    }


def test_each_symbol_has_a_sum_of_its_own() -> None:
    sums = summed(ended("1"), ended("2", symbol="INFY"), ended("3"))

    assert {name: one.profit for name, one in sums.by_symbol.items()} == {
        "NSE:SBIN": Decimal(4),
        "NSE:INFY": Decimal(2),
    }
