"""Storms over a cluster: `python -m tests.cluster.storm [--runs N] [--brackets N] [--seed S]`.

Processes are killed and frozen, servers restarted and a link to the database cut while brackets run, and the
exchange loses every twentieth answer after it has taken the order. A run is judged from the exchange's books;
0 when every run was clean.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

import requests
from sqlalchemy import text

from database.outbox_db import count_waiting
from database.session import Database, StorageError
from services.bracket.prices import round_to_tick
from services.destinations import Switchboard, add_hook
from services.outbound_http import OutboundHttp
from simulator.instruments import Listing
from tests.brokers.process import wait_for
from tests.chaos.staging import SHARES, ChaosAccount
from tests.cluster.slots import Slot
from tests.cluster.storm_stage import SHARDS, WEB, WORKERS, OwnerWatch, StormStage, a_storm_stage
from tests.cluster.verdict import Injury, Verdict, causes_of, judge_acts, judge_books, judge_promises
from tests.postgres_server import PostgresServer
from tests.rabbit_server import RabbitServer
from tests.receiver import Receiver, a_receiver
from tests.redis_server import RedisServer
from utils.clock import SystemClock
from utils.config import OutboundLeave

CLOSED = ("CLOSED", "EXPIRED", "REJECTED", "CANCELLED", "HANDED_OVER")
UNOWNED_SECONDS = 8.0
LOST_ANSWERS = 0.05
QUANTITY = 10
_USERS = 16
_AT_ONCE = 8  # users of one wave
_WAVES_AT_ONCE = 6
_PATIENCE_SECONDS = 120.0
_STATES = text("SELECT id, state FROM brackets WHERE id = ANY(:ids)")


@dataclass(kw_only=True)
class Storm:
    """One run's weather."""

    stage: StormStage
    postgres: PostgresServer
    redis: RedisServer
    rabbit: RabbitServer
    watch: OwnerWatch
    dice: random.Random
    injuries: list[Injury] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    unsettled: int = 0  # times that the workers did not come back to their parts
    to_hurt: int = 2  # kinds of things of which not everything was hurt once

    def rage(self) -> None:
        """Hurt one thing of the order path after another: all kinds once, then on until it is over."""
        kinds = [self.worker_kill, self.worker_freeze, self.postgres_restart, self.partition]
        self._rage(kinds, (1.0, 6.0))

    def rage_beside(self) -> None:
        """Hurt what orders do not hang on; at the same time."""
        kinds = [self.web_kill, self.web_freeze, self.redis_restart, self.rabbit_restart, self.celery_kill]
        self._rage(kinds, (0.3, 3.0))

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
            self._pause(0.5, 6.0)
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
            self._pause(2.0, 7.0)
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

    def _rage(self, kinds: Sequence[Callable[[], None]], pauses: tuple[float, float]) -> None:
        deck: list[Callable[[], None]] = []
        first = True
        while first or not self.over.is_set():
            deck = deck or self.dice.sample(kinds, len(kinds))
            deck.pop()()
            self._pause(*pauses)
            if first and not deck:
                first = False
                self.to_hurt -= 1

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


@dataclass(kw_only=True)
class Wave:
    """Brackets of several accounts in one share, from the requests to their ends."""

    stage: StormStage
    db: Database
    share: Listing
    accounts: Sequence[ChaosAccount]
    end: str
    dice: random.Random
    ids: dict[str, str] = field(default_factory=dict)  # bracket by user
    refused: list[str] = field(default_factory=list)

    def run(self) -> None:
        self._move("1")
        for account in self.accounts:
            self._place(account)
        time.sleep(self.dice.uniform(0.1, 1.0))
        depth = self.dice.choice((15, 25, 37))
        self._move("0.998", depth=depth)  # fills some, one of them in part
        time.sleep(self.dice.uniform(0.2, 1.5))
        self._move("0.998")
        self._await("PROTECTED", *CLOSED)
        time.sleep(self.dice.uniform(0.0, 2.0))
        match self.end:
            case "target":
                self._move("1.021")
            case "stop":
                self._move("0.984")
            case _:
                for account in self.accounts:
                    self._exit(account)
        self._await(*CLOSED)

    def unfinished(self) -> dict[str, str]:
        return {bracket: state for bracket, state in self._states().items() if state not in CLOSED}

    def _place(self, account: ChaosAccount) -> None:
        body = {
            "symbol": self.share.instrument.symbol,
            "exchange": "NSE",
            "product": "MIS",
            "action": "BUY",
            "quantity": QUANTITY,
            "entry_price": str(self._at("0.999")),
            "sl_price": str(self._at("0.985")),
            "target_price": str(self._at("1.02")),
            "client_order_id": f"{account.user_id}-{self.share.instrument.symbol}",
        }
        answer = self._post(account, "placebracketorder", body)
        if answer.get("bracket_id"):
            self.ids[account.user_id] = str(answer["bracket_id"])
        else:
            self.refused.append(str(answer)[:200])

    def _exit(self, account: ChaosAccount) -> None:
        if account.user_id in self.ids:
            self._post(account, "exitbracketorder", {"bracket_id": self.ids[account.user_id]})

    def _post(self, account: ChaosAccount, endpoint: str, body: dict[str, object]) -> dict[str, object]:
        """Ask one web process after the other until one says something; a request may come twice."""
        last: dict[str, object] = {}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            url = f"http://127.0.0.1:{self.stage.ports[self.dice.choice(WEB)]}/api/v1/{endpoint}/"
            with suppress(requests.RequestException, ValueError):
                answer = requests.post(url, json=body, headers={"X-API-KEY": account.key}, timeout=3)
                last = answer.json()
                if answer.status_code < 500:
                    return last
            time.sleep(0.2)
        return last

    def _await(self, *states: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if all(state in states for state in self._states().values()):
                return
            time.sleep(0.15)

    def _states(self) -> dict[str, str]:
        with suppress(StorageError), self.db.read() as connection:
            rows = connection.execute(_STATES, {"ids": list(self.ids.values())}).all()
            return {row.id: row.state for row in rows}
        return dict.fromkeys(self.ids.values(), "unknown")

    def _move(self, factor: str, *, depth: int | None = None) -> None:
        self.stage.process.price(self.share.instrument.symbol, self._at(factor), depth=depth)

    def _at(self, factor: str) -> Decimal:
        return round_to_tick(self.share.reference_price * Decimal(factor), self.share.instrument.tick_size)


def run_storm(folder: Path, *, seed: int, brackets: int) -> Verdict:
    """Let one storm pass and judge it."""
    with a_receiver() as receiver, a_storm_stage(folder, users=_USERS) as (stage, postgres, redis, rabbit):
        accounts = stage.populate(_USERS)
        _add_hook(stage, accounts[0], receiver)
        stage.start(postgres, redis=redis, rabbit=rabbit)
        watch, dice = OwnerWatch(stage), random.Random(seed)
        storm = Storm(stage=stage, postgres=postgres, redis=redis, rabbit=rabbit, watch=watch, dice=dice)
        _lose_answers(stage)
        waves: list[Wave] = []
        ahead = _waves(stage, accounts, dice)
        wanted = partial(_is_wanted, waves, storm, count=brackets // _AT_ONCE)
        watch.start()
        rages = [threading.Thread(target=one, daemon=True) for one in (storm.rage, storm.rage_beside)]
        for one in rages:
            one.start()
        with ThreadPoolExecutor(_WAVES_AT_ONCE) as pool:
            makers = [pool.submit(_make_waves, ahead, waves, wanted) for _ in range(_WAVES_AT_ONCE)]
            for maker in makers:
                maker.result()
        storm.over.set()
        for one in rages:
            one.join()
        requests.delete(f"{stage.process.url}/sim/faults", timeout=10)
        _settle(waves)
        watch.stop()
        return _judged(storm, accounts, waves)


def _waves(stage: StormStage, accounts: Sequence[ChaosAccount], dice: random.Random) -> Iterator[Wave]:
    """Give as many waves as there are shares: no two are in one share."""
    for number, share in enumerate(SHARES):
        yield Wave(
            stage=stage,
            db=stage.db,
            share=share,
            accounts=accounts[:_AT_ONCE] if number % 2 else accounts[_AT_ONCE:],
            end=("target", "stop", "exit")[number % 3],
            dice=random.Random(dice.random()),
        )


def _is_wanted(waves: Sequence[Wave], storm: Storm, *, count: int) -> bool:
    """Whether another wave is to be: there are too few, or not everything was hurt yet."""
    return len(waves) < count or storm.to_hurt > 0


def _make_waves(ahead: Iterator[Wave], made: list[Wave], wanted: Callable[[], bool]) -> None:
    while wanted():
        with _one_at_a_time:
            wave = next(ahead, None)
        if wave is None:
            return
        made.append(wave)
        wave.run()


_one_at_a_time = threading.Lock()


def _lose_answers(stage: StormStage) -> None:
    for fault, chance in (
        ("reset after acceptance", LOST_ANSWERS - 0.01),
        ("time-out after acceptance", 0.01),
    ):
        stage.process.let(fault, method="POST|PUT|DELETE", path="^/orders", chance=chance, times=None)


def _add_hook(stage: StormStage, account: ChaosAccount, receiver: Receiver) -> None:
    from database.account_db import existing_account

    allow = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})
    parts = Switchboard(db=stage.db, box=stage._box(), clock=SystemClock())
    add_hook(parts, existing_account(stage.db, account.id), receiver.root, http=OutboundHttp(allow=allow))


def _settle(waves: Sequence[Wave]) -> None:
    """Give what is left the time that recovery may take; nothing is hurt any more."""
    with suppress(AssertionError):
        wait_for(lambda: not any(wave.unfinished() for wave in waves), seconds=60, what="the end of all")


def _judged(storm: Storm, accounts: list[ChaosAccount], waves: Sequence[Wave]) -> Verdict:
    stage = storm.stage
    verdict = Verdict(brackets=sum(len(wave.ids) for wave in waves))
    _judge_ends(waves, verdict)
    acts = stage.acts(accounts)
    promised = {bracket for wave in waves for bracket in wave.ids.values()}
    judge_acts(acts, stage.takings(), shards=SHARDS, verdict=verdict)
    for account in accounts:
        mine = [act for act in acts if act.user_id == account.user_id]
        truth = stage.process.truth(account.user_id)
        felt = [*storm.injuries, *stage.lost_answers(account)]
        judge_books(account.user_id, truth, acts=mine, injuries=felt, verdict=verdict)
        judge_promises(account.user_id, truth, promised=promised, verdict=verdict)
    for _, since, until in storm.watch.gaps:
        verdict.unowned.add(causes_of(storm.injuries, since, until), until - since)
    if verdict.unowned.worst >= UNOWNED_SECONDS:
        verdict.faults.append(f"UNOWNED: a shard had no owner for {verdict.unowned.worst:.1f} s")
    if storm.to_hurt:
        verdict.faults.append("NOT DONE: not everything was hurt, the storm itself broke off")
    if storm.unsettled:
        verdict.faults.append(f"UNSETTLED: {storm.unsettled} times both workers did not come back")
    verdict.injuries.update(one.kind for one in storm.injuries)
    verdict.lost_answers = sum(
        stage.process.happened(one) for one in ("reset after acceptance", "time-out after acceptance")
    )
    _judge_words(stage, verdict)
    return verdict


def _judge_ends(waves: Sequence[Wave], verdict: Verdict) -> None:
    for wave in waves:
        left = wave.unfinished()
        verdict.finished += len(wave.ids) - len(left)
        verdict.faults += [f"UNFINISHED: bracket {bracket} is {state}" for bracket, state in left.items()]
        verdict.refused += len(wave.refused)
        verdict.faults += [f"REFUSED: {said}" for said in wave.refused if "'broker_error'" not in said]


def _judge_words(stage: StormStage, verdict: Verdict) -> None:
    try:
        wait_for(lambda: not count_waiting(stage.db), seconds=60, what="the last word outside")
    except AssertionError:
        verdict.faults.append(f"UNTOLD: {sum(count_waiting(stage.db).values())} messages wait in the outbox")


def printed(verdict: Verdict, *, seed: int, seconds: float, no_partition: str) -> str:
    """Return a run in words."""
    lines = [
        f"storm {seed}: {'CLEAN' if not verdict.faults else 'NOT CLEAN'}, {seconds:.0f} s;"
        f" {verdict.brackets} brackets, {verdict.finished} finished, {verdict.refused} refused as never sent;"
        f" {verdict.acts} acts,"
        f" {verdict.lost_answers} answers lost, {verdict.partial_fills} partial fills;"
        f" {verdict.takings} shards taken over;"
        f" {verdict.begun_before_freeze} acts begun before a freeze and sent after it",
        "  injuries: " + ", ".join(f"{count} x {kind}" for kind, count in sorted(verdict.injuries.items())),
        f"  longest without an owner: {verdict.unowned.worst:.2f} s"
        + "".join(f"; {kind} {longest:.2f}" for kind, longest in sorted(verdict.unowned.longest.items())),
        f"  longest unprotected ({verdict.naked.count} spells): {verdict.naked.worst:.2f} s"
        + "".join(f"; {kind} {longest:.2f}" for kind, longest in sorted(verdict.naked.longest.items())),
    ]
    worst = sorted(verdict.naked_worst, reverse=True)[:3]
    lines.append("  worst: " + "; ".join(f"{seconds:.2f} s {who} {what}" for seconds, who, what in worst))
    if no_partition:
        lines.append(f"  NOT DONE: no partition by network namespace: {no_partition}")
    return "\n".join(lines + [f"  {fault}" for fault in verdict.faults[:40]])


def main() -> int:
    """Run the storms asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.storm")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--brackets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave the logs there")
    asked = parser.parse_args()
    unclean = 0
    for seed in range(asked.seed, asked.seed + asked.runs):
        folder = Path(tempfile.mkdtemp(prefix="openbracket-storm-"))
        began = time.monotonic()
        verdict = run_storm(folder, seed=seed, brackets=asked.brackets)
        no_partition = "" if verdict.injuries["database cut off"] else "the machine gave none"
        print(
            printed(verdict, seed=seed, seconds=time.monotonic() - began, no_partition=no_partition),
            flush=True,
        )
        unclean += bool(verdict.faults)
        if asked.keep is not None:
            shutil.copytree(folder, asked.keep / f"storm-{seed}", dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{asked.runs - unclean} of {asked.runs} storms were clean")
    return int(unclean > 0)


if __name__ == "__main__":
    sys.exit(main())
