"""The migrations and the models say the same."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from database import bracket_db, migrations
from database.revision import is_current, newest_revision
from database.schema import is_of_a_model, metadata
from database.session import Database
from database.symbol_tables import CREATE_WORD_INDEX
from tests.builders import a_bracket, a_moment
from tests.postgres_server import PostgresServer

SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'openbracket.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.a_database())


def test_the_migrations_build_exactly_the_tables_of_the_models(url: str) -> None:
    migrations.upgrade(url)

    db = Database(url)
    with db.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_server_default": True, "include_name": is_of_a_model}
        )
        differences = compare_metadata(context, metadata)
    db.close()

    assert differences == []


@SQLITE
def test_the_migrations_build_the_index_of_words_that_searches_expect(url: str) -> None:
    migrations.upgrade(url)

    db = Database(url)
    with db.read() as connection:
        wanted = "SELECT sql FROM sqlite_master WHERE name = 'instrument_words'"
        built = connection.exec_driver_sql(wanted).scalar_one()
    db.close()

    assert built == CREATE_WORD_INDEX


def test_the_newest_form_is_told_as_alembic_tells_it(url: str) -> None:
    heads = ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads()
    db = Database(url)
    before = is_current(db)
    db.close()

    migrations.upgrade(url)

    db = Database(url)
    after = is_current(db)
    with db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    behind = is_current(db)
    db.close()
    assert ([newest_revision()], before, after, behind) == (heads, False, True, False)


def test_an_upgrade_keeps_what_is_stored(url: str) -> None:
    migrations.upgrade(url)
    db = Database(url)
    bracket = a_bracket(version=1)
    event = bracket_db.EventRecord(kind="Received", at=a_moment(), payload=b"{}")
    bracket_db.insert_bracket(db, bracket, [event], claim=None)

    migrations.upgrade(url)

    assert bracket_db.load(db, bracket.id) == bracket
    db.close()


def test_a_migration_that_fails_half_way_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("half way")

    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
    with pytest.raises(RuntimeError):
        migrations.upgrade(url)

    db = Database(url)
    with db.read() as connection:
        tables = inspect(connection).get_table_names()
    db.close()

    assert tables == []


@SQLITE
def test_a_new_database_is_its_owners_only(url: str, tmp_path: Path) -> None:
    migrations.upgrade(url)
    db = Database(url)
    with db.write() as connection:
        connection.exec_driver_sql("DELETE FROM settings")
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    db.close()

    assert modes == dict.fromkeys(("openbracket.db", "openbracket.db-shm", "openbracket.db-wal"), 0o600)
