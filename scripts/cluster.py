"""The whole cluster on this machine: `python -m scripts.cluster up | down | status`.

PostgreSQL, RabbitMQ and Redis from Debian's packages, two web processes, two account workers and one worker
of side jobs, each a process with a file of its number in one folder. Only loopback is listened on.
"""

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from database import migrations
from scripts import servers
from scripts.servers import Program
from scripts.service_process import PROJECT, free_port

WEB, WORKERS = ("web1", "web2"), ("worker1", "worker2")
_SERVERS = ("postgres", "redis", "epmd", "rabbitmq")
_OURS = (*WEB, *WORKERS, "celery")
_START_SECONDS = 120.0  # Erlang on a busy machine takes half a minute
_END_SECONDS = 20.0
_LOOK_SECONDS = 0.05


class ClusterFailed(Exception):
    """The cluster did not start, or not end; the message says what to look at."""


class Cluster:
    """The processes of one folder. What is known of them is in its files, so that any command finds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._file = self.folder / "cluster.json"
        self._children: dict[str, subprocess.Popen[bytes]] = {}  # those that this very process started

    def up(self) -> None:
        """Start what is not running. Raises ClusterFailed."""
        missing = servers.missing_packages()
        if missing:
            raise ClusterFailed(f"install first: apt-get install {' '.join(missing)}")
        self.folder.mkdir(parents=True, exist_ok=True)
        facts = self._facts()
        self._start_servers(facts)
        migrations.upgrade(self.environ(0)["DATABASE_URL"])
        for number, name in enumerate(WEB):
            self._start(name, self._web(number))
        for name in WORKERS:
            self._start(name, self._python("worker", name))
        self._start("celery", self._python("celery_worker", "celery"))
        for number in range(len(WEB)):
            self._await(partial(self._answers, number), what=WEB[number])

    def down(self) -> list[str]:
        """End every process that was started here, and nothing else; return the names of those that ran."""
        return [name for name in (*_OURS, *reversed(_SERVERS)) if self._end(name)]

    def status(self) -> dict[str, int | None]:
        """Return the process numbers by name; None of those that do not run."""
        return {name: self._pid(name) for name in (*_SERVERS, *_OURS)}

    def urls(self) -> list[str]:
        """Return where the web processes answer."""
        return [f"http://127.0.0.1:{self._facts()[name]}" for name in WEB]

    def environ(self, number: int) -> Mapping[str, str]:
        """Return the settings of one of our processes; web processes have ports of their own."""
        facts = self._facts()
        database = f"{servers.DATABASE}:{facts['password']}@127.0.0.1:{facts['postgres']}/{servers.DATABASE}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "DATABASE_URL": f"postgresql+psycopg://{database}",
            "REDIS_URL": f"redis://:{facts['password']}@127.0.0.1:{facts['redis']}/0",
            "CELERY_BROKER_URL": servers.rabbitmq_url(int(facts["rabbitmq"]), password=facts["password"]),
            "PORT": facts[WEB[number]],
            "WORK_ACCOUNTS": "no",
            "API_KEY_PEPPER": facts["pepper"],
            "ENCRYPTION_KEYS": facts["fernet"],
            "SECRET_KEY": facts["secret"],
            "PAPER_STATE": str(self.folder / f"web{number + 1}-paper.state"),
        }

    def _facts(self) -> dict[str, str]:
        """Return ports and secrets; made once and kept, so that the next `up` finds its data again."""
        if not self._file.exists():
            ports = {name: str(free_port()) for name in (*_SERVERS, "distribution", *WEB)}
            made = ports | {
                "password": secrets.token_hex(16),
                "pepper": secrets.token_hex(32),
                "fernet": Fernet.generate_key().decode(),
                "secret": secrets.token_hex(32),
            }
            servers.write_private(self._file, json.dumps(made, indent=1))
        found: dict[str, str] = json.loads(self._file.read_text())
        return found

    def _start_servers(self, facts: Mapping[str, str]) -> None:
        password = facts["password"]
        if not self._place("postgres").exists():
            servers.make_postgres(self._place("postgres"), password=password)
        for name in ("redis", "rabbitmq"):
            self._place(name).mkdir(exist_ok=True)
        rabbit = self._place("rabbitmq")
        port = {name: int(facts[name]) for name in (*_SERVERS, "distribution")}
        self._start("postgres", servers.postgres(self._place("postgres"), port["postgres"]))
        self._start("redis", servers.redis(self._place("redis"), port["redis"], password=password))
        self._start("epmd", servers.epmd(rabbit, port["epmd"]))
        self._await(lambda: _listens(port["epmd"]), what="epmd")
        program = servers.rabbitmq(
            rabbit,
            port["rabbitmq"],
            epmd_port=port["epmd"],
            distribution_port=port["distribution"],
            password=password,
        )
        self._start("rabbitmq", program)
        self._await(lambda: _has_database(facts), what="postgres")
        for name in ("redis", "rabbitmq"):
            self._await(partial(_listens, port[name]), what=name)

    def _web(self, number: int) -> Program:
        command = [f"{sys.prefix}/bin/gunicorn", "-c", "gunicorn.conf.py", "app:main()"]
        return Program(command=command, environ=self.environ(number), folder=PROJECT)

    def _python(self, module: str, name: str) -> Program:
        environ = {**self.environ(0), "PAPER_STATE": str(self.folder / f"{name}-paper.state")}
        return Program(command=[sys.executable, "-m", module], environ=environ, folder=PROJECT)

    def _answers(self, number: int) -> bool:
        return _listens(int(self._facts()[WEB[number]]))

    def _place(self, name: str) -> Path:
        return self.folder / name

    def _start(self, name: str, program: Program) -> None:
        if self._pid(name) is not None:
            return
        with (self.folder / f"{name}.log").open("ab") as log:
            started = self._children[name] = subprocess.Popen(
                program.command,
                env=program.environ,
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # With when it began: a number alone may be another process's by the time it is to be ended.
        self._pid_file(name).write_text(f"{started.pid} {_began(started.pid)}")

    def _end(self, name: str) -> bool:
        pid = self._pid(name)
        if pid is None:
            return False
        # PostgreSQL waits for its clients at SIGTERM; ours have gone, and others have no say.
        os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
        deadline = time.monotonic() + _END_SECONDS
        while self._pid(name) is not None and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        if self._pid(name) is not None:
            os.killpg(pid, signal.SIGKILL)
        if name in self._children:
            self._children.pop(name).wait()
        self._pid_file(name).unlink()
        return True

    def _pid(self, name: str) -> int | None:
        if not self._pid_file(name).exists():
            return None
        pid, began = self._pid_file(name).read_text().split()
        return int(pid) if _began(int(pid)) == began else None

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def _await(self, ready: Callable[[], bool], *, what: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if time.monotonic() > deadline or self._pid(what) is None:
                raise ClusterFailed(f"{what} does not answer: look at {self.folder / what}.log")
            time.sleep(_LOOK_SECONDS)


def main() -> int:
    """Do what was asked; 0 when it worked."""
    parser = argparse.ArgumentParser(prog="python -m scripts.cluster")
    parser.add_argument("what", choices=["up", "down", "status"])
    parser.add_argument("--folder", type=Path, default=PROJECT / "run" / "cluster")
    asked = parser.parse_args()
    cluster = Cluster(asked.folder)
    if asked.what == "down":
        print("ended:", ", ".join(cluster.down()) or "nothing ran")
        return 0
    if asked.what == "up":
        try:
            cluster.up()
        except ClusterFailed as exc:
            print(exc, file=sys.stderr)
            return 1
        print("\n".join(f"web {url}" for url in cluster.urls()))
    for name, pid in cluster.status().items():
        print(f"{name:<10}{'-' if pid is None else pid}")
    return 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _has_database(facts: Mapping[str, str]) -> bool:
    """Make the database where it is missing; False while the server does not answer."""
    place = f"host=127.0.0.1 port={facts['postgres']} dbname=postgres"
    words = f"{place} user={servers.DATABASE} password={facts['password']}"
    try:
        with psycopg.connect(words, autocommit=True) as found:
            is_there = found.execute(
                "SELECT FROM pg_database WHERE datname = %s", (servers.DATABASE,)
            ).fetchall()
            if not is_there:
                found.execute(f"CREATE DATABASE {servers.DATABASE} TEMPLATE template0")
    except psycopg.OperationalError:
        return False
    return True


def _began(pid: int) -> str | None:
    """Return the machine's tick at which a process began; None for one that is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] == "Z" else words[19]


if __name__ == "__main__":
    sys.exit(main())
