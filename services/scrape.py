"""All gauges of one scrape, what is not protected first; a database that fails hides none of the rest."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import Metric

from database.account_db import list_accounts
from database.session import StorageError
from services.account_worker import AccountWorker
from services.bracket.model import Bracket
from services.desk import Desk
from services.gauges import bracket_gauges, gauge, single, worker_gauges
from services.stored_gauges import stored_gauges, unworked_brackets
from utils.clock import SystemClock

logger = logging.getLogger(__name__)


def standing(desk: Desk) -> Iterator[Metric]:
    """Yield how the service stands now."""
    now, workers = desk.clock.now(), desk.supervisor.workers()
    stored, unworked = _stored(desk, workers)
    worked = [bracket for one in workers for bracket in one.open_brackets()]
    yield from bracket_gauges([*worked, *unworked], now)
    yield single("unworked_brackets", "Open brackets of accounts that no worker looks after.", len(unworked))
    yield from worker_gauges(workers, now)
    yield from stored
    yield gauge("log_entries", "Calls that wait to be logged.", ("log",), _logs(desk))
    jump = desk.clock.jumped_by if isinstance(desk.clock, SystemClock) else timedelta(0)
    yield single(
        "clock_jump_seconds", "By how much the wall clock jumped, and is not followed.", jump.total_seconds()
    )


def _stored(desk: Desk, workers: list[AccountWorker]) -> tuple[list[Metric], tuple[Bracket, ...]]:
    words = "1 when the database answered this scrape, else 0 and gauges that it knows are missing."
    try:
        accounts = list_accounts(desk.db)
        found = list(stored_gauges(desk.db, accounts, desk.clock.now()))
        unworked = unworked_brackets(desk.db, accounts, frozenset(one.account_id for one in workers))
    except StorageError:
        logger.exception("metrics without what the database knows: it did not answer")
        return [single("database_up", words, 0)], ()
    return [single("database_up", words, 1), *found], unworked


def _logs(desk: Desk) -> list[tuple[tuple[str, ...], float]]:
    logs = {"orders": desk.order_log, "analyzer": desk.analyzer_log, "signals": desk.signal_log}
    return [((name,), log.waiting) for name, log in logs.items()]
