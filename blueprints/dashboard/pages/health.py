"""Health: what readiness and the doctor know, the workers, the queues, how brokers answer."""

from flask import Response

from blueprints.dashboard.guard import login, owned_accounts
from blueprints.dashboard.office_shapes import moment, vitals_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.account_db import Account
from database.outbox_db import Channel, count_waiting, destinations
from restx_api.callers import background, desk
from restx_api.envelope import success
from restx_api.safety_shape import safety_shape
from restx_api.shaping import Shape
from services.bracket.model import Mode
from services.checkup import CheckupPorts, check_up
from services.readiness import faults, warnings
from services.safety_report_service import Days, safety_report, today

_BROKERS_DAYS = 7

page = Page("health", title="Health", link="Health", order=60)


@page.get("/health")
def show() -> Response:
    return page.render(days=_BROKERS_DAYS)


@page.get("/api/health")
def read() -> Response:
    """Return what can be told at once: readiness, workers, queues. Asks no broker."""
    owner_id, accounts = login().owner_id, owned_accounts()
    ids = {one.id for one in accounts}
    workers = [one.vitals() for one in desk().supervisor.workers() if one.account_id in ids]
    return success(
        {
            "now": moment(desk().clock.now()),
            "faults": faults(desk(), is_stopping=background().is_stopping, told_to=ids),
            "warnings": warnings(desk(), owner_id=owner_id),
            "accounts": [account_shape(one) for one in accounts],
            "workers": [vitals_shape(one) for one in workers],
            "queues": _queues(accounts),
        }
    )


@page.get("/api/health/brokers")
def read_brokers() -> Response:
    """Return how late brokers answer, measured on the owner's orders of the last days, and Q."""
    now = desk().clock.now()
    days = Days(today(now), _BROKERS_DAYS)
    ids = [one.id for one in owned_accounts()]
    report = safety_report(desk().db, ids, mode=Mode.LIVE, days=days, now=now)
    return success({"brokers": safety_shape(report)["brokers"]})


@page.get("/api/health/checks")
def read_checks() -> Response:
    """Look at what usually goes wrong, as `doctor` does."""
    ports = CheckupPorts(db=desk().db, box=desk().secrets.box, clock=desk().clock)
    found = check_up(ports, owner_id=login().owner_id)
    return success({"checks": [{"fine": fine, "words": words} for fine, words in found]})


def _queues(accounts: tuple[Account, ...]) -> list[Shape]:
    waits = count_waiting(desk().db)
    outbox = [
        {"name": f"{channel} of account {one.name}", "waiting": waits.get(found.id, 0), "lost": 0}
        for one in accounts
        for channel in Channel
        for found in destinations(desk().db, channel, account_id=one.id)
    ]
    logs = [
        {"name": name, "waiting": log.waiting, "lost": log.dropped}
        for name, log in (("log of calls", desk().order_log), ("log of analyzer calls", desk().analyzer_log))
    ]
    return [*outbox, *logs]
