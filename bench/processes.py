"""What the kernel knows of a process, and helpers of ours that run as processes of their own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from scripts.service_process import PROJECT

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 15.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user and system, that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    return _kilobytes(pid, "VmRSS") / 1024


def thread_count(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def worker_of(pid: int) -> int:
    """Return the one child of a gunicorn master."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0])


def _kilobytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(name)


class Helper:
    """A server of ours in a process of its own; ended with the block, by its own id."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        probe_url: str,
        log_file: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT,
                env=dict(os.environ) | dict(settings or {}),
                stdout=log,
                stderr=log,
            )
        self._probe_url = probe_url

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                requests.get(self._probe_url, timeout=2)
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self._process.args!r} did not answer")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
