"""What PostgreSQL adds: connections that are lost, commits nobody heard of, others who write at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import MetaData, Table, func, inspect, select, text

from database import bracket_db, migrations
from database.bracket_db import BracketChange, EventRecord, IdempotencyClaim, StaleWriter
from database.postgres import DatabaseUnfit
from database.revision import is_current
from database.session import Database, MaybeStored, NotRead, NotStored
from tests.builders import a_bracket, a_moment, a_plan
from tests.postgres_server import PostgresServer, a_postgres_server

EVENT = EventRecord(kind="SomethingHappened", at=a_moment(), payload=b"{}")


@pytest.fixture
def db(empty_postgres: Database) -> Database:
    return empty_postgres


def another(db: Database) -> Database:
    """Return the same database as another process has it."""
    return Database(db.engine.url.render_as_string(hide_password=False))


def count(db: Database, table: str) -> int:
    with db.read() as connection:
        found: int = connection.scalar(select(func.count()).select_from(Table(table, MetaData()))) or 0
        return found


def cut_connections_of(db: Database, postgres: PostgresServer) -> None:
    postgres.cut_connections(str(db.engine.url.database))


def test_connections_lost_while_nobody_used_them_are_replaced_unseen(
    db: Database, postgres: PostgresServer
) -> None:
    bracket = a_bracket(version=1)
    bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)

    cut_connections_of(db, postgres)

    assert bracket_db.load(db, bracket.id) == bracket
    assert bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None) == 2


def test_a_connection_lost_in_the_middle_of_a_write_stores_nothing_and_the_next_one_works(
    db: Database, postgres: PostgresServer
) -> None:
    with pytest.raises(NotStored), db.writing() as transaction:
        bracket_db._claim_key(transaction, a_bracket(), IdempotencyClaim(key="k", body_hash="h"))
        cut_connections_of(db, postgres)
        bracket_db._claim_key(transaction, a_bracket(), IdempotencyClaim(key="l", body_hash="h"))

    assert bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None) == 1
    assert count(db, "idempotency_keys") == 0


def test_a_server_that_is_gone_is_not_read_and_not_stored_and_comes_back_by_itself() -> None:
    with a_postgres_server() as server:
        url = server.url(server.a_database())
        migrations.upgrade(url)
        db = Database(url)
        bracket = a_bracket(version=1)
        bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)

        server.kill()
        with pytest.raises(NotRead):
            bracket_db.load(db, bracket.id)
        with pytest.raises(NotStored):
            bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None)
        server.start()

        assert bracket_db.load(db, bracket.id) == bracket
        assert bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None) == 2
        db.close()


def lose_the_answer_of_commit(monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let commits reach the server and their answers not reach us."""
    commit: Callable[[Any], None] = psycopg.Connection.commit
    left = [times]

    def commit_and_lose(connection: Any) -> None:
        commit(connection)
        if left[0] > 0:
            left[0] -= 1
            connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", commit_and_lose)


def test_a_commit_whose_answer_was_lost_is_asked_again_and_stored_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket = a_bracket(version=1)
    db.engine.connect().close()  # a connection's first question is a commit too
    lose_the_answer_of_commit(monkeypatch, times=1)

    claim = IdempotencyClaim(key="k", body_hash="h")
    answer = bracket_db.insert_bracket(db, bracket, [EVENT], claim=claim)

    assert answer == 1
    assert (count(db, "brackets"), count(db, "bracket_events")) == (1, 1)


def test_a_commit_that_stays_in_doubt_says_so(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.engine.connect().close()
    lose_the_answer_of_commit(monkeypatch, times=100)

    with pytest.raises(MaybeStored):
        bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None)


def test_a_change_whose_commit_was_in_doubt_is_never_made_twice(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracket = a_bracket(version=1)
    bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)
    change = BracketChange(bracket=replace(bracket, version=2), events=[EVENT], expected_version=1)
    lose_the_answer_of_commit(monkeypatch, times=1)

    with pytest.raises(MaybeStored):
        bracket_db.save(db, [change])
    with pytest.raises(StaleWriter):
        bracket_db.save(db, [change])

    assert count(db, "bracket_events") == 2


def test_of_two_processes_changing_one_bracket_exactly_one_does(db: Database) -> None:
    bracket = a_bracket(version=1)
    bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)
    change = BracketChange(bracket=replace(bracket, version=2), events=[EVENT], expected_version=1)
    processes = [another(db) for _ in range(4)]
    together = threading.Barrier(len(processes))

    def save(process: Database) -> bool:
        together.wait(10)
        try:
            bracket_db.save(process, [change])
        except StaleWriter:
            return False
        return True

    with ThreadPoolExecutor(len(processes)) as pool:
        saved = list(pool.map(save, processes))
    for process in processes:
        process.close()

    assert saved.count(True) == 1
    assert count(db, "bracket_events") == 2


def test_of_two_processes_given_one_key_exactly_one_makes_a_bracket(db: Database) -> None:
    processes = [another(db) for _ in range(4)]
    together = threading.Barrier(len(processes))

    def place(process: Database) -> object:
        together.wait(10)
        claim = IdempotencyClaim(key="k", body_hash="h")
        return bracket_db.insert_bracket(process, a_bracket(version=1), [EVENT], claim=claim)

    with ThreadPoolExecutor(len(processes)) as pool:
        answers = list(pool.map(place, processes))
    for process in processes:
        process.close()

    assert answers.count(1) == 1
    assert count(db, "brackets") == 1


def test_a_read_sees_one_state_however_much_is_written_meanwhile(db: Database) -> None:
    other = another(db)

    with db.read() as connection:
        before = connection.scalar(text("SELECT count(*) FROM brackets"))
        bracket_db.insert_bracket(other, a_bracket(version=1), [EVENT], claim=None)
        after = connection.scalar(text("SELECT count(*) FROM brackets"))
    other.close()

    assert (before, after) == (0, 0)
    assert count(db, "brackets") == 1


def test_numbers_beyond_32_bits_are_stored(db: Database) -> None:
    bracket = a_bracket(plan=a_plan(quantity=3_000_000_000), version=1)

    bracket_db.insert_bracket(db, bracket, [EVENT], claim=None)

    assert bracket_db.load(db, bracket.id) == bracket


def test_a_process_frozen_in_the_middle_of_a_write_holds_nobody_up_for_long(db: Database) -> None:
    frozen = another(db)
    bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None)

    answers: list[object] = []
    with pytest.raises(NotStored), frozen.write() as connection:
        connection.execute(text("UPDATE account_sequences SET last_seq = 7"))
        # Waits for the row until the server ends the transaction that does nothing more.
        answers.append(bracket_db.insert_bracket(db, a_bracket(version=1), [EVENT], claim=None))
        connection.execute(text("UPDATE account_sequences SET last_seq = 8"))
    frozen.close()

    assert answers == [2]


def test_a_database_that_sorts_by_language_is_refused_before_anything_is_made(
    postgres: PostgresServer,
) -> None:
    postgres.run(
        "CREATE DATABASE sorted_by_language TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-IN'"
    )

    with pytest.raises(DatabaseUnfit, match="LC_COLLATE 'C'"):
        migrations.upgrade(postgres.url("sorted_by_language"))

    empty = Database(postgres.url("sorted_by_language"))
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []
    empty.close()


def test_of_two_upgrades_at_once_one_waits_and_both_succeed(postgres: PostgresServer) -> None:
    url = postgres.url(postgres.a_database())

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(migrations.upgrade, url), pool.submit(migrations.upgrade, url)

    assert (first.result(), second.result()) == (None, None)
    db = Database(url)
    assert is_current(db)
    db.close()
