"""Building an alert's message, trying one, and reading the log of signals."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, StorageState, expect

from tests.browser.stage import SBIN, Desk, Person
from tests.browser.test_doubt import fail

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def token(owned: Desk) -> str:
    said = owned.service.command("webhook", "create", "--account", "paper", "--no-require-timenow")
    return str(said.split()[-1])


@pytest.fixture
def builder(owned: Desk, logged_in: StorageState, token: str, person_at: Callable[..., Person]) -> Person:
    allowed = ["clipboard-read", "clipboard-write"]
    person = person_at(owned.url, storage_state=logged_in, permissions=allowed)
    person.go("/dashboard/alerts")
    expect(person.page.get_by_label("Message", exact=True)).not_to_have_value("")
    return person


def send(owned: Desk, token: str, **overrides: Any) -> None:
    requests.post(f"{owned.url}/tradingview/webhook/bracket/{token}", json=SBIN | overrides, timeout=10)


def says(field: str, value: str) -> re.Pattern[str]:
    return re.compile(f'"{field}": "{re.escape(value)}"')


def message(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.get_by_label("Message", exact=True).input_value())
    return found


def test_the_builder_does_not_know_the_token_and_says_so(builder: Person, token: str) -> None:
    page = builder.page

    expect(page.locator("#lacks-token")).to_contain_text("The token is not in it")
    assert message(page)["apikey"] == "PASTE-THE-TOKEN-HERE"
    assert token not in page.content()
    expect(page.locator("#local")).to_contain_text("TradingView reaches a public one only")
    assert builder.violations() == []


def test_a_message_with_a_pasted_token_is_copied(builder: Person, token: str) -> None:
    page = builder.page
    page.get_by_label("Its token").fill(token)
    page.get_by_label("Symbol", exact=True).fill("SBIN")
    page.get_by_label("Stop", exact=True).fill("1.5")
    page.locator("#stop-unit").select_option("sl_percent")
    expect(page.get_by_label("Message", exact=True)).to_have_value(says("sl_percent", "1.5"))

    page.get_by_role("button", name="Copy the message").click()

    expect(page.locator("#copied")).to_have_text("The message is copied.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert (copied["apikey"], copied["symbol"], copied["sl_percent"]) == (token, "SBIN", "1.5")
    assert copied["timenow"] == "{{timenow}}"

    page.get_by_label("Into the address").check()
    expect(page.get_by_label("Webhook URL")).to_have_value(
        f"{builder.url}/tradingview/webhook/bracket/{token}"
    )
    assert "apikey" not in message(page)


def test_a_wrong_token_is_told_beside_its_field(builder: Person, token: str) -> None:
    page = builder.page

    page.get_by_label("Its token").fill(token[:-3] + "abc")

    expect(page.locator("#token-fault")).to_contain_text("token is not that of this webhook")
    builder.forgive(400)


def test_a_built_message_is_tried_in_the_test_box(builder: Person) -> None:
    page = builder.page
    page.get_by_label("How much", exact=True).fill("5")
    expect(page.get_by_label("Message", exact=True)).to_have_value(says("quantity", "5"))

    page.get_by_role("button", name="Try it below").click()

    told = page.locator("#told")
    expect(told).to_contain_text("It would be taken. Nothing was sent.")
    expect(told).to_contain_text("native")
    expect(told.locator("tbody tr")).to_have_count(3)
    assert builder.violations() == []


def test_the_test_box_says_why_a_message_would_be_refused(builder: Person) -> None:
    page = builder.page

    page.get_by_label("Message, in any dialect").fill("long SBIN q=10 sl=50")
    page.get_by_role("button", name="Try it: nothing is sent").click()

    expect(page.locator("#told")).to_contain_text("Refused:")


def test_signals_are_listed_filtered_and_replayed(owned: Desk, owner: Person, token: str) -> None:
    send(owned, token, signal_id="browser-1", passphrase="planted-secret")
    send(owned, token, signal_id="browser-1")
    send(owned, token, symbol="NOSUCH")
    owner.go("/dashboard/signals")
    page = owner.page
    lines = page.locator("#signals > li")
    expect(lines.filter(has_text="rejected").first).to_contain_text("NOSUCH")
    expect(lines.filter(has_text="duplicate").first).to_contain_text("SBIN")

    page.get_by_label("What became of it").select_option("accepted")
    expect(lines.filter(has_text="rejected")).to_have_count(0)
    first = lines.first
    first.locator("summary").first.click()
    expect(first.locator("pre").first).to_contain_text('"signal_id": "browser-1"')
    expect(first).not_to_contain_text("planted")
    first.get_by_role("button", name="Replay as a dry run").click()

    expect(first.locator(".verdict")).to_contain_text("Now it would be")
    expect(first.locator(".verdict")).to_contain_text("How old it is was not judged.")
    expect(first.get_by_role("link", name="To its bracket")).to_be_visible()
    assert owner.violations() == []


def test_a_new_signal_appears_by_itself(owned: Desk, owner: Person, token: str) -> None:
    owner.go("/dashboard/signals")
    expect(owner.page.locator("#signals")).to_have_attribute("aria-busy", "false")

    send(owned, token, symbol="LATECOMER")

    expect(owner.page.locator("#signals > li").first).to_contain_text("LATECOMER")


@pytest.mark.parametrize("path", ["alerts", "signals"])
def test_the_pages_are_usable_on_a_phone(owned: Desk, owner: Person, token: str, path: str) -> None:
    send(owned, token, symbol="NOSUCH")
    owner.page.set_viewport_size({"width": 360, "height": 740})

    owner.go(f"/dashboard/{path}")

    if path == "signals":
        owner.page.locator("#signals > li summary").first.click()
    else:
        expect(owner.page.get_by_label("Message", exact=True)).not_to_have_value("")
        for summary in owner.page.locator(".more > summary").all():
            summary.click()
    assert owner.violations_light_and_dark() == []
    assert not owner.is_wider_than_its_window()


def test_a_message_that_cannot_be_built_leaves_no_earlier_one_to_copy(builder: Person) -> None:
    page = builder.page
    fail(page, "alerts/message")

    page.get_by_label("Stop", exact=True).fill("2")

    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    expect(page.locator("#build-fault")).to_contain_text("the database did not answer")
    builder.forgive(503)
