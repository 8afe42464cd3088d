"""One service before one simulated Fyers, for all stories."""

from collections.abc import Iterator

import pytest

from tests.brokers.description import Broker
from tests.brokers.staging import BrokerStage

FYERS = Broker(
    name="fyers",
    module="simulator.fyers",
    auth_token=lambda number: f"key{number:02d}:token{number:02d}",
    login=lambda number: {
        "app_id": f"key{number:02d}",
        "secret_id": f"secret{number:02d}",
        "redirect_uri": "http://127.0.0.1:5000/fyers/callback",
    },
    has_sockets=False,
)
USERS = 16
FREE = 15  # the user whose app has no market data


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(tmp_path_factory.mktemp("fyers"), FYERS, users=USERS, free=(FREE,))
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
