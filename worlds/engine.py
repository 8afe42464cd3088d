"""One life of the process: the real account worker on virtual clocks, lanes and a faulty line."""

from collections.abc import Callable
from datetime import timedelta

from database.account_db import Account, AccountStatus
from services.account_worker import AccountWorker, WorkerPorts
from services.bracket.model import Mode, Moment
from services.bracket.observation import Timing, TradingSession
from services.cadence import Cadence
from services.kill_switch import KillSwitch
from simulator.clock import MONDAY_MORNING
from worlds.agenda import Agenda, HostClock
from worlds.lanes import VirtualLanes
from worlds.line import Line
from worlds.plan import ACCOUNT, OWNER
from worlds.storage import WorldDatabase

_MOST_TURNS = 40  # in one instant: more is a loop that does not end

ACCOUNT_ROW = Account(
    id=ACCOUNT,
    owner_id=OWNER,
    name="main",
    broker="paper",
    status=AccountStatus.ACTIVE,
    created_at=MONDAY_MORNING,
)


class BusyLoop(Exception):
    """The worker has something to do again and again without time passing."""


class Engine:
    """Worker, clock, lanes and line of one boot."""

    def __init__(
        self,
        agenda: Agenda,
        clock: HostClock,
        *,
        db: WorldDatabase,
        connect: Callable[[Callable[[], bool]], Line],
        session_of: Callable[[str, Moment], TradingSession],
        announce: Callable[[str], None],
        worker_type: type[AccountWorker] = AccountWorker,
    ) -> None:
        self.clock = clock
        self.lanes = VirtualLanes(agenda)
        self.broker = connect(self.lanes.is_alive)
        self.worker = worker_type(
            ACCOUNT,
            WorkerPorts(
                mode=Mode.LIVE,
                broker=self.broker,
                db=db,
                clock=clock,
                session_of=session_of,
                kill_switch=KillSwitch(db, ACCOUNT_ROW, clock),
                announce=announce,
                cadence=Cadence(),
                timing=Timing(),
            ),
            self.lanes,
        )
        self.stalled_until = 0.0
        self._wake_at = 0.0

    @property
    def now(self) -> Moment:
        return Moment.read(self.clock)

    def wake_at(self) -> float:
        """Return when the worker has something to do; a stalled one has not before it goes on."""
        return max(self._wake_at, self.stalled_until)

    def begin(self) -> None:
        self.worker.begin()
        self._wake_at = 0.0

    def work(self) -> bool:
        """Let the worker do what has come or is due. Returns whether it did anything."""
        now, turns = self.clock.monotonic(), 0
        if now < self.stalled_until:
            return False
        while self._wake_at <= now or not self.worker._inbox.empty():
            self.worker.turn()
            self._wake_at = now + self.worker.seconds_to_wait()
            turns += 1
            if self.worker.stuck:
                raise BusyLoop(f"{sorted(self.worker.stuck)} cannot be decided")
            if turns > _MOST_TURNS:
                raise BusyLoop(f"{turns} turns in one instant")
        return turns > 0

    def die(self) -> None:
        self.lanes.close()

    def step_wall(self, by: timedelta) -> None:
        self.clock.error += by
