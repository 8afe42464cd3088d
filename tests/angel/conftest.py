"""One service before one simulated Angel One, for all stories."""

from collections.abc import Iterator

import pytest

from tests.brokers.description import Broker
from tests.brokers.staging import BrokerStage

ANGEL = Broker(
    name="angel",
    module="simulator.angel",
    auth_token=lambda number: f"key{number:02d}:token{number:02d}",
    login=lambda number: {
        "api_key": f"key{number:02d}",
        "client_code": f"USER{number:02d}",
        "pin": f"secret{number:02d}",
    },
    has_sockets=False,
    busy_status=403,
)
USERS = 16


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(tmp_path_factory.mktemp("angel"), ANGEL, users=USERS)
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
