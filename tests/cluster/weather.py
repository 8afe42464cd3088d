"""What a storm does to a cluster: kills, freezes, restarts, a cut link; one of the order path at a time."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from database.session import StorageError
from tests.cluster.slots import Slot
from tests.cluster.storm_stage import WEB, WORKERS, OwnerWatch, StormStage
from tests.cluster.verdict import FROZEN_IN_ACT, Injury
from tests.postgres_server import PostgresServer
from tests.rabbit_server import RabbitServer
from tests.redis_server import RedisServer

# Where a worker is frozen in an act: before and after the intention is stored, and before the answer is.
POINTS = (
    "storing place stop",
    "storing place stop",
    "stored place stop",
    "stored place stop",
    "sent place stop",
    "storing place entry",
    "stored place entry",
    "sent place entry",
    "storing modify marketable",
    "stored modify marketable",
)
OUTLASTED = ("stored place stop", "stored place entry")
_FREEZES_IN_ACT = 3
_REACH_SECONDS = 10.0
_OUTLAST_SECONDS = 12.0  # a broker's quiescence of 10 s, and a look after it
_SOON_SECONDS = 20.0
_PATIENCE_SECONDS = 120.0


@dataclass(kw_only=True)
class Storm:
    """One run's weather."""

    stage: StormStage
    postgres: PostgresServer
    redis: RedisServer
    rabbit: RabbitServer
    watch: OwnerWatch
    dice: random.Random
    outlasts: bool = True  # one freeze lasts until others have called the order absent: a quarter of a minute
    injuries: list[Injury] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    unsettled: int = 0  # times that the workers did not come back to their parts
    to_hurt: int = 2  # kinds of things of which not everything was hurt once
    points: Counter[str] = field(default_factory=Counter)  # at which a worker was frozen in an act
    stuck: list[str] = field(default_factory=list)  # how things stood when nobody took over

    def rage(self) -> None:
        """Hurt one thing of the order path after another: all kinds once, then on until it is over."""
        plain: list[Callable[[], None]] = [
            self.worker_kill,
            self.worker_freeze,
            self.postgres_restart,
            self.partition,
        ]
        acts: list[Callable[[], None]] = [
            partial(self.freeze_in_act, point) for point in self.dice.sample(POINTS, _FREEZES_IN_ACT)
        ]
        outlasting = partial(self.freeze_in_act, self.dice.choice(OUTLASTED), outlasts=True)
        short = [*plain, *acts]
        self._rage([*short, outlasting] if self.outlasts else short, (0.1, 0.8), then=short)

    def rage_beside(self) -> None:
        """Hurt what orders do not hang on; at the same time."""
        kinds = [self.web_kill, self.web_freeze, self.redis_restart, self.rabbit_restart, self.celery_kill]
        self._rage(kinds, (1.0, 5.0), then=kinds)

    def worker_kill(self) -> None:
        slot = self._slot(WORKERS)
        with self._injury("worker killed"):
            slot.kill()
            self._pause(0.2, 1.5)
            slot.start()
        self._until_settled()

    def worker_freeze(self) -> None:
        slot = self._slot(WORKERS)
        with self._injury("worker frozen"):
            slot.freeze()
            self._pause(0.5, 4.5)
            slot.thaw()
        self._until_settled()

    def freeze_in_act(self, point: str, *, outlasts: bool = False) -> None:
        """Freeze a worker between two steps of an order until another has its accounts, or for longer.

        outlasts: until the other has called the order absent too, and sent its own.
        """
        slot = self._slot(WORKERS)
        slot.arm(point)
        if not _comes(slot.has_stopped, seconds=_REACH_SECONDS):
            slot.arm("")
            if not _comes(slot.has_stopped, seconds=0.2):  # it may just have got there
                return
        self.points[point + (", outlasted" if outlasts else "")] += 1
        with self._injury(FROZEN_IN_ACT):
            slot.note_frozen()
            self._until_replaced(slot)
            self._pause(0.0, 0.3)  # the first moments of the other are the ones that matter
            if outlasts:
                self._pause(_OUTLAST_SECONDS, _OUTLAST_SECONDS + 1.0)
            slot.thaw()
        self._until_settled()

    def postgres_restart(self) -> None:
        with self._injury("PostgreSQL restarted"):
            self.postgres.kill()
            self._pause(0.1, 1.0)
            self.postgres.start()
        self._until_settled()

    def partition(self) -> None:
        if self.stage.namespace is None:
            return
        with self._injury("database cut off"):
            self.stage.namespace.cut()
            self._pause(2.0, 5.0)
            self.stage.namespace.mend()
        self._until_settled()

    def web_kill(self) -> None:
        slot = self._slot(WEB)
        with self._injury("web killed"):
            slot.kill()
            self._pause(0.2, 1.0)
            slot.start()

    def web_freeze(self) -> None:
        slot = self._slot(WEB)
        with self._injury("web frozen"):
            slot.freeze()
            self._pause(0.5, 3.0)
            slot.thaw()

    def redis_restart(self) -> None:
        with self._injury("Redis restarted"):
            self.redis.stop()
            self._pause(0.5, 2.0)
            self.redis.start()

    def rabbit_restart(self) -> None:
        with self._injury("RabbitMQ restarted"):
            self.rabbit.kill()
            self._pause(0.5, 2.0)
            self.rabbit.start()

    def celery_kill(self) -> None:
        slot = self.stage.slots["celery"]
        with self._injury("side jobs killed"):
            slot.kill()
            slot.start()

    def _rage(
        self,
        kinds: Sequence[Callable[[], None]],
        pauses: tuple[float, float],
        *,
        then: Sequence[Callable[[], None]],
    ) -> None:
        deck = self.dice.sample(kinds, len(kinds))
        first = True
        while first or not self.over.is_set():
            deck.pop()()
            self._pause(*pauses)
            if not deck:
                self.to_hurt -= first
                first = False
                deck = self.dice.sample(then, len(then))

    def _until_replaced(self, slot: Slot) -> None:
        """Wait until others have a frozen worker's shards; when that takes long, note what the matter is."""
        if _comes(lambda: self._is_replaced(slot), seconds=_SOON_SECONDS):
            return
        self.stuck.append(f"{slot.name} was frozen, nobody took its shards: {self.stage.picture()}")
        _comes(lambda: self._is_replaced(slot), seconds=_PATIENCE_SECONDS)

    def _is_replaced(self, slot: Slot) -> bool:
        """Whether others have what a frozen worker had; they are woken if they stopped where none waited."""
        self._wake_workers()
        with suppress(StorageError):
            return slot.life.owner() not in {owner for owner, _ in self.stage.leases().values()}
        return False

    def _wake_workers(self) -> None:
        for name in WORKERS:
            self.stage.slots[name].wake()

    def _slot(self, names: Sequence[str]) -> Slot:
        return self.stage.slots[self.dice.choice(names)]

    def _pause(self, least: float, most: float) -> None:
        time.sleep(self.dice.uniform(least, most))

    def _until_settled(self) -> None:
        """Wait until every shard has an owner again, and both workers their part.

        Or two could be hurt at a time, and accounts have no owner for as long as a start takes.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self._wake_workers()
            with suppress(StorageError):
                owners = {owner for owner, until in self.stage.leases().values() if until > time.time()}
                both = {self.stage.slots[name].life.owner() for name in WORKERS}
                if self.watch.all_owned() and both <= owners:
                    return
            time.sleep(0.05)
        self.unsettled += 1

    def _injury(self, kind: str) -> "_Hurting":
        return _Hurting(kind, self.injuries)


class _Hurting:
    def __init__(self, kind: str, injuries: list[Injury]) -> None:
        self._kind, self._injuries, self._began = kind, injuries, time.time()

    def __enter__(self) -> None:
        self._began = time.time()

    def __exit__(self, *_: object) -> None:
        self._injuries.append(Injury(kind=self._kind, began=self._began, ended=time.time()))


def _comes(fulfilled: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if fulfilled():
            return True
        time.sleep(0.01)
    return False
