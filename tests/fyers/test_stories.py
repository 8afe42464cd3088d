"""Brackets at Fyers from request to end, as processes: the service, the broker, and HTTP between them.

Fyers' limits make each of them wait, so those that need no service of their own are told at the same time,
each by an account of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
from tests.fyers.conftest import FREE

pytestmark = pytest.mark.slow

Story = Callable[[BrokerStage, ChaosAccount], None]


def an_end(product: str, end: str) -> Story:
    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        ending, _ = traded(stage, end, account=account, product=product)

        assert ending == Ending("CLOSED", OUTCOMES[end], DONE)
        if product == "MIS":  # one exit order, which became what ended it
            assert len(stage.process.seen(account.user_id)["orders"]) == 2

    return story


def a_short_future_is_stopped(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, trade, protected = short_future_stopped(stage, account, by_oco=True)

    (gtt,) = protected["gtts"]
    assert (gtt["product_type"], gtt["tran_side"]) == ("MARGIN", 1)
    assert gtt["price_trigger"] > trade.at("1") > gtt["price2_trigger"]
    assert ending == Ending("CLOSED", "stop_hit", lot_done(account))
    assert stage.too_many(account) == {}


def each_part_is_protected_as_it_fills(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account, product="CNC")
    trade.place()

    trade.move("0.998", depth=4)
    trade.until("PROTECTED_PARTIAL")
    wait_for(lambda: exit_quantity(stage, account) == 4, what="an exit for the first part")
    trade.move("0.998", depth=6)
    trade.until("PROTECTED")
    wait_for(lambda: exit_quantity(stage, account) == 10, what="an exit for the whole")
    trade.move("0.984")
    over = trade.until(*CLOSED)

    assert over["outcome"] == "stop_hit"
    assert stage.books_of(account) == DONE
    assert stage.too_many(account) == {}


def exit_quantity(stage: BrokerStage, account: ChaosAccount) -> int:
    """Return how many shares the GTTs that wait would sell."""
    quantities: list[int] = [
        row["qty"] for row in stage.process.seen(account.user_id)["gtts"] if row["ord_status"] == 6
    ]
    return sum(quantities)


def a_stop_that_the_market_jumped_over_is_laddered(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.trade(account)
    trade.place()
    trade.move("0.998")
    trade.until("PROTECTED")

    trade.move("0.94")  # beyond the limit: what fired looks as if it waited
    over = trade.until(*CLOSED)

    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    assert stage.books_of(account) == DONE
    assert stage.calls(account)["PATCH /api/v3/orders/sync 200"] >= 1
    assert stage.too_many(account) == {}


def unacknowledged(path: str) -> Story:
    """What was sent on and not acknowledged is found, and not sent again."""

    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        trade = stage.trade(account, product="CNC")
        stage.process.let("201 after acceptance", method="POST", path=f"^{path}$", client=account.api_key)

        trade.place()
        trade.move("0.998")
        assert trade.until("PROTECTED")["state"] == "PROTECTED"
        resting = stage.books_of(account)
        trade.move("1.021")
        over = trade.until(*CLOSED)

        assert (resting.entries, resting.live_gtts) == (1, 1)
        assert over["outcome"] == "target_hit"
        assert stage.books_of(account) == DONE

    return story


def what_the_market_does_while_the_token_is_dead_is_made_good(
    stage: BrokerStage, account: ChaosAccount
) -> None:
    ending = traded_over_a_dead_token(stage, account=account, price="1.021", product="MIS")

    assert ending == Ending("CLOSED", "target_hit", DONE)


STORIES: dict[str, Story] = {
    "a long MIS bracket reaches its target": an_end("MIS", "target"),
    "a long CNC bracket is left on request": an_end("CNC", "exit"),
    "the upper leg of a short future's GTT is its stop": a_short_future_is_stopped,
    "each part of an entry is protected as it fills": each_part_is_protected_as_it_fills,
    "a stop that the market jumped over is laddered": a_stop_that_the_market_jumped_over_is_laddered,
    "an entry that nobody acknowledged is found": unacknowledged("/api/v3/orders/sync"),
    "a GTT that nobody acknowledged is found": unacknowledged("/api/v3/gtt/orders/sync"),
    "a dead token in mid-trade is made good": what_the_market_does_while_the_token_is_dead_is_made_good,
}


@pytest.fixture(scope="module")
def told(stage: BrokerStage) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once; return their ends."""
    shares = {"the upper leg of a short future's GTT is its stop": FUTURES[0]}
    accounts = {name: stage.account(shares.get(name)) for name in STORIES}
    for account in accounts.values():
        wait_for(partial(stage.good_reads, account), what="the first read")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {name: pool.submit(story, stage, accounts[name]) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_a_bracket_ends_well_whatever_comes_between(told: dict[str, "Future[None]"], name: str) -> None:
    assert told[name].result() is None  # its own assertions speak


@pytest.mark.parametrize(
    ("product", "end", "point"),
    [
        ("MIS", "stop", "sent place stop"),  # placed without an answer
        ("CNC", "target", "sent place oco"),
    ],
)
def test_a_kill_changes_neither_the_end_nor_the_books(
    stage: BrokerStage, product: str, end: str, point: str
) -> None:
    ending = traded_through_a_kill(stage, end, point=point, product=product)

    assert ending == Ending("CLOSED", OUTCOMES[end], DONE)


def test_a_person_logs_in_by_browser_and_the_service_goes_on_with_the_new_token(stage: BrokerStage) -> None:
    account = stage.ready()
    callback = f"{stage.service.url}/fyers/callback"
    stage.process.addresses(account.api_key, redirect_url=callback)
    app = ("--secret", f"redirect_uri={callback}", "--secret", f"app_id={account.api_key}")
    with requests.Session() as browser:
        code = asked_for_code(stage, account)
        told = stage.service.command(
            "account", "login", stage.name_of(account), *app, "--request-token", code
        )
        begun = browser.post(f"{stage.service.url}/fyers/login", json={"apikey": account.key}, timeout=10)
        sent = browser.get(begun.json()["login_url"], allow_redirects=False, timeout=10)
        page = urlsplit(sent.headers["Location"])
        back = browser.get(f"{stage.process.url}{page.path}?{page.query}", allow_redirects=False, timeout=10)
        done = browser.get(back.headers["Location"], timeout=10)

    assert "is logged in until" in told
    assert (page.hostname, parse_qs(page.query)["redirect_uri"]) == ("api-t1.fyers.in", [callback])
    assert (done.status_code, "is logged in" in done.text) == (200, True)


def asked_for_code(stage: BrokerStage, account: ChaosAccount) -> str:
    """Return the code that Fyers' page would give a person at a terminal."""
    answer = requests.post(f"{stage.process.url}/sim/login", json={"api_key": account.api_key}, timeout=10)
    code: str = answer.json()["data"]["auth_code"]
    return code


def test_a_postback_brings_the_books_to_be_read(stage: BrokerStage) -> None:
    account = stage.first

    taken = requests.post(stage.postback_url(account), data=b'{"id":"1","status":2}', timeout=10)
    astray = requests.post(f"{stage.service.url}/postback/fyers/pb_wrong", data=b"{}", timeout=10)

    assert (taken.status_code, astray.status_code) == (200, 404)


def test_what_cannot_be_protected_is_refused_before_the_entry(stage: BrokerStage) -> None:
    account = stage.first
    for words, why in (({"product": "CNC", "action": "SELL"}, "CNC"), ({"product": "MTF"}, "MTF")):
        assert_refused(stage, account, words, why)
    assert stage.books_of(account).entries == 0


def test_an_app_without_market_data_is_refused_before_the_entry(stage: BrokerStage) -> None:
    account = without_prices(stage, FREE)

    assert_refused(stage, account, {"product": "MIS"}, "price")
    assert stage.books_of(account).entries == 0


def assert_refused(stage: BrokerStage, account: ChaosAccount, words: dict[str, str], why: str) -> None:
    """Ask for an order, and what would become of it; both are refused before anything is sent."""
    trade = stage.trade(account, **words)
    for more in ({"dry_run": True}, {}):
        answer = requested(stage, account, trade.order() | more)
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_protect")
        assert why in answer.text


def without_prices(stage: BrokerStage, number: int) -> ChaosAccount:
    account = stage.account(number=number)
    name = f"account {stage.name_of(account)} gets no prices"
    wait_for(lambda: any(name in one for one in stage.warnings()), what="the missing prices found out")
    return account


def requested(stage: BrokerStage, account: ChaosAccount, body: dict[str, Any]) -> requests.Response:
    return requests.post(
        f"{stage.service.url}/api/v1/placebracketorder/",
        json=body,
        headers={"X-API-KEY": account.key},
        timeout=10,
    )
