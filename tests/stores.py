"""A database in a file, secrets and an account, for tests that store things."""

from base64 import urlsafe_b64encode
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from database.account_db import Account, create_account, create_owner, owner_named
from database.auth_db import Secrets
from database.schema import metadata
from database.secret_box import SecretBox
from database.session import Database
from tests.builders import NINE_THIRTY
from utils.clock import Clock, SystemClock


def a_database(path: Path) -> Database:
    """Return a database in a new file below path, with every table; close it when done."""
    file = path / "openbracket.db"
    if not file.exists():
        file.write_bytes(_every_table())
    return Database(f"sqlite:///{file}")


def some_secrets(clock: Clock | None = None) -> Secrets:
    """Return secrets with fixed keys; verified keys age by the clock given, else by the machine's."""
    box = SecretBox(pepper=b"p" * 32, encryption_keys=[urlsafe_b64encode(b"k" * 32).decode()])
    return Secrets(box, clock or SystemClock())


def an_account(db: Database, *, name: str = "main", broker: str = "paper") -> Account:
    """Store an account and, when it is missing, the owner `owner`, and return the account."""
    owner = owner_named(db, "owner") or create_owner(db, "owner", at=NINE_THIRTY)
    return create_account(db, name, owner_id=owner.id, broker=broker, at=NINE_THIRTY)


@cache
def _every_table() -> bytes:
    """Make the tables once a process: a copy takes a thousandth of the time."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tables.db"
        database = Database(f"sqlite:///{file}")
        with database.write() as connection:
            metadata.create_all(connection)
        database.close()  # the last one to leave brings the log home: the file alone is the database
        return file.read_bytes()
