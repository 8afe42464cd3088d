"""What every test against a real database, or a whole service, starts from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from database.session import Database
from tests.postgres_server import PostgresServer
from tests.serving import Served, a_config, end, serve
from tests.stores import a_database

ON_BOTH = ["sqlite", "postgresql"]


@pytest.fixture(params=ON_BOTH)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind. A test of one kind is parametrised with it, indirectly."""
    if request.param == "postgresql":
        yield request.getfixturevalue("empty_postgres")
        return
    database = a_database(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all tests of a module; symbols and client ids keep them apart.

    On SQLite, unless the module is parametrised with kinds of databases.
    """
    folder, changed = tmp_path_factory.mktemp("service"), {}
    if getattr(request, "param", "sqlite") == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        changed["database_url"] = server.url(server.a_database())
    served = serve(a_config(folder, **changed))
    yield served
    end(served)
