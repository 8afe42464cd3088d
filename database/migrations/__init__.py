"""Migrations of the database: run from a command, never by a worker.

A start-up that changes tables while other processes write has deadlocked live updates.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config

from database.postgres import prepare_migration
from database.session import Database, sqlite_file

__all__ = ["upgrade"]


def upgrade(db_url: str) -> None:
    """Bring the tables to the newest form. Does nothing when they are; raises NotStored, DatabaseUnfit."""
    _create_private(sqlite_file(db_url))
    db = Database(db_url)
    try:
        with db.write() as connection:
            if db.dialect_name == "postgresql":
                prepare_migration(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        db.close()


def _create_private(file: Path | None) -> None:
    """Make a new SQLite file readable by its owner only; its logs take its mode."""
    if file is not None and file.parent.is_dir() and not file.exists():
        file.touch(mode=0o600)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
