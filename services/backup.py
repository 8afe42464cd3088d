"""A copy of the whole database that is proved good before it has its name, taken while the service runs."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from database.restore_db import begin_hold
from database.session import Database, NotRead, sqlite_file
from services.store_check import store_faults

_PAGES = 1024  # copied at a time; a writer waits for no more than that


class BackupRefused(Exception):
    """There is no backup; the text says why. What was there before is as it was."""


def back_up(database_url: str, target: Path) -> None:
    """Write a verified copy of the database to target, which must not exist yet.

    Raises BackupRefused. A half-written or faulty copy never has the target's name.
    """
    if target.exists():
        raise BackupRefused(f"{target} exists already: a backup never overwrites another")
    with _unnamed(target) as copy:
        source = sqlite_file(database_url)
        if source is None:
            _dump(database_url, copy)
        else:
            copy_sqlite(source, copy)
            refuse_faulty(copy)
            _as_one_file(copy)
        _give_name(copy, target)


def copy_sqlite(source: Path, copy: Path) -> None:
    """Copy a database that may be in use. Raises BackupRefused."""
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as from_,
            closing(sqlite3.connect(copy)) as to,
        ):
            from_.backup(to, pages=_PAGES)
    except sqlite3.Error as exc:
        raise BackupRefused(f"{source} cannot be copied: {exc}") from exc


def refuse_faulty(file: Path) -> None:
    """Raise BackupRefused naming the first fault of a SQLite file, if there is one."""
    if not file.is_file():
        raise BackupRefused(f"there is no file {file}")
    db = Database(f"sqlite:///{file}")
    try:
        fault = next(store_faults(db), None)
    except NotRead as exc:
        raise BackupRefused(f"{file} cannot be read: {exc}") from exc
    finally:
        db.close()
    if fault is not None:
        raise BackupRefused(f"{file} is not good: {fault}")


def _as_one_file(copy: Path) -> None:
    """Leave the log mode that a look at the copy has put it in: it must be readable from anywhere."""
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _dump(database_url: str, copy: Path) -> None:
    """Have pg_dump write the copy, and pg_restore read its table of contents."""
    url = make_url(database_url)
    dump, restore = shutil.which("pg_dump"), shutil.which("pg_restore")
    if dump is None or restore is None:
        raise BackupRefused("pg_dump and pg_restore are not installed: they copy PostgreSQL")
    # The password never stands in the list of processes.
    environment = {**os.environ, "PGPASSWORD": url.password or ""}
    address = url.set(drivername="postgresql", password=None).render_as_string()
    for command in ([dump, "--format=custom", f"--file={copy}", address], [restore, "--list", str(copy)]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # both are found on the path, the address is a setting
        if done.returncode:
            raise BackupRefused(f"{Path(command[0]).name} failed: {done.stderr.strip()[:500]}")


@contextmanager
def _unnamed(target: Path) -> Generator[Path]:
    """Give a file beside target that only its owner may read, gone at the end whatever happens."""
    copy = target.with_name(f".{target.name}.part")
    copy.unlink(missing_ok=True)
    try:
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as exc:
        raise BackupRefused(f"{copy} cannot be written: {exc}") from exc
    try:
        yield copy
    finally:
        for leftover in (copy, *(copy.with_name(copy.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)


def _give_name(copy: Path, target: Path) -> None:
    """Name the copy once all of it is on the disk; a link refuses a name that was taken meanwhile."""
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(copy, target)
    except OSError as exc:
        raise BackupRefused(f"{target} cannot be named: {exc}") from exc
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def restore_file(source: Path, database_file: Path, *, aside: Path, at: datetime) -> None:
    """Put a verified backup in the place of a database nobody uses; what was there is kept as `aside`.

    The caller holds the engine's lock. Raises BackupRefused; then the database is as it was.
    """
    refuse_faulty(source)
    with _unnamed(database_file) as copy:
        copy_sqlite(source, copy)
        refuse_faulty(copy)
        db = Database(f"sqlite:///{copy}")
        try:
            begin_hold(db, at=at)
        finally:
            db.close()
        _as_one_file(copy)
        if database_file.exists():
            _as_one_file(database_file)  # its log belongs to it, and must not be taken for the new one's
            database_file.rename(aside)
        _give_name(copy, database_file)
