"""What a person is told before a yes is what the yes will do, whatever comes late or is typed meanwhile."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.stage import Desk, Person
from tests.browser.test_doubt import fail
from tests.browser.test_new_bracket import choose, fill

pytestmark = pytest.mark.browser


def held_back(page: Page, path: str) -> Callable[[], Route]:
    """Keep calls of a path waiting; the function gives the first of them, once it has come."""
    kept: list[Route] = []

    def keep(route: Route) -> None:  # Playwright marks its handlers: a list's own method takes no mark
        kept.append(route)

    page.route(f"**/dashboard/api/{path}", keep)

    def first() -> Route:
        while not kept:
            page.wait_for_timeout(10)  # lets the browser's messages in; ends with the test's own timeout
        return kept[0]

    return first


def kill_dialog(owner: Person) -> Locator:
    owner.page.locator("#kill").click()
    return owner.page.get_by_role("dialog")


def test_an_answer_that_comes_late_does_not_stand_for_the_choice_made_since(
    owned: Desk, owner: Person
) -> None:
    flatten = held_back(owner.page, "killswitch/consequences?mode=flatten")
    form = kill_dialog(owner)
    yes = form.get_by_role("button", name="Set the kill switch")
    expect(yes).to_be_enabled()

    form.get_by_label("Flatten every bracket").check()
    late = flatten()
    expect(yes).to_be_disabled()
    expect(form).not_to_contain_text("Nothing that is open changes")
    form.get_by_label("Block entries").check()
    expect(form).to_contain_text("open with their stops and targets")
    with owner.page.expect_response(re.compile("mode=flatten")):
        late.continue_()

    owner.page.evaluate("() => new Promise((done) => setTimeout(done))")  # its handlers have run
    expect(form).to_contain_text("open with their stops and targets")
    expect(form).not_to_contain_text("Only brackets leave")
    expect(yes).to_be_enabled()


def test_nothing_is_confirmed_while_its_consequences_cannot_be_told(owned: Desk, owner: Person) -> None:
    row = owner.row(owned.place())
    expect(row.locator(".state")).to_have_text("protected")
    fail(owner.page, "brackets/*/consequences*")

    row.get_by_role("button", name="Exit now").click()

    form = owner.page.get_by_role("dialog")
    expect(form.get_by_role("alert")).to_contain_text("the database did not answer")
    expect(form.get_by_role("button", name="Exit now")).to_be_disabled()
    assert owner.violations() == []
    owner.page.unroute_all()
    form.get_by_role("button", name="Ask again").click()
    expect(form).to_contain_text("Sells 10 SBIN at the market now.")
    expect(form.get_by_role("button", name="Exit now")).to_be_enabled()
    owner.forgive(503)


def test_what_is_typed_while_a_form_is_checked_is_not_placed_unseen(owned: Desk, owner: Person) -> None:
    page = choose(owner)
    fill(page)
    expect(page.locator("#preview")).to_contain_text("Valid.")
    asked = held_back(page, "new/preview")
    page.get_by_role("button", name="Place it").click()
    question = asked()
    page.evaluate("document.getElementById('size').value = '77'")

    question.continue_()
    page.unroute_all()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Buys 10 SBIN")
    dialog.get_by_role("button", name="Place it").click()

    page.wait_for_url("**/dashboard/brackets/*")
    expect(page.get_by_role("heading", level=1)).to_contain_text("BUY 10 SBIN")


def test_a_preview_that_fails_leaves_none_of_an_earlier_form(owned: Desk, owner: Person) -> None:
    page = choose(owner)
    fill(page)
    expect(page.locator("#preview")).to_contain_text("Valid.")
    fail(page, "new/preview")

    page.get_by_label("Stop", exact=True).fill("470")

    expect(page.locator("#preview")).to_contain_text("cannot be told now")
    expect(page.locator("#preview")).not_to_contain_text("Valid.")
    expect(page.locator("#order-fault")).to_contain_text("the database did not answer")
    owner.forgive(503)


def test_choices_that_fail_late_do_not_undo_a_newer_choice(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/new")
    page = owner.page
    box = page.get_by_role("combobox", name="Symbol")
    infy = held_back(page, "new/choices?*symbol=INFY*")
    box.press_sequentially("infy")
    page.locator("#found").get_by_role("option", name="INFY NSE").click()
    late = infy()
    box.fill("")
    box.press_sequentially("sbin")
    page.locator("#found").get_by_role("option", name="SBIN NSE").click()
    expect(page.locator("#symbol-facts")).to_contain_text("tick 0.05")

    with page.expect_response(re.compile("symbol=INFY")):
        late.fulfill(status=503, json={"status": "error", "message": "late"})

    page.evaluate("() => new Promise((done) => setTimeout(done))")  # its handlers have run
    expect(page.locator("#symbol-facts")).to_contain_text("tick 0.05")
    expect(page.locator('input[name="product"]').first).to_be_visible()
    owner.forgive(503)
