"""Brackets held by an OpenAlgo server's GTTs, whose list says nothing of those that do not wait any more."""

from collections.abc import Callable
from functools import partial

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, BrokerStage
from tests.brokers.stories import OUTCOMES, Ending, lot_done, short_future_stopped, traded
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import CLOSED, Trade
from tests.openalgo.faults import let, order_elsewhere

Story = Callable[[BrokerStage, ChaosAccount], None]
LIST = "gttorderbook"
SHORT_FUTURE = "the upper leg of a short future's GTT is its stop"


def an_end(end: str, *faults: tuple[str, str]) -> Story:
    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        for fault, path in faults:
            let(stage, account, fault, path)

        ending, _ = traded(stage, end, account=account, product="CNC")

        assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
        assert statuses(stage, account) == ["deleted" if end == "exit" else "triggered"]

    return story


def statuses(stage: BrokerStage, account: ChaosAccount) -> list[str]:
    """Return what the exchange says of the account's GTTs."""
    return [row["status"] for row in stage.process.truth(account.user_id)["gtts"]]


def a_short_future_is_stopped(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, trade, protected = short_future_stopped(stage, account, by_oco=True)

    (gtt,) = protected["gtts"]
    assert ending == Ending("CLOSED", "stop_hit", lot_done(account))
    assert float(gtt["trigger_prices"][1]) == float(trade.at("0.985"))  # the stop is the upper leg


def a_server_without_gtts_gets_a_resting_stop(stage: BrokerStage, account: ChaosAccount) -> None:
    let(stage, account, "no GTT endpoints", "/placegttorder$")

    ending, _ = traded(stage, "stop", account=account, product="CNC")

    assert ending == Ending("CLOSED", "stop_hit", DONE)
    assert statuses(stage, account) == []


def a_list_that_is_empty_for_a_moment_changes_nothing(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.protected(account, product="CNC")

    let(stage, account, "GTT list is empty", LIST, times=4)
    wait_for(lambda: stage.process.happened("GTT list is empty") >= 4, what="the list without it")
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert statuses(stage, account) == ["triggered"]


def one_that_vanishes_beside_a_strangers_order_is_a_persons(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    trade = stage.protected(account, product="CNC")
    (gtt,) = stage.process.truth(account.user_id)["gtts"]

    order_elsewhere(stage, account, product="CNC", side="SELL", price=trade.at("1.03"))
    stage.process.command(act="cancel_gtt", account_id=account.user_id, trigger_id=gtt["trigger_id"])
    wait_for(partial(is_flagged, trade), seconds=60, what="a call for somebody")

    assert statuses(stage, account) == ["deleted"]
    assert len(stage.process.truth(account.user_id)["orders"]) == 2  # no exit of ours beside the stranger's


def is_flagged(trade: Trade) -> bool:
    return "NEEDS_ATTENTION" in trade.status()["overlays"]


GTT_STORIES: dict[str, Story] = {
    "by GTT, a long one reaches its target": an_end("target"),
    "by GTT, a long one is stopped": an_end("stop"),
    "by GTT, a long one is left on request": an_end("exit"),
    "by GTT, a long one is stopped, the list lagging": an_end("stop", ("GTT list lags", LIST)),
    "by GTT, a long one reaches its target, list and book lagging": an_end(
        "target", ("GTT list lags", LIST), ("order book lags", "orderbook")
    ),
    SHORT_FUTURE: a_short_future_is_stopped,
    "by GTT, a server without GTTs": a_server_without_gtts_gets_a_resting_stop,
    "by GTT, a list that is empty for a moment": a_list_that_is_empty_for_a_moment_changes_nothing,
    "by GTT, one gone beside a stranger's order": one_that_vanishes_beside_a_strangers_order_is_a_persons,
}
