"""The official `fyers-apiv3`, unchanged, in an environment of its own, against the simulated Fyers."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

DRIVER = Path(__file__).parent / "drive_fyers.py"
# With its own pins, old and exact (requests 2.31.0, aiohttp 3.9.3): for Python 3.11 there are wheels of all.
CLIENT = ("fyers-apiv3==3.2.0",)
SAYS = """\
session ok s1
user X00001 10 []
quote NSE:SBIN-EQ 800
orders 2 0 1103
refusals [-50, -300, -50, -51]
triggers 2 2 1103
unacknowledged 201 '' 6
log out ok -17
"""


def test_the_official_client_cannot_tell_the_simulator_from_fyers(tmp_path: Path) -> None:
    python = environment("fyers-apiv3-3.2.0", CLIENT)
    app = "X00001:APPID-100:appsecret:"
    with BrokerProcess(tmp_path / "fyers.state", [app], module="simulator.fyers") as broker:
        said = run(python, DRIVER, broker.url, "APPID-100", "appsecret", tmp_path)

    assert said == SAYS
