"""`python -m worlds`: play seeded worlds, replay one, shrink a failing one.

The last line of a run is JSON; the exit code is 1 when a world broke an invariant or was too thin.
"""

import argparse
import os
import sys
import time

from worlds.director import play
from worlds.fleet import hush, results, store
from worlds.mutants import main as hunt_mutants
from worlds.plan import plan_of
from worlds.report import Totals, cell_table, failures, json_line, missing_cells, naked_table
from worlds.shrink import save, shrink

WORLDS_OF_A_SEED = 1_000_000  # seeds of two runs never overlap


def main() -> int:
    """Parse the arguments and do what they ask for."""
    if sys.argv[1:2] == ["mutants"]:
        return hunt_mutants(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m worlds", description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", type=int, help="play the world of this seed and tell its story")
    parser.add_argument("--shrink", type=int, help="make the failing world of this seed small and keep it")
    parser.add_argument("--name", default="", help="what the kept scenario is called")
    parser.add_argument("--lines", type=int, default=200, help="how much of the story")
    parser.add_argument("--quiet", action="store_true", help="no tables")
    given = parser.parse_args()
    hush()
    if given.replay is not None:
        return _replay(given.replay, given.lines)
    if given.shrink is not None:
        return _shrink(given.shrink, given.name)
    return _simulate(given)


def seeds_of(seed: int, worlds: int) -> range:
    """Return the seeds of the worlds of one run."""
    return range(seed * WORLDS_OF_A_SEED, seed * WORLDS_OF_A_SEED + worlds)


def _simulate(given: argparse.Namespace) -> int:
    totals, began = Totals(), time.perf_counter()
    progress = Progress(given.worlds)
    for result in results(seeds_of(given.seed, given.worlds), processes=given.processes):
        totals.add(result)
        progress.show(totals.worlds, len(totals.broken))
    seconds = time.perf_counter() - began
    progress.end()
    if not given.quiet:
        _tell(totals, seconds, given.processes)
    print(json_line(totals))
    return int(bool(totals.broken or totals.thin))


def _tell(totals: Totals, seconds: float, processes: int) -> None:
    print(cell_table(totals))
    missing = missing_cells(totals)
    print(f"\nreachable cells not hit ({len(missing)}): {', '.join(missing) or 'none'}\n")
    print(naked_table(totals))
    rate = totals.worlds / seconds * 60
    print(f"\n{totals.worlds} worlds in {seconds:.0f} s: {rate:.0f} worlds a minute in {processes} processes")
    print(f"{totals.left_to_people} brackets whose positions did not add up were left to a person, alarmed")
    if totals.thin:
        print(f"too thin to count as worlds: {totals.thin[:20]}")
    if totals.broken:
        print(f"{len(totals.broken)} worlds broke an invariant:\n{failures(totals.broken[:30])}")


def _replay(seed: int, lines: int) -> int:
    result = play(plan_of(seed), store(), keeps_diary=True)
    print("\n".join(result.diary[-lines:]))
    print(f"world {seed}: {result.broken or 'every invariant held'}")
    return int(result.broken is not None)


def _shrink(seed: int, name: str) -> int:
    plan = shrink(seed, store(), tell=print)
    if plan is None:
        print(f"world {seed} breaks nothing")
        return 1
    print(f"kept as {save(plan, name or f'world_{seed}')}")
    return 0


class Progress:
    """A bar on the terminal, once a second; nothing where nobody looks."""

    def __init__(self, worlds: int) -> None:
        self._worlds = worlds
        self._began = self._shown = time.perf_counter()
        self._is_shown = sys.stderr.isatty()

    def show(self, done: int, broken: int) -> None:
        now = time.perf_counter()
        if not self._is_shown or (now - self._shown < 1.0 and done < self._worlds):
            return
        self._shown = now
        filled = 30 * done // max(1, self._worlds)
        rate = done / max(0.001, now - self._began) * 60
        bar = "#" * filled + "." * (30 - filled)
        sys.stderr.write(f"\r[{bar}] {done}/{self._worlds} worlds, {rate:.0f} a minute, {broken} broken ")
        sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\n")


if __name__ == "__main__":
    sys.exit(main())
