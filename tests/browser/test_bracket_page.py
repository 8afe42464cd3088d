"""The page of one bracket."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.stage import Desk, Person

pytestmark = pytest.mark.browser


def test_a_bracket_is_told_whole(owned: Desk, owner: Person) -> None:
    bracket_id = owned.place()
    owner.row(bracket_id).get_by_role("link", name="SBIN").click()
    page = owner.page

    expect(page.get_by_role("heading", level=1)).to_contain_text("BUY 10 SBIN")
    expect(page.locator("#why")).to_contain_text("10 held: stop for 10: triggers at 450.00")
    expect(page.locator("#why")).to_contain_text("Why: the stop rests at 450")
    expect(page.locator("#legs tbody tr")).to_have_count(2)
    expect(page.locator("#legs")).to_contain_text("trigger pending")
    expect(page.locator("#chart canvas").first).to_be_visible()
    expect(page.locator("#drawn")).to_contain_text("The line is what this page saw since")
    expect(page.locator("#drawn").get_by_role("link", name="Charts by TradingView")).to_be_visible()

    everything = page.locator("#story > li").count()
    page.get_by_role("button", name="Asked of the broker").click()
    asked = page.locator("#story > li")
    expect(asked.first).to_contain_text("stop to be placed: SELL SL 10")
    assert 0 < asked.count() < everything
    asked.first.locator("summary").click()
    expect(asked.first.locator("pre")).to_contain_text('"trigger_price": "450"')
    assert owner.violations() == []


def test_the_page_follows_the_bracket_to_its_end(owned: Desk, owner: Person) -> None:
    bracket_id = owned.place()
    owner.go(f"/dashboard/brackets/{bracket_id}")
    page = owner.page
    expect(page.locator("#title .state")).to_have_text("protected")

    page.get_by_role("button", name="Exit now").click()
    page.get_by_role("dialog").get_by_role("button", name="Exit now").click()

    expect(page.locator("#title .state")).to_have_text("closed")
    expect(page.locator("#now")).to_contain_text("before charges")
    expect(page.locator("#story")).to_contain_text("exit asked by owner at the dashboard")
    expect(page.locator("#acts button")).to_have_count(0)


def test_an_entry_that_waits_for_a_price_and_a_stop_that_follows_are_told(owned: Desk, owner: Person) -> None:
    order = {"pricetype": "SL-M", "trigger_price": 550, "entry_price": None, "target_price": 600}
    bracket_id = owned.place(**order, trailing_sl={"points": "3", "breakeven_at": "560"})

    owner.go(f"/dashboard/brackets/{bracket_id}")

    now = owner.page.locator("#now")
    expect(now).to_contain_text("SL-M, once 550.00 trades")
    expect(now).to_contain_text("The stop follows the best price by 3.")
    expect(now).to_contain_text("Once 560 trades, the stop moves to the average fill.")


def test_the_page_is_usable_on_a_phone(owned: Desk, owner: Person) -> None:
    owner.page.set_viewport_size({"width": 360, "height": 740})

    owner.go(f"/dashboard/brackets/{owned.place()}")

    expect(owner.page.locator("#now")).to_contain_text("average fill")
    expect(owner.page.locator("#now")).to_contain_text(re.compile("Last price.*old"))
    assert owner.violations_light_and_dark() == []
    assert not owner.is_wider_than_its_window()
