"""What every test in a browser starts from."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, StorageState, expect

from scripts.chromium import CHROMIUM
from tests.browser.stage import Desk, Person, Prepared, a_person, prepare

# For what only has to come; what has to come soon says so where it is tested.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium: none is downloaded."""
    return {**browser_type_launch_args, **CHROMIUM}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What every service begins with; made once."""
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def desk(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One service for all tests of a module, its owner's password set."""
    made = Desk(tmp_path_factory.mktemp("desk"), prepared)
    made.service.start()
    yield made
    made.service.kill()


@pytest.fixture(scope="module")
def logged_in(desk: Desk, browser: Browser) -> StorageState:
    """The cookies of the owner, who has set a password: one login for all tests of a module."""
    with a_person(browser, desk.url) as person:
        person.set_up(desk.setup_code)
        return person.context.storage_state()


@pytest.fixture(scope="module")
def owned(desk: Desk, logged_in: StorageState) -> Desk:
    return desk


@pytest.fixture
def own_desk(prepared: Prepared, tmp_path: Path) -> Iterator[Desk]:
    """A service of the test's own, to be killed or set up."""
    made = Desk(tmp_path, prepared)
    made.service.start()
    yield made
    made.service.kill()


@pytest.fixture
def person_at(browser: Browser) -> Iterator[Callable[..., Person]]:
    """Make browsers at a service. In the end no console may have complained of anything."""
    with ExitStack() as stack:
        made: list[Person] = []

        def make(url: str, **options: Any) -> Person:
            made.append(stack.enter_context(a_person(browser, url, **options)))
            return made[-1]

        yield make
        assert [one for person in made for one in person.complaints] == []


@pytest.fixture
def owner(owned: Desk, logged_in: StorageState, person_at: Callable[..., Person]) -> Person:
    """The owner's browser, logged in, at the board."""
    person = person_at(owned.url, storage_state=logged_in)
    person.go("/dashboard/")
    return person
