"""One picture of every screen into docs/screenshots: `make screenshots`. For people; no test reads them."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from scripts.chromium import CHROMIUM
from scripts.service_process import PROJECT
from tests.browser.stage import SBIN, Desk, Person, a_person, prepare
from tests.browser.test_unprotected import NO_STOP
from tests.chaos.staging import Stage
from tests.chaos.trade import Trade

FOLDER = PROJECT / "docs" / "screenshots"
MOST_BYTES = 160_000
WINDOW: ViewportSize = {"width": 1280, "height": 720}


def main() -> int:
    """Take them all; 1 when one of them is too large to be kept."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(**CHROMIUM)
        _calm(browser, Path(place) / "calm")
        _alarmed(browser, Path(place) / "alarmed")
        browser.close()
    large = [path.name for path in FOLDER.glob("*.png") if path.stat().st_size > MOST_BYTES]
    for name in large:
        print(f"{name} has more than {MOST_BYTES} bytes", file=sys.stderr)
    return int(bool(large))


def _calm(browser: Browser, folder: Path) -> None:
    prepared = prepare(folder.with_name("prepared"))
    desk = Desk(folder, prepared, PAPER_PRICES="NSE:SBIN=500,NSE:INFY=1500,NSE:RELIANCE=1400")
    desk.service.start()
    try:
        with _a_person(browser, desk.url) as person:
            _doors(person, desk)
            _security(person)
            _board(person, desk)
            _orders(person, desk)  # before there is another webhook: the builder begins with the oldest
            _office(person, desk)
            _gone(person, desk)
    finally:
        desk.service.kill()


def _doors(person: Person, desk: Desk) -> None:
    person.go("/dashboard/setup")
    _take(person, "set-up")
    person.set_up(desk.setup_code)
    person.page.get_by_role("button", name="Log out").click()
    person.page.wait_for_url("**/login")
    _take(person, "login")
    person.log_in()


def _security(person: Person) -> None:
    person.go("/dashboard/security")
    expect(person.page.locator("#sessions")).to_contain_text("this browser")
    _take(person, "security")
    person.go("/dashboard/about")
    _take(person, "about")


def _board(person: Person, desk: Desk) -> None:
    person.go("/dashboard/")
    expect(person.page.locator("#empty")).to_be_visible()
    first = desk.place(sl_price=485, target_price=525)
    desk.place(symbol="INFY", entry_price=1440, sl_price=1425, target_price=1490, strategy="dip")
    desk.place(
        symbol="INFY", product="CNC", entry_price=1505, sl_price=1450, target_price=1590, strategy="swing"
    )
    desk.place(symbol="RELIANCE", action="SELL", strategy="reversal", **_BY_PERCENT)
    expect(person.page.locator(".state", has_text="protected")).to_have_count(3)
    expect(person.page.locator("#news p")).to_have_count(0, timeout=20_000)
    _take(person, "board")
    row = person.row(first)
    row.get_by_role("button", name="Exit now").click()
    expect(person.page.get_by_role("dialog")).to_contain_text("Sells")
    _take(person, "exit")
    person.page.keyboard.press("Escape")
    trail = {"points": "4"}
    _beside(person, desk)
    _detail(person, desk.place(sl_price=492, target_price=540, trailing_sl=trail))
    _phone(person)


_BY_PERCENT = {
    "pricetype": "MARKET",
    "entry_price": None,
    "sl_price": None,
    "target_price": None,
    "sl_percent": "0.8",
    "target_percent": "1.6",
}


def _beside(person: Person, desk: Desk) -> None:
    plain = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "product": "MIS", "strategy": "plain"}
    desk.post("placeorder", **plain, pricetype="LIMIT", price="480", quantity="7")
    desk.post("placeorder", **plain, pricetype="MARKET", quantity="3")
    person.go("/dashboard/beside")
    expect(person.page.locator("#books")).to_contain_text("a plain order of this service")
    _take(person, "beside")


def _detail(person: Person, bracket_id: str) -> None:
    person.go(f"/dashboard/brackets/{bracket_id}")
    expect(person.page.locator("#drawn")).to_contain_text("The line is what")
    person.page.wait_for_timeout(25_000)  # for a line worth looking at
    _take(person, "bracket")
    person.page.emulate_media(color_scheme="dark")
    _take(person, "bracket-dark")


def _phone(person: Person) -> None:
    person.page.emulate_media(color_scheme="dark")
    person.page.set_viewport_size({"width": 360, "height": 780})
    person.go("/dashboard/")
    expect(person.page.locator(".row .ltp").first).to_be_visible()
    _take(person, "board-phone-dark")
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size(WINDOW)


def _office(person: Person, desk: Desk) -> None:
    _happen(desk)
    for name in ("history", "accounts", "keys", "webhooks", "notifications", "settings", "health", "safety"):
        person.go(f"/dashboard/{name}")
        expect(person.page.locator('[aria-busy="true"]')).to_have_count(0)
        _take(person, name)
    person.page.emulate_media(color_scheme="dark")
    person.page.set_viewport_size({"width": 360, "height": 780})
    person.go("/dashboard/history")
    expect(person.page.locator('[aria-busy="true"]')).to_have_count(0)
    _take(person, "history-phone-dark")
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size(WINDOW)


def _happen(desk: Desk) -> None:
    """Close some brackets, and give the account what its pages show."""
    infy = {"symbol": "INFY", "entry_price": 1510, "sl_price": 1400, "target_price": 1600}
    for strategy in ("breakout", "swing", "breakout", "reversal"):
        order = infy if strategy == "swing" else {}
        desk.post("exitbracketorder", bracket_id=desk.place(strategy=strategy, **order))
    resting = desk.place(entry_price=440, sl_price=430, target_price=470)
    desk.post("cancelbracketorder", bracket_id=resting)
    run = desk.service.command
    limits = ("--max-quantity", "100", "--hours", "09:20-15:00", "--ip", "tradingview")
    run("webhook", "create", "--account", "paper", "--name", "breakout", *limits)
    run("hook", "add", "--account", "paper", "--url", "https://hooks.invalid/openbracket")
    run("account", "add", "--name", "kite", "--broker", "zerodha", "--auth-token", "abc:def")


def _orders(person: Person, desk: Desk) -> None:
    token = desk.service.command("webhook", "create", "--account", "paper").split()[-1]
    page = person.page
    person.go("/dashboard/new")
    page.get_by_role("combobox", name="Symbol").press_sequentially("sbin")
    page.locator("#found").get_by_role("option", name="SBIN NSE").click()
    page.locator('input[name="product"][value="MIS"]').check()
    fields = {"How much": "100", "Entry price": "503.45", "Stop": "1", "Target": "515"}
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.locator("#stop-unit").select_option("sl_percent")
    expect(page.locator("#preview")).to_contain_text("Rounded to the tick")
    _take(person, "new-bracket")
    page.get_by_role("button", name="Place it").click()
    expect(page.get_by_role("dialog")).to_contain_text("Paper: no real money moves.")
    _take(person, "place")
    page.keyboard.press("Escape")
    _alerts(person, token)
    _signals(person, desk, token)


def _alerts(person: Person, token: str) -> None:
    page = person.page
    person.go("/dashboard/alerts")
    page.get_by_label("Its token").fill(token)
    page.get_by_label("Into the address").check()
    page.get_by_label("How much", exact=True).fill("10")
    expect(page.get_by_label("Webhook URL")).to_have_value(
        f"{person.url}/tradingview/webhook/bracket/{token}"
    )
    page.locator("#url").evaluate("field => field.value = field.value.replace(/wh_.*/, 'wh_...')")
    page.get_by_role("button", name="Try it below").click()
    expect(page.locator("#told")).to_contain_text("It would be taken.")
    page.evaluate("scrollTo(0, 0)")
    _take(person, "alerts")


def _signals(person: Person, desk: Desk, token: str) -> None:
    page = person.page
    now = datetime.now(UTC).isoformat(timespec="seconds")
    late = {"timenow": "2026-01-02T04:00:00Z", "signal_id": "breakout-2"}
    for changed in ({}, {}, late, {"symbol": "SBINN", "signal_id": "breakout-3"}):
        body = SBIN | {"signal_id": "breakout-1", "timenow": now} | changed
        requests.post(f"{desk.url}/tradingview/webhook/bracket/{token}", json=body, timeout=10)
    person.go("/dashboard/signals")
    line = page.locator("#signals > li").first
    expect(line).to_contain_text("SBINN")
    line.locator("summary").first.click()
    line.get_by_role("button", name="Replay as a dry run").click()
    expect(line.locator(".verdict")).to_contain_text("Now it would be refused")
    _take(person, "signals")


def _gone(person: Person, desk: Desk) -> None:
    person.go("/dashboard/")
    expect(person.page.locator("#link")).to_have_text("Live")
    desk.service.kill()
    expect(person.page.locator("#link")).to_have_text("No connection")
    _take(person, "no-connection")


def _alarmed(browser: Browser, folder: Path) -> None:
    folder.mkdir()
    stage = Stage(folder)
    stage.service.start()
    try:
        with _a_person(browser, stage.service.url) as person:
            person.set_up(stage.service.command("user", "setup-code", "--name", "chaos"))
            person.go("/dashboard/")
            stage.plan.add(NO_STOP)
            trade = Trade(stage.service, stage.kite, stage.accounts[0])
            trade.place()
            trade.until("ENTRY_OPEN")
            trade.move("0.998")
            expect(person.page.locator("#naked")).to_be_visible()
            expect(person.page.locator("#naked .ticking")).to_contain_text("4.", timeout=10_000)
            _take(person, "unprotected")
    finally:
        stage.close()


@contextmanager
def _a_person(browser: Browser, url: str) -> Iterator[Person]:
    with a_person(browser, url, color_scheme="light", reduced_motion="reduce") as person:
        person.page.set_viewport_size(WINDOW)
        yield person


def _take(person: Person, name: str) -> None:
    person.page.screenshot(path=FOLDER / f"{name}.png")
    print(f"docs/screenshots/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
