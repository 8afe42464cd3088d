"""A real RabbitMQ in a folder of its own, which can be killed, frozen and started again."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kombu import Connection
from kombu.exceptions import KombuError

from scripts import servers
from scripts.service_process import free_port
from tests.serving import until

_PASSWORD = "of-a-test"
_START_SECONDS = 90.0  # Erlang on a busy machine


@dataclass
class RabbitServer:
    """The broker's process, and the port mapper of its own; what queues hold stays over a restart."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    _mapper: "subprocess.Popen[bytes] | None" = None
    _ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))

    @property
    def url(self) -> str:
        return servers.rabbitmq_url(self.port, password=_PASSWORD)

    def start(self, *, wait: bool = True) -> None:
        epmd_port, distribution_port = self._ports
        if self._mapper is None:
            self._mapper = self._started(servers.epmd(self.folder, epmd_port), "epmd.log")
            until(lambda: _listens(epmd_port), what="epmd")
        program = servers.rabbitmq(
            self.folder,
            self.port,
            epmd_port=epmd_port,
            distribution_port=distribution_port,
            password=_PASSWORD,
        )
        self.process = self._started(program, "server.log")
        if wait:
            until(self.answers, what="rabbitmq-server", seconds=_START_SECONDS)

    def answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=1) as connection:
                connection.connect()
        except (KombuError, OSError):
            return False
        return True

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; it has its queues again at its next start."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def _started(self, program: servers.Program, log_name: str) -> "subprocess.Popen[bytes]":
        with (self.folder / log_name).open("ab") as log:
            return subprocess.Popen(
                program.command,
                env=program.environ,
                cwd=program.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@contextmanager
def a_rabbit_server(folder: Path) -> Iterator[RabbitServer]:
    server = RabbitServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
