"""Brackets at an OpenAlgo server from request to end, as processes, while its books say what is not so."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, FUTURES, BrokerStage
from tests.brokers.stories import OUTCOMES, Ending, traded, traded_over_a_dead_token, traded_through_a_kill
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import CLOSED, Trade
from tests.openalgo.faults import let, order_elsewhere
from tests.openalgo.gtt_stories import GTT_STORIES, SHORT_FUTURE

pytestmark = pytest.mark.slow

Story = Callable[[BrokerStage, ChaosAccount], None]
ORDERS = "orderbook"


def an_end(product: str, end: str, *faults: tuple[str, str]) -> Story:
    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        for fault, path in faults:
            let(stage, account, fault, path)

        ending, _ = traded(stage, end, account=account, product=product)

        assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
        assert len(stage.process.seen(account.user_id)["orders"]) == 2  # one exit, which became what ended it

    return story


def a_short_is_stopped(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account, action="SELL")

    trade.place()
    trade.move("0.998")
    trade.until("PROTECTED")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    books = stage.books_of(account)
    assert (books.position, books.live_orders, books.bought, books.sold) == (0, 0, 10, 10)


def a_part_that_the_server_calls_complete_is_protected_as_the_part_it_is(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    let(stage, account, "complete while partly filled", ORDERS)
    trade = stage.trade(account)
    trade.place()

    trade.move("0.998", depth=4)
    wait_for(lambda: exit_quantity(stage, account) == 4, what="an exit for the first part")
    trade.move("0.998", depth=6)
    wait_for(lambda: exit_quantity(stage, account) == 10, what="an exit for the whole")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE


def exit_quantity(stage: BrokerStage, account: ChaosAccount) -> int:
    rows = stage.process.truth(account.user_id)["orders"]
    live = ("open", "trigger_pending")
    return sum(row["quantity"] for row in rows if row["side"] == "SELL" and row["status"] in live)


def a_stop_that_is_called_cancelled_for_a_moment_is_not_placed_again(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    trade = stage.protected(account)

    let(stage, account, "the word of another row", ORDERS, times=2)
    wait_for(lambda: not_struck(stage, account), what="two reads")
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert len(stage.process.truth(account.user_id)["orders"]) == 2


def not_struck(stage: BrokerStage, account: ChaosAccount) -> bool:
    return stage.process.happened("the word of another row") >= 2


def unanswered(fault: str, body: str) -> Story:
    """What was taken and not answered for is found by what it says, and not sent again."""

    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        stage.process.let(
            fault, method="POST", path="placeorder$", body=f'(?=.*"{account.api_key}")(?=.*{body})'
        )
        trade = stage.protected(account)

        resting = stage.books_of(account)
        trade.move("1.021")
        over = trade.until(*CLOSED)

        assert (resting.entries, resting.live_orders) == (1, 1)
        assert over["outcome"] == "target_hit"
        assert stage.books_of(account) == DONE
        assert len(stage.process.truth(account.user_id)["orders"]) == 2

    return story


def two_that_may_be_the_lost_one_are_left_to_a_person(stage: BrokerStage, account: ChaosAccount) -> None:
    stage.process.let(
        "internal error after acceptance", method="POST", path="placeorder$", body=f'"{account.api_key}"'
    )
    trade = stage.trade(account)
    order_elsewhere(stage, account, product="MIS", side="BUY", price=trade.at("0.999"))
    trade.place()
    wait_for(lambda: "NEEDS_ATTENTION" in trade.status()["overlays"], seconds=60, what="a call for somebody")

    assert len(stage.process.truth(account.user_id)["orders"]) == 2  # no third one


def what_the_market_does_while_the_key_is_dead_is_made_good(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    ending = traded_over_a_dead_token(stage, account=account, price="1.021")

    assert ending == Ending("CLOSED", "target_hit", DONE)


STORIES: dict[str, Story] = {
    "a long MIS bracket reaches its target, its book lagging": an_end(
        "MIS", "target", ("order book lags", ORDERS)
    ),
    "a long MIS bracket is left on request, its trades without quantity": an_end(
        "MIS", "exit", ("trades without quantity", "tradebook")
    ),
    "a short is stopped": a_short_is_stopped,
    "a part that is called complete": a_part_that_the_server_calls_complete_is_protected_as_the_part_it_is,
    "a stop that is called cancelled": a_stop_that_is_called_cancelled_for_a_moment_is_not_placed_again,
    "an entry that nobody answered for": unanswered("internal error after acceptance", "BUY"),
    "a stop that nobody answered for": unanswered("502 after acceptance", "SELL"),
    "two that may be the lost one": two_that_may_be_the_lost_one_are_left_to_a_person,
    "a dead key in mid-trade": what_the_market_does_while_the_key_is_dead_is_made_good,
} | GTT_STORIES


@pytest.fixture(scope="module")
def told(stage: BrokerStage) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once; return their ends."""
    shares = {SHORT_FUTURE: FUTURES[0]}
    accounts = {name: stage.account(shares.get(name)) for name in STORIES}
    for account in accounts.values():
        wait_for(partial(stage.good_reads, account), what="the first read")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {name: pool.submit(story, stage, accounts[name]) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_a_bracket_ends_well_whatever_its_books_say(told: dict[str, "Future[None]"], name: str) -> None:
    assert told[name].result() is None  # its own assertions speak


@pytest.mark.parametrize(
    ("product", "end", "point"),
    [
        ("MIS", "stop", "sent place stop"),
        ("MIS", "target", "sent modify target"),
        ("CNC", "target", "sent place oco"),
    ],
)
def test_a_kill_changes_neither_the_end_nor_the_books(
    stage: BrokerStage, product: str, end: str, point: str
) -> None:
    ending = traded_through_a_kill(stage, end, point=point, product=product)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


def test_a_gtt_that_fires_while_the_service_is_down_is_followed_by_the_record(stage: BrokerStage) -> None:
    trade = stage.protected(stage.ready(), product="CNC")

    stage.service.kill()
    trade.move("0.984", depth=4)
    stage.service.start()
    wait_for(partial(has_child, trade), what="the order that it placed")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(trade.account) == DONE
    assert len(stage.process.truth(trade.account.user_id)["orders"]) == 2  # what the GTT placed is the exit


def has_child(trade: Trade) -> bool:
    """Whether the service knows which order its GTT placed."""
    return any(leg["role"] == "exit" and leg["kind"] == "order" for leg in trade.status()["legs"])


def test_what_cannot_be_held_is_refused_before_the_entry(stage: BrokerStage) -> None:
    trade = stage.trade(stage.first, product="MTF")

    answer = trade.place()

    assert answer["code"] == "cannot_protect"
    assert stage.books_of(stage.first).entries == 0
