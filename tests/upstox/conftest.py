"""One service before one simulated Upstox, for all stories."""

from collections.abc import Iterator

import pytest

from tests.brokers.description import Broker, fixed_token
from tests.brokers.staging import BrokerStage

UPSTOX = Broker(
    name="upstox",
    module="simulator.upstox",
    auth_token=fixed_token,
    login=lambda number: {
        "api_key": f"key{number:02d}",
        "api_secret": f"secret{number:02d}",
        "redirect_uri": "http://127.0.0.1:5000/upstox/callback",
    },
    has_sockets=False,
)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(tmp_path_factory.mktemp("upstox"), UPSTOX, users=20)
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
