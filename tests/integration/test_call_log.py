"""The logs of calls: everything arrives in order, nothing secret, and nobody waits."""

from decimal import Decimal
from pathlib import Path

import pytest

from database import call_log
from database.analyzer_db import AnalyzerLog, async_log_analyzer
from database.apilog_db import OrderLog, async_log_order
from database.session import Database
from database.signal_db import SignalFilter, SignalLog
from tests.builders import NINE_THIRTY, StoppedClock


def test_calls_are_written_in_order_with_their_time(db: Database) -> None:
    log = OrderLog(db, StoppedClock())
    log.start()

    for number in range(500):
        async_log_order(log, "placebracketorder", {"n": number}, {"status": "success"})
    log.flush()

    newest = log.calls(limit=2)
    assert [call.request_data for call in newest] == ['{"n":499}', '{"n":498}']
    assert newest[0].created_at == NINE_THIRTY
    assert [call.request_data for call in log.calls(limit=1, before_id=2)] == ['{"n":0}']
    log.stop()


def test_stopping_writes_what_waits(db: Database) -> None:
    log = OrderLog(db, StoppedClock())
    async_log_order(log, "early", {}, {})  # before the start
    log.start()
    for _ in range(300):
        async_log_order(log, "late", {}, {})

    log.stop()

    assert len(log.calls(limit=1000)) == 301


def test_secrets_never_reach_the_log(db: Database, tmp_path: Path) -> None:
    log = OrderLog(db, StoppedClock())
    log.start()

    async_log_order(
        log,
        "placebracketorder",
        {"apikey": "planted-key", "price": Decimal("1450.50"), "headers": {"Cookie": "planted-cookie"}},
        {"message": "token planted-a:planted-b refused"},
    )
    log.stop()

    call = log.calls(limit=1)[0]
    everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert '"price":"1450.50"' in call.request_data
    assert b"planted" not in everything


def test_a_signals_own_columns_are_redacted_too(db: Database) -> None:
    log = SignalLog(db, StoppedClock())
    log.start()
    also = {
        "account_id": "a",
        "sender_id": "s",
        "verdict": "rejected",
        "reason": "token=planted-word refused",
    }

    log.take("alert", request={}, response={}, also=also)
    log.stop()

    (found,) = log.signals(["a"], SignalFilter(), limit=5)
    assert found.reason == "token=[secret] refused"
    assert (found.symbol, found.bracket_id) == (None, None)


def test_calls_in_analyzer_mode_have_a_log_of_their_own(db: Database) -> None:
    log = AnalyzerLog(db, StoppedClock())
    log.start()

    async_log_analyzer(log, {"symbol": "SBIN"}, {"mode": "analyze"}, "placebracketorder")
    log.stop()

    assert [call.api_type for call in log.calls(limit=10)] == ["placebracketorder"]
    assert OrderLog(db, StoppedClock()).calls(limit=10) == ()


def test_a_full_queue_drops_and_counts_instead_of_waiting(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_log, "MOST_WAITING", 2)
    log = OrderLog(db, StoppedClock())

    for _ in range(5):
        async_log_order(log, "placebracketorder", {}, {})

    assert log.dropped == 3


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_database_that_cannot_store_costs_the_entries_and_not_the_thread(db: Database) -> None:
    log = OrderLog(db, StoppedClock())
    log.start()
    db.close()
    with db.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")

    async_log_order(log, "lost", {}, {})
    log.flush()
    db.close()  # the next connection may write again
    async_log_order(log, "kept", {}, {})
    log.stop()

    assert log.dropped == 1
    assert [call.api_type for call in log.calls(limit=10)] == ["kept"]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_an_error_of_ours_costs_the_entries_and_not_the_thread(db: Database) -> None:
    log = OrderLog(db, StoppedClock())
    log.start()
    with db.write() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX once ON order_logs (api_type)")

    async_log_order(log, "twice", {}, {})
    log.flush()
    async_log_order(log, "twice", {}, {})
    log.flush()
    async_log_order(log, "once", {}, {})
    log.stop()

    assert log.dropped == 1
    assert [call.api_type for call in log.calls(limit=10)] == ["once", "twice"]
