"""A cluster before the stub broker: PostgreSQL with its disk, a web process that works nothing, workers."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import text

from bench.stage import Stage, StagedAccount
from database.auth_db import Secrets
from database.session import Database
from scripts import servers
from scripts.service_process import PROJECT, free_port

SHARDS = 64
_PASSWORD = "of-a-bench"  # noqa: S105  # of a server that lives for a minute
_PATIENCE_SECONDS = 120.0
_RUNNING = text(
    "SELECT owner, count(*) AS held FROM account_shards WHERE lease_until > clock_timestamp() GROUP BY owner"
)


class PostgresOfBench:
    """A server that waits for its disk, as one in production does."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        servers.make_postgres(folder, password=_PASSWORD)
        program = servers.postgres(folder, self._port)
        with (folder.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                program.command, env=program.environ, cwd=folder, stdout=log, stderr=log
            )
        self._made = 0

    def database(self) -> str:
        """Make an empty database and return its address."""
        self._made += 1
        name = f"bench{self._made}"
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with psycopg.connect(self._words("postgres"), autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        return f"postgresql+psycopg://{servers.DATABASE}:{_PASSWORD}@127.0.0.1:{self._port}/{name}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def _words(self, database: str) -> str:
        place = f"host=127.0.0.1 port={self._port} dbname={database}"
        return f"{place} user={servers.DATABASE} password={_PASSWORD}"


@contextmanager
def a_postgres() -> Iterator[PostgresOfBench]:
    # Below /tmp and open to all, since PostgreSQL's own user has to enter it.
    folder = Path(tempfile.mkdtemp(prefix="openbracket-bench-pg-"))
    folder.chmod(0o755)
    server = PostgresOfBench(folder / "data")
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class ClusterStage(Stage):
    """A stage whose service leaves the accounts to workers."""

    def __init__(
        self,
        folder: Path,
        *,
        stub_url: str,
        count: int,
        database_url: str,
        wide_limits: bool,
        module: str = "worker",
        make_account: Callable[[Database, Secrets, str, int], StagedAccount] | None = None,
    ) -> None:
        settings = {"WORK_ACCOUNTS": "no"}
        super().__init__(
            folder,
            stub_url=stub_url,
            count=count,
            wide_limits=wide_limits,
            database_url=database_url,
            settings=settings,
            make_account=make_account,
        )
        self._module = "bench.wide_service" if wide_limits else module
        self._folder = folder
        self.db = Database(database_url)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_workers(self, count: int) -> None:
        """Start workers, and return once they share all accounts evenly."""
        for number in range(len(self.workers), len(self.workers) + count):
            environ = {**self.service.environ, "PAPER_STATE": str(self._folder / f"worker{number}.paper")}
            with (self._folder / f"worker{number}.log").open("ab") as log:
                command = [sys.executable, "-m", self._module]
                self.workers.append(
                    subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=log, stderr=log)
                )
        self.await_owners(len(self.workers))

    def await_owners(self, count: int) -> None:
        """Return once so many workers have all shards. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            shares = self._shares()
            if len(shares) == count and sum(shares) == SHARDS and max(shares) - min(shares) <= 1:
                return
            time.sleep(0.05)
        raise TimeoutError(f"{count} workers do not share the shards: {self._shares()}")

    def close(self) -> None:
        for one in self.workers:
            one.kill()
            one.wait()
        self.service.kill()
        self.db.close()

    def _shares(self) -> list[int]:
        with self.db.read() as connection:
            return [row.held for row in connection.execute(_RUNNING)]


@contextmanager
def a_cluster(
    folder: Path,
    postgres: PostgresOfBench,
    *,
    stub_url: str,
    accounts: int,
    workers: int,
    wide_limits: bool = False,
) -> Iterator[ClusterStage]:
    """Give a cluster at work."""
    stage = ClusterStage(
        folder, stub_url=stub_url, count=accounts, database_url=postgres.database(), wide_limits=wide_limits
    )
    try:
        stage.service.start()
        stage.start_workers(workers)
        yield stage
    finally:
        stage.close()
