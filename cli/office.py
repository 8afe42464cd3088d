"""What every command needs: the settings, the database, and faults as one sentence."""

from collections.abc import Generator
from contextlib import contextmanager

import click
from sqlalchemy.exc import DBAPIError

from database import account_db
from database.account_db import Account
from database.auth_db import Secrets
from database.revision import is_current
from database.secret_box import SecretBox
from database.session import Database, StorageError
from utils.clock import Clock
from utils.config import Config


class Refused(click.ClickException):
    """What was asked cannot be done; the message is the whole explanation."""

    exit_code = 2


class Office:
    """Opens what a command needs, and turns storage faults into one sentence."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
        self.secrets = Secrets(box, clock)

    @contextmanager
    def open(self) -> Generator[Database]:
        db = Database(self.config.database_url)
        try:
            with faults_as_sentences():
                if not is_current(db):
                    raise Refused("the database is not up to date: run `flask --app app db upgrade` first")
                yield db
        finally:
            db.close()


@contextmanager
def faults_as_sentences() -> Generator[None]:
    """Turn what the store raises into Refused."""
    try:
        yield
    except StorageError as exc:
        raise Refused(str(exc)) from exc
    except DBAPIError as exc:
        raise Refused(f"database error: {exc.orig}") from exc


def account_called(db: Database, name: str) -> Account:
    """Return the account of this name. Raises Refused."""
    found = account_db.account_named(db, name)
    if found is None:
        raise Refused(f"there is no account named {name!r}")
    return found
