"""A failing world made small: faults become scripts, and whatever is not needed to fail is left out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from worlds.director import Result, play
from worlds.plan import FaultSeed, WorldPlan, plan_of
from worlds.storage import Store

FOUND = Path(__file__).parent.parent / "tests" / "simulation" / "found"
_MOST_TRIES = 400


def shrink(seed: int, store: Store, *, tell: Callable[[str], None]) -> WorldPlan | None:
    """Return a small plan that breaks what the world of this seed breaks, None when it breaks nothing."""
    first = play(plan_of(seed), store)
    if first.invariant is None:
        return None
    shrinker = _Shrinker(store, first.invariant, tell)
    plan = shrinker.scripted(plan_of(seed), first)
    while smaller := shrinker.smaller(plan):
        plan = smaller
    return plan


def save(plan: WorldPlan, name: str) -> Path:
    """Keep a scenario as a regression test under its name."""
    FOUND.mkdir(parents=True, exist_ok=True)
    file = FOUND / f"{name}.json"
    text = msgspec.json.format(msgspec.json.encode(plan), indent=1)
    file.write_bytes(text + b"\n")
    return file


def load_plan(file: Path) -> WorldPlan:
    return msgspec.json.decode(file.read_bytes(), type=WorldPlan)


class _Shrinker:
    def __init__(self, store: Store, invariant: str, tell: Callable[[str], None]) -> None:
        self._store = store
        self._invariant = invariant
        self._tell = tell
        self._tries = 0

    def scripted(self, plan: WorldPlan, result: Result) -> WorldPlan:
        """Return the plan with its strikes written down; as it was when that does not fail alike."""
        faults = tuple(
            replace(fault, script=result.scripts[fault.code])
            for fault in plan.faults
            if result.scripts[fault.code]
        )
        written = replace(plan, faults=faults, least_faults=0, least_kills=0, least_steps=0)
        return written if self._fails(written) else plan

    def smaller(self, plan: WorldPlan) -> WorldPlan | None:
        """Return the first plan that lacks something and fails still."""
        for candidate, what in _candidates(plan):
            if self._tries >= _MOST_TRIES:
                return None
            if self._fails(candidate):
                self._tell(f"without {what}")
                return candidate
        return None

    def _fails(self, plan: WorldPlan) -> bool:
        self._tries += 1
        return play(plan, self._store).invariant == self._invariant


def _candidates(plan: WorldPlan) -> Iterator[tuple[WorldPlan, str]]:
    """Give plans that lack one thing, the largest things first."""
    for fault in plan.faults:
        yield replace(plan, faults=tuple(f for f in plan.faults if f is not fault)), f"all of {fault.code}"
    for bracket in plan.brackets:
        rest = tuple(b for b in plan.brackets if b is not bracket)
        yield replace(plan, brackets=rest), f"the bracket of {bracket.at:.1f} s"
    if plan.people:
        yield replace(plan, people=0.0), "people"
    if plan.seconds > 20:
        yield replace(plan, seconds=plan.seconds * 0.7), "the last third"
    for fault in plan.faults:
        for script in _shorter(fault):
            faults = tuple(replace(f, script=script) if f is fault else f for f in plan.faults)
            yield replace(plan, faults=faults), f"strikes of {fault.code}"


def _shorter(fault: FaultSeed) -> Iterator[tuple[int, ...]]:
    script = fault.script or ()
    if len(script) > 3:
        half = len(script) // 2
        yield script[:half]
        yield script[half:]
    if len(script) <= 8:
        for strike in script:
            if len(script) > 1:
                yield tuple(s for s in script if s != strike)
