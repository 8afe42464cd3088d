"""Writes of several threads in one transaction: fewer commits, and each thread its own result or error."""

import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import column, insert, select, table, text

from database.group_commit import GroupCommit
from database.prepared import Prepared, Transaction
from database.session import Database

NOTES = table("notes", column("word"))
ADD = Prepared(lambda _: insert(NOTES))
ALL = Prepared(lambda _: select(NOTES.c.word).order_by(NOTES.c.word))
WAITING = [f"w{number}" for number in range(9)]


@dataclass
class Notes:
    """A table of words behind a group commit whose first transaction can be held open."""

    db: Database
    transactions: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    fails_at_commit: bool = False

    @contextmanager
    def begin(self) -> Generator[Transaction]:
        self.transactions += 1
        with self.db.writing() as transaction:
            yield transaction
            self.begun.set()
            assert self.may_end.wait(10)
            if self.fails_at_commit:
                raise OSError("disk full")

    def words(self) -> list[str]:
        with self.db.reading() as transaction:
            return [word for (word,) in transaction.all(ALL, {})]


@pytest.fixture
def notes(tmp_path: Path) -> Generator[Notes]:
    db = Database(f"sqlite:///{tmp_path / 'notes.db'}")
    with db.write() as connection:
        connection.execute(text("CREATE TABLE notes (word TEXT PRIMARY KEY)"))
    yield Notes(db)
    db.close()


def held_up(notes: Notes, words: list[str]) -> dict[str, "Future[str]"]:
    """Store "first" and, while its transaction is open, ask for the words; return what became of them."""
    group = GroupCommit(notes.begin)
    waiting = group._waiting

    def store(word: str) -> str:
        def write(transaction: Transaction) -> str:
            transaction.run(ADD, {"word": word})
            return f"stored {word}"

        return group.store(write)

    with ThreadPoolExecutor(len(words) + 1) as pool:
        first = pool.submit(store, "first")
        assert notes.begun.wait(10)
        others = {word: pool.submit(store, word) for word in words}
        while len(waiting) < len(words):
            threading.Event().wait(0.001)
        notes.may_end.set()
    return {"first": first} | others


def test_what_came_while_one_wrote_is_written_together(notes: Notes) -> None:
    results = held_up(notes, WAITING)

    assert {word: future.result() for word, future in results.items()} == {
        word: f"stored {word}" for word in ["first", *WAITING]
    }
    assert notes.words() == ["first", *WAITING]
    assert notes.transactions == 2


def test_one_that_fails_costs_the_others_nothing(notes: Notes) -> None:
    with notes.db.write() as connection:
        connection.execute(text("INSERT INTO notes VALUES ('w3')"))

    results = held_up(notes, WAITING)

    failed = {word: future.exception() for word, future in results.items() if future.exception()}
    assert list(failed) == ["w3"]
    assert "UNIQUE" in str(failed["w3"])
    assert notes.words() == ["first", *WAITING]


def test_a_commit_that_fails_fails_for_everyone_in_it(notes: Notes) -> None:
    notes.fails_at_commit = True

    results = held_up(notes, WAITING)

    assert {str(future.exception()) for future in results.values()} == {"disk full"}
    assert notes.words() == []


def test_many_threads_storing_at_once_lose_nothing(notes: Notes) -> None:
    notes.may_end.set()
    group = GroupCommit(notes.begin)

    def store(number: int) -> None:
        group.store(lambda transaction: transaction.run(ADD, {"word": f"{number:04}"}))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(store, range(500)))

    assert notes.words() == [f"{number:04}" for number in range(500)]
