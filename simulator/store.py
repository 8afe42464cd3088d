"""The exchange's file: every table as key and JSON, only changed rows written, and the posted commands."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from services.bracket.model import Instrument
from simulator.funds import Account
from simulator.gtt import Gtt
from simulator.ledger import Ledger, Table
from simulator.market import Market
from simulator.orders import Order
from simulator.positions import Holding, Position, Trade

_ROW_TYPES: dict[str, type] = {
    "orders": Order,
    "gtts": Gtt,
    "trades": Trade,
    "positions": Position,
    "holdings": Holding,
    "accounts": Account,
    "markets": Market,
    "numbers": int,
    "days": str,
    "admitted": Instrument,
}
_COMMANDS = (
    "CREATE TABLE IF NOT EXISTS commands (id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "body TEXT NOT NULL, outcome TEXT)"
)
# In the order rows must come back in: a book is listed as it was written.
_BY_AGE = "ORDER BY rowid"


@dataclass(frozen=True, slots=True)
class PostedCommand:
    """A command another process left, as it wrote it."""

    command_id: int
    body: str


class ExchangeStore:
    """One SQLite file, or nothing at all for path None. Used under the exchange's lock only.

    With synchronous=NORMAL a commit survives the death of the process, not that of the machine.
    """

    def __init__(self, path: Path | None) -> None:
        self._connection = None if path is None else _open(path)
        self.is_new = self._connection is None or not self._has_rows(self._connection)

    def load(self) -> Ledger:
        """Return everything the file holds."""
        ledger = Ledger()
        if self._connection is not None:
            for name in _ROW_TYPES:
                _load_table(self._connection, name, table=_table(ledger, name))
        ledger.index()
        return ledger

    def save(self, ledger: Ledger) -> None:
        """Write the rows that changed, in one transaction."""
        changed = [name for name in _ROW_TYPES if _table(ledger, name).changed]
        if not changed:
            return
        if self._connection is not None:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                for name in changed:
                    _write_table(self._connection, name, table=_table(ledger, name))
        for name in changed:
            _table(ledger, name).changed.clear()

    def posted(self) -> list[PostedCommand]:
        """Return the commands nobody has carried out yet, oldest first."""
        if self._connection is None:
            return []
        rows = self._connection.execute("SELECT id, body FROM commands WHERE outcome IS NULL ORDER BY id")
        return [PostedCommand(command_id, body) for command_id, body in rows]

    def finish(self, command: PostedCommand, outcome: str, *, ledger: Ledger) -> None:
        """Write what a command did together with its outcome, so that it is carried out once."""
        if self._connection is None:
            return
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for name in _ROW_TYPES:
                _write_table(self._connection, name, table=_table(ledger, name))
            self._connection.execute(
                "UPDATE commands SET outcome = ? WHERE id = ?", (outcome, command.command_id)
            )
        for name in _ROW_TYPES:
            _table(ledger, name).changed.clear()

    def close(self) -> None:
        """Close the file; a closed store cannot be used again."""
        if self._connection is not None:
            self._connection.close()

    def _has_rows(self, connection: sqlite3.Connection) -> bool:
        return connection.execute("SELECT 1 FROM numbers LIMIT 1").fetchone() is not None


def post(path: Path, body: str) -> int:
    """Leave a command for the exchange that runs on this file and return its id.

    Raises sqlite3.OperationalError when there is no such file: no exchange has ever run there.
    """
    connection = _existing(path)
    try:
        with connection:
            added = connection.execute("INSERT INTO commands (body) VALUES (?)", (body,))
            return added.lastrowid or 0
    finally:
        connection.close()


def outcome_of(path: Path, command_id: int) -> str | None:
    """Return what became of a posted command, None while nobody has taken it up."""
    connection = _existing(path)
    try:
        row = connection.execute("SELECT outcome FROM commands WHERE id = ?", (command_id,)).fetchone()
    finally:
        connection.close()
    return None if row is None else row[0]


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The exchange's own lock keeps threads apart; isolation_level None leaves BEGIN to us.
    connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    for name in _ROW_TYPES:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY, body BLOB NOT NULL)")
    connection.execute(_COMMANDS)
    return connection


def _existing(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=5.0)


def _table(ledger: Ledger, name: str) -> Table[Any]:
    table: Table[Any] = getattr(ledger, name)
    return table


def _load_table(connection: sqlite3.Connection, name: str, *, table: Table[Any]) -> None:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_ROW_TYPES[name])
    for key, body in connection.execute(f"SELECT key, body FROM {name} {_BY_AGE}"):  # noqa: S608  # our own names
        table.put(key, decoder.decode(body))
    table.changed.clear()


def _write_table(connection: sqlite3.Connection, name: str, *, table: Table[Any]) -> None:
    for key in table.changed:
        row = table.get(key)
        if row is None:
            connection.execute(f"DELETE FROM {name} WHERE key = ?", (key,))  # noqa: S608  # our own names
        else:
            connection.execute(
                f"INSERT INTO {name} (key, body) VALUES (?, ?) "  # noqa: S608  # our own names
                "ON CONFLICT (key) DO UPDATE SET body = excluded.body",
                (key, msgspec.json.encode(row)),
            )
