"""One service before one simulated Alpaca, for all stories."""

from collections.abc import Iterator

import pytest

from simulator import load_instruments
from simulator.alpaca.broker import INSTRUMENTS
from tests.brokers.description import Broker
from tests.brokers.staging import BrokerStage


def key_of(number: int) -> str:
    return f"PK{number:02d}"


ALPACA = Broker(
    name="alpaca",
    module="simulator.alpaca",
    auth_token=lambda number: f"{key_of(number)}:token{number:02d}",
    key_of=key_of,
    login=lambda number: {},
    shares=load_instruments(INSTRUMENTS),
)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerStage]:
    staged = BrokerStage(tmp_path_factory.mktemp("alpaca"), ALPACA, users=18)
    try:
        staged.open()
        yield staged
        staged.service.stop()
        assert staged.replay_all() > 0
    finally:
        staged.close()
