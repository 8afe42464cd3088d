"""Commands for people who log in: a new password, a set-up code, no second factor any more."""

import sys

import click

from cli.office import Office, Refused
from database.account_db import Owner, owner_named
from database.session import Database
from services.errors import BracketDenied
from services.logins import Logins

_NAME = click.option("--name", default="owner", show_default=True, help="Who logs in.")


def user_commands(office: Office) -> click.Group:
    group = click.Group("user", help="Who logs in to the dashboard.")

    @group.command("password")
    @_NAME
    @click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")
    def password(name: str, *, from_stdin: bool) -> None:
        """Set a new password; every session ends. The second factor stays."""
        text = sys.stdin.readline().rstrip("\r\n") if from_stdin else _asked()
        with office.open() as db:
            try:
                _logins(db, office).change_password(_the_user(db, name), text)
            except BracketDenied as exc:
                raise Refused(str(exc)) from exc
        click.echo(f"{name} has a new password; every session has ended")

    @group.command("setup-code")
    @_NAME
    def setup_code(name: str) -> None:
        """Print a code that sets the first password in the browser, once and within a day."""
        with office.open() as db:
            owner = _the_user(db, name)
            if owner.password_hash is not None:
                raise Refused(f"{name} has a password; `user password` sets another")
            click.echo(_logins(db, office).mint_setup_code(owner.id))

    @group.command("no-second-factor")
    @_NAME
    def no_second_factor(name: str) -> None:
        """Let the password alone in again, for a lost phone and lost recovery codes."""
        with office.open() as db:
            _logins(db, office).forget_second_factor(_the_user(db, name).id)
        click.echo(f"{name} logs in with the password alone")

    return group


def _asked() -> str:
    text: str = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    return text


def _logins(db: Database, office: Office) -> Logins:
    return Logins(db, office.secrets.box, office.clock)


def _the_user(db: Database, name: str) -> Owner:
    found = owner_named(db, name)
    if found is None:
        raise Refused(f"there is nobody named {name!r}")
    return found
