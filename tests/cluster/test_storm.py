"""A short storm: the whole cluster hurt in every way there is, judged as the long ones are."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.storm import run_storm
from tests.cluster.storm_report import printed
from tests.cluster.verdict import CORE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BRACKETS = 48


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="openbracket-storm-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_short_storm_leaves_no_duplicate_no_lost_exit_and_no_act_of_a_superseded_owner(
    folder: Path,
) -> None:
    verdict = run_storm(folder, seed=1, brackets=BRACKETS, outlasts=False)

    told = printed(verdict)
    assert verdict.faults == [], told
    # Where the machine gives no network namespace there is no partition, and the run says so.
    assert CORE - set(verdict.injuries) <= {"database cut off"}, told
    assert verdict.brackets + verdict.refused >= BRACKETS
    assert verdict.finished == verdict.brackets
    assert verdict.lost_answers > 0
    assert verdict.partial_fills > 0
    assert verdict.takings > 64
    assert verdict.points.total() > 0, told
