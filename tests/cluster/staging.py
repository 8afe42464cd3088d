"""Processes that share the accounts of one PostgreSQL, before a simulated Kite."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text

from database.session import Database
from scripts.service_process import PROJECT
from services.shards import shard_of
from tests.brokers.process import state_of, wait_for
from tests.brokers.staging import BrokerStage
from tests.chaos.staging import ChaosAccount
from tests.zerodha.staging import KITE

SHARDS = 64
SOON = 0.01  # seconds between two looks at who owns what
_ITS_ID = re.compile(r"this process, (\w+), works")
_OWNERS = text(
    "SELECT owner, count(*) AS held FROM account_shards WHERE lease_until > clock_timestamp() GROUP BY owner"
)
_OWNER_OF = text("SELECT owner FROM account_shards WHERE shard = :shard AND lease_until > clock_timestamp()")


class WorkerProcess:
    """One `python -m worker`, in a process group of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        folder.mkdir()
        self.log_file = folder / "worker.log"
        self._environ = {**environ, "PAPER_STATE": str(folder / "paper.state")}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **extra: str) -> None:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "worker"],
                cwd=PROJECT,
                env=self._environ | extra,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> float:
        """Send a signal to all of it and return the moment."""
        assert self.process is not None
        at = time.monotonic()
        os.killpg(self.process.pid, number)
        return at

    def id(self) -> str | None:
        """Return its name among the owners, None while it has said none."""
        found = _ITS_ID.findall(self.log())
        return found[-1] if found else None

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def is_frozen(self) -> bool:
        assert self.process is not None
        return state_of(self.process.pid) == "T"

    def wait(self) -> int:
        """Return how it ended, once it has."""
        assert self.process is not None
        return self.process.wait(timeout=30)

    def log(self) -> str:
        return self.log_file.read_text()

    def end(self) -> int | None:
        """Kill what is left of it and return how it ended."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        return self.process.wait(timeout=30)


class ClusterStage(BrokerStage):
    """A web process that works nothing, and workers."""

    def __init__(
        self, folder: Path, database_url: str, *, users: int, more: Mapping[str, str] | None = None
    ) -> None:
        settings = {"DATABASE_URL": database_url, "WORK_ACCOUNTS": "no", **(more or {})}
        super().__init__(folder, KITE, users=users, settings=settings)
        self._folder = folder
        self._database_url = database_url
        self._workers: list[WorkerProcess] = []
        self.db = Database(database_url)

    def worker(self, **extra: str) -> WorkerProcess:
        """Start one more."""
        made = WorkerProcess(self._folder / f"worker{len(self._workers)}", self.service.environ)
        self._workers.append(made)
        made.start(**extra)
        return made

    def pair(self) -> list[WorkerProcess]:
        """Return two workers with even parts, once they are."""
        while len(self.alive()) < 2:
            self.worker()
        wait_for(lambda: self.shares() == [SHARDS // 2] * 2, every=SOON, what="even parts of two")
        return self.alive()

    def alive(self) -> list[WorkerProcess]:
        return [one for one in self._workers if one.is_alive()]

    def working(self, account: ChaosAccount) -> WorkerProcess:
        """Return the worker of an account."""
        owner = self.owner_of(account)
        return next(one for one in self.alive() if one.id() == owner)

    def owners(self) -> dict[str, int]:
        """Return how many shards each process has a running lease of."""
        with self.db.read() as connection:
            return {row.owner: row.held for row in connection.execute(_OWNERS)}

    def owner_of(self, account: ChaosAccount) -> str | None:
        with self.db.read() as connection:
            shard = shard_of(account.id, count=SHARDS)
            owner: str | None = connection.scalar(_OWNER_OF, {"shard": shard})
            return owner

    def shares(self) -> list[int]:
        return sorted(self.owners().values())

    def end_workers(self) -> None:
        for one in self._workers:
            one.end()

    def close(self) -> None:
        self.end_workers()
        self.db.close()
        super().close()
