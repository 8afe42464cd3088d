"""What every test against a real database, or a whole service, starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from database.session import Database
from tests.serving import Served, a_config, end, serve
from tests.stores import a_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = a_database(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all tests of a module; symbols and client ids keep them apart."""
    served = serve(a_config(tmp_path_factory.mktemp("service")))
    yield served
    end(served)
