"""The official `smartapi-python`, unchanged, in an environment of its own, at the simulated Angel One."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

DRIVER = Path(__file__).parent / "drive_smartapi.py"
# It needs two packages that it does not name.
CLIENT = ("smartapi-python==1.5.5", "logzero==1.7.0", "websocket-client==1.9.0")
# Imported, it asks api.ipify.org for this machine's address, without a time-out: that way ends on loopback.
NOWHERE = ("HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1")
SAYS = """\
session False True A100001
user A100001 True None
market 800 SBIN-EQ 800
orders 2 0 True
refusals false AB1013 None
log out True False AG8001
"""


def test_the_official_client_cannot_tell_the_simulator_from_angel_one(tmp_path: Path) -> None:
    python = environment("smartapi-python-1.5.5", CLIENT)
    app = "A100001:appkey01:2468:"
    with BrokerProcess(tmp_path / "angel.state", [app], module="simulator.angel") as broker:
        # It writes what fails, its key with it, into a log below the folder it runs in.
        here = ("env", "-C", tmp_path, *NOWHERE)
        said = run(*here, python, DRIVER, broker.url, "appkey01", "A100001", "2468")

    assert said == SAYS
    assert (tmp_path / "logs").is_dir()
