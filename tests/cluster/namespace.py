"""A network namespace for one process, whose link to the database alone can be cut. Needs root and `ip`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from scripts.service_process import PROJECT

_BASE = "10.213"  # of addresses that only this machine knows
_NAMESPACES = 120


class NotPossible(Exception):
    """This machine gives us no network namespace; the message says why."""


class Relay:
    """Passes connections to an address of ours on to a port of loopback; a process of its own."""

    def __init__(self, address: str, port: int) -> None:
        command = [sys.executable, "-m", "tests.cluster.relay", address, str(port)]
        self._process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Namespace:
    """Two links: `database`, which can be cut, and `rest`, which stays."""

    def __init__(self, name: str) -> None:
        self._name = name
        # Names and addresses of its own, for more than one may be there at a time.
        number = os.getpid() % _NAMESPACES
        self._links = {"database": 2 * number, "rest": 2 * number + 1}
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
