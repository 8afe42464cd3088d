"""What a person is told before an act is what the act will do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.bracket.model import (
    EntryTerms,
    IfFilled,
    KillMode,
    OrderType,
    PriceMode,
    PriceSpec,
    Trail,
)
from services.bracket.preview import preview
from services.consequences import (
    Act,
    consequences,
    consequences_of_kill,
    consequences_of_placing,
)
from services.office_consequences import AccountAct, of_account, of_kill_of_all
from tests.builders import a_plan
from tests.unit.driver import Driver
from tests.unit.native_broker import a_native_plan


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


def test_a_kill_switch_says_what_it_leaves_and_whether_money_is_real() -> None:
    brackets = [holding().bracket, holding(broker="zerodha").bracket]

    flattened = consequences_of_kill(KillMode.FLATTEN, brackets)
    blocked = consequences_of_kill(KillMode.BLOCK_ENTRIES, [holding().bracket])

    assert "LIVE: 1 open bracket is with real money." in flattened
    assert any(one.startswith("Only brackets leave: plain orders") for one in flattened)
    for told in (flattened, blocked):
        assert "Of plain orders, only those that make a position smaller are." in told
    assert blocked[-1] == "Paper: no real money moves."


def test_switching_all_accounts_on_again_names_those_that_stay_paused() -> None:
    own = {"main": KillMode.OFF, "swing": KillMode.BLOCK_ENTRIES}

    some = of_kill_of_all(KillMode.OFF, [], own)
    none = of_kill_of_all(KillMode.OFF, [], {"swing": KillMode.BLOCK_ENTRIES})

    stays = "Account swing stays paused by its own switch (block entries)."
    assert some[:2] == ["New brackets are accepted again.", stays]
    assert none[:2] == ["No account accepts new brackets yet.", stays]


def test_resuming_an_account_under_the_switch_of_all_promises_no_new_brackets() -> None:
    told = of_account(AccountAct.RESUME, "main", [], kill_of_all=KillMode.FLATTEN)

    assert "The kill switch of all accounts stays at flatten: still no new brackets." in told
    assert "New brackets are accepted again." not in told


def of_placing(**overrides: Any) -> list[str]:
    plan = a_plan(**overrides)
    return consequences_of_placing(plan, preview(plan, None))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (EntryTerms(order_type=OrderType.MARKET), "at the market; the price is not guaranteed."),
        (EntryTerms(order_type=OrderType.LIMIT, price=Decimal("100")), "at 100 or better."),
        (
            EntryTerms(order_type=OrderType.SL, price=Decimal("101"), trigger_price=Decimal("100")),
            "at 101 or better once 100 trades.",
        ),
        (
            EntryTerms(order_type=OrderType.SL_M, trigger_price=Decimal("100")),
            "at the market once 100 trades; the price is not guaranteed.",
        ),
    ],
)
def test_placing_says_how_each_entry_goes(entry: EntryTerms, words: str) -> None:
    assert of_placing(entry=entry)[0] == f"Buys 100 SBIN as MIS, {words}"


def test_placing_the_brokers_own_bracket_says_that_it_brings_its_exits() -> None:
    plan = a_native_plan()

    told = consequences_of_placing(plan, preview(plan, None))

    assert (
        "Stop and target go with the entry, and the broker places them: it may wait for the whole fill."
        in told
    )
    assert not any(one.startswith("Each fill gets its stop at once") for one in told)
    assert "Sells what is held once 490.00 trades." in told
    assert "Sells 100 at 520.00 or better; the stop goes with it." in told


def test_placing_says_what_ends_the_bracket_by_itself() -> None:
    entry = EntryTerms(order_type=OrderType.LIMIT, price=Decimal("100"), expires_in=timedelta(seconds=600))

    told = of_placing(entry=entry, exit_at=datetime(2026, 11, 23, 9, 40, tzinfo=UTC))

    assert "What is still held at 15:10 exchange time leaves at the market." in told
    assert "An entry that has not filled after 600 s is cancelled." in told


def test_placing_says_how_the_stop_follows() -> None:
    distance = PriceSpec(mode=PriceMode.PERCENT, value=Decimal("0.5"))

    told = of_placing(trail=Trail(distance=distance, activate_at=Decimal("110"), breakeven_at=Decimal("105")))

    assert "The stop follows the best price by 0.5 %, from 110 on." in told
    assert "Once 105 trades, the stop moves to the average fill." in told


def test_placing_says_whether_money_is_real_and_who_must_make_way() -> None:
    told = of_placing(broker="zerodha", waits_for=("01OTHER",))

    assert told[1] == "Brackets of the other side are closed first; the entry follows once they are flat."
    assert told[-1] == "LIVE: real money moves."
