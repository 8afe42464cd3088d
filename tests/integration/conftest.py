"""What every test against a real database starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from database.session import Database
from tests.stores import a_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = a_database(tmp_path)
    yield database
    database.close()
