"""The worlds themselves: equal seeds are equal worlds, a world is what it claims, found ones stay mended."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.bracket.model import Plan, Topology
from simulator import NativeSettings
from simulator.faults import FAULTS, Elsewhere, Fault
from worlds.director import Result, play
from worlds.fleet import hush, store
from worlds.plan import plan_of
from worlds.report import Totals, cell_table, is_full, json_line
from worlds.shrink import FOUND, load_plan

pytestmark = pytest.mark.no_cover  # the same code is measured elsewhere, and measuring trebles the time

SPECIFIED = {
    *(f"F{n:02d}" for n in (*range(1, 17), *range(20, 30), *range(30, 37), *range(40, 51))),
    *(f"F{n:02d}" for n in (*range(55, 62), *range(65, 76))),
}
FOUND_SCENARIOS = sorted(FOUND.glob("*.json"))


@pytest.fixture(autouse=True)
def _hushed() -> Iterator[None]:
    hush()
    yield
    logging.disable(logging.NOTSET)


def played(seed: int) -> Result:
    return play(plan_of(seed), store())


def test_equal_seeds_give_the_same_line() -> None:
    lines = []
    for _ in range(2):
        totals = Totals()
        for seed in range(50, 56):
            totals.add(played(seed))
        lines.append(json_line(totals))

    assert lines[0] == lines[1]


@pytest.mark.parametrize("seed", [60, 69])
def test_a_world_has_its_steps_its_faults_its_kill_and_keeps_every_invariant(seed: int) -> None:
    result = played(seed)

    assert result.broken is None
    assert is_full(result)


def test_one_world_in_six_has_native_brackets_in_every_manner_of_broker() -> None:
    plans = [plan_of(seed) for seed in range(600)]

    native = [plan for plan in plans if any(_is_native(one.plan) for one in plan.brackets)]

    assert len(native) >= len(plans) / 6
    for name in NativeSettings.__dataclass_fields__:
        assert {getattr(plan.native, name) for plan in native} == {True, False}
    assert len({plan.exits_listed_after for plan in native}) == 2


def _is_native(plan: Plan) -> bool:
    return plan.topology is Topology.NATIVE


def test_a_world_has_a_long_a_short_and_a_sliced_bracket() -> None:
    for seed in range(200):
        plans = [one.plan for one in plan_of(seed).brackets]
        assert len(plans) >= 3
        assert len({plan.side for plan in plans}) == 2
        assert any(len(plan.targets) > 1 for plan in plans)


def test_every_specified_fault_is_a_class_or_says_where_it_is_tried_instead() -> None:
    codes = {code[:3] for code in FAULTS}

    assert codes == SPECIFIED
    for fault in FAULTS.values():
        assert fault.says
        assert fault.where or (issubclass(fault, Elsewhere) and fault.because and fault.proven_by)


def test_what_is_tried_elsewhere_is_there() -> None:
    root = Path(__file__).parents[2]
    elsewhere = [fault for fault in FAULTS.values() if issubclass(fault, Elsewhere)]

    assert elsewhere
    for fault in elsewhere:
        assert all((root / name.strip()).exists() for name in fault.proven_by.split(","))


def test_a_script_strikes_where_the_rate_did() -> None:
    by_rate = Fault(7, rate=0.3)
    struck = [by_rate.strikes() is not None for _ in range(50)]

    by_script = Fault(7, script=by_rate.struck)

    assert [by_script.strikes() is not None for _ in range(50)] == struck


def test_the_table_names_every_fault() -> None:
    table = cell_table(Totals())

    assert all(f"\n{code} " in table for code in FAULTS)


@pytest.mark.parametrize("file", FOUND_SCENARIOS, ids=lambda file: file.stem)
def test_what_a_world_once_found_stays_mended(file: Path) -> None:
    assert play(load_plan(file), store()).broken is None
