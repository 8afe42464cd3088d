"""Backup and restore of a PostgreSQL, as the commands and the page for operators say."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

import app as wiring
from database.bracket_db import load
from database.restore_db import findings_of
from services.bracket.model import State
from services.store_check import store_faults
from tests.postgres_server import PostgresServer
from tests.replays import assert_all_replay
from tests.serving import Served, a_config, an_order, end, serve, served_again, until
from utils.config import Config

PG_RESTORE = shutil.which("pg_restore") or "pg_restore"


def command(service: Served, *words: str) -> Result:
    return service.app.test_cli_runner().invoke(args=words)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(plain(url), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def plain(url: str) -> str:
    return url.replace("+psycopg", "")


@pytest.fixture
def saved(postgres: PostgresServer, tmp_path: Path) -> Iterator[tuple[Config, Served, str, Path]]:
    """A service that has ended, with a protected bracket, and a backup taken while it worked."""
    config = a_config(tmp_path, database_url=postgres.url(postgres.a_database()))
    service, copy = serve(config), tmp_path / "copy.dump"
    bracket_id = service.place(**an_order())["bracket_id"]
    service.until_state(bracket_id, "PROTECTED")
    done = command(service, "backup", str(copy))
    end(service)
    assert done.exit_code == 0, done.output
    yield config, service, bracket_id, copy


def restored(config: Config, postgres: PostgresServer, copy: Path, path: Path) -> Config:
    """Return the settings of a service on a new database with what pg_restore put there."""
    url = postgres.url(postgres.a_database())
    words = [PG_RESTORE, "--exit-on-error", f"--dbname={plain(url)}", str(copy)]
    subprocess.run(words, check=True, capture_output=True)
    return a_config(path, database_url=url, paper_state=config.paper_state)


def hold(config: Config) -> None:
    """Mark the database as a restored one, before any service has started on it."""
    made = wiring.create_app(config).test_cli_runner().invoke(args=["restore", "--hold"])
    assert made.exit_code == 0, made.output


def test_a_backup_of_a_server_in_use_is_whole_its_owners_only_and_can_be_put_back(
    saved: tuple[Config, Served, str, Path], postgres: PostgresServer, tmp_path: Path
) -> None:
    config, service, bracket_id, copy = saved

    again = restored(config, postgres, copy, tmp_path)

    assert copy.stat().st_mode & 0o777 == 0o600
    with served_again(again, service.key) as other:
        stored = load(other.desk.db, bracket_id)
        assert stored is not None
        assert stored.state is State.PROTECTED
        assert list(store_faults(other.desk.db)) == []
        assert assert_all_replay(other.desk.db) == 1


def test_restore_says_who_restores_a_server_and_touches_nothing(
    saved: tuple[Config, Served, str, Path],
) -> None:
    config, service, bracket_id, copy = saved
    with served_again(config, service.key) as other:
        told = command(other, "restore", str(copy))

        assert told.exit_code == 2
        assert "PostgreSQL is restored with pg_restore" in told.output
        assert load(other.desk.db, bracket_id) is not None


def test_a_restored_and_held_server_gets_no_owner_of_shards_until_a_person_confirms(
    saved: tuple[Config, Served, str, Path], postgres: PostgresServer, tmp_path: Path
) -> None:
    config, service, bracket_id, copy = saved
    again = restored(config, postgres, copy, tmp_path)
    leases = "SELECT count(*) FROM account_shards WHERE lease_until > clock_timestamp()"
    url = again.database_url
    until(lambda: rows(url, leases) == [(0,)], what="the end of the leases that were copied")
    epochs = rows(url, "SELECT shard, epoch FROM account_shards ORDER BY shard")
    hold(again)

    with served_again(again, service.key) as other:
        digest = until(lambda: findings_of(other.desk.db)).digest

        assert rows(url, "SELECT shard, epoch FROM account_shards ORDER BY shard") == epochs
        assert rows(url, leases) == [(0,)]
        assert other.post("placebracketorder", an_order()).get_json()["code"] == "held_after_restore"

        assert command(other, "restore", "--confirm", digest).exit_code == 0
        until(lambda: rows(url, leases) == [(64,)], what="an owner of all shards")
        other.until_state(bracket_id, "PROTECTED")
