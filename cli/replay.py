"""`bracket replay`: decide a bracket again from its record, and prove the record whole."""

from pathlib import Path

import click

from cli.office import Office, Refused
from database.bracket_db import StoredEvent, history_of, load, verify_chain
from services.bracket.events import Event
from services.bracket.model import Bracket
from services.bracket_replay import Divergence, NotRecorded, Rerun, rerun
from services.replay_file import as_test_file, recorded
from services.timeline import words_of


def replay_command(office: Office) -> click.Command:
    """Return the command `bracket replay`."""

    @click.command("replay")
    @click.argument("bracket_id")
    @click.option(
        "--export",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the bracket as a test file that needs no database.",
    )
    @click.option(
        "--wrong", type=int, help="With --export: the number of an event that should not have been decided."
    )
    def replay(bracket_id: str, file: Path | None, wrong: int | None) -> None:
        """Decide a bracket again from its stored events, reads and answers, and compare."""
        with office.open() as db:
            bracket, broken = load(db, bracket_id), verify_chain(db, bracket_id)
            stored = history_of(db, bracket_id)
        if bracket is None:
            raise Refused(f"there is no bracket {bracket_id}")
        if broken is not None:
            raise Refused(f"event {broken} of bracket {bracket_id} was altered: the hash chain breaks there")
        found = _decided(stored)
        _tell(found, stored, bracket)
        if file is not None:
            _export(file, stored, found, wrong)
        _refuse_difference(found, bracket)

    return replay


def _decided(stored: tuple[StoredEvent, ...]) -> Rerun:
    try:
        return rerun(recorded(stored))
    except NotRecorded as exc:
        raise Refused(f"the chain is whole; the bracket cannot be decided again: {exc}") from exc
    except KeyError as exc:
        raise Refused(f"this version does not know the event {exc}") from exc


def _tell(found: Rerun, stored: tuple[StoredEvent, ...], bracket: Bracket) -> None:
    for seq, name in found.commands:
        click.echo(f"event {seq}: {name}, decided again")
    if found.divergence is None:
        click.echo(
            f"{len(found.commands)} commands and {len(stored)} events of {found.looks} looks are the same; "
            f"the chain is whole; bracket {bracket.id} is {bracket.state}"
        )


def _export(file: Path, stored: tuple[StoredEvent, ...], found: Rerun, wrong: int | None) -> None:
    if wrong is not None and not 1 <= wrong <= len(stored):
        raise Refused(f"the bracket has no event {wrong}")
    file.write_text(as_test_file(stored, found, wrong=wrong), encoding="utf-8")
    click.echo(f"written to {file}")


def _refuse_difference(found: Rerun, bracket: Bracket) -> None:
    if found.divergence is not None:
        raise Refused(_difference_in_words(found.divergence, bracket))
    if found.bracket != bracket:
        raise Refused(f"the stored state of bracket {bracket.id} is not what its events make")


def _difference_in_words(difference: Divergence, bracket: Bracket) -> str:
    was = _words(difference.recorded, bracket)
    now = _words(difference.decided, bracket)
    return f"event {difference.seq} of bracket {bracket.id} was: {was}; decided now: {now}"


def _words(event: Event | None, bracket: Bracket) -> str:
    if event is None:
        return "nothing"
    try:
        return f"{type(event).__name__}, {words_of(event, bracket)}"
    except LookupError:
        return str(event)  # an order that the stored bracket does not have
