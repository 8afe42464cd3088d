"""Two services never work on one database file."""

from pathlib import Path

import pytest

from services.engine_lock import EngineRunsElsewhere, hold_engine_lock


def test_a_second_engine_on_the_same_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "openbracket.db"

    with hold_engine_lock(file), pytest.raises(EngineRunsElsewhere, match="another OpenBracket"):
        hold_engine_lock(file)


def test_the_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "openbracket.db"
    hold_engine_lock(file).close()

    with hold_engine_lock(file) as lock:
        assert not lock.closed
