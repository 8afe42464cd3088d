"""What the simulated server says wrongly, or its network does, to one account."""

from tests.brokers.staging import BrokerStage
from tests.chaos.staging import ChaosAccount


def let(
    stage: BrokerStage, account: ChaosAccount, fault: str, path: str, *, times: int | None = None
) -> None:
    """Let the server say something wrongly to this account, or its network do something to a call."""
    method = "POST" if path.startswith("/") else "BOOK"
    stage.process.let(fault, method=method, path=path, body=f'"{account.api_key}"', times=times)
