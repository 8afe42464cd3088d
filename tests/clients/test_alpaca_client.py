"""The official `alpaca-py`, unchanged, in an environment of its own, against the simulated Alpaca."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(900)]

DRIVER = Path(__file__).parent / "drive_alpaca.py"
CLIENT = ("alpaca-py==0.44.0",)
SAYS = """\
user PA0000000001 USD True 500.0 True
bracket [('limit', 'new'), ('stop', 'held')] filled [('limit', 'canceled'), ('stop', 'filled')] 2 []
replaced replaced new 481.0 3
oco held 10 filled []
refusals [(422, 40010001), (422, 42210000), (422, 42210000), (422, 42210000), (422, 40010001)]
repeated (422, 40010001) 2 new 1
stream new True
"""


def test_the_official_client_cannot_tell_the_simulator_from_alpaca(tmp_path: Path) -> None:
    python = environment("alpaca-py-0.44.0", CLIENT)
    app = "PA0000000001:PKSIMULATED:unused:simsecret"
    with BrokerProcess(tmp_path / "alpaca.state", [app], module="simulator.alpaca") as broker:
        said = run(python, DRIVER, broker.url, "PKSIMULATED", "simsecret")

    assert said == SAYS
