"""The pages about accounts, keys, webhooks, notifications, settings, health, safety and history."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import SBIN, Desk, Person, Prepared
from tests.browser.test_doubt import fail
from tests.fake_telegram import TOKEN

pytestmark = pytest.mark.browser

PAGES = ("beside", "accounts", "keys", "webhooks", "notifications", "settings", "health", "safety", "history")


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def card(page: Page, name: str) -> Locator:
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=name))


def is_settled(person: Person) -> None:
    """Wait until nothing of the page is still being loaded."""
    expect(person.page.locator('[aria-busy="true"]')).to_have_count(0)


def test_an_account_is_paused_after_a_confirm_that_says_what_happens_and_resumed(
    owned: Desk, owner: Person
) -> None:
    bracket_id = owned.place()
    expect(owner.row(bracket_id).locator(".state")).to_have_text("protected")
    owner.go("/dashboard/accounts")
    paper = card(owner.page, "paper")
    expect(paper).to_contain_text("none needed: the paper market")

    paper.get_by_role("button", name="Pause").click()
    expect(dialog(owner.page)).to_contain_text("This concerns account paper alone.")
    expect(dialog(owner.page)).to_contain_text("open with their stops and targets")
    assert owner.violations() == []
    dialog(owner.page).get_by_role("button", name="Leave it as it is").click()
    expect(paper).to_contain_text("accepted")
    paper.get_by_role("button", name="Pause").click()
    dialog(owner.page).get_by_role("button", name="Pause").click()

    expect(paper).to_contain_text("refused by this account's own switch (block entries)")
    with pytest.raises(AssertionError, match="kill switch"):
        owned.place()
    paper.get_by_role("button", name="Resume").click()
    dialog(owner.page).get_by_role("button", name="Resume").click()
    expect(paper).to_contain_text("accepted")
    owned.place()


def test_plain_orders_and_shares_beside_brackets_are_told_as_unprotected(owned: Desk, owner: Person) -> None:
    owned.place(symbol="INFY", entry_price=1510, sl_price=1400, target_price=1650)
    plain = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "product": "MIS", "strategy": "plain"}
    waits = owned.post("placeorder", **plain, pricetype="LIMIT", price="430", quantity="7")["orderid"]
    owned.post("placeorder", **plain, pricetype="MARKET", quantity="3")

    owner.go("/dashboard/beside")

    paper = card(owner.page, "paper")
    expect(paper.get_by_role("region", name="Orders of account paper")).to_contain_text(waits)
    expect(paper).to_contain_text("BUY 7 NSE:SBIN LIMIT")
    expect(paper).to_contain_text("a plain order of this service")
    # Orders at the market fill with the next price.
    owner.page.get_by_role("button", name="Read again").click()
    shares = paper.get_by_role("region", name="Shares of account paper").locator("tbody tr")
    expect(shares).to_have_count(1)  # those of the bracket in INFY are not among them
    expect(shares).to_contain_text("NSE:SBIN")
    expect(shares.locator("td").nth(2)).to_have_text("3")
    expect(owner.page.locator("main")).to_contain_text("No stop of this service protects any of it")
    assert owner.violations() == []

    owned.post("cancelorder", orderid=waits, strategy="plain")
    owner.page.get_by_role("button", name="Read again").click()
    expect(paper.get_by_role("region", name="Orders of account paper")).to_have_count(0)


def test_books_that_cannot_be_read_are_not_told_as_empty(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/beside")
    expect(owner.page.locator("#books section")).to_have_count(1)
    fail(owner.page, "beside")

    owner.page.get_by_role("button", name="Read again").click()

    expect(owner.page.locator("#books")).to_have_text("the database did not answer")
    owner.forgive(503)


def test_a_key_is_made_shown_once_used_and_revoked(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/keys")
    is_settled(owner)

    owner.page.get_by_label("read: see brackets").check()
    owner.page.get_by_role("button", name="Make the key").click()
    key = owner.page.locator("#once code").inner_text()
    assert owner.violations() == []
    row = owner.page.get_by_role("row").filter(has_text=f"…{key[-4:]}")
    expect(row).to_contain_text("active")
    body = owned.post("bracketorderbook", apikey=key)
    owner.page.reload()
    expect(row).to_contain_text("active")
    assert body["status"] == "success"
    assert key not in owner.page.content()

    row.get_by_role("button", name="Revoke").click()
    expect(dialog(owner.page)).to_contain_text(f"The key that ends in {key[-4:]} is refused")
    dialog(owner.page).get_by_role("button", name="Revoke it").click()

    expect(row).to_contain_text("revoked")
    with pytest.raises(AssertionError, match="invalid_api_key"):
        owned.post("bracketorderbook", apikey=key)


def test_a_webhook_is_made_with_limits_edited_and_given_a_new_token(owned: Desk, owner: Person) -> None:
    owner.go("/dashboard/webhooks")
    page = owner.page
    page.get_by_role("button", name="New webhook").click()
    form = page.locator("#webhook")
    form.get_by_label("Your own name").fill("from the page")
    form.get_by_label("Shares in one bracket").fill("lots")
    form.get_by_label("Symbols", exact=False).first.fill("nse:sbin")
    form.get_by_label("MIS").check()
    form.get_by_role("button", name="Make it").click()
    expect(form.locator(".field-fault")).to_have_text("lots is no number")
    expect(form.get_by_label("Shares in one bracket")).to_be_focused()
    assert owner.violations() == []
    owner.forgive(400)

    form.get_by_label("Shares in one bracket").fill("100")
    form.get_by_role("button", name="Make it").click()
    first = page.locator("#once code").nth(1).inner_text()
    made = page.locator("#webhooks section").filter(has_text="from the page")
    expect(made).to_contain_text("100 shares; symbols NSE:SBIN; products MIS")

    made.get_by_role("button", name="Edit").click()
    expect(form.get_by_label("Shares in one bracket")).to_have_value("100")
    form.get_by_label("Shares in one bracket").fill("")
    form.get_by_label("Hours for entries").fill("00:00-23:59")
    form.get_by_role("button", name="Set them").click()
    expect(made).to_contain_text("symbols NSE:SBIN; products MIS; entries at 00:00-23:59")

    made.get_by_role("button", name="New token").click()
    expect(dialog(page)).to_contain_text("alerts with the old one are refused at once")
    dialog(page).get_by_role("button", name="Make a new token").click()
    expect(page.locator("#once")).to_contain_text("the old one works no more")
    second = page.locator("#once code").nth(1).inner_text()
    assert (second != first, second[:11]) == (True, first[:11])

    made.get_by_role("button", name="Pause").click()
    dialog(page).get_by_role("button", name="Pause it").click()
    expect(made).to_contain_text("paused")
    made.get_by_role("button", name="Revoke").click()
    dialog(page).get_by_role("button", name="Revoke it").click()
    expect(made).to_have_count(0)
    assert owner.violations() == []


def test_without_a_bot_the_page_says_so_and_an_address_is_added_tested_and_removed(
    owned: Desk, owner: Person
) -> None:
    owner.go("/dashboard/notifications")
    page = owner.page
    expect(page.locator("#no-bot")).to_contain_text("nothing is sent to Telegram")
    expect(page.get_by_role("button", name="Link a chat")).to_have_count(0)

    page.get_by_role("textbox", name="Address").fill("https://127.0.0.1/hook")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#new .field-fault")).to_contain_text("which is not public")
    owner.forgive(400)
    page.get_by_role("textbox", name="Address").fill("https://hooks.invalid/openbracket")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#once code")).to_have_text(re.compile("whsec_.+"))
    row = page.locator("#hooks").get_by_role("row").filter(has_text="hooks.invalid")
    row.get_by_role("button", name="Send a test").click()
    message = page.locator("#message-list").get_by_role("row").filter(has_text="test")
    expect(message).to_contain_text("has no address")  # the name has none: tried, and to be tried again
    expect(row).to_contain_text("failing since")
    assert owner.violations() == []

    row.get_by_role("button", name="Remove").click()
    expect(dialog(page)).to_contain_text("1 waiting messages are deleted")
    dialog(page).get_by_role("button", name="Remove it").click()
    expect(row).to_have_count(0)


def test_a_chat_is_linked_by_a_line_that_is_shown_once(
    prepared: Prepared, tmp_path: Path, person_at: Callable[..., Person]
) -> None:
    settings = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_ROOT": "http://127.0.0.1:9"}
    desk = Desk(tmp_path, prepared, **settings)
    desk.service.start()
    try:
        owner = person_at(desk.url)
        owner.set_up(desk.setup_code)
        owner.go("/dashboard/notifications")

        owner.page.get_by_role("button", name="Link a chat").click()
        expect(dialog(owner.page)).to_contain_text("It works once, for ten minutes.")
        dialog(owner.page).get_by_label("may also exit").check()
        assert owner.violations() == []
        dialog(owner.page).get_by_role("button", name="Make the line").click()

        expect(owner.page.locator("#once code")).to_have_text(re.compile(r"/start \w{12}"))
        assert owner.violations() == []
        owner.go("/dashboard/settings")
        token = owner.page.get_by_role("row").filter(has_text="TELEGRAM_BOT_TOKEN")
        expect(token).to_contain_text("set, not shown")
        assert TOKEN not in owner.page.content()
    finally:
        desk.service.kill()


def test_the_analyzer_is_switched_with_a_confirm_that_says_what_changes_and_what_not(
    owned: Desk, owner: Person
) -> None:
    owner.go("/dashboard/settings")
    page = owner.page
    expect(page.locator("#analyzer-state")).to_have_text("off: new brackets are live")

    page.get_by_role("button", name="Switch it on").click()
    expect(dialog(page)).to_contain_text("no real money moves")
    expect(dialog(page)).to_contain_text("stops, targets and exits still go to the broker")
    dialog(page).get_by_role("button", name="Switch it on").click()
    expect(page.locator("#analyzer-state")).to_have_text("on: new brackets are paper")
    analyzed = owned.post("placebracketorder", **SBIN)["mode"]
    page.get_by_role("button", name="Switch it off").click()
    expect(dialog(page)).to_contain_text("LIVE, real money moves")
    assert owner.violations() == []
    dialog(page).get_by_role("button", name="Go live").click()

    expect(page.locator("#analyzer-state")).to_have_text("off: new brackets are live")
    assert analyzed == "analyze"
    page.locator("#kill").click()
    dialog(page).get_by_label("Block entries").check()
    dialog(page).get_by_role("button", name="Set the kill switch").click()
    expect(page.locator("#kills")).to_contain_text("block entries: no new brackets")
    page.locator("#kill").click()
    dialog(page).get_by_label("Off").check()
    dialog(page).get_by_role("button", name="Set the kill switch").click()
    expect(page.locator("#kills")).to_contain_text("new brackets are accepted")


def test_health_shows_the_worker_its_read_and_the_checks_on_request(owned: Desk, owner: Person) -> None:
    owned.place()
    owner.go("/dashboard/health")
    page = owner.page

    expect(page.locator("#verdict")).to_have_text("Ready")
    worker = page.locator("#workers").get_by_role("row").filter(has_text="paper").first
    expect(worker).to_contain_text("at work")
    expect(worker).to_contain_text(re.compile(r"\d+\.\d s ago.*\d+\.\d s"))
    expect(page.locator("#brokers")).to_contain_text("enough")
    page.get_by_role("button", name="Run them").click()
    expect(page.locator("#checks")).to_contain_text("event chains are whole")
    assert owner.violations() == []


def test_the_safety_report_is_shown_of_the_days_asked_for(owned: Desk, owner: Person) -> None:
    owned.place()
    owner.go("/dashboard/safety")
    page = owner.page
    expect(page.locator("#report")).to_contain_text("stop on the wire")

    page.get_by_label("Days up to it").fill("7")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#report")).to_contain_text("stop on the wire")
    page.get_by_label("Mode").select_option("analyze")
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_role("button", name="Show").click()

    expect(page.locator("#report")).to_contain_text("None was placed.")
    assert owner.violations() == []


def test_history_is_filtered_and_downloaded_as_it_is_filtered(owned: Desk, owner: Person) -> None:
    for strategy in ("=danger", "calm"):
        bracket_id = owned.place(strategy=strategy)
        expect(owner.row(bracket_id).locator(".state")).to_have_text("protected")
        owned.post("exitbracketorder", bracket_id=bracket_id)
        expect(owner.row(bracket_id)).to_have_class(re.compile("closed"))
    owner.go("/dashboard/history")
    page = owner.page
    rows = page.locator("#list tbody tr")
    expect(rows.filter(has_text="calm")).to_have_count(1)

    page.get_by_role("combobox", name="Strategy").select_option("=danger")
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("exited")
    expect(page.locator("#told")).to_have_text("1 closed bracket")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()

    assert len(lines) == 2
    assert ",'=danger," in lines[1]
    page.get_by_text("By day, strategy and symbol").click()
    expect(page.locator("#sums")).to_contain_text("NSE:SBIN")
    assert owner.violations() == []
    page.reload()
    expect(rows).to_have_count(1)  # the address holds the filters
    rows.get_by_role("link").click()
    page.wait_for_url("**/dashboard/brackets/*")


def test_times_follow_the_zone_on_every_page(owned: Desk, owner: Person) -> None:
    for name in ("accounts", "keys", "webhooks", "history"):
        if name == "webhooks":
            owned.service.command("webhook", "create", "--account", "paper")
        owner.go(f"/dashboard/{name}")
        time = owner.page.locator("main time").first
        in_ist, title = time.inner_text(), time.get_attribute("title") or ""
        owner.page.keyboard.press("z")
        expect(time).not_to_have_text(in_ist)
        assert f"{time.inner_text()} UTC" == title
        owner.page.keyboard.press("z")
        expect(time).to_have_text(in_ist)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_usable_on_a_phone_in_light_and_dark(owned: Desk, owner: Person, name: str) -> None:
    owned.place()
    owner.page.set_viewport_size({"width": 360, "height": 740})

    owner.go(f"/dashboard/{name}")

    expect(owner.page.get_by_role("heading", level=1)).to_be_visible()
    is_settled(owner)
    expect(owner.page.locator('nav [aria-current="page"]')).to_be_in_viewport()
    if name == "webhooks":
        owner.page.get_by_role("button", name="New webhook").click()
    assert owner.violations_light_and_dark() == []
    assert not owner.is_wider_than_its_window()
