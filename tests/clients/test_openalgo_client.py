"""The published `openalgo` package, unchanged and in an environment of its own, against a real service,
and against the simulated server of its own kind: here, because the environments are made once a file.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.service_process import PROJECT, ServiceProcess
from simulator import post_command
from tests.brokers.process import BrokerProcess
from tests.clients.environments import environment, run

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

DRIVER = Path(__file__).parent / "drive_openalgo.py"
SERVER_DRIVER = Path(__file__).parent / "drive_openalgo_server.py"
GUIDE = PROJECT / "docs" / "openalgo-clients.md"
# 2.x asks for Python 3.12; where there is none its pure parts run on 3.11, with these beside it.
NEEDED_BY_2 = ("httpx==0.28.1", "pandas==2.3.3", "numpy==2.3.4", "websocket-client==1.9.0")
NEWER_PYTHONS = ("python3.13", "python3.12")
SAYS_OF_SERVER = """\
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


SAYS_OF_GTTS = """\
gtt active two-leg [485.0, 510.0] [484.0, 511.0]
gtts left []
single True
intraday 400
gone 400
"""


def newer_python() -> str | None:
    """Return a Python of 3.12 or later that starts, if there is one."""
    if sys.version_info >= (3, 12):
        return sys.executable
    found = (shutil.which(name) for name in NEWER_PYTHONS)
    return next((path for path in found if path and starts(path)), None)


def starts(python: str) -> bool:
    return subprocess.run([python, "-V"], check=False, capture_output=True).returncode == 0


def openalgo(version: str) -> Path:
    """Return the Python of an environment with this version of the client."""
    newer = newer_python() if version.startswith("2.") else sys.executable
    client = f"openalgo=={version}"
    if newer is None:
        return environment(version, NEEDED_BY_2, ("--no-deps", "--ignore-requires-python", client))
    return environment(version, (client,), python=newer)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[ServiceProcess, str]]:
    settings = {"PAPER_PRICES": "NSE:SBIN=500,NSE:INFY=1500", "BRACKET_ORDER_RATE_LIMIT": "100 per second"}
    with ServiceProcess(tmp_path, settings=settings) as service:
        service.set_up()
        key = service.command("apikey", "create", "--account", "paper")
        service.start()
        for symbol, last in (("SBIN", "500"), ("INFY", "1500")):
            post_command(
                service.paper_state, {"act": "set_price", "exchange": "NSE", "symbol": symbol, "last": last}
            )
        yield service, key


@pytest.mark.parametrize(("version", "says"), [("1.0.47", ""), ("2.0.5", "with GTTs\n")])
def test_the_published_client_trades_reads_and_is_refused_as_it_expects(
    served: tuple[ServiceProcess, str], version: str, says: str
) -> None:
    service, key = served

    assert run(openalgo(version), DRIVER, service.url, key) == says


@pytest.mark.parametrize("version", ["1.0.47", "2.0.5"])
def test_the_example_of_the_guide_runs_as_it_is_printed(
    served: tuple[ServiceProcess, str], version: str, tmp_path: Path
) -> None:
    service, key = served
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    python = openalgo(version)

    done = subprocess.run(
        [python, script],
        env={**os.environ, "OPENBRACKET_URL": service.url, "OPENBRACKET_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "stop of 10 SBIN rests at" in done.stdout


@pytest.mark.parametrize(("version", "says"), [("1.0.47", ""), ("2.0.5", SAYS_OF_GTTS)])
def test_the_published_client_cannot_tell_the_simulator_from_a_server(
    tmp_path: Path, version: str, says: str
) -> None:
    app = "U00001:thekey:none:thekey"
    with BrokerProcess(tmp_path / "openalgo.state", [app], module="simulator.openalgo") as broker:
        broker.price("SBIN", 500)
        said = run(openalgo(version), SERVER_DRIVER, broker.url, "thekey")

    before, refused = SAYS_OF_SERVER.split("off tick")
    assert said == f"{before}{says}off tick{refused}"
