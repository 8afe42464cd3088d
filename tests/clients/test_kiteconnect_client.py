"""The official `kiteconnect` package, unchanged, in an environment of its own, against the simulated Kite."""

import re
from pathlib import Path

import pytest

from scripts.service_process import PROJECT
from tests.clients.environments import environment, run
from tests.kite_process import KiteProcess

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

GUIDE = PROJECT / "docs" / "kite-simulator.md"
DRIVER = Path(__file__).parent / "drive_kiteconnect.py"
# The client asks for an old autobahn and any Twisted: the one it was last seen to work with.
CLIENT = ("kiteconnect==5.2.2", "Twisted==26.10.0", "pyOpenSSL==26.4.0")
SAYS = """\
session AB1234
market True
user AB1234
orders 6
refusals REJECTED
slices 2
triggers 2
ticks ['full', 'ltp', 'quote']
reconnects 2
log out
"""


def kiteconnect() -> Path:
    """Return the Python of an environment with the official client."""
    return environment("kiteconnect-5.2.2", CLIENT)


def test_the_official_client_cannot_tell_the_simulator_from_kite(tmp_path: Path) -> None:
    with KiteProcess(tmp_path / "kite.state", ["AB1234:apikey:appsecret:"]) as kite:
        said = run(kiteconnect(), DRIVER, kite.url, kite.socket_url, "apikey", "appsecret")

    assert said == SAYS


def test_the_example_of_the_guide_runs_as_it_is_printed(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    script = tmp_path / "example.py"
    script.write_text(example)
    with KiteProcess(tmp_path / "kite.state", []) as kite:
        kite.price("SBIN", 800)
        said = run("env", f"KITE_ROOT={kite.url}", kiteconnect(), script)

    assert said.splitlines() == [
        "['PUT ORDER REQ RECEIVED', 'VALIDATION PENDING', 'OPEN PENDING', 'OPEN', 'COMPLETE']",
        "quote 800.0",
    ]
