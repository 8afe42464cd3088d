"""Brackets at Dhan from request to end, as processes: the service, the broker, and HTTP between them."""

import pytest

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, BrokerStage
from tests.brokers.stories import (
    OUTCOMES,
    Ending,
    traded,
    traded_over_a_dead_token,
    traded_through_a_kill,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("product", "end"), [("MIS", "target"), ("MIS", "stop"), ("CNC", "stop"), ("CNC", "exit")]
)
def test_a_bracket_ends_where_the_market_or_its_owner_says(
    stage: BrokerStage, product: str, end: str
) -> None:
    ending, _ = traded(stage, end, product=product)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


@pytest.mark.parametrize(
    ("product", "end", "point"),
    [
        ("MIS", "target", "sent place entry"),  # before the entry's answer
        ("CNC", "exit", "sent cancel oco"),  # while leaving
        ("CNC", "target", "sent place oco"),  # a forever order placed without an answer
    ],
)
def test_a_kill_changes_neither_the_end_nor_the_books(
    stage: BrokerStage, product: str, end: str, point: str
) -> None:
    ending = traded_through_a_kill(stage, end, point=point, product=product)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


def test_a_token_that_dies_in_mid_trade_is_told_and_the_trade_goes_on_after_it_lives_again(
    stage: BrokerStage,
) -> None:
    assert traded_over_a_dead_token(stage, price="1.021") == Ending("CLOSED", "target_hit", DONE)


def test_an_entry_whose_answer_is_lost_is_found_by_its_tag_and_placed_once(stage: BrokerStage) -> None:
    account = stage.ready()
    token = f"token{account.user_id[-2:]}"
    stage.process.let("502 after acceptance", method="POST", path="orders$", client=token)

    ending, _ = traded(stage, "target", account=account)

    assert ending == Ending("CLOSED", "target_hit", DONE)
    assert found_by_tag(stage.calls(account)) == 1


def found_by_tag(calls: dict[str, int]) -> int:
    """Return how often an order was asked for by its tag, and shown."""
    looked_up = (name.startswith("GET /v2/orders/external/") and name.endswith(" 200") for name in calls)
    return sum(count for count, is_one in zip(calls.values(), looked_up, strict=True) if is_one)


def test_an_unsigned_postback_to_the_secret_address_is_a_hint_and_any_other_address_is_none(
    stage: BrokerStage,
) -> None:
    account = stage.account()
    stage.process.let("lost push", method="SOCKET", client=account.api_key, times=None)
    wait_for(lambda: stage.good_reads(account) > 0, what="the first read")
    stage.process.let("forged push", method="POSTBACK", client=account.api_key, times=None)

    ending, _ = traded(stage, "stop", account=account)

    assert stage.process.happened("forged push") > 0
    assert ending == Ending("CLOSED", "stop_hit", DONE)


@pytest.mark.parametrize(("end", "leg"), [("target", "TARGET_LEG"), ("stop", "STOP_LOSS_LEG")])
def test_an_intraday_bracket_is_one_super_order_whose_own_exit_ends_it(
    stage: BrokerStage, end: str, leg: str
) -> None:
    ending, account = traded(stage, end)

    (bracket,) = stage.process.seen(account.user_id)["supers"]
    legs = {one["legName"]: one["orderStatus"] for one in bracket["legDetails"]}
    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
    assert (bracket["orderStatus"], legs.pop(leg), *legs.values()) == ("CLOSED", "TRADED", "CANCELLED")
    assert "POST /v2/orders 200" not in stage.calls(account)  # no exit of ours


@pytest.mark.parametrize(
    ("end", "point"),
    [("target", "sent place entry"), ("exit", "sent cancel stop"), ("exit", "sent cancel target")],
)
def test_a_kill_around_a_super_order_places_no_second_one(stage: BrokerStage, end: str, point: str) -> None:
    with stage.killed_at(point):
        ending, account = traded(stage, end)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
    assert len(stage.process.seen(account.user_id)["supers"]) == 1
