"""Brackets at Upstox from request to end, as processes: the service, the broker, and HTTP between them.

Those that need no service of their own are told at the same time, each by an account of its own.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.brokers.process import wait_for
from tests.brokers.staging import DONE, FUTURES, BrokerStage
from tests.brokers.stories import OUTCOMES, Ending, short_future_stopped, traded, traded_over_a_dead_token
from tests.chaos.staging import ChaosAccount
from tests.chaos.trade import CLOSED

pytestmark = pytest.mark.slow

PLACED_GTT = "POST /v3/order/gtt/place 200"
PLACED_ORDER = "POST /v3/order/place 200"
# The orders of a GTT have no tag: no entry of ours is counted among them.
NATIVE = replace(DONE, entries=0)

Story = Callable[[BrokerStage, ChaosAccount], None]


def placed(stage: BrokerStage, account: ChaosAccount) -> tuple[int, int]:
    """Return how many GTTs and how many orders of ours the broker took."""
    calls = stage.calls(account)
    return calls.get(PLACED_GTT, 0), calls.get(PLACED_ORDER, 0)


def one_gtt(product: str, end: str) -> Story:
    """A limit entry is one GTT, whose own exit ends it."""

    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        ending, _ = traded(stage, end, account=account, product=product)

        assert ending == Ending("CLOSED", OUTCOMES[end], NATIVE)
        assert placed(stage, account) == (1, 0)

    return story


def a_short_future_is_stopped_by_its_gtt(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, _, protected = short_future_stopped(stage, account)

    (gtt,) = protected["gtts"]
    lot = account.share.instrument.lot_size
    assert gtt["product"] == "D"
    assert ending == Ending("CLOSED", "stop_hit", replace(NATIVE, bought=lot, sold=lot))


def a_person_logs_in_by_command_and_by_browser(stage: BrokerStage, account: ChaosAccount) -> None:
    callback = f"{stage.service.url}/upstox/callback"
    stage.process.addresses(account.api_key, redirect_url=callback)
    answer = requests.post(f"{stage.process.url}/sim/login", json={"api_key": account.api_key}, timeout=10)
    words = ("--secret", f"redirect_uri={callback}", "--request-token", answer.json()["data"]["code"])
    told = stage.service.command("account", "login", stage.name_of(account), *words)
    with requests.Session() as browser:
        begun = browser.post(f"{stage.service.url}/upstox/login", json={"apikey": account.key}, timeout=10)
        sent = browser.get(begun.json()["login_url"], allow_redirects=False, timeout=10)
        page = urlsplit(sent.headers["Location"])
        back = browser.get(f"{stage.process.url}{page.path}?{page.query}", allow_redirects=False, timeout=10)
        done = browser.get(back.headers["Location"], timeout=10)
    ending, _ = traded(stage, "target", account=account)

    assert "is logged in until" in told
    assert (page.hostname, parse_qs(page.query)["redirect_uri"]) == ("api.upstox.com", [callback])
    assert (done.status_code, "is logged in" in done.text) == (200, True)
    assert ending == Ending("CLOSED", "target_hit", NATIVE)


def leaving_takes_the_gtt_away_before_an_exit_of_ours(stage: BrokerStage, account: ChaosAccount) -> None:
    ending, _ = traded(stage, "exit", account=account)

    assert ending == Ending("CLOSED", "exited", NATIVE)
    assert stage.process.seen(account.user_id)["gtts"] == []


def one_resting_stop(end: str) -> Story:
    """A market entry is held by one resting stop that becomes the target."""

    def story(stage: BrokerStage, account: ChaosAccount) -> None:
        trade = stage.trade(account)
        trade.place(pricetype="MARKET", entry_price=None)
        assert trade.until("PROTECTED")["state"] == "PROTECTED"

        trade.move("1.021" if end == "target" else "0.984")

        over = trade.until(*CLOSED)
        assert (over["state"], over["outcome"]) == ("CLOSED", OUTCOMES[end])
        assert stage.books_of(account) == DONE
        assert placed(stage, account) == (0, 2)

    return story


def a_part_is_kept_and_gets_a_stop_of_ours(stage: BrokerStage, account: ChaosAccount) -> None:
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


def a_lost_answer_is_found_by_its_content(stage: BrokerStage, account: ChaosAccount) -> None:
    token = f"token{account.user_id[-2:]}"
    stage.process.let("502 after acceptance", method="POST", path="gtt/place$", client=token)

    ending, _ = traded(stage, "target", account=account)

    assert ending == Ending("CLOSED", "target_hit", NATIVE)
    assert len(stage.process.seen(account.user_id)["orders"]) == 2  # the one GTT's


def a_dead_token_is_told_and_the_trade_goes_on(stage: BrokerStage, account: ChaosAccount) -> None:
    ending = traded_over_a_dead_token(stage, price="1.021", account=account)

    assert ending == Ending("CLOSED", "target_hit", NATIVE)


def a_stop_that_the_market_jumps_over_is_taken_over(stage: BrokerStage, account: ChaosAccount) -> None:
    trade = stage.protected(account)

    trade.move("0.95")

    over = trade.until(*CLOSED)
    assert (over["state"], over["outcome"]) == ("CLOSED", "stop_hit")
    assert stage.books_of(account).position == 0
    assert stage.books_of(account).sold == 10


def a_forged_push_is_a_hint_that_is_not_believed(stage: BrokerStage, account: ChaosAccount) -> None:
    stage.process.let("forged push", method="POSTBACK", client=account.api_key, times=None)

    ending, _ = traded(stage, "stop", account=account)

    assert stage.process.happened("forged push") > 0
    assert ending == Ending("CLOSED", "stop_hit", NATIVE)


STORIES: dict[str, Story] = {
    "a GTT of MIS reaches its target": one_gtt("MIS", "target"),
    "a GTT of MIS is stopped": one_gtt("MIS", "stop"),
    "a GTT of CNC reaches its target": one_gtt("CNC", "target"),
    "a GTT of CNC is stopped": one_gtt("CNC", "stop"),
    "a short future is stopped by its GTT": a_short_future_is_stopped_by_its_gtt,
    "a person logs in and the trade goes well": a_person_logs_in_by_command_and_by_browser,
    "leaving takes the GTT away first": leaving_takes_the_gtt_away_before_an_exit_of_ours,
    "a market entry's stop becomes its target": one_resting_stop("target"),
    "a market entry is stopped": one_resting_stop("stop"),
    "a part of an entry gets a stop of ours": a_part_is_kept_and_gets_a_stop_of_ours,
    "a GTT that nobody acknowledged is found": a_lost_answer_is_found_by_its_content,
    "a dead token in mid-trade is made good": a_dead_token_is_told_and_the_trade_goes_on,
    "a stop that the market jumped over": a_stop_that_the_market_jumps_over_is_taken_over,
    "forged pushes are not believed": a_forged_push_is_a_hint_that_is_not_believed,
}


@pytest.fixture(scope="module")
def told(stage: BrokerStage) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once; return their ends."""
    shares = {"a short future is stopped by its GTT": FUTURES[0]}
    accounts = {name: stage.account(shares.get(name)) for name in STORIES}
    for account in accounts.values():
        wait_for(partial(stage.good_reads, account), what="the first read")
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {name: pool.submit(story, stage, accounts[name]) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_a_bracket_ends_well_whatever_comes_between(told: dict[str, "Future[None]"], name: str) -> None:
    assert told[name].result() is None  # its own assertions speak


def test_a_service_that_dies_twice_misses_no_end_and_places_no_second_gtt(stage: BrokerStage) -> None:
    unseen = stage.ready()
    trade = stage.trade(unseen)
    trade.place()
    trade.until("ENTRY_OPEN")
    stage.service.kill()
    trade.move("0.998")
    trade.move("1.021")
    assert stage.process.seen(unseen.user_id)["gtts"] == []  # what is over is not listed any more

    with stage.killed_at("sent place entry"):  # started, and killed before a GTT's answer
        ending, account = traded(stage, "target")

    over = trade.until(*CLOSED)
    told = Ending(over["state"], over["outcome"], stage.books_of(unseen))
    assert told == ending == Ending("CLOSED", "target_hit", NATIVE)
    assert placed(stage, account)[0] == placed(stage, unseen)[0] == 1


def test_a_kill_while_the_exits_of_a_gtt_are_taken_away_sells_once(stage: BrokerStage) -> None:
    with stage.killed_at("sent cancel stop"):
        ending, account = traded(stage, "exit")

    assert ending == Ending("CLOSED", "exited", NATIVE)
    assert placed(stage, account)[0] == 1
