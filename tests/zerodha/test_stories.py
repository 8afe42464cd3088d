"""Brackets at Zerodha from login to end, as processes: the service, the broker, and HTTP between them."""

from typing import Any

import pytest
import requests

from tests.chaos.staging import Books, ChaosAccount
from tests.chaos.trade import CLOSED, QUANTITY, Trade, run
from tests.kite_process import wait_for
from tests.zerodha.conftest import FREE
from tests.zerodha.staging import DONE, FUTURES, Stage

pytestmark = pytest.mark.slow

ENDS = [("target", "target_hit"), ("stop", "stop_hit")]


@pytest.mark.parametrize(("end", "outcome"), [*ENDS, ("exit", "exited")])
@pytest.mark.parametrize("product", ["CNC", "MIS"])
def test_a_long_bracket_ends_where_the_market_or_its_owner_says(
    stage: Stage, product: str, end: str, outcome: str
) -> None:
    account = stage.logged_in()

    over = run(stage.trade(account, product=product), end)

    assert (over["state"], over["outcome"]) == ("CLOSED", outcome)
    if product == "MIS":  # one exit order, which became what ended it
        assert len(stage.kite.seen(account.user_id)["orders"]) == 2
    assert not any("BROKER_DOWN" in moment["words"] for moment in over["timeline"])
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


@pytest.mark.parametrize(("end", "outcome"), ENDS)
def test_a_short_future_is_held_by_a_gtt_and_ends_where_the_market_says(
    stage: Stage, end: str, outcome: str
) -> None:
    listed = FUTURES[0 if end == "target" else 1]
    lot = listed.instrument.lot_size
    account = stage.logged_in(listed)
    trade = stage.trade(account, product="NRML", action="SELL", quantity=lot)

    trade.place()
    trade.move("0.998")
    trade.until("PROTECTED")
    protected = stage.books_of(account)
    trade.move("1.021" if end == "target" else "0.984")
    over = trade.until(*CLOSED)

    assert (protected.position, protected.live_gtts, protected.live_orders) == (-lot, 1, 0)
    assert (over["state"], over["outcome"]) == ("CLOSED", outcome)
    assert stage.books_of(account) == Books(
        position=0, live_orders=0, live_gtts=0, entries=1, bought=lot, sold=lot
    )
    assert stage.too_many(account) == {}


def test_an_account_logged_in_by_command_trades_as_one_by_browser(stage: Stage) -> None:
    over = run(stage.trade(stage.first), "target")

    assert over["outcome"] == "target_hit"
    assert stage.books_of(stage.first) == DONE


@pytest.mark.parametrize("product", ["MIS", "CNC"])
def test_each_part_of_an_entry_is_protected_as_it_fills(stage: Stage, product: str) -> None:
    account = stage.logged_in()
    trade = stage.trade(account, product=product)
    trade.place()

    trade.move("0.998", depth=4)
    trade.until("PROTECTED_PARTIAL")
    wait_for(lambda: exit_quantity(stage, account) == 4, what="an exit for the first part")
    first = stage.books_of(account)
    trade.move("0.998", depth=6)
    trade.until("PROTECTED")
    wait_for(lambda: exit_quantity(stage, account) == QUANTITY, what="an exit for the whole")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert (first.position, first.live_orders + first.live_gtts) == (4, 2)  # the entry's rest, and the exit
    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def exit_quantity(stage: Stage, account: ChaosAccount) -> int:
    """Return how many shares the resting exits would sell."""
    seen = stage.kite.seen(account.user_id)
    orders: list[int] = [
        row["quantity"] - row["filled_quantity"]
        for row in seen["orders"]
        if row["status"] == "TRIGGER PENDING"
    ]
    gtts: list[int] = [row["orders"][0]["quantity"] for row in seen["gtts"] if row["status"] == "active"]
    return sum(orders) + sum(gtts)


def test_a_gtt_whose_child_the_market_jumped_over_is_laddered_until_it_fills(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.protected(account, product="CNC")

    trade.move("0.94")
    over = trade.until(*CLOSED)

    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    assert stage.books_of(account) == DONE
    assert stage.calls(account)["PUT /orders/regular/:id 200"] >= 1  # the child was moved
    assert stage.too_many(account) == {}


def test_the_free_plan_is_refused_before_the_entry_and_a_dry_run_says_so(stage: Stage) -> None:
    account = stage.account(number=FREE)
    stage.log_in(account)
    words = {"MIS": "price", "CNC": "last price"}

    for product, why in words.items():
        trade = stage.trade(account, product=product)
        for answer in (requested(trade, dry_run=True), requested(trade)):
            assert (answer.status_code, answer.json()["code"]) == (422, "cannot_protect")
            assert why in answer.text
    assert any(f"account kite{FREE} gets no prices" in one for one in stage.warnings())
    assert stage.books_of(account).entries == 0
    assert stage.too_many(account) == {}


def requested(trade: Trade, **more: Any) -> requests.Response:
    return requests.post(
        f"{trade.service.url}/api/v1/placebracketorder/",
        json=trade.order() | more,
        headers={"X-API-KEY": trade.account.key},
        timeout=10,
    )
