"""A network namespace for one process, whose link to the database alone can be cut. Needs root and `ip`."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

_BASE = "10.213"  # of addresses that only this machine knows


class NotPossible(Exception):
    """This machine gives us no network namespace; the message says why."""


class Relay:
    """Passes connections to an address of ours on to a port of loopback."""

    def __init__(self, address: str, port: int) -> None:
        self._port = port
        self._listening = socket.create_server((address, 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for one in (near, far):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_pump, args=(near, far), daemon=True).start()
        _pump(far, near)


class Namespace:
    """Two links: `database`, which can be cut, and `rest`, which stays."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._links = {"database": 1, "rest": 2}
        self._relays: list[Relay] = []
        if shutil.which("ip") is None:
            raise NotPossible("there is no `ip` command")
        try:
            self._make()
        except subprocess.CalledProcessError as exc:
            self.close()
            raise NotPossible(exc.stderr.strip()) from exc

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the words as a command inside the namespace."""
        return ["ip", "netns", "exec", self._name, *words]

    def reach(self, link: str, port: int) -> str:
        """Return the host:port by which the inside reaches a port of loopback over a link."""
        address = f"{_BASE}.{self._links[link]}.1"
        relay = Relay(address, port)
        self._relays.append(relay)
        return f"{address}:{relay.port}"

    def cut(self) -> None:
        """Lose every packet to and from the database."""
        _run("ip", "link", "set", f"ob{self._links['database']}out", "down")

    def mend(self) -> None:
        _run("ip", "link", "set", f"ob{self._links['database']}out", "up")

    def close(self) -> None:
        for relay in self._relays:
            relay.close()
        for number in self._links.values():
            with suppress(subprocess.CalledProcessError):
                _run("ip", "link", "del", f"ob{number}out")
        with suppress(subprocess.CalledProcessError):
            _run("ip", "netns", "del", self._name)

    def _make(self) -> None:
        _run("ip", "netns", "add", self._name)
        inside = ("ip", "-n", self._name)
        _run(*inside, "link", "set", "lo", "up")
        for number in self._links.values():
            outer, inner = f"ob{number}out", f"ob{number}in"
            _run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self._name)
            _run("ip", "addr", "add", f"{_BASE}.{number}.1/24", "dev", outer)
            _run("ip", "link", "set", outer, "up")
            _run(*inside, "addr", "add", f"{_BASE}.{number}.2/24", "dev", inner)
            _run(*inside, "link", "set", inner, "up")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while heard := source.recv(65536):
            sink.sendall(heard)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
