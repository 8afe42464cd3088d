"""Storms over a cluster: `python -m tests.cluster.storm [--runs N] [--seed S] [--without PART]`.

Processes are killed and frozen, workers frozen between two steps of an order, servers restarted and a link
to the database cut while brackets run, and the exchange loses every twentieth answer after it took the order.
A run is judged from the exchange's books and from what the database noted; 0 when every run was clean.

--without takes a part of the fence out of the workers (epoch, hold, age; may be said more than once): a storm
that stays clean then proves nothing.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import requests

from database.account_db import existing_account
from database.outbox_db import count_waiting
from services.destinations import Switchboard, add_hook
from services.outbound_http import OutboundHttp
from tests.brokers.process import wait_for
from tests.chaos.staging import ChaosAccount
from tests.cluster import storm_report
from tests.cluster.storm_stage import SHARDS, OwnerWatch, StormStage, a_storm_stage
from tests.cluster.storm_worker import PARTS
from tests.cluster.verdict import (
    Verdict,
    causes_of,
    judge_acts,
    judge_books,
    judge_promises,
    judge_writes,
)
from tests.cluster.waves import AT_ONCE, Wave, waves_of
from tests.cluster.weather import Storm
from tests.receiver import Receiver, a_receiver
from utils.clock import SystemClock
from utils.config import OutboundLeave

UNOWNED_SECONDS = 8.0
LOST_ANSWERS = 0.05
KEPT = Path("run/storms")  # logs of runs that were not clean
_USERS = 16
_WAVES_AT_ONCE = 6


def run_storm(
    folder: Path, *, seed: int, brackets: int, without: Sequence[str] = (), outlasts: bool = True
) -> Verdict:
    """Let one storm pass and judge it. without: parts of the fence that workers lack."""
    with a_receiver() as receiver, a_storm_stage(folder, users=_USERS) as (stage, postgres, redis, rabbit):
        accounts = stage.populate(_USERS)
        _add_hook(stage, accounts[0], receiver)
        stage.start(postgres, redis=redis, rabbit=rabbit, without=without)
        watch, dice = OwnerWatch(stage), random.Random(seed)
        storm = Storm(
            stage=stage,
            postgres=postgres,
            redis=redis,
            rabbit=rabbit,
            watch=watch,
            dice=dice,
            outlasts=outlasts,
        )
        _lose_answers(stage)
        waves: list[Wave] = []
        ahead = waves_of(stage, accounts, dice)
        wanted = partial(_is_wanted, waves, storm, count=brackets // AT_ONCE)
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
    allow = frozenset({OutboundLeave.PRIVATE, OutboundLeave.HTTP})
    parts = Switchboard(db=stage.db, box=stage._box(), clock=SystemClock())
    url = f"http://{stage.reach(receiver.port)}"  # whoever has the first shard may have to send to it
    add_hook(parts, existing_account(stage.db, account.id), url, http=OutboundHttp(allow=allow))


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
    takings = stage.takings()
    judge_acts(acts, takings, shards=SHARDS, verdict=verdict)
    judge_writes(stage.writes(), takings, slots=stage.slots_by_owner(), shards=SHARDS, verdict=verdict)
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
    if not storm.points:
        verdict.faults.append("NOT DONE: no worker was frozen in an act, so the fence was not tried")
    if storm.unsettled:
        verdict.faults.append(f"UNSETTLED: {storm.unsettled} times both workers did not come back")
    verdict.faults += [f"NOT REPLACED: {one}" for one in storm.stuck]
    verdict.injuries.update(one.kind for one in storm.injuries)
    verdict.points.update(storm.points)
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
    # RabbitMQ, killed and killed again, takes up to a minute until its queue can be declared anew.
    try:
        wait_for(lambda: not count_waiting(stage.db), seconds=180, what="the last word outside")
    except AssertionError:
        verdict.faults.append(f"UNTOLD: {sum(count_waiting(stage.db).values())} messages wait in the outbox")


def main() -> int:
    """Run the storms asked for, whatever becomes of each."""
    asked = _asked()
    print(storm_report.HEAD, flush=True)
    verdicts = [_run(seed, asked) for seed in range(asked.seed, asked.seed + asked.runs)]
    print(storm_report.as_json(verdicts))
    return int(any(verdict.faults for verdict in verdicts))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.storm")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--brackets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", action="append", choices=list(PARTS), default=[], help="of the fence")
    parser.add_argument("--keep", type=Path, default=KEPT, help="leave the logs of what was not clean there")
    return parser.parse_args()


def _run(seed: int, asked: argparse.Namespace) -> Verdict:
    folder = Path(tempfile.mkdtemp(prefix="openbracket-storm-"))
    began = time.monotonic()
    try:
        verdict = run_storm(folder, seed=seed, brackets=asked.brackets, without=asked.without)
    except Exception as exc:  # noqa: BLE001  # nobody is there to start the others: they must go on
        traceback.print_exc()
        verdict = Verdict(brackets=0, faults=[f"BROKE OFF: {exc!r}"])
    print(storm_report.row(verdict, seed=seed, seconds=time.monotonic() - began))
    print(storm_report.printed(verdict), flush=True)
    if verdict.faults:
        kept = _kept(folder, asked.keep / f"seed-{seed}")
        print(f"      logs: {kept}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    return verdict


def _kept(folder: Path, place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for file in (one for end in ("log", "begun", "jsonl") for one in folder.rglob(f"*.{end}")):
        shutil.copy(file, place / file.name)
    return place


if __name__ == "__main__":
    sys.exit(main())
