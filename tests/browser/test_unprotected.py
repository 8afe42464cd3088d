"""Shares without a stop, before a simulated Kite that takes none: the page cannot be overlooked."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from simulator import wire_faults as wf
from simulator.wire_faults import Rule
from tests.browser.stage import Person
from tests.chaos.staging import Stage
from tests.chaos.trade import Trade

pytestmark = pytest.mark.browser

NO_STOP = Rule(fault=wf.BAD_GATEWAY_BEFORE, method="POST", path="^/orders/regular", body="tag=.{8}X")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    staged = Stage(tmp_path)
    staged.service.start()
    yield staged
    staged.close()


def test_shares_without_a_stop_raise_a_red_banner_with_a_running_clock_until_they_have_one(
    stage: Stage, person_at: Callable[..., Person]
) -> None:
    person = person_at(stage.service.url)
    person.set_up(stage.service.command("user", "setup-code", "--name", "chaos"))
    person.go("/dashboard/")
    banner = person.page.locator("#naked")
    expect(person.page.locator("#link")).to_have_text("Live")
    expect(banner).to_be_hidden()
    stage.plan.add(NO_STOP)
    trade = Trade(stage.service, stage.kite, stage.accounts[0])
    trade.place()
    trade.until("ENTRY_OPEN")

    trade.move("0.998")

    expect(banner).to_be_visible()
    symbol = stage.accounts[0].share.instrument.symbol
    expect(banner).to_contain_text(f"10 {symbol} without a working stop (LIVE), account chaos00")
    clock = banner.locator(".ticking")
    expect(clock).to_have_text(re.compile(r"[1-9]\d*\.\d s"))
    first = float(clock.inner_text().removesuffix(" s"))
    expect(clock).not_to_have_text(f"{first:.1f} s")
    assert float(clock.inner_text().removesuffix(" s")) > first
    row = person.row(trade.bracket_id)
    expect(row).to_have_attribute("data-tone", "bad")
    expect(row.locator(".badge")).to_have_text("LIVE")
    assert person.violations() == []
    person.go("/dashboard/security")
    expect(banner).to_be_visible()  # on every page
    stage.plan.clear()
    expect(banner).to_be_hidden(timeout=40_000)
