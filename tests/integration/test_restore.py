"""A backup is proved good, and a service on a restored one sends nothing that could be there twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import app as wiring
from broker.base import BrokerSettings
from broker.paper import market_of
from database.bracket_db import load
from database.outbox_db import Channel, Destination, add_destination, waiting
from database.restore_db import findings_of
from database.session import Database
from services.bracket.model import State
from services.store_check import store_faults
from simulator import SimulatedExchange
from tests.replays import assert_all_replay
from tests.serving import Served, a_config, an_order, end, resting, serve, served_again, until
from utils.config import Config


def command(service: Served, *words: str) -> Result:
    return service.app.test_cli_runner().invoke(args=words)


def exchange_of(config: Config) -> SimulatedExchange:
    return market_of(BrokerSettings.of(config)).exchange


def exits_at_the_exchange(config: Config, account_id: str, bracket_id: str) -> int:
    rows = exchange_of(config).order_book(account_id)
    return sum(row.tag is not None and row.tag.startswith(bracket_id[-8:] + "X") for row in rows)


def orders_at_the_exchange(config: Config, account_id: str) -> int:
    return len(exchange_of(config).order_book(account_id))


# --- backup


def test_a_backup_of_a_running_service_is_whole_and_its_owners_only(tmp_path: Path) -> None:
    service, copy = serve(a_config(tmp_path)), tmp_path / "copy.db"
    service.until_state(service.place()["bracket_id"], "PROTECTED")

    done = command(service, "backup", str(copy))
    end(service)

    assert done.exit_code == 0, done.output
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
    db = Database(f"sqlite:///{copy}")
    assert list(store_faults(db)) == []
    assert assert_all_replay(db) == 1
    db.close()


def test_a_backup_never_overwrites_and_a_bad_address_is_told(tmp_path: Path) -> None:
    service, copy = serve(a_config(tmp_path)), tmp_path / "copy.db"
    copy.write_text("precious")

    taken, nowhere = command(service, "backup", str(copy)), command(service, "backup", "/no/such/folder/x.db")
    end(service)

    assert (taken.exit_code, nowhere.exit_code) == (2, 2)
    assert copy.read_text() == "precious"
    assert "exists already" in taken.output
    assert "cannot be written" in nowhere.output


FORGERIES = [
    (
        "UPDATE bracket_events SET payload = replace(payload, '505', '506') WHERE seq = 1",
        "event 1 was altered",
    ),
    ("DELETE FROM bracket_events WHERE seq = 3", "event 3 was altered, removed"),
    (
        "UPDATE brackets SET snapshot = replace(snapshot, '\"PROTECTED\"', '\"CLOSED\"')",
        "not what its events make",
    ),
    ("UPDATE legs SET filled = filled + 1 WHERE seq = 2", "the legs of bracket"),
    ("DELETE FROM accounts", "belongs to one of accounts that is not there"),
]


@pytest.mark.parametrize(("forgery", "words"), FORGERIES, ids=[words for _, words in FORGERIES])
def test_a_database_that_was_tampered_with_is_neither_backed_up_nor_restored(
    tmp_path: Path, forgery: str, words: str
) -> None:
    service, copy = serve(a_config(tmp_path)), tmp_path / "copy.db"
    service.until_state(service.place()["bracket_id"], "PROTECTED")
    end(service)
    file = tmp_path / "openbracket.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(forgery)
        connection.commit()
    before = file.read_bytes()

    backed_up = command(service, "backup", str(copy))
    restored = command(service, "restore", str(file))

    assert (backed_up.exit_code, restored.exit_code) == (2, 2)
    assert words in backed_up.output
    assert words in restored.output
    assert not copy.exists()
    assert file.read_bytes() == before


def test_half_a_file_is_not_restored(tmp_path: Path) -> None:
    service, copy = serve(a_config(tmp_path)), tmp_path / "copy.db"
    assert command(service, "backup", str(copy)).exit_code == 0
    end(service)
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])

    assert command(service, "restore", str(copy)).exit_code == 2


def test_a_database_in_use_is_not_replaced(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    service, copy = serve(config), tmp_path / "copy.db"
    assert command(service, "backup", str(copy)).exit_code == 0
    lock = wiring._engine_lock(config)  # as `main` holds it

    refused = command(service, "restore", str(copy))
    assert lock is not None
    lock.close()
    end(service)

    assert refused.exit_code == 2
    assert "stop it first" in refused.output


# --- restore


@pytest.fixture
def story(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Yesterday's backup: since then one bracket was filled and another one came."""
    config = a_config(tmp_path)
    service, copy = serve(config), tmp_path / "copy.db"
    one = service.place(**resting())["bracket_id"]
    service.until_state(one, "ENTRY_OPEN")
    hook = Destination(
        id="chat",
        account_id=service.account.id,
        channel=Channel.TELEGRAM,
        address="1",
        created_at=service.desk.clock.now(),
    )
    add_destination(service.desk.db, hook, secret=None)
    assert command(service, "backup", str(copy)).exit_code == 0
    other = service.place(**an_order(symbol="INFY", entry_price=1505, sl_price=1450, target_price=1600))
    exchange_of(config).set_price("NSE", "SBIN", last=Decimal("439"))
    service.until_state(one, "PROTECTED")
    service.until_state(other["bracket_id"], "PROTECTED")
    heard = service.post("bracketorderstatus", {"bracket_id": one}).get_json()
    end(service)
    restored = command(service, "restore", str(copy))
    assert restored.exit_code == 0, restored.output
    yield {"config": config, "key": service.key, "one": one, "other": other["bracket_id"], "heard": heard}


def test_a_restored_service_sends_nothing_and_says_what_it_does_not_know(story: dict[str, Any]) -> None:
    config: Config = story["config"]
    with served_again(config, story["key"]) as service:
        before = orders_at_the_exchange(config, service.account.id)
        found = until(lambda: findings_of(service.desk.db))

        placed = service.post("placebracketorder", an_order())
        left = service.post("exitbracketorder", {"bracket_id": story["one"]})
        ready = service.client.get("/readyz")
        metrics = service.client.get("/metrics").get_data(as_text=True)
        shown = command(service, "restore", "--status").output

        assert [answer.get_json()["code"] for answer in (placed, left)] == ["held_after_restore"] * 2
        assert (placed.status_code, ready.status_code) == (403, 503)
        assert "restored" in ready.get_json()["message"]
        assert "openbracket_held_after_restore 1.0" in metrics
        assert f"bracket {story['one']}: adopted" in shown
        assert shown.count("UNKNOWN ORDER") == 2
        assert shown.count(story["other"][-8:]) == 2
        assert found.digest in shown
        assert orders_at_the_exchange(config, service.account.id) == before
        assert service.desk.supervisor.workers() == []
        until(
            lambda: [m for m in waiting(service.desk.db, ["chat"], limit=9) if m.key.startswith("restored")]
        )


def test_once_confirmed_the_stop_sent_since_is_taken_back_and_none_is_sent_beside_it(
    story: dict[str, Any],
) -> None:
    config: Config = story["config"]
    with served_again(config, story["key"]) as service:
        digest = until(lambda: findings_of(service.desk.db)).digest
        before = orders_at_the_exchange(config, service.account.id)

        assert command(service, "restore", "--confirm", digest).exit_code == 0

        until(lambda: service.client.get("/readyz").status_code == 200)
        protected = service.until_state(story["one"], "PROTECTED")
        assert exits_at_the_exchange(config, service.account.id, story["one"]) == 1
        assert orders_at_the_exchange(config, service.account.id) == before
        assert [leg["tag"] for leg in protected["legs"]] == [leg["tag"] for leg in story["heard"]["legs"]]
        assert service.place(**resting(symbol="RELIANCE", dry_run=True, confirm_prices=True))
        assert list(store_faults(service.desk.db)) == []
        assert assert_all_replay(service.desk.db) == 1


def test_what_was_not_seen_cannot_be_confirmed(story: dict[str, Any]) -> None:
    config: Config = story["config"]
    with served_again(config, story["key"]) as service:
        seen = until(lambda: findings_of(service.desk.db)).digest
        wrong = command(service, "restore", "--confirm", "0123456789ab")
        # The stop goes away between the look and the word of the person.
        (row,) = [
            row
            for row in exchange_of(config).order_book(service.account.id)
            if row.tag is not None and row.tag.startswith(story["one"][-8:] + "X")
        ]
        exchange_of(config).cancel(service.account.id, row.broker_order_id)

        assert wrong.exit_code == 2
        assert command(service, "restore", "--confirm", seen).exit_code in (0, 2)
        other = until(lambda: _digest_other_than(service, seen))
        assert service.client.get("/readyz").status_code == 503
        assert command(service, "restore", "--confirm", other).exit_code == 0
        until(lambda: service.client.get("/readyz").status_code == 200)


def _digest_other_than(service: Served, seen: str) -> str | None:
    found = findings_of(service.desk.db)
    return found.digest if found is not None and found.digest != seen else None


def test_old_sessions_are_ended_and_event_numbers_go_on(story: dict[str, Any]) -> None:
    config: Config = story["config"]
    db = Database(config.database_url)
    with db.read() as connection:
        numbers = list(connection.exec_driver_sql("SELECT last_seq FROM account_sequences"))
    bracket = load(db, story["one"])
    db.close()

    assert bracket is not None
    assert bracket.state is State.ENTRY_OPEN
    assert [seq > 1_000_000 for (seq,) in numbers] == [True]
