"""The real account worker without threads: its calls are made where they are asked for, its turns by hand."""

from collections.abc import Callable
from concurrent.futures import Future

from broker.base import AccountCredentials, BrokerAccount, BrokerSettings
from database.account_db import account
from services.account_worker import AccountWorker
from services.bracket.events import Event
from services.bracket.model import Bracket, BrokerCapabilities, Mode, Moment
from services.bracket_supervisor import BracketSupervisor, SupervisorPorts
from services.lanes import Call
from services.ownership import SoleHold

_MOST_TURNS = 200  # a world that needs more at one instant is a busy loop


class InlineLanes:
    """Makes every call at once, in the thread that asks for it."""

    def write(self, call: Call, *, urgent: bool) -> None:
        call()

    def read(self, call: Call) -> None:
        call()

    def close(self) -> None:
        """Nothing is ever under way."""


class SteppedWorker(AccountWorker):
    """Answers at once what other threads would wait for."""

    def submit(self, bracket: Bracket, events: tuple[Event, ...], at: Moment) -> "Future[Bracket]":
        reply = super().submit(bracket, events, at)
        self.settle()
        return reply

    def ask(self, bracket_id: str, ask: Callable[[Bracket], Event | None]) -> "Future[Bracket]":
        reply = super().ask(bracket_id, ask)
        self.settle()
        return reply

    def settle(self) -> None:
        """Turn until nothing is left to do before time passes."""
        for _ in range(_MOST_TURNS):
            if self.seconds_to_wait() > 0:
                return
            self.turn()
        raise AssertionError("the worker does not come to rest")


class SteppedSupervisor(BracketSupervisor):
    """One worker per account, none of them a thread."""

    def __init__(self, ports: SupervisorPorts, capabilities: BrokerCapabilities) -> None:
        super().__init__(ports)
        self._capabilities = capabilities
        self._stepped: dict[tuple[str, Mode], SteppedWorker] = {}

    def worker(self, account_id: str, mode: Mode) -> SteppedWorker:
        return self.start_worker(account_id, mode)

    def start_worker(self, account_id: str, mode: Mode) -> SteppedWorker:
        known = self._stepped.get((account_id, mode))
        if known is None:
            known = self._stepped[account_id, mode] = self._begin(account_id, mode)
        return known

    def capabilities(self, broker_name: str) -> BrokerCapabilities:
        return self._capabilities

    def workers(self) -> list[AccountWorker]:
        return list(self._stepped.values())

    def forget_workers(self) -> None:
        """Let new workers be begun beside those there are, as a second instance would."""
        self._stepped.clear()

    def _begin(self, account_id: str, mode: Mode) -> SteppedWorker:
        found = account(self._ports.db, account_id)
        assert found is not None
        worker = SteppedWorker(account_id, self._worker_ports(found, mode, SoleHold()), InlineLanes())
        worker.begin()
        return worker


def connects_to(line: BrokerAccount) -> Callable[[str, AccountCredentials, BrokerSettings], BrokerAccount]:
    def connect(_name: str, _credentials: AccountCredentials, _settings: BrokerSettings) -> BrokerAccount:
        return line

    return connect
