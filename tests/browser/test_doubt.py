"""What a page says when it cannot know: never "Live", never an older answer, never nothing at all."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.browser.stage import Desk, Person

pytestmark = pytest.mark.browser

NO_DATABASE = {"status": "error", "code": "not_read", "message": "the database did not answer"}


def fail(page: Page, path: str) -> None:
    """Have the service refuse calls of a path, as it does while its database fails."""
    page.route(f"**/dashboard/api/{path}", lambda route: route.fulfill(status=503, json=NO_DATABASE))


def change(page: Page, path: str, edit: Callable[[Any], object]) -> None:
    """Let calls of a path through and edit what the service answered."""

    def answer(route: Route) -> None:
        told = route.fetch()
        body = told.json()
        edit(body)
        route.fulfill(response=told, json=body)

    page.route(f"**/dashboard/api/{path}", answer)


def test_a_pulse_that_is_refused_is_not_called_live(owned: Desk, owner: Person) -> None:
    expect(owner.page.locator("#link")).to_have_text("Live")

    fail(owner.page, "pulse")

    expect(owner.page.locator("#link")).to_have_text("Not up to date", timeout=2500)
    expect(owner.page.locator("#gone")).to_contain_text(
        re.compile(r"cannot tell how things stand since \d\d:")
    )
    expect(owner.page.locator("#gone")).to_contain_text("the database did not answer")
    assert owner.violations() == []
    owner.page.unroute_all()
    expect(owner.page.locator("#link")).to_have_text("Live")
    expect(owner.page.locator("#gone")).to_be_hidden()
    owner.forgive(503)


def test_a_page_that_slept_is_not_called_live_before_it_has_heard(owned: Desk, owner: Person) -> None:
    expect(owner.page.locator("#link")).to_have_text("Live")
    with owner.page.expect_request("**/dashboard/api/pulse"):
        owner.page.route("**/dashboard/api/pulse", lambda route: None)  # no answer, as yet
    owner.page.evaluate("const then = Date.now; Date.now = () => then() + 600_000")

    expect(owner.page.locator("#link")).to_have_text("Connecting", timeout=2000)
    assert owner.page.locator("main").evaluate("main => getComputedStyle(main).filter") == "grayscale(1)"
    owner.page.unroute_all()


def test_what_went_wrong_is_in_sight_wherever_a_board_is_scrolled_to(owned: Desk, owner: Person) -> None:
    for _ in range(3):
        owned.place()
    expect(owner.page.locator(".row .ltp").nth(2)).to_be_visible()
    owner.page.set_viewport_size({"width": 360, "height": 500})
    owner.page.locator(".foot").scroll_into_view_if_needed()

    fail(owner.page, "pulse")

    expect(owner.page.locator("#gone")).to_be_visible()
    expect(owner.page.locator("#gone")).to_be_in_viewport()
    owner.forgive(503)


def test_the_red_banner_follows_how_many_shares_and_why(owned: Desk, owner: Person) -> None:
    bracket_id = owned.place()
    bare = {"bracket_id": bracket_id, "symbol": "SBIN", "account": "paper", "paper": True, "seconds": 1.0}
    now = {"quantity": 10, "cause": "first_fill"}
    change(owner.page, "pulse", lambda pulse: pulse.update(naked=[bare | now]))
    expect(owner.page.locator("#naked")).to_contain_text("10 SBIN without a working stop")

    now.update(quantity=4, cause="stop_refused")

    expect(owner.page.locator("#naked")).to_contain_text("4 SBIN without a working stop")
    expect(owner.page.locator("#naked")).to_contain_text("the broker refused the stop")
    owner.page.unroute_all(behavior="ignoreErrors")


def test_a_worker_that_hangs_is_told_on_every_page(owned: Desk, owner: Person) -> None:
    sentence = "Account paper has not been looked after for 25 s: its brackets may stand otherwise."
    change(owner.page, "pulse", lambda pulse: pulse["accounts"][0].update(faults=[sentence]))

    owner.go("/dashboard/keys")

    expect(owner.page.locator("#notices")).to_contain_text(sentence)
    owner.page.unroute_all(behavior="ignoreErrors")


def test_one_paused_account_is_not_shown_as_all_of_them(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/accounts")
    owner.page.get_by_role("button", name="Pause account paper").click()
    owner.page.get_by_role("dialog").get_by_role("button", name="Pause").click()

    expect(owner.page.locator("#notices")).to_contain_text("Account paper is paused by its own switch")
    expect(owner.page.locator("#notices")).not_to_contain_text("all accounts")
    expect(owner.page.locator("#kill")).to_have_text("Kill switch")
    owner.page.locator("#kill").click()
    expect(owner.page.get_by_label("Off")).to_be_checked()
    expect(owner.page.get_by_role("dialog")).to_contain_text("Account paper stays paused by its own switch")
    owner.page.keyboard.press("Escape")
    owner.page.get_by_role("button", name="Resume account paper").click()
    owner.page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(owner.page.locator("#notices")).to_be_hidden()


def test_a_board_that_could_not_be_read_at_first_is_read_by_the_next_pulse(
    owned: Desk, owner: Person
) -> None:
    bracket_id = owned.place()
    refused: list[str] = []

    def once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, json=NO_DATABASE)

    owner.page.route("**/dashboard/api/board", once)

    owner.page.reload()

    expect(owner.row(bracket_id).locator(".state")).to_have_text("protected")
    expect(owner.page.locator("#board")).to_have_attribute("aria-busy", "false")
    assert refused
    owner.forgive(503)


def test_however_much_changed_in_a_gap_no_address_is_too_long_for_the_service(
    owned: Desk, owner: Person
) -> None:
    expect(owner.page.locator("#board")).to_have_attribute("aria-busy", "false")
    many = {f"01{number:024}": 1 for number in range(250)}
    asked: list[str] = []
    owner.page.on("request", lambda one: asked.append(one.url) if "board?ids=" in one.url else None)
    bracket_id = owned.place()
    change(owner.page, "pulse", lambda pulse: pulse["versions"].update(many))

    with owner.page.expect_response(lambda one: f"01{249:024}" in one.url) as last:
        pass

    assert last.value.status == 200
    assert max(map(len, asked)) < 4000
    expect(owner.row(bracket_id).locator(".state")).to_have_text("protected")
    owner.page.unroute_all(behavior="ignoreErrors")


def test_an_act_that_did_not_work_is_told_where_a_page_has_no_other_place(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/security")
    fail(owner.page, "security/sessions/end-others")

    owner.page.get_by_role("button", name="End all other sessions", exact=True).click()

    expect(owner.page.locator("#news")).to_contain_text("That did not work: the database did not answer")
    owner.forgive(503)


def test_a_bracket_that_could_not_be_read_at_first_is_read_by_the_next_pulse(
    owned: Desk, owner: Person
) -> None:
    bracket_id = owned.place()
    fail(owner.page, f"brackets/{bracket_id}/story")
    owner.go(f"/dashboard/brackets/{bracket_id}")
    expect(owner.page.locator("#link")).to_have_text("Live")

    owner.page.unroute_all()

    expect(owner.page.locator("#title .state")).to_have_text("protected")
    expect(owner.page.locator("#why")).to_contain_text(re.compile(r"books of the broker read at \d\d:"))
    owner.forgive(503)


def as_told(bracket_id: str, **changes: Any) -> Callable[[Any], object]:
    """Edit one bracket of a board, as the service would tell it."""

    def edit(board: Any) -> None:
        for one in board["brackets"]:
            if one["bracket_id"] == bracket_id:
                one.update(changes)

    return edit


def settled(owned: Desk, owner: Person, **order: Any) -> str:
    """Place a bracket and wait until it is protected: nothing newer replaces what a test makes of it then."""
    bracket_id = owned.place(**order)
    expect(owner.row(bracket_id).locator(".state")).to_have_text("protected")
    return bracket_id


def test_a_target_that_rests_is_not_told_as_a_stop_that_does(owned: Desk, owner: Person) -> None:
    bracket_id = settled(owned, owner)
    expect(owner.row(bracket_id).locator(".c-guard")).to_contain_text("stop works on without this service")
    guard = {
        "slice": 0, "held": 10, "hold": "target", "quantity": 10, "where": "at the exchange", "order_id": "1",
        "words": "target order for 10 at 560.00; it turns back into the stop",
        "rests": {"stop": False, "target": True},
    }  # fmt: skip
    change(owner.page, "board", as_told(bracket_id, guards=[guard]))

    owner.page.reload()

    cell = owner.row(bracket_id).locator(".c-guard")
    expect(cell).to_contain_text("target works on without this service; the stop needs it")
    expect(cell.locator(".guard")).to_have_class(re.compile("warn"))
    owner.page.unroute_all(behavior="ignoreErrors")


def test_an_alarm_and_a_stop_for_too_few_are_red_on_the_board(owned: Desk, owner: Person) -> None:
    bracket_id = settled(owned, owner)
    guard = {
        "slice": 0, "held": 10, "hold": "stop", "quantity": 4, "where": "at the exchange", "order_id": "1",
        "words": "stop for 4: triggers at 450.00", "rests": {"stop": True, "target": False},
    }  # fmt: skip
    alarm = {"kind": "stop_refused", "text": "the stop is not there: stop_refused", "count": 2}
    brought = guard | {"slice": 1, "hold": "native", "where": "at the broker (bracket)"}
    changes = {"guards": [guard, brought], "alarms": [alarm], "overlays": ["NEEDS_ATTENTION"]}
    change(owner.page, "board", as_told(bracket_id, **changes))

    owner.page.reload()

    row = owner.row(bracket_id)
    expect(row.locator(".c-guard .guard")).to_have_class([re.compile("bad"), re.compile("bad")])
    expect(row.locator(".alarm")).to_have_text(
        ["the stop is not there: the broker refused the stop", "needs you"]
    )
    assert owner.violations() == []
    owner.page.unroute_all(behavior="ignoreErrors")


def test_an_entry_that_waits_says_at_which_price_and_how_far_off(owned: Desk, owner: Person) -> None:
    order = {"pricetype": "SL-M", "trigger_price": 550, "entry_price": None, "target_price": 600}

    entry = owner.row(owned.place(**order)).locator(".c-entry")

    expect(entry).to_contain_text("550.00")
    expect(entry.locator(".sub")).to_have_text(re.compile(r"sl-m · \d+\.\d+ · \d+\.\d\d %"))


def test_of_several_targets_the_next_one_is_shown(owned: Desk, owner: Person) -> None:
    targets = [{"price": "550"}, {"price": "570"}]
    bracket_id = settled(owned, owner, target_price=None, targets=targets)
    cell = owner.row(bracket_id).locator(".c-target")
    expect(cell).to_contain_text("550.00")
    expect(cell).to_contain_text("1 of 2")
    levels = [{"price": "550.00", "is_next": False}, {"price": "570.00", "is_next": True}]
    change(owner.page, "board", as_told(bracket_id, target_levels=levels, target_price="570.00"))

    owner.page.reload()

    expect(cell).to_contain_text("570.00")
    expect(cell).to_contain_text("2 of 2")
    owner.page.unroute_all(behavior="ignoreErrors")


def test_a_time_of_another_year_says_so(owned: Desk, owner: Person) -> None:
    script = """async () => {
        const { clockText, now } = await import("/static/js/core/time.js");
        const day = 86_400_000;
        return [now(), now() - 365 * day].map((at) => clockText(at));
    }"""

    today, last_year = owner.page.evaluate(script)

    assert re.fullmatch(r"\d\d:\d\d:\d\d", today)
    assert re.fullmatch(r"\d\d \w+ \d{4},? \d\d:\d\d:\d\d", last_year)


def test_keys_of_the_browser_do_not_walk_the_board(owned: Desk, owner: Person) -> None:
    settled(owned, owner)

    owner.page.keyboard.press("Control+j")

    expect(owner.page.locator(".row:focus")).to_have_count(0)
    owner.page.keyboard.press("j")
    expect(owner.page.locator(".row:focus")).to_have_count(1)


def test_the_analyzer_is_told_on_every_page(owned: Desk, owner: Person) -> None:
    requests.post(f"{owned.url}/api/v1/analyzer/toggle", json={"apikey": owned.key, "mode": True}, timeout=10)

    expect(owner.page.locator("#notices")).to_contain_text("The analyzer is on: new brackets are paper.")
    owner.go("/dashboard/settings")
    expect(owner.page.locator("#analyzer-state")).to_contain_text("on: new brackets are paper")
    requests.post(
        f"{owned.url}/api/v1/analyzer/toggle", json={"apikey": owned.key, "mode": False}, timeout=10
    )
    expect(owner.page.locator("#analyzer-state")).to_contain_text("off: new brackets are live")
    expect(owner.page.locator("#notices")).to_be_hidden()
