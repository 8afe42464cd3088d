"""What `make run` does before it serves: the settings file, the tables, a paper account and its key."""

import sys
from pathlib import Path

from database import migrations
from database.account_db import account_named, create_account, create_owner, owner_named
from database.auth_db import Scope, Secrets, create_api_key
from database.secret_box import SecretBox
from database.session import Database
from services.logins import Logins
from utils.clock import SystemClock
from utils.config import Config, ConfigInvalid, write_env_file

ACCOUNT = "paper"
OWNER = "owner"


def main(arguments: list[str]) -> int:
    """Run one step: `env` writes .env once, `database` makes tables and the paper account once."""
    match arguments:
        case ["env"]:
            write_env_file(Path(".env"))
            print("wrote .env with new secrets, readable by you only")
        case ["database"]:
            return _set_up_database()
        case _:
            print("usage: python -m scripts.setup env|database", file=sys.stderr)
            return 2
    return 0


def _set_up_database() -> int:
    try:
        config = Config.from_env()
    except ConfigInvalid as exc:
        print(exc, file=sys.stderr)
        return 2
    migrations.upgrade(config.database_url)
    db = Database(config.database_url)
    try:
        _seed(db, config)
        _tell_setup_code(db, config)
    finally:
        db.close()
    return 0


def _seed(db: Database, config: Config) -> None:
    if account_named(db, ACCOUNT) is not None:
        return
    clock = SystemClock()
    owner = owner_named(db, OWNER) or create_owner(db, OWNER, at=clock.now())
    account = create_account(db, ACCOUNT, owner_id=owner.id, broker="paper", at=clock.now())
    box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
    scopes = (Scope.READ, Scope.TRADE)
    key = create_api_key(db, Secrets(box, clock), account.id, scopes=scopes, at=clock.now())
    print(f"paper account ready; its API key, shown only now: {key}", flush=True)


def _tell_setup_code(db: Database, config: Config) -> None:
    """Print what the first password must come with: who reaches the page first must not own the service."""
    box = SecretBox(pepper=config.api_key_pepper, encryption_keys=config.encryption_keys)
    logins, owner = Logins(db, box, SystemClock()), owner_named(db, OWNER)
    if owner is None or owner.password_hash is not None:
        return
    code = logins.mint_setup_code(owner.id)
    address = f"http://127.0.0.1:{config.port}/dashboard/setup"
    print(f"dashboard: set your password at {address} with the set-up code {code}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
