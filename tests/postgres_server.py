"""A real PostgreSQL on a free port, in a folder of its own, which can be killed, frozen and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from scripts.service_process import free_port
from tests.serving import until

_USER = "openbracket"
_CLUSTER = ("-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
_END_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
# Nobody cuts this machine's power in the middle of a test: what is not synced is as good as on the disk.
_SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=100", "shared_buffers=32MB")


@dataclass
class PostgresServer:
    """The server's process; what it stored stays when it is killed and started again."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None
    _made: int = field(default=0, init=False)

    def create(self) -> None:
        """Make an empty cluster whose text sorts by its characters' numbers."""
        subprocess.run(
            _unprivileged([_program("initdb"), "-D", str(self.folder), *_CLUSTER]),
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
        )

    def start(self) -> None:
        """Serve, and return once it answers."""
        options = [word for setting in _SETTINGS for word in ("-c", setting)]
        options += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command = [_program("postgres"), "-D", str(self.folder), "-p", str(self.port), *options]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                _unprivileged(command), stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        until(self._answers, what="postgres", seconds=30)

    def url(self, database: str) -> str:
        """Return how the service reaches a database of this server."""
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement outside any transaction, as the server's owner, and return its rows."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def a_database(self, *, like: str = "template0") -> str:
        """Make a database, a copy of another where said, and return its name."""
        self._made += 1
        name = f"test{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def drop(self, database: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def cut_connections(self, database: str) -> None:
        """End every connection to a database, as a restart does."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(_END_CONNECTIONS, (database,))

    def kill(self) -> None:
        """End it at once; it recovers at its next start."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=1).close()
        except psycopg.Error:
            return False
        return True

    def _address(self, database: str) -> str:
        return self.url(database).replace("+psycopg", "")


@contextmanager
def a_postgres_server() -> Iterator[PostgresServer]:
    """Give a running server with an empty cluster; it is ended, and its folder gone, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="openbracket-pg-"))
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
    server = PostgresServer(free_port(), folder)
    server.create()
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """Return the newest installed version of a PostgreSQL program: Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else name


def _unprivileged(command: Sequence[str]) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
