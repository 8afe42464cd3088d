"""`backup` copies the database while the service runs; `restore` puts a copy back, and nothing is sent."""

from pathlib import Path

import click

from cli.office import Office, Refused
from database.restore_db import Findings, begin_hold, confirm, findings_of, hold_of
from database.session import Database, sqlite_file
from services.backup import BackupRefused, back_up, restore_file
from services.engine_lock import EngineRunsElsewhere, hold_engine_lock


def backup_command(office: Office) -> click.Command:
    """Return the command `backup`."""

    @click.command("backup")
    @click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
    def backup(path: Path) -> None:
        """Write a verified copy of the database to PATH; the service may be running.

        Keep .env elsewhere: without its keys no secret in the copy can be read.
        """
        try:
            back_up(office.config.database_url, path)
        except BackupRefused as exc:
            raise Refused(str(exc)) from exc
        click.echo(f"{path} is a whole and verified copy")

    return backup


def restore_command(office: Office) -> click.Command:
    """Return the command `restore`."""

    @click.command("restore")
    @click.argument("path", required=False, type=click.Path(path_type=Path, dir_okay=False))
    @click.option("--status", is_flag=True, help="Show what the service found at the brokers.")
    @click.option("--hold", is_flag=True, help="Mark a database that was restored by other means.")
    @click.option("--confirm", "digest", metavar="WORD", help="Let the service go on with what WORD names.")
    def restore(path: Path | None, status: bool, hold: bool, digest: str | None) -> None:
        """Put the copy at PATH in the database's place; stop the service first.

        A service started on it reads the brokers and sends nothing until `restore --confirm`.
        """
        if sum((path is not None, status, hold, digest is not None)) != 1:
            raise Refused("give one of: PATH, --status, --hold, --confirm WORD")
        if path is not None:
            _restore(office, path)
        elif hold:
            _hold(office)
        else:
            _decide(office, digest)

    return restore


def _restore(office: Office, path: Path) -> None:
    file = sqlite_file(office.config.database_url)
    if file is None:
        raise Refused("PostgreSQL is restored with pg_restore; then run `flask --app app restore --hold`")
    at = office.clock.now()
    aside = file.with_name(f"{file.name}.before-{at:%Y%m%dT%H%M%SZ}")
    try:
        with hold_engine_lock(file):
            restore_file(path, file, aside=aside, at=at)
    except EngineRunsElsewhere as exc:
        raise Refused(f"{exc}: stop it first") from exc
    except BackupRefused as exc:
        raise Refused(str(exc)) from exc
    kept = f"; what was there is {aside}" if aside.exists() else ""
    click.echo(f"{file} is the copy now{kept}")
    click.echo("Start the service: it reads the brokers and sends nothing. Then: restore --status")
    click.echo("Keys, webhooks and switches are as they were then: revoke again what was revoked since.")


def _hold(office: Office) -> None:
    with office.open() as db:
        begin_hold(db, at=office.clock.now())
    click.echo("the next start of the service reads the brokers and sends nothing; then: restore --status")


def _decide(office: Office, digest: str | None) -> None:
    with office.open() as db:
        found = _findings(db)
        if digest is None:
            _show(found)
            return
        if not found.is_complete:
            raise Refused("not every account could be read: see `restore --status`")
        if digest != found.digest:
            raise Refused("that is not what was found last: see `restore --status`")
        confirm(db, digest, at=office.clock.now())
    click.echo("confirmed: the service reads the brokers once more and goes on if they show the same")


def _findings(db: Database) -> Findings:
    if hold_of(db) is None:
        raise Refused("nothing is held: the database is not a restored one, or was confirmed")
    found = findings_of(db)
    if found is None:
        raise Refused("the brokers were not read yet: start the service and ask again in a moment")
    return found


def _show(found: Findings) -> None:
    for line in found.lines:
        click.echo(line)
    click.echo(f"read at {found.at:%Y-%m-%d %H:%M:%S} UTC")
    if found.is_complete:
        click.echo(f"To let the service go on with exactly this: restore --confirm {found.digest}")
    else:
        click.echo("Not every account could be read: log in where needed, it is read again every 30 s.")
