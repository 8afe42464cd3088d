"""What happens to the process, its storage and its clocks."""

from typing import Any

from simulator.faults.base import Elsewhere, Fault, HostDeed, HostFate
from simulator.faults.states import ANY, OPEN


class Kill(Fault):
    code = "F65"
    says = "kill -9 before a commit, after it, before and after each call, and on its answer"
    usual_rate = 0.01
    where = ANY

    def dies_at(self, point: str) -> bool:
        return self.strikes() is not None


class KillDuringRecovery(Fault):
    code = "F66"
    says = "killed again while it recovers, again and again"
    usual_rate = 0.3
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._left = 0

    def dies_at(self, point: str) -> bool:
        if point == "recovering":
            self._left = 12  # the points right after a start count as recovery too
        self._left -= 1
        return self._left >= 0 and self.strikes() is not None


class OrderlyStop(Fault):
    code = "F67"
    says = "SIGTERM with open brackets"
    usual_rate = 0.01
    where = ANY

    def host(self, now: float) -> HostFate | None:
        dice = self.strikes()
        return None if dice is None else HostFate(deed=HostDeed.STOP, seconds=dice.uniform(0.5, 15.0))


class StorageDown(Fault):
    code = "F68"
    says = "the database is locked, the disk full or read-only, for a while"
    usual_rate = 0.03
    where = ANY

    def __init__(self, seed: int, **more: Any) -> None:
        super().__init__(seed, **more)
        self._until = 0.0
        self._why = ""

    def fails_commit(self, now: float) -> str | None:
        dice = self.strikes()
        if dice is not None:
            self._until = now + dice.choice((0.0, 1.0, 5.0, 30.0)) * dice.random()
            self._why = dice.choice(("database is locked", "disk is full", "disk I/O error"))
            return self._why
        return self._why if now < self._until and not self.is_over else None


class PowerCut(Fault):
    """A commit is on disk before it returns (synchronous=FULL), so a cut is a kill with a new clock."""

    code = "F69"
    says = "power loss: what was not synced is gone, and the wall clock starts elsewhere"
    usual_rate = 0.005
    where = ANY

    def host(self, now: float) -> HostFate | None:
        dice = self.strikes()
        return None if dice is None else HostFate(deed=HostDeed.POWER_CUT, seconds=dice.uniform(1.0, 10.0))


class SecondEngine(Fault):
    code = "F70"
    says = "an engine is paused while a second one takes over, then resumed"
    usual_rate = 0.005
    where = ANY

    def host(self, now: float) -> HostFate | None:
        dice = self.strikes()
        return (
            None if dice is None else HostFate(deed=HostDeed.SECOND_ENGINE, seconds=dice.uniform(2.0, 60.0))
        )


class WallClockStep(Fault):
    code = "F71"
    says = "the wall clock steps by up to an hour, either way"
    usual_rate = 0.01
    where = ANY

    def host(self, now: float) -> HostFate | None:
        dice = self.strikes()
        if dice is None:
            return None
        seconds = dice.choice((-3600.0, 3600.0, -2.0, 2.0, dice.uniform(-600, 600)))
        return HostFate(deed=HostDeed.WALL_JUMP, seconds=seconds)


class Stall(Fault):
    code = "F72"
    says = "the worker's thread dies, or is blocked for up to ten seconds"
    usual_rate = 0.01
    where = ANY

    def host(self, now: float) -> HostFate | None:
        dice = self.strikes()
        if dice is None:
            return None
        deed = dice.choice((HostDeed.STALL, HostDeed.THREAD_DIES))
        return HostFate(deed=deed, seconds=dice.uniform(0.5, 10.0))


class SchemaMigration(Elsewhere):
    code = "F73"
    says = "the schema is migrated with open brackets"
    because = "migrations run from a command, never in a worker; there is one schema so far"
    proven_by = "tests/integration/test_migrations.py"


class DeafListeners(Fault):
    code = "F74"
    says = "the channel of announcements is down"
    usual_rate = 0.02
    where = OPEN

    def host(self, now: float) -> HostFate | None:
        return None if self.strikes() is None else HostFate(deed=HostDeed.DEAF)
