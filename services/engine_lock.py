"""One engine per database file: a second service on it would decide about the same positions."""

import fcntl
from pathlib import Path
from typing import IO


class EngineRunsElsewhere(Exception):
    """Another process holds the lock of this database."""


def hold_engine_lock(database_file: Path) -> IO[bytes]:
    """Take the lock beside a database file and return it; it is held until closed or the process ends.

    Raises EngineRunsElsewhere. The kernel gives the lock back when a process is killed.
    """
    lock = database_file.with_suffix(database_file.suffix + ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        raise EngineRunsElsewhere(f"another OpenBracket works on {database_file}") from exc
    return lock
