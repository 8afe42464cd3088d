"""One service before one simulated OpenAlgo server, for all stories."""

from collections.abc import Iterator

import pytest

from tests.brokers.description import Broker, fixed_token
from tests.brokers.staging import BrokerStage

OPENALGO = Broker(
    name="openalgo",
    module="simulator.openalgo",
    auth_token=fixed_token,
    key_of=fixed_token,  # one key is all there is
    login=lambda _number: {},
    has_sockets=False,
)
USERS = 26


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(
        tmp_path_factory.mktemp("openalgo"), OPENALGO, users=USERS, settings={"OPENALGO_GTT": "zerodha"}
    )
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
