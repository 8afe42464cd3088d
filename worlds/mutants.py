"""Bugs put in on purpose: each must be caught by an invariant of some world, or the worlds are too kind.

Patches are made in the process that hunts one mutant, and die with it.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from services.account_messages import Answered
from services.account_reads import BooksRead
from services.account_worker import AccountWorker
from services.bracket import account, clocks, exits, fold, native, quantities, sighting, wanted
from services.bracket import events as ev
from services.bracket.lifecycle import Decision
from services.bracket.model import (
    Bracket,
    ChangeKind,
    KillMode,
    Leg,
    LegKind,
    LegStatus,
    Moment,
    OrderRow,
    Role,
    RowStatus,
    Slice,
)
from services.bracket.observation import Read
from services.bracket.step import Step
from services.recording import Cause
from services.roster import Tracked
from services.wire import intentions
from worlds.director import play
from worlds.fleet import hush
from worlds.plan import plan_of
from worlds.storage import Store

_MOST_WORLDS = 1500

Patch = Callable[[], type[AccountWorker] | None]


@dataclass(frozen=True)
class Mutant:
    """A bug: what it does, how it is put in, which world caught it last, and which faults bring it out."""

    says: str
    patch: Patch
    seed: int
    brought_out_by: frozenset[str] = frozenset()


MUTANTS: dict[str, Mutant] = {}


def mutant(name: str, says: str, seed: int, *faults: str) -> Callable[[Patch], Patch]:
    """Register a bug. Seed and faults only save time: where they are of no use, all worlds are tried."""

    def register(patch: Patch) -> Patch:
        MUTANTS[name] = Mutant(says, patch, seed, frozenset(faults))
        return patch

    return register


def everywhere(original: Any, changed: Any) -> None:
    """Replace a function wherever a module of the service has it by name."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith("services"):
            for key, value in tuple(vars(module).items()):
                if value is original:
                    setattr(module, key, changed)


@mutant("no write-ahead", "an intention is stored with its answer, not before it is sent", 3)
def _no_write_ahead() -> type[AccountWorker]:
    class Forgetful(AccountWorker):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._later: list[tuple[tuple[Tracked, Decision, Cause], Bracket]] = []

        def _keep(self, decisions: list[tuple[Tracked, Decision, Cause]]) -> None:
            for tracked, decision, cause in decisions:
                if intentions(decision.events):
                    self._later.append(((tracked, decision, cause), tracked.bracket))
                    self._roster.update(tracked, decision.bracket)
                else:
                    self._flush()
                    super()._keep([(tracked, decision, cause)])

        def _flush(self) -> None:
            later, self._later = self._later, []
            for kept, before in later:
                tracked = kept[0]
                after, tracked.bracket = tracked.bracket, before
                super()._keep([kept])
                tracked.bracket = after

        def _on_answer(self, message: Answered) -> None:
            self._flush()
            super()._on_answer(message)

    return Forgetful


@mutant("one-read absence", "missing in one read is absent", 3)
def _one_read_absence() -> None:
    def count(step: Step, leg: Leg, read: Read) -> None:
        if leg.status is not LegStatus.SENT:
            step.record(ev.LegProvedAbsent(seq=leg.seq))

    everywhere(sighting._count_absence, count)


@mutant("mixed-snapshot quantity", "the open quantity of one look and the exit's fill of the next", 5)
def _mixed_snapshot() -> None:
    seen: dict[tuple[str, int], tuple[int, int, int]] = {}  # version, open quantity then and before

    def total(bracket: Bracket, part: Slice) -> int:
        live = quantities.live_legs(bracket, Role.EXIT, part=part)
        now, key = quantities.net_of(bracket, part), (bracket.id, part.index)
        version, then, before = seen.get(key, (bracket.version, now, now))
        if version != bracket.version:
            before = then
        seen[key] = (bracket.version, now, before)
        mixed = max(before, now) + sum(leg.filled for leg in live)
        return mixed - mixed % bracket.plan.instrument.lot_size

    everywhere(quantities.safe_total, total)


@mutant("mixed-row merge", "status and terms of an older row, fill of a newer one", 238, "F20", "F22")
def _mixed_row() -> None:
    def is_news(leg: Leg, row: OrderRow) -> bool:
        shown = (sighting._ORDER_STATUS[row.status], row.filled)
        return leg.sighted_at is None or (leg.status, leg.filled) != shown

    honest = sighting.sighting_of

    def mixed(leg: Leg, row: OrderRow) -> ev.LegSighted:
        return replace(honest(leg, row), filled=max(leg.filled, row.filled))

    everywhere(sighting._is_news, is_news)
    everywhere(honest, mixed)


@mutant("target before stop", "the first exit of a fill is a limit at its target", 3)
def _target_first() -> None:
    honest = wanted.wanted_exit

    def target_first(step: Step, part: Slice, leg: Leg | None) -> wanted.Wanted | None:
        plan = honest(step, part, leg)
        is_free = plan is not None and step.bracket.exit_reason is None and plan.kind is LegKind.ORDER
        if (
            is_free
            and (leg is None or not leg.triggered)
            and wanted.target_level(step.bracket, part) is not None
        ):
            return wanted._at_target(step, part)
        return plan

    everywhere(honest, target_first)


@mutant("cancel not confirmed", "an acknowledged cancel is a cancelled order", 7)
def _cancel_unconfirmed() -> None:
    honest = fold._EFFECTS[ev.ChangeAcknowledged]

    def believed(bracket: Bracket, event: Any, at: Moment) -> Bracket:
        leg = bracket.leg(event.seq)
        if leg.change is not None and leg.change.kind is ChangeKind.CANCEL:
            return fold._with_leg(bracket, replace(leg, status=LegStatus.CANCELLED, change=None))
        return honest(bracket, event, at)

    fold._EFFECTS[ev.ChangeAcknowledged] = believed


@mutant("empty book trusted", "an order that a read lacks is over", 3)
def _empty_book() -> None:
    everywhere(account.is_complete, lambda *_args, **_more: True)

    def miss(step: Step, leg: Leg, read: Read) -> None:
        if leg.is_live and leg.status is not LegStatus.SENT:
            step.record(ev.LegExpired(seq=leg.seq))

    everywhere(sighting._miss, miss)


@mutant("terminal sticky", "what was cancelled once is never looked at again", 115, "F49", "F08")
def _terminal_sticky() -> None:
    honest = sighting._is_news
    over = (LegStatus.CANCELLED, LegStatus.EXPIRED, LegStatus.REJECTED, LegStatus.ABSENT)
    everywhere(honest, lambda leg, row: leg.status not in over and honest(leg, row))


@mutant("unwind special-cased", "what an unwind filled does not count as bought", 705, "F49", "F27")
def _unwind_special() -> None:
    def without(bracket: Bracket, part: Slice) -> int:
        sold = quantities.filled_of(bracket, Role.EXIT, part=part)
        if quantities.filled_of(bracket, Role.UNWIND, part=part):
            return max(0, part.allocated - part.external - sold)
        return part.allocated - part.external - sold

    everywhere(quantities.net_of, without)


@mutant("timer on wall clock", "ages are differences of the wall clock", 188, "F71")
def _wall_clock() -> None:
    def since(self: Moment, earlier: Moment) -> timedelta:
        return max(timedelta(0), self.wall - earlier.wall)

    Moment.since = since  # type: ignore[method-assign]


@mutant("kill switch blocks exits", "a set kill switch stops every command", 12)
def _kill_blocks() -> None:
    honest = exits.tend_exits
    everywhere(honest, lambda step: None if step.seen.kill != "off" else honest(step))


@mutant("blocked entries block exits", "only the switch that flattens lets exits through", 50)
def _block_entries_blocks() -> None:
    honest = exits.tend_exits
    everywhere(honest, lambda step: None if step.seen.kill is KillMode.BLOCK_ENTRIES else honest(step))


@mutant("dead session trusted", "an empty book of a dead session is a book", 3)
def _dead_session() -> type[AccountWorker]:
    everywhere(account.is_complete, lambda *_args, **_more: True)

    class Trusting(AccountWorker):
        def _on_books(self, message: BooksRead) -> None:
            super()._on_books(replace(message, session_alive=True))

    def miss(step: Step, leg: Leg, read: Read) -> None:
        if not read.orders and leg.is_live and leg.status is not LegStatus.SENT:
            step.record(ev.LegExpired(seq=leg.seq))

    everywhere(sighting._miss, miss)
    return Trusting


@mutant("no quiescence", "three reads at once prove an absence", 11)
def _no_quiescence() -> None:
    def count(step: Step, leg: Leg, read: Read) -> None:
        if leg.status is LegStatus.SENT:
            return
        step.record(ev.LegMissed(seq=leg.seq))
        if step.bracket.leg(leg.seq).missed_reads >= step.timing.absent_reads:
            step.record(ev.LegProvedAbsent(seq=leg.seq))

    everywhere(sighting._count_absence, count)


@mutant("unseen exits are none", "a native entry whose exits no book shows has none", 24)
def _unseen_exits() -> None:
    everywhere(native.awaits_exits, lambda _bracket: False)


@mutant("rejected is protected", "an order that the book shows as rejected counts as open", 6)
def _rejected_protects() -> None:
    sighting._ORDER_STATUS[RowStatus.REJECTED] = LegStatus.OPEN


@mutant("acknowledged is protected", "an order with an id protects before any book shows it", 3)
def _ack_protects() -> None:
    honest = fold._EFFECTS[ev.LegAcknowledged]

    def believed(bracket: Bracket, event: Any, at: Moment) -> Bracket:
        after = honest(bracket, event, at)
        leg = after.leg(event.seq)
        if leg.kind is not LegKind.ORDER or leg.status is not LegStatus.ACKED:
            return after
        is_stop = leg.terms.trigger_price is not None
        resting = LegStatus.TRIGGER_PENDING if is_stop else LegStatus.OPEN
        return fold._with_leg(after, replace(leg, status=resting))

    fold._EFFECTS[ev.LegAcknowledged] = believed


@mutant(
    "acknowledged change is done", "an order says what was asked of it before any book shows it", 133, "F15"
)
def _ack_changes() -> None:
    honest = fold._EFFECTS[ev.ChangeAcknowledged]

    def believed(bracket: Bracket, event: Any, at: Moment) -> Bracket:
        leg = bracket.leg(event.seq)
        if leg.change is None or leg.change.terms is None:
            return honest(bracket, event, at)
        terms = leg.change.terms
        return fold._with_leg(bracket, replace(leg, terms=terms, agreed_terms=terms, change=None))

    fold._EFFECTS[ev.ChangeAcknowledged] = believed


@mutant("clock set back ignored", "moments that lie ahead stay ahead after a restart", 28, "F71", "F69")
def _clock_ignored() -> None:
    everywhere(clocks.mend_clock, lambda step: None)


@mutant("second child ignored", "of two children of an OCO only the first is adopted", 20, "F50B")
def _second_child() -> None:
    honest = sighting._adopt_child

    def first_only(step: Step, leg: Leg, row: Any, fired: Any) -> None:
        if not any(other.parent == leg.seq for other in step.bracket.legs):
            honest(step, leg, row, fired)

    everywhere(honest, first_only)


@mutant("re-sent blindly", "an unknown order is sent again at once", 5)
def _resent() -> None:
    everywhere(
        exits._may_duplicate, lambda step, live: len(live) == 1 and live[0].status is LegStatus.UNKNOWN
    )


@dataclass(frozen=True)
class Hunt:
    """How one mutant was caught: after so many worlds, in which, by what. raised: where it only crashed."""

    name: str
    worlds: int
    seed: int | None
    invariant: str | None
    raised: tuple[int, ...] = ()


def hunt(name: str) -> Hunt:
    """Let one mutant loose and play worlds until one of them breaks an invariant.

    A mutant that makes the code raise is caught by any test, not by what the worlds look at: it goes on.
    """
    hush()
    worker_type = MUTANTS[name].patch() or AccountWorker
    store, raised = Store(), []
    try:
        for number, seed in enumerate(_seeds(MUTANTS[name]), start=1):
            invariant = play(plan_of(seed), store, worker_type=worker_type).invariant
            if invariant == "raised":
                raised.append(seed)
            elif invariant is not None:
                return Hunt(name, number, seed, invariant, tuple(raised))
    finally:
        store.close()
    return Hunt(name, _MOST_WORLDS, None, None, tuple(raised))


def _seeds(one: Mutant) -> Iterator[int]:
    """Give the world that caught it last, then those with a fault that brings it out, then the others."""
    others = [seed for seed in range(1, _MOST_WORLDS + 1) if seed != one.seed]
    yield one.seed
    yield from sorted(others[: _MOST_WORLDS - 1], key=lambda seed: not _brings_out(one, seed))


def _brings_out(one: Mutant, seed: int) -> bool:
    return any(fault.code in one.brought_out_by for fault in plan_of(seed).faults)


def is_caught(caught: Hunt, store: Store) -> bool:
    """Whether it was the mutant that broke the world: without it the same seed holds."""
    return caught.seed is not None and play(plan_of(caught.seed), store).invariant is None


def _verdict(caught: Hunt, store: Store) -> str:
    if caught.seed is None:
        return f"SURVIVES, raised in {len(caught.raised)} worlds" if caught.raised else "SURVIVES"
    if not is_caught(caught, store):
        return f"NOT CAUGHT: {caught.invariant} breaks without the mutant too"
    return str(caught.invariant)


def main(arguments: list[str]) -> int:
    """Hunt every mutant and print how each was caught; 1 when one survives."""
    parser = argparse.ArgumentParser(prog="python -m worlds mutants", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(MUTANTS))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    hush()
    survivors, store = 0, Store()
    print(f"{'mutant':<28}{'worlds':>7}{'seed':>7}  caught by")
    with multiprocessing.get_context("spawn").Pool(given.processes, maxtasksperchild=1) as pool:
        for caught in pool.imap(hunt, given.names, chunksize=1):
            verdict = _verdict(caught, store)
            survivors += verdict != caught.invariant
            print(f"{caught.name:<28}{caught.worlds:>7}{caught.seed or '':>7}  {verdict}", flush=True)
    store.close()
    print(f"{len(given.names)} mutants, {survivors} survive")
    return int(survivors > 0)
