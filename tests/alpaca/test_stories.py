"""Brackets at Alpaca from request to end, as processes: the service, the broker, and HTTP between them.

Those that need no service of their own are told at the same time, each by an account of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, BrokerStage
from tests.brokers.stories import OUTCOMES, Ending, traded, traded_over_a_dead_token, traded_through_a_kill
from tests.chaos.staging import Books, ChaosAccount
from tests.chaos.trade import CLOSED

pytestmark = pytest.mark.slow

Story = Callable[[BrokerStage, ChaosAccount], None]
Rows = list[dict[str, Any]]


def orders_of(stage: BrokerStage, account: ChaosAccount) -> Rows:
    """Return what Alpaca shows: whatever was replaced too, exits below their entry."""
    rows: Rows = stage.process.seen(account.user_id)["orders"]
    return rows


def posts(stage: BrokerStage, account: ChaosAccount) -> int:
    """Return how many orders were sent."""
    return sum(count for name, count in stage.calls(account).items() if name.startswith("POST /v2/orders"))


def an_end(product: str, end: str) -> Story:
    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        ending, _ = traded(stage, end, account=account, product=product)

        assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
        if end != "exit":
            (bracket,) = orders_of(stage, account)  # no exit of ours
            assert (bracket["order_class"], len(bracket["legs"])) == ("bracket", 2)

    return story


def a_short_is_stopped(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, _ = traded(stage, "stop", account=account, action="SELL")

    assert (ending.state, ending.outcome, ending.books.position) == ("CLOSED", "stop_hit", 0)
    assert posts(stage, account) == 1


def a_part_of_an_entry_is_protected(stage: BrokerStage, account: ChaosAccount) -> None:
    """What filled is held by an OCO of ours, once the rest and its exits are gone."""
    trade = stage.trade(account, product="CNC")
    trade.place()

    trade.move("0.998", depth=4)
    trade.until("PROTECTED")
    oco = next(row for row in orders_of(stage, account) if row["order_class"] == "oco")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert (oco["qty"], oco["legs"][0]["qty"]) == ("4", "4")
    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == Books(
        position=0, live_orders=0, live_gtts=0, entries=1, bought=4, sold=4
    )
    assert stage.too_many(account) == {}


def a_stop_entry_is_held_by_an_oco(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account)
    prices = {"entry_price": str(trade.at("1.002")), "trigger_price": str(trade.at("1.001"))}

    trade.place(pricetype="SL", **prices)
    trade.until("ENTRY_OPEN")
    trade.move("1.0015")
    trade.until("PROTECTED")
    classes = [row["order_class"] for row in orders_of(stage, account)]
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert sorted(classes) == ["oco", "simple"]
    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def a_moved_stop_stays_the_same_leg(stage: BrokerStage, account: ChaosAccount) -> None:
    """Alpaca gives a changed order another id: here it stays what it was."""
    trade = stage.protected(account)
    stop = exit_of(trade.status(), "stop")
    for share in ("0.987", "0.989"):
        level = str(trade.at(share))
        trade.post("modifybracketorder", {"bracket_id": trade.bracket_id, "sl_price": level})
        wait_for(lambda level=level: stands_at(stage, account, level), what=f"a stop at {level}")
    moved = exit_of(trade.status(), "stop")
    trade.move("0.988")
    over = trade.until(*CLOSED)

    assert moved["order_id"] == stop["order_id"]
    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE


def exit_of(status: dict[str, Any], purpose: str) -> dict[str, Any]:
    (found,) = [leg for leg in status["legs"] if leg["purpose"] == purpose]
    return dict(found)


def stands_at(stage: BrokerStage, account: ChaosAccount, level: str) -> bool:
    (bracket,) = [row for row in orders_of(stage, account) if row["status"] != "replaced"]
    return level in [leg["stop_price"] for leg in bracket["legs"]]


def unacknowledged(stage: BrokerStage, account: ChaosAccount) -> None:
    """What was accepted without an answer is found by its client id, and not sent again."""
    stage.process.let("502 after acceptance", method="POST", path="orders$", client=account.api_key)

    ending, _ = traded(stage, "target", account=account)

    assert ending == Ending("CLOSED", "target_hit", DONE)
    assert posts(stage, account) == 1


def dead_keys_are_made_good(stage: BrokerStage, account: ChaosAccount) -> None:
    ending = traded_over_a_dead_token(stage, account=account, price="1.021")

    assert ending == Ending("CLOSED", "target_hit", DONE)


STORIES: dict[str, Story] = {
    "a long MIS bracket reaches its target": an_end("MIS", "target"),
    "a long CNC bracket is stopped": an_end("CNC", "stop"),
    "a long CNC bracket is left on request": an_end("CNC", "exit"),
    "a short is stopped": a_short_is_stopped,
    "a part of an entry is protected": a_part_of_an_entry_is_protected,
    "a stop entry is held by an OCO": a_stop_entry_is_held_by_an_oco,
    "a moved stop stays the same leg": a_moved_stop_stays_the_same_leg,
    "an entry that nobody acknowledged is found": unacknowledged,
    "dead keys in mid-trade are made good": dead_keys_are_made_good,
}


@pytest.fixture(scope="module")
def told(stage: BrokerStage) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once; return their ends."""
    accounts = {name: stage.account() for name in STORIES}
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
        ("target", "sent place entry"),  # before the bracket's answer
        ("exit", "sent cancel stop"),  # while leaving
    ],
)
def test_a_kill_around_a_bracket_places_no_second_one(stage: BrokerStage, end: str, point: str) -> None:
    ending = traded_through_a_kill(stage, end, point=point, product="CNC")

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


@pytest.mark.parametrize(
    ("words", "why"),
    [({"product": "NRML"}, "NRML"), ({"product": "MTF"}, "MTF")],
)
def test_what_cannot_be_protected_is_refused_before_the_entry(
    stage: BrokerStage, words: dict[str, str], why: str
) -> None:
    trade = stage.trade(stage.first, **words)

    answer = requests.post(
        f"{stage.service.url}/api/v1/placebracketorder/",
        json=trade.order(),
        headers={"X-API-KEY": stage.first.key},
        timeout=10,
    )

    assert answer.status_code == 400
    assert why in answer.text
    assert stage.books_of(stage.first).entries == 0
