"""A process that works accounts and serves nobody: `python -m worker`. On PostgreSQL, any number of them."""

import signal
from dataclasses import replace

from app import StartupRefused, at_work
from database.session import StorageError, sqlite_file
from services.background import Background
from utils.config import Config

_ENDS = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Work accounts until told to go; then give them back, so that others have them at once."""
    config = replace(Config.from_env(), work_accounts=True)
    if sqlite_file(config.database_url) is not None:
        raise SystemExit("a worker of its own needs DATABASE_URL=postgresql+psycopg://...")
    # Before any thread starts: each of them inherits it, so that only this one hears the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        background: Background = at_work(config).extensions["openbracket_background"]
    except (StartupRefused, StorageError) as exc:
        raise SystemExit(str(exc)) from exc
    signal.sigwait(_ENDS)
    background.stop()


if __name__ == "__main__":
    main()
