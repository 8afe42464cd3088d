"""One service before one simulated Kite, for all stories that need none of their own."""

from collections.abc import Iterator

import pytest

from tests.zerodha.staging import Stage

USERS = 70
FREE = 69  # the user without market data


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    staged = Stage(tmp_path_factory.mktemp("zerodha"), users=USERS, free=(FREE,))
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
