"""A token that dies in the middle of a trade, and the login after it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.staging import SHARES, ChaosAccount
from tests.chaos.trade import CLOSED
from tests.kite_process import wait_for
from tests.receiver import Receiver, a_receiver
from tests.zerodha.staging import DONE, Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as one:
        yield one


def listen(stage: Stage, account: ChaosAccount, receiver: Receiver) -> None:
    stage.service.command("hook", "add", "--account", stage.name_of(account), "--url", receiver.root)


def alarms(receiver: Receiver) -> int:
    """Return how often the receiver was told that a login is needed."""
    kinds = [json.loads(one.body)["type"] for one in receiver.requests]
    return kinds.count("account.needs_login")


def test_a_token_that_dies_in_mid_trade_is_told_once_and_an_exit_goes_on_after_the_login(
    stage: Stage, receiver: Receiver
) -> None:
    account = stage.logged_in()
    listen(stage, account, receiver)
    trade = stage.protected(account)

    stage.kite.token(account.api_key, alive=False)
    wait_for(lambda: stage.is_told_dead(trade), what="the dead token told")
    resting = stage.books_of(account)
    trade.post("exitbracketorder", {"bracket_id": trade.bracket_id})
    wait_for(lambda: alarms(receiver), what="the alarm")
    stage.log_in(account)
    over = trade.until(*CLOSED)

    assert (resting.position, resting.live_orders) == (10, 1)
    assert over["outcome"] == "exited"
    assert alarms(receiver) == 1
    wait_for(lambda: not stage.needs_login(account), what="the end of the warning")
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def test_an_entry_that_met_a_dead_token_is_never_sent_again_and_others_are_refused(stage: Stage) -> None:
    account = stage.logged_in()
    held = stage.protected(account)
    other = stage.trade(replace(account, share=SHARES[-1]))

    stage.kite.token(account.api_key, alive=False)
    other.place(client_order_id="met the dead token")
    refused = wait_for(lambda: refusal_of(stage, account), what="the refusal of entries")
    stage.log_in(account)
    over = other.until(*CLOSED)
    held.move("0.984")
    stopped = held.until(*CLOSED)

    assert (over["state"], over["filled_quantity"]) == ("EXPIRED", 0)
    assert refused["code"] == "broker_error"
    assert stopped["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE  # one entry: the first
    assert stage.too_many(account) == {}


def refusal_of(stage: Stage, account: ChaosAccount) -> dict[str, Any] | None:
    """Ask for an entry once the service says that the account is logged out; return its refusal."""
    answer = stage.trade(replace(account, share=SHARES[-2])).place(client_order_id=f"{time.monotonic()}")
    return answer if answer["status"] == "error" else None


def test_an_entry_that_filled_while_the_token_was_dead_gets_its_stop_at_the_login(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.trade(account)
    trade.place()
    trade.until("ENTRY_OPEN")

    stage.kite.token(account.api_key, alive=False)
    trade.move("0.998")
    wait_for(lambda: stage.is_told_dead(trade), what="the dead token told")
    stage.log_in(account)
    trade.until("PROTECTED")
    resting = stage.books_of(account)
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert (resting.position, resting.live_orders) == (10, 1)
    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


@pytest.mark.parametrize(
    ("product", "price", "outcome"),
    [("MIS", "1.021", "target_hit"), ("MIS", "0.984", "stop_hit"), ("CNC", "1.021", "target_hit")],
)
def test_what_the_market_does_while_the_token_is_dead_is_made_good_after_the_login(
    stage: Stage, product: str, price: str, outcome: str
) -> None:
    account = stage.logged_in()
    trade = stage.protected(account, product=product)

    stage.kite.token(account.api_key, alive=False)
    wait_for(lambda: stage.is_told_dead(trade), seconds=90, what="the dead token told")
    trade.move(price)
    stage.log_in_by_command(account)
    over = trade.until(*CLOSED)

    assert over["outcome"] == outcome
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}
