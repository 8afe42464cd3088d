"""The form of a new bracket: search, preview, placing, and a second click."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.stage import Desk, Person

pytestmark = pytest.mark.browser


def open_form(person: Person, typed: str = "sbin") -> Page:
    """Open the form and choose a symbol by keyboard alone."""
    person.go("/dashboard/new")
    page = person.page
    expect(page.locator("#account-mode")).to_contain_text("PAPER")
    page.get_by_role("combobox", name="Symbol").press_sequentially(typed)
    expect(page.locator("#found li").first).to_be_visible()
    return page


def choose(person: Person) -> Page:
    page = open_form(person)
    page.locator("#found").get_by_role("option", name="SBIN NSE").click()
    expect(page.locator("#symbol-facts")).to_contain_text("tick 0.05")
    page.locator('input[name="product"][value="MIS"]').check()
    return page


def fill(page: Page, *, size: str = "10", entry: str = "505", stop: str = "450", target: str = "560") -> None:
    page.get_by_label("How much", exact=True).fill(size)
    page.get_by_label("Entry price", exact=True).fill(entry)
    page.get_by_label("Stop", exact=True).fill(stop)
    page.get_by_label("Target", exact=True).fill(target)


def test_a_symbol_is_found_and_chosen_by_keyboard(owner: Person) -> None:
    page = open_form(owner, "infy")

    box = page.get_by_role("combobox", name="Symbol")
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("option", name="INFY BSE")).to_have_attribute("aria-selected", "true")
    box.press("ArrowDown")
    expect(page.get_by_role("option", name="INFY NSE")).to_have_attribute("aria-selected", "true")
    box.press("Enter")

    expect(box).to_have_value("INFY")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#symbol-facts")).to_contain_text(re.compile("last 1,?[0-9]"))


def test_the_preview_tells_money_orders_and_what_outlives_a_shutdown(owner: Person) -> None:
    page = choose(owner)
    expect(page.locator("#preview")).to_contain_text("Still needed:")

    fill(page, entry="500")

    preview = page.locator("#preview")
    expect(preview).to_contain_text("Valid. Paper: no real money.")
    expect(preview).to_contain_text("₹ 500.00")
    expect(preview).to_contain_text("₹ 600.00")
    expect(preview).to_contain_text("1.20")
    expect(preview.locator("tbody tr")).to_have_count(3)
    expect(preview).to_contain_text("the stop works on; the target waits until the service is back")
    assert owner.violations() == []


def test_every_fault_stands_beside_its_field(owner: Person) -> None:
    page = choose(owner)

    fill(page, entry="500.03", stop="600")

    expect(page.locator("#entry_price-fault")).to_contain_text("is not a multiple of the tick 0.05")
    expect(page.locator("#stop-fault")).to_contain_text("SL price must be less than entry price")
    expect(page.get_by_label("Entry price", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Place it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Entry price", exact=True)).to_be_focused()
    assert owner.violations() == []


def test_products_that_cannot_be_protected_cannot_be_chosen(owner: Person) -> None:
    page = choose(owner)

    page.get_by_label("Sell short").check()

    expect(page.locator('input[name="product"][value="CNC"]')).to_be_disabled()
    expect(page.locator("#products")).to_contain_text("cannot be sold short on NSE")


def test_relative_exits_and_several_targets_are_previewed(owner: Person) -> None:
    page = choose(owner)
    fill(page, entry="500", stop="1", target="5")
    page.locator("#stop-unit").select_option("sl_percent")
    page.locator("#target-unit").select_option("target_points")

    page.get_by_role("button", name="Add a target").click()
    page.get_by_label("Target 2").fill("12")
    page.get_by_label("Unit of this target").select_option("points")

    expect(page.locator("#preview tbody tr")).to_have_count(4)
    expect(page.locator("#preview tbody")).to_contain_text("505.00")
    expect(page.locator("#preview tbody")).to_contain_text("512.00")
    page.get_by_label("Target 2").fill("-1")
    expect(page.locator(".target .field-fault")).not_to_be_empty()


def test_a_bracket_is_placed_from_the_form_fills_and_is_protected(owned: Desk, owner: Person) -> None:
    page = choose(owner)
    fill(page)
    page.get_by_text("Trailing and break-even").click()
    page.get_by_label("Break even at").fill("540")
    page.get_by_role("button", name="Place it").click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Buys 10 SBIN as MIS, at 505 or better.")
    expect(dialog).to_contain_text("Once 540 trades, the stop moves to the average fill.")
    expect(dialog).to_contain_text("Paper: no real money moves.")
    before = len(owned.post("bracketorderbook")["brackets"])
    dialog.get_by_role("button", name="Place it").dblclick()

    page.wait_for_url("**/dashboard/brackets/*")
    expect(page.locator("#title .state")).to_have_text("protected")
    assert len(owned.post("bracketorderbook")["brackets"]) == before + 1


def lose_first_answer(page: Page) -> list[int]:
    """Let the first placing reach the service, and its answer nobody. Returns what was answered."""
    answered: list[int] = []

    def lose(route: Route) -> None:
        if answered:
            route.continue_()
            return
        answered.append(route.fetch().status)
        route.abort()

    page.route("**/dashboard/api/new/place", lose)
    return answered


def test_an_answer_that_is_lost_leads_to_no_second_bracket(owned: Desk, owner: Person) -> None:
    page = choose(owner)
    fill(page)
    answered = lose_first_answer(page)
    before = len(owned.post("bracketorderbook")["brackets"])
    page.get_by_role("button", name="Place it").click()
    again = page.get_by_role("dialog").get_by_role("button", name="Place it")
    again.click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("The service does not answer")

    again.click()

    page.wait_for_url("**/dashboard/brackets/*")
    assert answered == [200]
    assert len(owned.post("bracketorderbook")["brackets"]) == before + 1
    owner.complaints[:] = [one for one in owner.complaints if "net::ERR_FAILED" not in one]


def test_a_form_changed_after_a_lost_answer_is_not_placed_beside_the_first(
    owned: Desk, owner: Person
) -> None:
    page = choose(owner)
    fill(page)
    lose_first_answer(page)
    before = len(owned.post("bracketorderbook")["brackets"])
    page.get_by_role("button", name="Place it").click()
    page.get_by_role("dialog").get_by_role("button", name="Place it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("The service does not answer")
    page.keyboard.press("Escape")

    page.get_by_label("How much", exact=True).fill("11")
    page.get_by_role("button", name="Place it").click()
    page.get_by_role("dialog").get_by_role("button", name="Place it").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("has placed an order already")
    assert len(owned.post("bracketorderbook")["brackets"]) == before + 1
    owner.complaints[:] = [one for one in owner.complaints if "net::ERR_FAILED" not in one]
    owner.forgive(409)


def test_leaving_the_confirm_places_nothing(owned: Desk, owner: Person) -> None:
    page = choose(owner)
    fill(page)
    before = owned.post("bracketorderbook")["brackets"][:1]
    page.get_by_role("button", name="Place it").click()

    page.get_by_role("dialog").get_by_role("button", name="Leave it as it is").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    assert owned.post("bracketorderbook")["brackets"][:1] == before


def test_the_form_is_usable_on_a_phone(owner: Person) -> None:
    owner.page.set_viewport_size({"width": 360, "height": 740})
    page = choose(owner)
    fill(page)
    for summary in page.locator(".more > summary").all():
        summary.click()
    page.get_by_role("button", name="Add a target").click()
    page.get_by_label("Target 2").fill("580")

    expect(page.locator("#preview")).to_contain_text("Orders")
    assert owner.violations_light_and_dark() == []
    assert not owner.is_wider_than_its_window()
