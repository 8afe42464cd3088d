"""The official `upstox-python-sdk`, unchanged, in an environment of its own, against the simulated Upstox."""

from pathlib import Path

import pytest

from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

DRIVER = Path(__file__).parent / "drive_upstox.py"
RECORDED = Path(__file__).parent.parent / "fixtures" / "upstox" / "requests.json"
SAYS = """\
session 2ABCDE s1
listed EQ 5.0
user 2ABCDE UPSTOX ['commodity', 'equity'] []
quote 800.0 800.0 800.0
orders trigger pending complete 821.0 2 0
refusals ['UDAPI100036', 'UDAPI100011', 'UDAPI1158', 'UDAPI100010', 'UDAPI1126']
brackets {'ENTRY': 'COMPLETED', 'TARGET': 'SCHEDULED', 'STOPLOSS': 'SCHEDULED'}
family [('BUY', 'complete'), ('SELL', 'complete')] []
unacknowledged 502 OPEN
log out 401 UDAPI100050
requests 8
"""


def test_the_official_client_cannot_tell_the_simulator_from_upstox(tmp_path: Path) -> None:
    python = environment("upstox-python-sdk-2.30.0", ("upstox-python-sdk==2.30.0",))
    apps = ["2ABCDE:appkey:appsecret:"]
    with BrokerProcess(tmp_path / "upstox.state", apps, module="simulator.upstox") as broker:
        said = run(python, DRIVER, broker.url, "appkey", "appsecret", RECORDED)

    assert said == SAYS
