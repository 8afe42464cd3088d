"""The service as a process of its own, in a directory of its own: for the demo, the tests, the bench."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests
from cryptography.fernet import Fernet

PROJECT = Path(__file__).resolve().parent.parent
_START_SECONDS = 90.0  # a start of two seconds, on a machine that has twenty other things to do
_LOOK_EVERY_SECONDS = 0.02


class ServiceFailed(RuntimeError):
    """The service did not start, or a command of it failed; the message has its output."""


def free_port() -> int:
    """Return a TCP port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def new_secrets() -> dict[str, str]:
    """Return settings that a database made with them needs from then on."""
    return {
        "API_KEY_PEPPER": secrets.token_hex(32),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "SECRET_KEY": secrets.token_hex(32),
    }


class ServiceProcess:
    """One service with its own database, paper market and secrets below `folder`."""

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, application: str = "app:main()"
    ) -> None:
        self.folder = folder
        self._application = application
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file = folder / "service.log"
        self._environ = _environ(folder, self.port) | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """The settings it is started with."""
        return self._environ

    @property
    def paper_state(self) -> Path:
        return Path(self._environ["PAPER_STATE"])

    @property
    def pid(self) -> int:
        """The process that was started; its worker is a child of it."""
        if self._process is None:
            raise ServiceFailed("the service is not running")
        return self._process.pid

    def command(self, *words: str) -> str:
        """Run a CLI command beside the service and return what it printed."""
        done = subprocess.run(
            [f"{sys.prefix}/bin/flask", "--app", "app", *words],
            cwd=PROJECT,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ServiceFailed(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def set_up(self) -> str:
        """Make the tables and list the paper market's instruments, as `make run` does; return its words."""
        done = subprocess.run(
            [sys.executable, "-m", "scripts.setup", "database"],
            cwd=PROJECT,
            env=self._environ,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def start(self, *, extra: Mapping[str, str] | None = None) -> None:
        """Serve, and return once it answers. extra are settings of this start only."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [f"{sys.prefix}/bin/gunicorn", "-c", "gunicorn.conf.py", self._application],
                cwd=PROJECT,
                env=self._environ | dict(extra or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if requests.get(f"{self.url}/api/v1/ping", timeout=2).ok:
                    return
            time.sleep(_LOOK_EVERY_SECONDS)
        raise ServiceFailed(f"the service did not answer:\n{self.log_file.read_text()[-4000:]}")

    def kill(self) -> None:
        """kill -9, all of it: no handler runs, nothing is flushed."""
        self._signal(signal.SIGKILL)

    def stop(self) -> float:
        """Ask it to end and return the seconds it took."""
        began = time.monotonic()
        self._signal(signal.SIGTERM)
        return time.monotonic() - began

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def wait_for_end(self, seconds: float) -> None:
        """Wait until the process is gone by itself; raises ServiceFailed when it is not."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired as exc:
            raise ServiceFailed("the service is still running") from exc
        # Only the parent may have gone: its worker has the port and the files.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        self._process.wait(timeout=30)
        self._process = None

    def __enter__(self) -> "ServiceProcess":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()


def _environ(folder: Path, port: int) -> dict[str, str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONWARNINGS") if name in os.environ
    }
    return kept | {
        "PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder / 'openbracket.db'}",
        "PAPER_STATE": str(folder / "paper.state"),
        "LOG_LEVEL": "INFO",
        **new_secrets(),
    }
