"""The official `dhanhq` package, unchanged, in an environment of its own, against the simulated Dhan."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

DRIVER = Path(__file__).parent / "drive_dhanhq.py"
SAYS = """\
session 1000000003
orders ['Cancelled', 'Pending', 'Traded']
super ['CANCELLED', 'TRADED']
forever ['CANCELLED', 'TRADED']
portfolio 10
refusals Invalid_Authentication
"""


def test_the_official_client_cannot_tell_the_simulator_from_dhan(tmp_path: Path) -> None:
    python = environment("dhanhq-2.3.0", ("dhanhq==2.3.0",))
    apps = ["1000000003:1000000003:246810:"]

    with BrokerProcess(tmp_path / "dhan.state", apps, module="simulator.dhan") as dhan:
        said = run(python, DRIVER, dhan.url, dhan.socket_url, "1000000003", "246810")

    lines = said.splitlines(keepends=True)  # the client says of itself what it sends
    assert "".join(line for line in lines if not line.startswith("Sent subscribe message")) == SAYS
