"""Sums over many worlds, and how they are told: tables for people, one JSON line for machines."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.bracket.model import State
from simulator.faults import FAULTS, Elsewhere
from worlds.director import Result

_BUCKETS = (1.0, 3.0, 10.0, 15.0, 30.0, 60.0)
_SHORT = {
    State.VALIDATED: "VAL",
    State.ENTRY_PENDING: "E-PEND",
    State.ENTRY_OPEN: "E-OPEN",
    State.PROTECTING: "P-ING",
    State.PROTECTED_PARTIAL: "P-PART",
    State.PROTECTED: "P-ED",
    State.EXITING: "EXIT",
    State.EMERGENCY: "EMERG",
    State.UNWINDING: "UNWIND",
    State.CLOSED: "CLOSED",
    State.REJECTED: "REJ",
    State.CANCELLED: "CANC",
    State.EXPIRED: "EXP",
    State.HANDED_OVER: "HANDED",
}


@dataclass
class Totals:
    """What many worlds amount to; adding results in any order gives the same."""

    worlds: int = 0
    steps: int = 0
    fills: int = 0
    kills: int = 0
    reads: int = 0
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, State]] = field(default_factory=Counter)
    left_to_people: int = 0  # brackets whose positions did not add up: alarmed, and left as they are
    naked: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)
    thin: list[int] = field(default_factory=list)  # seeds of worlds that were too small to count

    def add(self, result: Result) -> None:
        self.worlds += 1
        self.steps += result.tally.steps
        self.fills += result.tally.fills
        self.kills += result.tally.kills
        self.reads += result.tally.reads
        self.calls += result.tally.calls
        self.faults.update(result.fired)
        self.left_to_people += result.left_to_people
        self.cells.update(result.cells)
        self.naked.update((cause, bucket_of(seconds)) for cause, seconds in result.naked)
        if result.broken is not None:
            self.broken.append((result.seed, result.broken))
        elif not is_full(result):
            self.thin.append(result.seed)


def is_full(result: Result) -> bool:
    """Whether a world was one: 300 steps, eight faults that fired, one kill."""
    return result.tally.steps >= 300 and sum(result.fired.values()) >= 8 and result.tally.kills >= 1


def bucket_of(seconds: float) -> int:
    return sum(seconds >= bound for bound in _BUCKETS)


def json_line(totals: Totals) -> str:
    """Return the last line of a run: the same seeds give the same line."""
    reachable = sum(len(fault.where) for fault in FAULTS.values())
    hit = sum(1 for (code, state) in totals.cells if state in FAULTS[code].where)
    line = {
        "worlds": totals.worlds,
        "steps": totals.steps,
        "fills": totals.fills,
        "kills": totals.kills,
        "faults": {code: totals.faults[code] for code in sorted(totals.faults)},
        "cells": {"hit": hit, "reachable": reachable},
        "violations": len(totals.broken),
    }
    return json.dumps(line)


def cell_table(totals: Totals) -> str:
    """Return fault by bracket state; a dot where it cannot strike, 0 where it can and has not."""
    head = f"{'fault':<6}{'fired':>9}" + "".join(f"{short:>9}" for short in _SHORT.values())
    lines = [head]
    for code, fault in FAULTS.items():
        if issubclass(fault, Elsewhere):
            lines.append(f"{code:<6}  not here: {fault.because} ({fault.proven_by})")
            continue
        cells = "".join(_cell(totals, code, state) for state in _SHORT)
        lines.append(f"{code:<6}{totals.faults[code]:>9}{cells}")
    return "\n".join(lines)


def _cell(totals: Totals, code: str, state: State) -> str:
    count = totals.cells[code, state]
    if not count and state not in FAULTS[code].where:
        return f"{'.':>9}"
    return f"{count:>9}"


def naked_table(totals: Totals) -> str:
    """Return how long shares stood without a resting exit, by cause, in virtual seconds."""
    labels = ("<1 s", "<3 s", "<10 s", "<15 s", "<30 s", "<60 s", "more")
    lines = [f"{'naked because':<22}" + "".join(f"{label:>9}" for label in labels)]
    for cause in sorted({cause for cause, _ in totals.naked}):
        counts = (totals.naked[cause, bucket] for bucket in range(len(labels)))
        lines.append(f"{cause:<22}" + "".join(f"{count:>9}" for count in counts))
    return "\n".join(lines)


def missing_cells(totals: Totals) -> list[str]:
    """Return the cells that could be reached and were not."""
    return [
        f"{code} {state}"
        for code, fault in FAULTS.items()
        for state in sorted(fault.where)
        if not totals.cells[code, state]
    ]


def failures(broken: Iterable[tuple[int, str]]) -> str:
    return "\n".join(f"  {text}\n    make simulate REPLAY={seed}" for seed, text in broken)
