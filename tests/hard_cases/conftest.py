"""Every hard case is told as a story; its end is part of the test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hard_cases.story import Setting, Story
from tests.serving import Served, a_config, end, serve

Tell = Callable[[Setting], Story]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    told = Story(tmp_path)
    yield told
    told.end()


@pytest.fixture
def tell(tmp_path: Path) -> Iterator[Tell]:
    """Begin a story in a setting of its own."""
    told: list[Story] = []

    def begin(setting: Setting) -> Story:
        told.append(Story(tmp_path, setting))
        return told[-1]

    yield begin
    for one in told:
        one.end()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The whole service with its threads and webhooks, for cases that begin with an alert."""
    served = serve(a_config(tmp_path_factory.mktemp("service")))
    yield served
    end(served)
