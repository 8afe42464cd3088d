"""Brackets at Upstox from request to end, as processes: the service, the broker, and HTTP between them."""

from dataclasses import replace

import pytest

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, BrokerStage
from tests.brokers.stories import OUTCOMES, Ending, traded, traded_over_a_dead_token
from tests.chaos.staging import Books, ChaosAccount
from tests.chaos.trade import CLOSED

pytestmark = pytest.mark.slow

PLACED_GTT = "POST /v3/order/gtt/place 200"
PLACED_ORDER = "POST /v3/order/place 200"
# The orders of a GTT have no tag: no entry of ours is counted among them.
NATIVE = replace(DONE, entries=0)


def placed(stage: BrokerStage, account: ChaosAccount) -> tuple[int, int]:
    """Return how many GTTs and how many orders of ours the broker took."""
    calls = stage.calls(account)
    return calls.get(PLACED_GTT, 0), calls.get(PLACED_ORDER, 0)


@pytest.mark.parametrize(
    ("product", "end"), [("MIS", "target"), ("MIS", "stop"), ("CNC", "target"), ("CNC", "stop")]
)
def test_a_limit_entry_is_one_gtt_whose_own_exit_ends_it(stage: BrokerStage, product: str, end: str) -> None:
    ending, account = traded(stage, end, product=product)

    assert ending == Ending("CLOSED", OUTCOMES[end], NATIVE)
    assert placed(stage, account) == (1, 0)


def test_leaving_on_request_takes_the_gtt_away_before_an_exit_of_ours_goes(stage: BrokerStage) -> None:
    ending, account = traded(stage, "exit")

    assert ending == Ending("CLOSED", "exited", NATIVE)
    assert stage.process.seen(account.user_id)["gtts"] == []


@pytest.mark.parametrize("end", ["target", "stop"])
def test_a_market_entry_is_held_by_one_resting_stop_that_becomes_the_target(
    stage: BrokerStage, end: str
) -> None:
    account = stage.ready()
    trade = stage.trade(account)
    trade.place(pricetype="MARKET", entry_price=None)
    assert trade.until("PROTECTED")["state"] == "PROTECTED"

    trade.move("1.021" if end == "target" else "0.984")

    over = trade.until(*CLOSED)
    assert Ending(over["state"], over["outcome"], stage.books_of(account)) == Ending(
        "CLOSED", OUTCOMES[end], DONE
    )
    assert placed(stage, account) == (0, 2)


def test_a_part_of_the_entry_is_kept_and_the_broker_exits_replaced_by_a_stop_of_ours(
    stage: BrokerStage,
) -> None:
    account = stage.ready()
    trade = stage.trade(account)
    trade.place()
    trade.until("ENTRY_OPEN")

    trade.move("0.998", depth=4)
    wait_for(lambda: stage.books_of(account).bought == 4, what="a part of the entry")
    trade.move("1")
    wait_for(lambda: placed(stage, account)[1] == 1, what="a stop of ours")
    trade.move("0.984", depth=100)

    over = trade.until(*CLOSED)
    books = stage.books_of(account)
    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    assert (books.position, books.bought, books.sold, books.live_orders) == (0, 4, 4, 0)
    assert stage.process.seen(account.user_id)["gtts"] == []


def test_a_gtt_whose_answer_is_lost_is_found_by_its_content_and_placed_once(stage: BrokerStage) -> None:
    account = stage.ready()
    token = f"token{account.user_id[-2:]}"
    stage.process.let("502 after acceptance", method="POST", path="gtt/place$", client=token)

    ending, _ = traded(stage, "target", account=account)

    assert ending == Ending("CLOSED", "target_hit", NATIVE)


def test_a_token_that_dies_in_mid_trade_is_told_and_the_trade_goes_on_after_it_lives_again(
    stage: BrokerStage,
) -> None:
    assert traded_over_a_dead_token(stage, price="1.021") == Ending("CLOSED", "target_hit", NATIVE)


@pytest.mark.parametrize(
    ("end", "point"),
    [
        ("target", "sent place entry"),  # before the GTT's answer
        ("exit", "sent cancel stop"),  # while its exits are taken away
    ],
)
def test_a_kill_around_a_gtt_places_no_second_one(stage: BrokerStage, end: str, point: str) -> None:
    with stage.killed_at(point):
        ending, account = traded(stage, end)

    assert ending == Ending("CLOSED", OUTCOMES[end], NATIVE)
    assert placed(stage, account)[0] == 1


def test_a_bracket_that_ends_while_the_service_is_down_is_told_by_its_orders_alone(
    stage: BrokerStage,
) -> None:
    account = stage.ready()
    trade = stage.trade(account)
    trade.place()
    trade.until("ENTRY_OPEN")
    stage.service.kill()

    trade.move("0.998")
    trade.move("1.021")
    assert stage.process.seen(account.user_id)["gtts"] == []  # what is over is not listed any more
    stage.service.start()

    over = trade.until(*CLOSED)
    assert Ending(over["state"], over["outcome"], stage.books_of(account)) == Ending(
        "CLOSED", "target_hit", NATIVE
    )


def test_a_stop_that_the_market_jumps_over_is_taken_over_by_an_order_of_ours(stage: BrokerStage) -> None:
    account = stage.ready()
    trade = stage.protected(account)

    trade.move("0.95")

    over = trade.until(*CLOSED)
    books: Books = stage.books_of(account)
    assert (over["state"], over["outcome"], books.position, books.sold) == ("CLOSED", "stop_hit", 0, 10)


def test_an_unsigned_push_to_the_secret_address_is_a_hint_that_is_not_believed(stage: BrokerStage) -> None:
    account = stage.ready()
    stage.process.let("forged push", method="POSTBACK", client=account.api_key, times=None)

    ending, _ = traded(stage, "stop", account=account)

    assert stage.process.happened("forged push") > 0
    assert ending == Ending("CLOSED", "stop_hit", NATIVE)
