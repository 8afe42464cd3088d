"""Whether the process lives, and whether it can do its work."""

from datetime import timedelta

from flask import Blueprint, Response

from database import migrations
from database.account_db import AccountStatus, list_accounts
from database.session import StorageError
from database.settings import SettingScope, put_setting
from restx_api.callers import background, count_anybody, desk
from restx_api.envelope import failure, success
from services.account_worker import AccountWorker
from services.bracket.model import Overlay
from utils.clock import Clock, SystemClock

health_bp = Blueprint("health", __name__)
health_bp.before_request(count_anybody)  # being ready is asked of the database, and anybody may ask

_HEARTBEAT_SECONDS = 10.0


@health_bp.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return success({"message": "alive"})


@health_bp.get("/readyz")
def readyz() -> Response:
    """Say whether brackets can be placed and watched; 503 with the reasons when not.

    A dead broker token or a bracket that cannot be decided is told but is no reason: a restart would
    not mend it, only stop the watch.
    """
    reasons = [*_database_faults(), *_worker_faults()]
    if background().is_stopping:
        reasons.append("the service is stopping")
    if reasons:
        return failure(503, "not_ready", "; ".join(reasons), extra={"reasons": reasons})
    return success({"message": "ready", "warnings": _warnings()})


def _database_faults() -> list[str]:
    now = desk().clock.now()
    try:
        if not migrations.is_current(desk().db):
            return ["the database is not up to date: run `flask --app app db upgrade`"]
        put_setting(
            desk().db, SettingScope.SERVICE, subject_id="", key="ready_probe", value=now.isoformat(), at=now
        )
    except StorageError as exc:
        return [f"the database cannot be written: {exc}"]
    return []


def _worker_faults() -> list[str]:
    now = desk().clock.monotonic()
    quiet = [one for one in desk().supervisor.workers() if now - one.last_turn > _HEARTBEAT_SECONDS]
    return [f"the worker of account {one.account_id} has not turned for 10 s" for one in quiet]


def _warnings() -> list[str]:
    dead = {one.account_id for one in desk().supervisor.workers() if _is_dead(one)}
    logins = [
        f"account {one.name} needs a new broker login"
        for one in list_accounts(desk().db)
        if one.status is AccountStatus.NEEDS_LOGIN or one.id in dead
    ]
    stuck = sorted(bracket_id for one in desk().supervisor.workers() for bracket_id in one.stuck)
    undecided = [f"bracket {bracket_id} cannot be decided: look at it yourself" for bracket_id in stuck]
    return [*logins, *_unpriced(), *undecided, *_clock_warnings(desk().clock)]


def _unpriced() -> list[str]:
    names = {one.id: one.name for one in list_accounts(desk().db)}
    unpriced = {one.account_id for one in desk().supervisor.workers() if not one.capabilities.gives_quotes}
    return [
        f"account {names[one]} gets no prices by its plan at the broker: brackets are refused"
        for one in sorted(unpriced & names.keys())
    ]


def _clock_warnings(clock: Clock) -> list[str]:
    jump = clock.jumped_by if isinstance(clock, SystemClock) else timedelta(0)
    return [f"the wall clock jumped by {jump}: restart the service once it is right"] if jump else []


def _is_dead(worker: AccountWorker) -> bool:
    return Overlay.AUTH_DEAD in worker.troubles
