"""The official `kiteconnect` package, unchanged, in an environment of its own, against the simulated Kite."""

from pathlib import Path

import pytest

from tests.clients.environments import environment, run
from tests.kite_process import KiteProcess

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

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


def test_the_official_client_cannot_tell_the_simulator_from_kite(tmp_path: Path) -> None:
    with KiteProcess(tmp_path / "kite.state", ["AB1234:apikey:appsecret:"]) as kite:
        said = run(
            environment("kiteconnect-5.2.2", CLIENT), DRIVER, kite.url, kite.socket_url, "apikey", "appsecret"
        )

    assert said == SAYS
