"""The live board over the real service and the paper market."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Desk, Person

pytestmark = pytest.mark.browser


def dialog(page: Page) -> Any:
    return page.get_by_role("dialog")


def test_a_bracket_placed_over_rest_appears_fills_and_shows_what_protects_it(
    owned: Desk, owner: Person
) -> None:
    expect(owner.page.locator("#link")).to_have_text("Live")
    owner.page.evaluate("window.notLoadedAgain = true")

    bracket_id = owned.place()

    row = owner.row(bracket_id)
    expect(row.locator(".state")).to_have_text("protected")
    expect(row.locator(".c-guard")).to_contain_text("stop for 10: triggers at 450.00")
    expect(row.locator(".c-guard")).to_contain_text("at the exchange")
    expect(row.locator(".c-guard")).to_contain_text("stop works on without this service; the target needs it")
    expect(row.locator(".c-state")).to_contain_text("filled 10 of 10")
    expect(row.locator(".badge")).to_have_text("PAPER")
    expect(row.locator(".ltp")).to_have_text(re.compile(r"\d{3}\.\d\d"))
    expect(row.locator(".c-stop .sub")).to_have_text(re.compile(r"\d+\.\d+ · \d+\.\d\d %"))
    expect(row.locator(".c-name")).to_contain_text("breakout")
    assert owner.page.evaluate("window.notLoadedAgain") is True
    assert owner.violations() == []


def test_a_trigger_at_the_broker_is_told_as_held_there(owned: Desk, owner: Person) -> None:
    order = {"symbol": "INFY", "product": "CNC", "entry_price": 1505, "sl_price": 1400, "target_price": 1650}

    row = owner.row(owned.place(**order))

    expect(row.locator(".c-guard")).to_contain_text("in one trigger")
    expect(row.locator(".c-guard")).to_contain_text("at the broker (GTT)")
    expect(row.locator(".c-guard")).to_contain_text("works on without this service")


def test_leaving_says_what_will_happen_and_nothing_before_yes(owned: Desk, owner: Person) -> None:
    row = owner.row(owned.place())
    expect(row.locator(".state")).to_have_text("protected")

    row.get_by_role("button", name="Exit now").click()
    expect(dialog(owner.page)).to_contain_text("Sells 10 SBIN at the market now.")
    expect(dialog(owner.page)).to_contain_text("Paper: no real money moves.")
    assert owner.violations() == []
    owner.page.keyboard.press("Escape")
    expect(dialog(owner.page)).to_have_count(0)
    expect(row.locator(".state")).to_have_text("protected")

    row.get_by_role("button", name="Exit now").click()
    dialog(owner.page).get_by_role("button", name="Exit now").click()
    expect(row).to_have_class(re.compile("closed"))
    expect(row.locator(".c-acts")).to_contain_text("exited")


def test_a_stop_is_moved_and_a_bad_price_is_refused_in_the_dialog(owned: Desk, owner: Person) -> None:
    row = owner.row(owned.place())
    expect(row.locator(".state")).to_have_text("protected")

    row.get_by_role("button", name="Modify").click()
    form = dialog(owner.page)
    form.get_by_label("Stop").fill("460.03")
    form.get_by_role("button", name="Change it").click()
    expect(form.get_by_role("alert")).to_contain_text("460.03")
    owner.forgive(400)
    form.get_by_label("Stop").fill("460")
    form.get_by_role("button", name="Change it").click()

    expect(dialog(owner.page)).to_have_count(0)
    expect(row.locator(".c-stop")).to_contain_text("460.00")
    expect(row.locator(".c-guard")).to_contain_text("triggers at 460.00")


def test_cancelling_with_shares_asks_what_becomes_of_them(owned: Desk, owner: Person) -> None:
    row = owner.row(owned.place())
    expect(row.locator(".state")).to_have_text("protected")

    row.get_by_role("button", name="Cancel").click()
    form = dialog(owner.page)
    expect(form).to_contain_text("10 SBIN stay, with their stop and target.")
    form.get_by_label("Hand them over to me").check()
    expect(form).to_contain_text("no stop of ours holds them")
    assert owner.violations() == []
    form.get_by_role("button", name="Cancel it").click()
    expect(form.get_by_role("alert")).to_contain_text("confirm must be SBIN")
    owner.forgive(400)
    form.get_by_label("Exit them at the market").check()
    form.get_by_role("button", name="Cancel it").click()

    expect(row).to_have_class(re.compile("closed"))


def test_the_kill_switch_blocks_entries_until_it_is_off(owned: Desk, owner: Person) -> None:
    owner.page.locator("#kill").click()
    form = dialog(owner.page)
    form.get_by_label("Block entries").check()
    expect(form).to_contain_text("No new bracket is accepted")
    form.get_by_role("button", name="Set the kill switch").click()
    expect(owner.page.locator("#notices")).to_contain_text(
        "kill switch of all accounts is set to block entries"
    )
    assert owner.violations() == []
    with pytest.raises(AssertionError, match="kill switch"):
        owned.place()

    owner.page.locator("#kill").click()
    dialog(owner.page).get_by_label("Off").check()
    dialog(owner.page).get_by_role("button", name="Set the kill switch").click()

    expect(owner.page.locator("#notices")).to_be_hidden()
    expect(owner.row(owned.place()).locator(".state")).to_have_text("protected")


def test_the_keyboard_alone_is_enough(owned: Desk, owner: Person) -> None:
    first, second = owned.place(), owned.place()
    expect(owner.row(first).locator(".state")).to_have_text("protected")
    expect(owner.row(second).locator(".state")).to_have_text("protected")
    keyboard = owner.page.keyboard

    keyboard.press("j")
    expect(owner.row(second)).to_be_focused()  # the newest is on top
    keyboard.press("j")
    expect(owner.row(first)).to_be_focused()
    keyboard.press("x")
    expect(dialog(owner.page)).to_contain_text("Sells 10 SBIN")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(owner.row(first)).to_have_class(re.compile("closed"))
    keyboard.press("?")
    expect(dialog(owner.page)).to_contain_text("modify, cancel, exit")
    assert owner.violations() == []
    keyboard.press("Escape")
    keyboard.press("k")
    keyboard.press("Enter")
    owner.page.wait_for_url(f"**/dashboard/brackets/{second}")


def test_rows_out_of_sight_cost_no_layout_and_are_right_when_they_come_into_it(
    owned: Desk, owner: Person
) -> None:
    oldest = owner.row(owned.place())
    newest = [owner.row(owned.place()) for _ in range(12)][-1]
    expect(newest.locator(".state")).to_have_text("protected")
    owner.page.set_viewport_size({"width": 360, "height": 300})
    owner.page.evaluate("scrollTo(0, 0)")
    is_laid_out = "(price) => price.checkVisibility({contentVisibilityAuto: true})"
    price, far_price = (row.locator(".ltp").element_handle() for row in (newest, oldest))

    expect(newest).to_be_in_viewport()
    owner.page.wait_for_function(is_laid_out, arg=price)
    owner.page.wait_for_function(f"(price) => !({is_laid_out})(price)", arg=far_price)

    oldest.scroll_into_view_if_needed()
    owner.page.wait_for_function(is_laid_out, arg=far_price)
    expect(oldest.locator(".c-guard")).to_contain_text("stop for 10: triggers at 450.00")


def test_times_are_shown_in_ist_or_utc(owned: Desk, owner: Person) -> None:
    time = owner.row(owned.place()).locator("time")
    expect(owner.page.locator("#clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d IST"))
    in_ist, title = time.text_content() or "", time.get_attribute("title") or ""

    owner.page.keyboard.press("z")

    expect(owner.page.locator("#clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d UTC"))
    assert f"{time.text_content()} UTC" == title
    assert time.text_content() != in_ist
    owner.page.keyboard.press("z")
    expect(time).to_have_text(in_ist)


def test_a_killed_service_is_seen_at_once_and_caught_up_with(
    own_desk: Desk, person_at: Callable[..., Person]
) -> None:
    owner = person_at(own_desk.url)
    owner.set_up(own_desk.setup_code)
    owner.go("/dashboard/")
    row = owner.row(own_desk.place())
    expect(row.locator(".state")).to_have_text("protected")

    own_desk.service.kill()

    expect(owner.page.locator("#link")).to_have_text("No connection", timeout=2000)
    expect(owner.page.locator("#gone")).to_contain_text("The service does not answer since")
    assert owner.violations() == []

    own_desk.service.start()
    meanwhile = own_desk.place(symbol="INFY", entry_price=1510, sl_price=1400, target_price=1650)
    expect(owner.page.locator("#link")).to_have_text("Live")
    expect(owner.page.locator("#gone")).to_be_hidden()
    expect(owner.row(meanwhile).locator(".state")).to_have_text("protected")
    expect(owner.page.locator("#news")).to_contain_text("INFY")
    expect(row.locator(".state")).to_have_text("protected")
    owner.forgive_no_service()


def test_the_acts_are_within_reach_at_every_width(owned: Desk, owner: Person) -> None:
    row = owner.row(owned.place())
    expect(row.locator(".state")).to_have_text("protected")

    for width in (360, 414, 600, 820, 1199, 1200, 1280, 1366, 1920):
        owner.page.set_viewport_size({"width": width, "height": 800})
        edges = [button.bounding_box() for button in row.get_by_role("button").all()]
        board = owner.page.locator("#board").bounding_box()
        assert board is not None
        right = board["x"] + board["width"]
        assert len(edges) == 3
        assert all(one is not None and one["x"] + one["width"] <= right for one in edges), width
        assert not owner.is_wider_than_its_window(), width


@pytest.mark.parametrize(
    "path", ["/dashboard/", "/dashboard/security", "/dashboard/about", "/dashboard/nowhere"]
)
def test_every_page_is_usable_on_a_phone_in_light_and_dark(owned: Desk, owner: Person, path: str) -> None:
    owned.place()
    owner.page.set_viewport_size({"width": 360, "height": 740})

    owner.go(path)

    expect(owner.page.get_by_role("heading", level=1)).to_be_visible()
    if path == "/dashboard/":
        expect(owner.page.locator(".row .ltp").first).to_be_visible()
    assert owner.violations_light_and_dark() == []
    assert not owner.is_wider_than_its_window()
    owner.forgive(404)
