"""Ticks, order updates and postbacks of Zerodha: what they speed up, and that nothing depends on them."""

import hashlib
import itertools
import json
import time

import pytest
import requests

from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import CLOSED, Trade, run
from tests.kite_process import wait_for
from tests.zerodha.staging import DONE, Stage

pytestmark = pytest.mark.slow

_WATCHED_SECONDS = 4.0


def quotes_while_held(stage: Stage, trade: Trade) -> int:
    """Let the market move for some seconds without reaching anything; return how often it was asked for."""

    def asked() -> int:
        return stage.calls(trade.account).get("GET /quote 200", 0)

    before, until = asked(), time.monotonic() + _WATCHED_SECONDS
    prices = itertools.cycle(["1.000", "1.001", "1.002"])

    def is_over() -> bool:
        trade.move(next(prices))
        return time.monotonic() >= until

    wait_for(is_over, what="the time")
    return asked() - before


def kinds(trade: Trade) -> list[str]:
    return [moment["kind"] for moment in trade.status()["timeline"]]


def no_more_quotes(stage: Stage, account: ChaosAccount) -> None:
    stage.kite.let(
        "502 before acceptance", method="GET", path="^/quote", client=f"token {account.api_key}:", times=None
    )


def refuse_sockets(stage: Stage, account: ChaosAccount) -> None:
    stage.kite.let("429", method="GET", path=f"^/.api_key={account.api_key}&", times=None)


def test_a_forged_postback_is_401_and_changes_nothing_and_a_signed_one_is_taken(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.trade(account)
    trade.place()
    trade.until("ENTRY_OPEN")

    forged = [posted(stage, account, secret) for secret in ("not the secret", None)]
    flood = {posted(stage, account, f"guess {number}") for number in range(12)}
    after = trade.status()
    genuine = posted(stage, account, f"secret{account.user_id[-2:]}")

    assert (forged, genuine) == ([401, 401], 200)
    assert flood == {401, 429}  # a stranger's flood is shut out, and shuts out nobody else
    assert (after["state"], after["filled_quantity"]) == ("ENTRY_OPEN", 0)
    assert stage.books_of(account).position == 0
    trade.post("cancelbracketorder", {"bracket_id": trade.bracket_id})
    assert trade.until(*CLOSED)["state"] == "CANCELLED"
    assert stage.too_many(account) == {}


def posted(stage: Stage, account: ChaosAccount, secret: str | None) -> int:
    """Claim that the account's first order is filled, signed with a secret or not; return the answer."""
    entry = stage.kite.seen(account.user_id)["orders"][0]
    signed = hashlib.sha256(f"{entry['order_id']}{entry['order_timestamp']}{secret}".encode()).hexdigest()
    claim = {
        **entry,
        "status": "COMPLETE",
        "filled_quantity": entry["quantity"],
        "checksum": "" if secret is None else signed,
    }
    return requests.post(stage.postback_url(account), data=json.dumps(claim), timeout=10).status_code


def test_ticks_alone_carry_an_intraday_target_and_quotes_are_not_polled(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.protected(account)
    wait_for(lambda: "ForeignBaseNoted" in kinds(trade), what="calm: reads of evidence bring quotes too")

    asked = quotes_while_held(stage, trade)
    no_more_quotes(stage, account)
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert asked <= 1  # for the price bands, twice a minute
    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def test_without_ticks_prices_are_asked_for_at_most_once_a_second(stage: Stage) -> None:
    account = stage.account()
    refuse_sockets(stage, account)
    stage.log_in(account)
    trade = stage.protected(account)

    asked = quotes_while_held(stage, trade)
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert 2 <= asked <= _WATCHED_SECONDS + 1
    assert over["outcome"] == "target_hit"
    assert not stage.needs_login(account)
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def test_a_socket_that_is_cut_comes_back_by_itself(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.protected(account)

    assert stage.kite.cut_sockets(account.api_key) == 1
    wait_for(lambda: stage.kite.sockets(account.api_key) == 1, what="another socket")
    no_more_quotes(stage, account)
    trade.move("1.021")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "target_hit"
    assert not stage.needs_login(account)
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def test_a_socket_that_falls_silent_is_given_up_and_the_books_are_polled(stage: Stage) -> None:
    account = stage.logged_in()
    trade = stage.protected(account, product="CNC")
    stage.kite.let("lost push", method="SOCKET", client=account.api_key, times=None)
    stage.kite.let("lost push", method="POSTBACK", client=account.api_key, times=None)
    stage.kite.let("429", method="GET", path=f"^/.api_key={account.api_key}&", times=None)

    wait_for(lambda: stage.kite.sockets(account.api_key) == 0, what="the end of the silent socket")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "stop_hit"
    assert not stage.needs_login(account)
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


@pytest.mark.parametrize("product", ["MIS", "CNC"])
@pytest.mark.parametrize("fault", ["lost push", "late push", "repeated push", "forged push"])
def test_postbacks_change_nothing_but_the_time(stage: Stage, fault: str, product: str) -> None:
    account = stage.account()
    refuse_sockets(stage, account)  # or the order updates there would tell it all
    stage.log_in(account)
    happened = stage.kite.happened(fault)
    stage.kite.let(fault, method="POSTBACK", client=account.api_key, times=None)

    over = run(stage.trade(account, product=product), "target")

    assert stage.kite.happened(fault) > happened
    assert over["outcome"] == "target_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def test_lost_order_updates_and_postbacks_are_made_up_for_by_reads(stage: Stage) -> None:
    account = stage.logged_in()
    stage.kite.let("lost push", method="SOCKET", path="order", client=account.api_key, times=None)
    stage.kite.let("lost push", method="POSTBACK", client=account.api_key, times=None)

    over = run(stage.trade(account), "stop")

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}
