"""A simulated broker as a process of its own, with its exchange's file to be read after its end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from scripts.service_process import PROJECT
from simulator import SimulatedExchange, load_instruments
from utils.clock import SystemClock


class BrokerProcess:
    """One simulated broker, run as `module`. apps are USER:KEY:SECRET:TOKEN."""

    def __init__(self, state: Path, apps: Sequence[str], *options: str, module: str) -> None:
        self.state = state
        self._module = module
        self._words = [word for app in apps for word in ("--app", app)] + list(options)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *, extra: Mapping[str, str] | None = None) -> None:
        """Serve, and return once it answers; on another port each time. extra is for its environment."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, "--state", str(self.state), *self._words],
            cwd=PROJECT,
            env=os.environ | dict(extra or {}),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, f"{self._module} did not start"

    @property
    def socket_url(self) -> str:
        return self.url.replace("http:", "ws:")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        self._process.wait(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def command(self, **words: object) -> dict[str, Any]:
        """Have the exchange do something: `act="set_price", exchange="NSE", ...`."""
        return self._sim("command", words)

    def price(self, symbol: str, last: object, *, exchange: str = "NSE", **more: object) -> None:
        self.command(act="set_price", exchange=exchange, symbol=symbol, last=str(last), **more)

    def token(self, api_key: str, *, alive: bool) -> None:
        self._sim("token", {"api_key": api_key, "alive": alive})

    def addresses(self, api_key: str, **addresses: str) -> None:
        """Set an app's postback_url or redirect_url."""
        self._sim("app", {"api_key": api_key, **addresses})

    def cut_sockets(self, api_key: str) -> int:
        return int(self._sim("sockets/cut", {"api_key": api_key})["closed"])

    def sockets(self, api_key: str) -> int:
        """Return how many sockets an app has open."""
        return int(self._asked(f"sockets?api_key={api_key}")["open"])

    def let(self, fault: str, **words: object) -> None:
        """Let something go wrong on the network: `fault="lost push", method="POSTBACK"`."""
        self._sim("faults", {"at": "network", "fault": fault, **words})

    def happened(self, fault: str) -> int:
        """Return how often a fault struck."""
        return int(self._asked("faults")["happened"].get(fault, 0))

    def calls(self, api_key: str) -> dict[str, int]:
        """Return how often an app called what, by answer: `{"GET /orders 200": 7}`."""
        return self._asked(f"calls?api_key={api_key}")

    def seen(self, user_id: str) -> dict[str, Any]:
        """Return a user's books as the broker shows them now, in its own words."""
        return self._asked(f"books?user_id={user_id}")

    def truth(self, user_id: str) -> dict[str, Any]:
        """Return what the exchange itself has of a user: orders, gtts, trades, positions, holdings."""
        return self._asked(f"truth?user_id={user_id}")

    def books(self) -> SimulatedExchange:
        """Return the exchange behind it, for reading; only after its end. To be closed."""
        assert self._process is None, "an exchange's file has one owner"
        return SimulatedExchange(SystemClock(), path=self.state, listings=load_instruments())

    def _sim(self, path: str, body: object) -> dict[str, Any]:
        return _told(requests.post(f"{self.url}/sim/{path}", json=body, timeout=10))

    def _asked(self, path: str) -> dict[str, Any]:
        return _told(requests.get(f"{self.url}/sim/{path}", timeout=10))

    def __enter__(self) -> "BrokerProcess":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop(signal.SIGKILL)


def _told(answer: requests.Response) -> dict[str, Any]:
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def state_of(pid: int) -> str:
    """Return a process's state as Linux says it: T stands still, Z has ended. Raises FileNotFoundError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for(fulfilled: Any, *, seconds: float = 40.0, every: float = 0.1, what: str = "it") -> Any:
    """Return what fulfilled() returns once that is true. Raises AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = fulfilled()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"{what} did not happen in {seconds} s")
