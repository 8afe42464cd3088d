"""What the column types keep, and what the database's failures are called."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Mapped, mapped_column

from database.session import Base, Database, NotRead, NotStored, sqlite_file


class SampleRow(Base):
    """A table of this test alone, on metadata of its own so that no migration looks for it."""

    metadata = type(Base.metadata)()
    __tablename__ = "samples"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[Decimal | None]
    at: Mapped[datetime | None]


@pytest.fixture
def samples(db: Database) -> Iterator[Database]:
    with db.write() as connection:
        SampleRow.metadata.create_all(connection)
    yield db
    with db.write() as connection:
        SampleRow.metadata.drop_all(connection)


@pytest.mark.parametrize(
    "digits", ["1450.50", "0.05", "100", "0.1000", "123456789012345678.123456789", "-3.10"]
)
def test_a_decimal_comes_back_digit_for_digit(samples: Database, digits: str) -> None:
    with samples.write() as connection:
        connection.execute(insert(SampleRow).values(id=1, price=Decimal(digits)))

    with samples.read() as connection:
        found = connection.scalar(select(SampleRow.price))

    assert isinstance(found, Decimal)
    assert str(found) == digits


def test_a_float_is_refused_as_a_price(samples: Database) -> None:
    with pytest.raises(StatementError, match="must be Decimal"), samples.write() as connection:
        connection.execute(insert(SampleRow).values(id=1, price=0.1))


def test_a_time_from_another_zone_comes_back_as_the_same_instant_in_utc(samples: Database) -> None:
    india = timezone(timedelta(hours=5, minutes=30))

    with samples.write() as connection:
        connection.execute(
            insert(SampleRow).values(id=1, at=datetime(2026, 11, 23, 9, 30, 0, 7, tzinfo=india))
        )
    with samples.read() as connection:
        found = connection.scalar(select(SampleRow.at))
        stored = connection.scalar(text("SELECT at FROM samples"))

    assert found == datetime(2026, 11, 23, 4, 0, 0, 7, tzinfo=UTC)
    assert found is not None and found.utcoffset() == timedelta(0)
    assert stored == "2026-11-23T04:00:00.000007+00:00"


def test_a_time_without_a_zone_is_refused(samples: Database) -> None:
    with pytest.raises(StatementError, match="no time zone"), samples.write() as connection:
        connection.execute(insert(SampleRow).values(id=1, at=datetime(2026, 11, 23)))  # noqa: DTZ001


def test_whole_seconds_sort_among_fractions(samples: Database) -> None:
    moments = [datetime(2026, 11, 23, 4, 0, 0, micro, tzinfo=UTC) for micro in (0, 1, 500_000)]

    with samples.write() as connection:
        connection.execute(insert(SampleRow), [{"id": n, "at": at} for n, at in enumerate(reversed(moments))])
    with samples.read() as connection:
        found = connection.scalars(select(SampleRow.at).order_by(SampleRow.at)).all()

    assert list(found) == moments


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)],
)
def test_every_connection_has_the_pragma(samples: Database, pragma: str, value: str | int) -> None:
    with samples.read() as first, samples.read() as second:
        assert first.scalar(text(f"PRAGMA {pragma}")) == value
        assert second.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_foreign_key_to_nothing_is_refused(db: Database) -> None:
    orphan = "INSERT INTO bracket_events VALUES ('nobody', 1, 'acc1', 1, 'k', 't', '{}', '', '', NULL)"

    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(text(orphan))


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_write_transaction_takes_the_lock_before_its_first_read(samples: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "openbracket.db", timeout=0)

    with samples.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")

    other.close()


def test_writers_of_one_process_wait_for_each_other_and_lose_nothing(
    samples: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without SQLite's own waiting, only our lock keeps them apart.
    monkeypatch.setattr("database.session.SQLITE_PRAGMAS", ("PRAGMA busy_timeout=0",))
    samples.close()

    def add_fifty(first: int) -> None:
        for number in range(first, first + 50):
            with samples.write() as connection:
                count = connection.scalar(select(func.count()).select_from(SampleRow))
                connection.execute(insert(SampleRow).values(id=number, price=Decimal(count or 0)))

    threads = [threading.Thread(target=add_fifty, args=(n * 50,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with samples.read() as connection:
        seen = sorted(connection.scalars(select(SampleRow.price)).all(), key=lambda p: p or 0)
    assert seen == [Decimal(n) for n in range(200)]


def test_an_error_in_the_block_stores_nothing(samples: Database) -> None:
    with pytest.raises(KeyError), samples.write() as connection:
        connection.execute(insert(SampleRow).values(id=1))
        raise KeyError("half way")

    with samples.read() as connection:
        assert connection.scalar(select(func.count()).select_from(SampleRow)) == 0


def test_a_database_that_cannot_be_opened_is_not_stored_and_not_read(tmp_path: Path) -> None:
    nowhere = Database(f"sqlite:///{tmp_path / 'missing' / 'file.db'}")

    with pytest.raises(NotStored), nowhere.write():
        pass
    with pytest.raises(NotRead), nowhere.read():
        pass

    nowhere.close()


def test_a_file_that_is_no_database_is_not_stored(tmp_path: Path) -> None:
    (tmp_path / "file.db").write_bytes(b"no database" * 1000)
    broken = Database(f"sqlite:///{tmp_path / 'file.db'}")

    with pytest.raises(NotStored), broken.write():
        pass

    broken.close()


def test_a_database_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a file"):
        Database("sqlite://")


def test_the_file_of_a_url_is_found_and_other_databases_have_none() -> None:
    assert sqlite_file("sqlite:///run/a.db") == Path("run/a.db")
    assert sqlite_file(f"sqlite:///{os.sep}tmp/a.db") == Path("/tmp/a.db")  # noqa: S108
    assert sqlite_file("postgresql+psycopg://host/name") is None
