"""A database of the first release, with brackets open, brought to the newest form."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig

from database import migrations
from database.account_db import list_accounts
from database.bracket_db import GENESIS_HASH, _chain_hash, events_of, load_open, verify_chain
from database.session import Database
from services.bracket.model import State
from services.store_check import store_faults
from tests.serving import a_config, an_order, end, resting, serve, served_again

FIRST = "0001"
TABLES = (
    "users",
    "accounts",
    "api_keys",
    "brackets",
    "legs",
    "bracket_events",
    "account_sequences",
    "settings",
)


def at_revision(url: str, revision: str) -> None:
    """Make a database as a release of that revision made it."""
    db = Database(url)
    with db.write() as connection:
        config: AlembicConfig = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    db.close()


def rows_as_of_first(new: Path, old: Path) -> None:
    """Write what a service stored into a database of the first form: no causes, no fields that came later."""
    with closing(sqlite3.connect(new)) as source, closing(sqlite3.connect(old)) as target:
        source.row_factory = sqlite3.Row
        for table in TABLES:
            known = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
            for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608
                kept = {name: row[name] for name in row.keys() if name in known}  # noqa: SIM118  # a Row has no items
                marks = ", ".join("?" * len(kept))
                target.execute(
                    f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({marks})",  # noqa: S608
                    list(kept.values()),
                )
        target.commit()


def rehashed(file: Path) -> None:
    """Chain the events anew, as they were chained before causes were part of it."""
    with closing(sqlite3.connect(file)) as connection:
        events = "SELECT bracket_id, seq, kind, at, payload FROM bracket_events ORDER BY bracket_id, seq"
        previous, of = GENESIS_HASH, ""
        for bracket_id, seq, kind, at, payload in connection.execute(events).fetchall():
            previous = GENESIS_HASH if bracket_id != of else previous
            digest = _chain_hash(previous, bracket_id, seq, kind, at, payload)
            connection.execute(
                "UPDATE bracket_events SET prev_hash = ?, hash = ? WHERE bracket_id = ? AND seq = ?",
                (previous, digest, bracket_id, seq),
            )
            previous, of = digest, bracket_id
        connection.commit()


def test_open_brackets_of_the_first_release_are_folded_and_worked_on(tmp_path: Path) -> None:
    first, old = tmp_path / "first", tmp_path / "old"
    first.mkdir()
    old.mkdir()
    config = a_config(old, paper_state=str(first / "paper.state"))
    service = serve(a_config(first))
    held = service.place(**an_order())["bracket_id"]
    waiting = service.place(**resting(symbol="INFY", entry_price=1400, sl_price=1350, target_price=1600))
    service.until_state(held, "PROTECTED")
    service.until_state(waiting["bracket_id"], "ENTRY_OPEN")
    end(service)
    at_revision(config.database_url, FIRST)
    rows_as_of_first(first / "openbracket.db", old / "openbracket.db")
    rehashed(old / "openbracket.db")

    migrations.upgrade(config.database_url)

    db = Database(config.database_url)
    account = list_accounts(db)[0]
    states = {bracket.id: bracket.state for bracket in load_open(db, [account.id])}
    assert states == {held: State.PROTECTED, waiting["bracket_id"]: State.ENTRY_OPEN}
    assert list(store_faults(db)) == []
    assert [verify_chain(db, one) for one in states] == [None, None]
    assert all(json.loads(one.payload) is not None for one in events_of(db, held))
    db.close()
    with served_again(config, service.key) as again:
        answer = again.post("exitbracketorder", {"bracket_id": held})
        assert answer.status_code == 200, answer.get_json()
        again.until_state(held, "CLOSED")
        assert list(store_faults(again.desk.db)) == []
