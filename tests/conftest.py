"""What is started once for all tests that want it, and where all of them keep their files."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import text

from database import migrations
from database.schema import metadata
from database.session import Database
from tests.postgres_server import PostgresServer, a_postgres_server

# Examples that take longer than usual say that the machine is busy, not that something is wrong.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

TEMPLATE = "openbracket_template"
# Of the slow files those that take a minute and more alone. They start first: begun last, one of them would
# keep a single process busy while the others have nothing left to do.
LONGEST_FIRST = tuple(
    f"tests/{name}.py"
    for name in (
        "integration/test_kill_restart",
        "cluster/test_storm",
        "upstox/test_stories",
        "zerodha/test_pushes",
        "chaos/test_faulty_wire",
        "chaos/test_service_death",
        "chaos/test_bad_reads",
        "dhan/test_stories",
        "fyers/test_stories",
        "zerodha/test_tokens",
        "zerodha/test_stories",
        "cluster/test_handover",
        "cluster/test_side_jobs",
        "alpaca/test_stories",
        "openalgo/test_stories",
    )
)
_MEMORY = Path("/dev/shm")  # noqa: S108  # memory, when there is: databases of tests need no disk
_ENOUGH_BYTES = 2 * 1024**3  # a container may have 64 MB of it


def pytest_configure() -> None:
    """Keep temporary files in memory, those of started processes too: a commit waits for no disk then.

    What a process wrote outlives its kill there as well; only a power cut would tell the difference.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None  # found anew


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the files that take longest to the front; within a file, and among the others, nothing moves."""
    places = {file: place for place, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of the garbage collector's sight: it stays to the end.

    Half a million objects looked through again and again were a tenth of what the tests took.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL with a database of every table to copy; ended with the session."""
    with a_postgres_server() as server:
        server.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        migrations.upgrade(server.url(TEMPLATE))
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Return the address of a database of its own, with every table and no row."""
    name = postgres.a_database(like=TEMPLATE)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def shared_postgres(postgres: PostgresServer) -> Iterator[Database]:
    """Give one database for all tests, each of which must leave it empty: making one takes seconds."""
    database = Database(postgres.url(postgres.a_database(like=TEMPLATE)))
    yield database
    database.close()


@pytest.fixture
def empty_postgres(shared_postgres: Database) -> Iterator[Database]:
    """Give a database with every table and no row, with connections of its own."""
    database = Database(shared_postgres.engine.url.render_as_string(hide_password=False))
    yield database
    database.close()
    tables = ", ".join(set(metadata.tables) - {"account_shards"})  # whose rows are there from the first day
    with shared_postgres.write() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(text("UPDATE account_shards SET owner = NULL, epoch = 0, lease_until = NULL"))
