"""Whether brackets can be placed and watched, and what a person should know besides."""

from collections.abc import Container, Iterable
from datetime import timedelta

from database.account_db import Account, AccountStatus, list_accounts
from database.restore_db import hold_of
from database.revision import is_current
from database.session import StorageError
from database.settings import SettingScope, put_setting
from services.account_worker import AccountWorker
from services.bracket.model import Overlay
from services.desk import Desk
from services.vitals import HEARTBEAT_SECONDS
from utils.clock import Clock, SystemClock


def faults(desk: Desk, *, is_stopping: bool, told_to: Container[str] | None = None) -> list[str]:
    """Return why the service cannot do its work; empty when it can.

    told_to: the accounts of whoever reads this, None for whoever runs the service. Another's worker that
    hangs is told, but not whose it is.
    """
    found = [*_database_faults(desk), *_worker_faults(desk, told_to)]
    return [*found, "the service is stopping"] if is_stopping else found


def warnings(desk: Desk, *, owner_id: str | None = None) -> list[str]:
    """Return what keeps single accounts or brackets from working, of all owners or of one. Raises NotRead."""
    accounts = list_accounts(desk.db, owner_id=owner_id)
    ids = {one.id for one in accounts}
    workers = [one for one in desk.supervisor.workers() if one.account_id in ids]
    dead = {one.account_id for one in workers if _is_dead(one)}
    logins = [
        f"account {one.name} needs a new broker login"
        for one in accounts
        if one.status is AccountStatus.NEEDS_LOGIN or one.id in dead
    ]
    stuck = sorted(bracket_id for one in workers for bracket_id in one.stuck)
    undecided = [f"bracket {bracket_id} cannot be decided: look at it yourself" for bracket_id in stuck]
    return [*logins, *_unpriced(accounts, workers), *undecided, *_clock_warnings(desk.clock)]


def _unpriced(accounts: Iterable[Account], workers: Iterable[AccountWorker]) -> list[str]:
    names = {one.id: one.name for one in accounts}
    unpriced = {one.account_id for one in workers if not one.capabilities.gives_quotes}
    return [
        f"account {names[one]} gets no prices by its plan at the broker: brackets are refused"
        for one in sorted(unpriced)
    ]


def _database_faults(desk: Desk) -> list[str]:
    now = desk.clock.now()
    try:
        if not is_current(desk.db):
            return ["the database is not up to date: run `flask --app app db upgrade`"]
        put_setting(
            desk.db, SettingScope.SERVICE, subject_id="", key="ready_probe", value=now.isoformat(), at=now
        )
        is_held = hold_of(desk.db) is not None
    except StorageError as exc:
        return [f"the database cannot be written: {exc}"]
    return ["the database was restored from a backup: run `restore --status`"] if is_held else []


def _worker_faults(desk: Desk, told_to: Container[str] | None) -> list[str]:
    now = desk.clock.monotonic()
    quiet = [one for one in desk.supervisor.workers() if now - one.last_turn > HEARTBEAT_SECONDS]
    whose = [
        f"the worker of account {one.account_id}"
        if told_to is None or one.account_id in told_to
        else "the worker of somebody else's account"
        for one in quiet
    ]
    return [f"{one} has not turned for 10 s" for one in whose]


def _clock_warnings(clock: Clock) -> list[str]:
    jump = clock.jumped_by if isinstance(clock, SystemClock) else timedelta(0)
    return [f"the wall clock jumped by {jump}: restart the service once it is right"] if jump else []


def _is_dead(worker: AccountWorker) -> bool:
    return Overlay.AUTH_DEAD in worker.troubles
