"""One service before one simulated Dhan, for all stories."""

from collections.abc import Iterator

import pytest

from tests.brokers.description import Broker
from tests.brokers.staging import BrokerStage


def client_of(number: int) -> str:
    return f"10000000{number:02d}"


DHAN = Broker(
    name="dhan",
    module="simulator.dhan",
    auth_token=lambda number: f"{client_of(number)}:token{number:02d}",
    user_of=client_of,
    key_of=client_of,
    login=lambda number: {"client_id": client_of(number), "pin": f"secret{number:02d}"},
)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(tmp_path_factory.mktemp("dhan"), DHAN, users=24)
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
