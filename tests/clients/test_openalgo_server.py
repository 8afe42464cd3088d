"""The published `openalgo` package, unchanged, against the simulated OpenAlgo server."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import run
from tests.clients.test_openalgo_client import openalgo

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

DRIVER = Path(__file__).parent / "drive_openalgo_server.py"
SAYS = """\
filled complete 500.0 2
open 2
stop trigger pending
target open LIMIT 510
cancel True
book 2 1
trades 500
position 2
holdings []
funds True
quote 500
symbol 0.05
search SBIN
off tick 400 True
unknown 404
stranger 403
"""


def test_the_published_client_cannot_tell_the_simulator_from_a_server(tmp_path: Path) -> None:
    app = "U00001:thekey:none:thekey"
    with BrokerProcess(tmp_path / "openalgo.state", [app], module="simulator.openalgo") as broker:
        broker.price("SBIN", 500)
        said = run(openalgo("1.0.47"), DRIVER, broker.url, "thekey")

    assert said == SAYS
