"""The simulated Kite as a process of its own, with its exchange's file to be read after its end."""

from collections.abc import Sequence
from pathlib import Path

from tests.brokers.process import BrokerProcess, wait_for

__all__ = ["KiteProcess", "wait_for"]


class KiteProcess(BrokerProcess):
    """One simulated broker. apps are USER:KEY:SECRET:TOKEN."""

    def __init__(
        self, state: Path, apps: Sequence[str], *options: str, module: str = "simulator.kite"
    ) -> None:
        super().__init__(state, apps, *options, module=module)

    def log_in(self, api_key: str) -> str:
        """Return the request token that the login page would give."""
        return str(self._sim("login", {"api_key": api_key})["request_token"])

    def __enter__(self) -> "KiteProcess":
        self.start()
        return self
