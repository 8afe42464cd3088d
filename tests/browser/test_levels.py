"""Moving the stop and the target on the chart of a bracket."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.stage import Desk, Person

pytestmark = pytest.mark.browser


def at_its_page(owned: Desk, owner: Person, **order: Any) -> str:
    bracket_id = owned.place(**order)
    owner.go(f"/dashboard/brackets/{bracket_id}")
    expect(owner.page.locator("#title .state")).to_have_text("protected")
    return bracket_id


def handle(owner: Person, level: str) -> Locator:
    found = owner.page.locator(f'.handle[data-level="{level}"]')
    expect(found).to_be_visible()
    return found


def stop_of(owned: Desk, bracket_id: str) -> str:
    return str(owned.post("bracketorderstatus", bracket_id=bracket_id)["sl_price"])


def drag(owner: Person, level: str, by: int) -> None:
    taken = handle(owner, level)
    expect(owner.page.locator("#drawn")).to_contain_text("The line is what this page saw")
    taken.hover()  # waits until it stands still: the first prices move the scale
    owner.page.mouse.down()
    box = taken.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    owner.page.mouse.move(x, y + by / 2)
    owner.page.mouse.move(x, y + by)
    owner.page.mouse.up()


def test_the_stop_is_dragged_and_moves_once_confirmed(owned: Desk, owner: Person) -> None:
    bracket_id = at_its_page(owned, owner)

    drag(owner, "stop", -40)

    dialog = owner.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Move the stop of BUY 10 SBIN")
    expect(dialog).to_contain_text("it protects while it is changed")
    wanted = handle_value(owner, "stop")
    assert 450 < float(wanted) < 500
    assert owner.violations() == []
    dialog.get_by_role("button", name="Move the stop").click()
    expect(dialog).to_have_count(0)
    expect(owner.page.locator("#now")).to_contain_text(wanted)
    assert float(stop_of(owned, bracket_id)) == float(wanted)
    expect(owner.page.locator("#story")).to_contain_text("at the dashboard")


def handle_value(owner: Person, level: str) -> str:
    return str(handle(owner, level).get_attribute("aria-valuenow"))


def test_a_drag_that_is_not_confirmed_changes_nothing(owned: Desk, owner: Person) -> None:
    bracket_id = at_its_page(owned, owner)

    drag(owner, "stop", -30)
    owner.page.keyboard.press("Escape")

    expect(owner.page.get_by_role("dialog")).to_have_count(0)
    expect(handle(owner, "stop")).to_have_attribute("aria-valuenow", "450.00")
    assert stop_of(owned, bracket_id) == "450.00"


def test_a_refused_stop_goes_back_and_says_why(owned: Desk, owner: Person) -> None:
    bracket_id = at_its_page(owned, owner)
    target = handle(owner, "target").bounding_box()
    stop = handle(owner, "stop").bounding_box()
    assert target is not None and stop is not None

    drag(owner, "stop", int(target["y"] - stop["y"]) - 15)  # above the target
    dialog = owner.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Move the stop").click()

    expect(dialog.get_by_role("alert")).to_contain_text("must be below target_price")
    dialog.get_by_role("button", name="Leave it as it is").click()
    expect(handle(owner, "stop")).to_have_attribute("aria-valuenow", "450.00")
    assert stop_of(owned, bracket_id) == "450.00"
    owner.forgive(400)


def test_the_target_is_moved_by_keyboard_tick_by_tick(owned: Desk, owner: Person) -> None:
    bracket_id = at_its_page(owned, owner)
    target = handle(owner, "target")
    target.focus()

    for key in ("PageUp", "ArrowUp", "ArrowUp", "ArrowDown"):
        target.press(key)
    expect(target).to_have_attribute("aria-valuenow", "560.55")
    target.press("Enter")
    owner.page.get_by_role("dialog").get_by_role("button", name="Move the target").click()

    expect(owner.page.get_by_role("dialog")).to_have_count(0)
    expect(target).to_be_focused()
    moved = owned.post("bracketorderstatus", bracket_id=bracket_id)
    assert moved["target_price"] == "560.55"


def test_escape_puts_a_level_back_without_asking(owned: Desk, owner: Person) -> None:
    at_its_page(owned, owner)
    stop = handle(owner, "stop")
    stop.focus()
    stop.press("ArrowUp")
    expect(stop).to_have_attribute("aria-valuenow", "450.05")

    stop.press("Escape")

    expect(stop).to_have_attribute("aria-valuenow", "450.00")
    expect(owner.page.get_by_role("dialog")).to_have_count(0)


def test_a_closed_bracket_has_nothing_to_drag(owned: Desk, owner: Person) -> None:
    bracket_id = at_its_page(owned, owner)
    handle(owner, "stop")

    owned.post("exitbracketorder", bracket_id=bracket_id)

    expect(owner.page.locator("#title .state")).to_have_text("closed")
    expect(owner.page.locator(".handle:visible")).to_have_count(0)


def test_levels_can_be_moved_on_a_phone(owned: Desk, owner: Person) -> None:
    owner.page.set_viewport_size({"width": 360, "height": 740})
    at_its_page(owned, owner)

    handle(owner, "stop")

    assert owner.violations() == []
    assert not owner.is_wider_than_its_window()
