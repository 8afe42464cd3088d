"""kill -9 while webhooks and alerts are under way: nothing is lost, and no secret is in the log."""

import json
import os
import signal
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.fake_telegram import HANG, TOKEN, FakeTelegram, a_fake_telegram
from tests.receiver import Receiver, a_receiver
from tests.serving import resting, until
from utils.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
ORDERS = range(1, 21)

pytestmark = pytest.mark.slow


@dataclass
class Service:
    """The service under gunicorn, with a hook and a linked chat."""

    folder: Path
    fake: FakeTelegram
    receiver: Receiver
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    key: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    def run(self, *words: str) -> str:
        command = [sys.executable, "-m", "flask", "--app", "app", *words]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:main()"],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self.is_ready, what="readiness", seconds=60)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def place(self, quantity: int) -> int:
        address = f"http://127.0.0.1:{self.port}/api/v1/placebracketorder/"
        body = {"apikey": self.key, **resting(quantity=quantity)}
        return requests.post(address, json=body, timeout=10).status_code

    def hooked(self) -> set[str]:
        told = [json.loads(came.body)["data"]["message"] for came in list(self.receiver.requests)]
        return {message for message in told if "placed for" in message}

    def alerted(self) -> set[int]:
        told = "\n".join(self.fake.texts())
        return {quantity for quantity in ORDERS if f"PLACED BUY {quantity} " in told}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with a_fake_telegram() as fake, a_receiver() as receiver:
        service = Service(tmp_path, fake, receiver, port)
        service.environment = {
            **os.environ,
            "API_KEY_PEPPER": "ab" * 32,
            "ENCRYPTION_KEYS": urlsafe_b64encode(b"k" * 32).decode(),
            "SECRET_KEY": "s" * 40,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'openbracket.db'}",
            "PAPER_PRICES": "NSE:SBIN=500",
            "BRACKET_ORDER_RATE_LIMIT": "1000 per second",
            "PORT": str(port),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_ROOT": fake.root,
            "OUTBOUND_WEBHOOKS_ALLOW": "private,http",
        }
        service.run("db", "upgrade")
        service.run("account", "add", "--name", "main", "--broker", "paper")
        service.key = service.run("apikey", "create", "--account", "main")
        service.run("hook", "add", "--account", "main", "--url", f"{receiver.root}/hook")
        service.start()
        fake.say(service.run("telegram", "link", "--account", "main"), at=SystemClock().now().timestamp())
        until(fake.texts, what="the welcome")
        yield service
        service.kill()


def test_what_was_to_be_told_when_the_process_was_killed_is_told_after_the_restart(service: Service) -> None:
    service.receiver.always = 500
    codes = {service.place(quantity) for quantity in ORDERS}
    until(lambda: service.receiver.requests, what="a webhook under way")

    service.kill()
    assert codes == {200}
    assert len(service.alerted()) < len(ORDERS), "killed too late to prove anything"
    service.receiver.requests.clear()
    service.receiver.always = 204
    service.start()

    until(lambda: len(service.alerted()) == len(ORDERS), what="every alert", seconds=60)
    until(lambda: len(service.hooked()) == len(ORDERS), what="every webhook", seconds=60)
    log = (service.folder / "log").read_text()
    assert TOKEN not in log
    assert service.key not in log


def test_a_telegram_that_hangs_does_not_hold_up_the_end(service: Service) -> None:
    service.fake.always = HANG
    service.place(1)
    until(lambda: service.fake.calls.count("sendMessage") > 1, what="an alert under way")
    assert service.process is not None

    began = SystemClock().monotonic()
    service.process.terminate()
    service.process.wait(timeout=30)
    service.process = None

    assert SystemClock().monotonic() - began < 8.0
