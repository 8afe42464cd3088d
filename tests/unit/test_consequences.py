"""What a person is told before an act is what the act will do."""

import pytest

from services.bracket.model import IfFilled, KillMode
from services.consequences import Act, consequences, consequences_of_kill
from tests.builders import a_plan
from tests.unit.driver import Driver


def waiting() -> Driver:
    driver = Driver()
    driver.look()
    driver.accept(1)
    return driver


def holding(*, broker: str = "paper") -> Driver:
    driver = Driver(a_plan(broker=broker))
    driver.protect()
    return driver


def test_exiting_shares_sells_them_at_no_promised_price() -> None:
    told = consequences(holding().bracket, Act.EXIT)

    assert told == [
        "Sells 100 SBIN at the market now.",
        "The stop makes way for this order; the price is not guaranteed.",
        "Paper: no real money moves.",
    ]


def test_exiting_before_a_fill_ends_the_entry_alone() -> None:
    told = consequences(waiting().bracket, Act.EXIT)

    assert told[0] == "What is left of the entry is cancelled."
    assert told[1].startswith("Nothing is held")


def test_real_money_is_named() -> None:
    for act in Act:
        assert consequences(holding(broker="zerodha").bracket, act)[-1] == "LIVE: real money moves."


def test_cancelling_with_shares_asks_what_becomes_of_them() -> None:
    told = consequences(holding().bracket, Act.CANCEL)

    assert "100 SBIN are held: say what becomes of them." in told


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (IfFilled.EXIT, "Sells 100 SBIN at the market now; the price is not guaranteed."),
        (IfFilled.KEEP_EXITS, "100 SBIN stay, with their stop and target."),
        (IfFilled.HAND_OVER, "100 SBIN become yours alone: no stop of ours holds them."),
    ],
)
def test_each_choice_for_held_shares_is_told(choice: IfFilled, sentence: str) -> None:
    assert sentence in consequences(holding().bracket, Act.CANCEL, if_filled=choice)


def test_handing_over_tells_that_our_exits_go() -> None:
    told = consequences(holding().bracket, Act.CANCEL, if_filled=IfFilled.HAND_OVER)

    assert "1 exit order at the broker is cancelled." in told


def test_the_kill_switch_counts_what_it_touches() -> None:
    brackets = [waiting().bracket, holding().bracket, holding().bracket]

    flat = consequences_of_kill(KillMode.FLATTEN, brackets)

    assert "1 waiting entry is cancelled." in flat
    assert "2 positions leave at the market now; the price is not guaranteed." in flat
    assert "2 positions stay open with their stops and targets." in consequences_of_kill(
        KillMode.BLOCK_ENTRIES, brackets
    )
