"""A bracket decided again from its record: the same commands, or the first difference by name."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import Result
from flask import Flask

from cli import register_commands
from database import migrations
from database.bracket_db import history_of
from database.session import Database
from scripts.service_process import PROJECT
from services import bracket_replay
from services.bracket.lifecycle import Decision, reconcile
from services.bracket.model import Bracket, State
from services.bracket_replay import NotRecorded, decided_again, rerun
from services.replay_file import recorded
from tests.desks import RunningDesk, a_running_desk
from tests.serving import a_config
from utils.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Told:
    """A closed bracket and the command line of its installation."""

    desk: RunningDesk
    bracket: Bracket
    cli: Any

    def run(self, *words: str) -> Result:
        result: Result = self.cli.invoke(args=("bracket", "replay", self.bracket.id, *words))
        return result


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("replay")
    with a_running_desk(folder) as running:
        running.price("799")
        placed = running.place().bracket
        assert placed is not None
        running.until(placed.id, lambda bracket: bracket.state is State.PROTECTED)
        running.price("816")
        closed = running.until(placed.id, lambda bracket: bracket.state is State.CLOSED)
        _stamp(running.desk.db)
        app = Flask("test")
        config = replace(a_config(folder), database_url=str(running.desk.db.engine.url))
        register_commands(app, config=config, clock=SystemClock(), brokers={"paper"})
        yield Told(running, closed, app.test_cli_runner())


def _stamp(db: Database) -> None:
    """Say of tables made from the models that they are as new as the migrations."""
    with db.write() as connection:
        newest = ScriptDirectory(str(Path(migrations.__file__).parent))
        MigrationContext.configure(connection).stamp(newest, "head")


@pytest.fixture
def tamper(told: Told) -> Iterator[Any]:
    """Give a way to change the stored past; it is put back at the end."""
    db = told.desk.desk.db
    kept: list[tuple[str, str, int]] = []

    def change(column: str, old: str, new: str) -> int:
        with db.write() as connection:
            seq, text = connection.exec_driver_sql(
                f"SELECT seq, {column} FROM bracket_events "  # noqa: S608  # the test's own words
                f"WHERE bracket_id = ? AND {column} LIKE ? ORDER BY seq LIMIT 1",
                (told.bracket.id, f"%{old}%"),
            ).one()
            kept.append((column, text, seq))
            _set(connection, column, text.replace(old, new), seq)
        return int(seq)

    def _set(connection: Any, column: str, text: str, seq: int) -> None:
        connection.exec_driver_sql(
            f"UPDATE bracket_events SET {column} = ? WHERE bracket_id = ? AND seq = ?",  # noqa: S608
            (text, told.bracket.id, seq),
        )

    yield change
    with db.write() as connection:
        for column, text, seq in kept:
            _set(connection, column, text, seq)


def test_the_command_line_tells_every_command_and_that_all_are_the_same(told: Told) -> None:
    result = told.run()

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(": ")[1] for line in lines[:-1]] == [
        "place entry, decided again",
        "place stop, decided again",
        "modify target, decided again",
    ]
    assert lines[-1].startswith("3 commands and ")
    assert f"bracket {told.bracket.id} is CLOSED" in lines[-1]


def test_the_whole_bracket_comes_out_not_only_its_commands(told: Told) -> None:
    found = rerun(recorded(history_of(told.desk.desk.db, told.bracket.id)))

    assert found.bracket == told.bracket
    assert found.looks > 5


def test_a_core_that_decides_otherwise_is_told_with_the_event(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stubborn(bracket: Bracket, *rest: Any, **more: Any) -> Decision:
        """A core that never takes a target."""
        decision = reconcile(bracket, *rest, **more)
        if any(type(event).__name__ == "ChangeIntended" for event in decision.events):
            return Decision(bracket, (), timedelta(0))
        return decision

    monkeypatch.setattr(bracket_replay, "reconcile", stubborn)
    result = told.run()

    assert result.exit_code == 2
    assert "decided now: nothing" in result.output
    assert "LIMIT 10 @ 815" in result.output


@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        ("payload", '"filled":10', '"filled":11'),  # what happened
        ("cause", '"filled":10', '"filled":11'),  # what was known
        ("cause", '"how":"told"', '"how":"tolx"'),
    ],
)
def test_a_tampered_record_is_reported_with_event_and_bracket(
    told: Told, tamper: Any, column: str, old: str, new: str
) -> None:
    seq = tamper(column, old, new)
    result = told.run()

    assert result.exit_code == 2
    assert f"event {seq} of bracket {told.bracket.id} was altered" in result.output


def test_a_state_that_its_events_do_not_make_is_reported(told: Told) -> None:
    db = told.desk.desk.db
    with db.write() as connection:
        kept = connection.exec_driver_sql(
            "SELECT snapshot FROM brackets WHERE id = ?", (told.bracket.id,)
        ).scalar_one()
        forged = kept.replace('"profit":"1', '"profit":"9')
        connection.exec_driver_sql("UPDATE brackets SET snapshot = ? WHERE id = ?", (forged, told.bracket.id))
    result = told.run()
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE brackets SET snapshot = ? WHERE id = ?", (kept, told.bracket.id))

    assert forged != kept
    assert result.exit_code == 2
    assert "is not what its events make" in result.output


def run_file(file: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(file.parent)]
    environ = {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [*words, str(file)], cwd=file.parent, env=environ, capture_output=True, text=True, check=False
    )


def test_an_export_is_a_test_that_needs_nothing_else(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "test_exported.py"
    result = told.run("--export", str(file))

    assert result.exit_code == 0, result.output
    outcome = run_file(file)
    assert outcome.returncode == 0, outcome.stdout
    file.write_text(file.read_text().replace("'modify target'", "'modify stop'"))
    assert run_file(file).returncode == 1


def test_an_export_with_a_wrong_event_fails_until_the_core_decides_otherwise(
    told: Told, tmp_path: Path
) -> None:
    file = tmp_path / "test_wrong.py"
    history = recorded(history_of(told.desk.desk.db, told.bracket.id))
    wrong = next(one.seq for one in history if type(one.event).__name__ == "ChangeIntended")
    result = told.run("--export", str(file), "--wrong", str(wrong))

    assert result.exit_code == 0, result.output
    assert f"# Event {wrong} was wrong: modify target." in file.read_text()
    outcome = run_file(file)
    assert outcome.returncode == 1
    assert ">       assert wrong not in decided_again(" in outcome.stdout
    assert told.run("--export", str(file), "--wrong", "999").exit_code == 2


def test_one_look_can_be_decided_again_by_itself(told: Told) -> None:
    history = recorded(history_of(told.desk.desk.db, told.bracket.id))
    stop = next(one for one in history if getattr(one.event, "purpose", None) == "stop")

    assert stop.event in decided_again(history, stop.seq)
    with pytest.raises(LookupError, match="no event 999"):
        decided_again(history, 999)


def test_brackets_from_before_there_were_causes_say_so(told: Told) -> None:
    db = told.desk.desk.db
    history = recorded(history_of(db, told.bracket.id))
    old = [replace(one, cause=None) for one in history]

    with pytest.raises(NotRecorded):
        rerun(old)


def test_an_unknown_bracket_is_refused_in_a_sentence(told: Told) -> None:
    result: Result = told.cli.invoke(args=("bracket", "replay", "nobody"))

    assert (result.exit_code, result.output.strip()) == (2, "Error: there is no bracket nobody")
