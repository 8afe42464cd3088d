"""Brackets at Angel One from request to end, as processes: the service, the broker, and HTTP between them.

Its pages answer once a second, so stories that need no service of their own are told at the same time, each
by an account of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, FUTURES, BrokerStage
from tests.brokers.stories import (
    OUTCOMES,
    Ending,
    lot_done,
    short_future_stopped,
    traded,
    traded_over_a_dead_token,
    traded_through_a_kill,
)
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import CLOSED

pytestmark = pytest.mark.slow

Story = Callable[[BrokerStage, ChaosAccount], None]
SHORT_FUTURE = "a short future is stopped"


def an_end(product: str, end: str) -> Story:
    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        ending, _ = traded(stage, end, account=account, product=product)

        orders = stage.process.seen(account.user_id)["orders"]
        assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
        # One exit order, placed as a stop, which became what ended it.
        assert sorted(row["variety"] for row in orders) == ["NORMAL", "STOPLOSS"]

    return story


def a_short_future_is_stopped(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, _, _ = short_future_stopped(stage, account)

    assert ending == Ending("CLOSED", "stop_hit", lot_done(account))
    assert stage.too_many(account) == {}


def each_part_is_protected_as_it_fills(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account)
    trade.place()

    trade.move("0.998", depth=4)
    trade.until("PROTECTED_PARTIAL")
    wait_for(lambda: stopped_quantity(stage, account) == 4, what="a stop for the first part")
    trade.move("0.998", depth=6)
    trade.until("PROTECTED")
    wait_for(lambda: stopped_quantity(stage, account) == 10, what="a stop for the whole")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def stopped_quantity(stage: BrokerStage, account: ChaosAccount) -> int:
    """Return how many shares the stops that rest would sell."""
    rows = stage.process.seen(account.user_id)["orders"]
    return sum(int(row["quantity"]) for row in rows if row["orderstatus"] == "trigger pending")


def a_stop_that_the_market_jumped_over_is_laddered(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account)
    trade.place()
    trade.move("0.998")
    trade.until("PROTECTED")

    trade.move("0.94")
    over = trade.until(*CLOSED)

    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def unsure(fault: str, *, lost: str, orders: int) -> Story:
    """What was answered with "something went wrong" is looked for, and placed once in all."""

    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        trade = stage.trade(account)
        stage.process.let(fault, method="POST", path="placeOrder$", body=lost, client=account.api_key)

        trade.place()
        trade.move("0.998")
        assert trade.until("PROTECTED")["state"] == "PROTECTED"
        trade.move("1.021")
        over = trade.until(*CLOSED)

        assert over["outcome"] == "target_hit"
        assert stage.books_of(account) == DONE
        assert len(stage.process.seen(account.user_id)["orders"]) == orders

    return story


def what_the_market_does_while_the_token_is_dead_is_made_good(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    ending = traded_over_a_dead_token(stage, account=account, price="1.021")

    assert ending == Ending("CLOSED", "target_hit", DONE)


STORIES: dict[str, Story] = {
    "a long MIS bracket reaches its target": an_end("MIS", "target"),
    "a long CNC bracket is stopped": an_end("CNC", "stop"),
    "a long MIS bracket is left on request": an_end("MIS", "exit"),
    SHORT_FUTURE: a_short_future_is_stopped,
    "each part of an entry is protected as it fills": each_part_is_protected_as_it_fills,
    "a stop that the market jumped over is laddered": a_stop_that_the_market_jumped_over_is_laddered,
    "an entry that nobody is sure of is found": unsure("AB1004 after acceptance", lost='"NORMAL"', orders=2),
    "a stop that half an answer came for is found": unsure(
        "garbled JSON after acceptance", lost="STOPLOSS_LIMIT", orders=2
    ),
    "a dead token in mid-trade is made good": what_the_market_does_while_the_token_is_dead_is_made_good,
}


@pytest.fixture(scope="module")
def told(stage: BrokerStage) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once; return their ends."""
    accounts = {name: stage.account(FUTURES[0] if name is SHORT_FUTURE else None) for name in STORIES}
    for account in accounts.values():
        wait_for(partial(stage.good_reads, account), what="the first read")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {name: pool.submit(story, stage, accounts[name]) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_a_bracket_ends_well_whatever_comes_between(told: dict[str, "Future[None]"], name: str) -> None:
    assert told[name].result() is None  # its own assertions speak


@pytest.mark.parametrize(
    ("end", "point"),
    [
        ("stop", "sent place stop"),  # placed without an answer
        ("target", "sent modify target"),  # what a change must repeat is forgotten with the process
    ],
)
def test_a_kill_changes_neither_the_end_nor_the_books(stage: BrokerStage, end: str, point: str) -> None:
    ending = traded_through_a_kill(stage, end, point=point)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


def test_a_postback_brings_the_books_to_be_read(stage: BrokerStage) -> None:
    account = stage.first

    taken = requests.post(stage.postback_url(account), data=b'{"orderid":"1","status":"open"}', timeout=10)
    astray = requests.post(f"{stage.service.url}/postback/angel/pb_wrong", data=b"{}", timeout=10)

    assert (taken.status_code, astray.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("words", "why"), [({"product": "CNC", "action": "SELL"}, "CNC"), ({"product": "MTF"}, "MTF")]
)
def test_what_cannot_be_protected_is_refused_before_the_entry(
    stage: BrokerStage, words: dict[str, str], why: str
) -> None:
    account = stage.first
    trade = stage.trade(account, **words)

    answer = requested(stage, account, trade.order())

    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_protect")
    assert why in answer.text
    assert stage.books_of(account).entries == 0


def requested(stage: BrokerStage, account: ChaosAccount, body: dict[str, Any]) -> requests.Response:
    return requests.post(
        f"{stage.service.url}/api/v1/placebracketorder/",
        json=body,
        headers={"X-API-KEY": account.key},
        timeout=10,
    )
