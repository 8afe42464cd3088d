"""The safety report: how well every filled share was protected."""

from flask import Response, request

from blueprints.dashboard.guard import owned_account, owned_accounts
from blueprints.dashboard.office import word
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.safety_shape import safety_shape
from restx_api.schemas import ReportSchema
from services.bracket.model import Mode
from services.safety_report_service import MOST_DAYS, Days, safety_report, today

page = Page("safety", title="Safety report", link="Safety", order=62)


@page.get("/safety")
def show() -> Response:
    return page.render(
        accounts=[account_shape(one) for one in owned_accounts()],
        today=today(desk().clock.now()).isoformat(),
        most_days=MOST_DAYS,
    )


@page.get("/api/safety")
def read() -> Response:
    """Return the report of some exchange days, of one account or all of the owner's."""
    said = {name: request.args[name] for name in ("date", "days") if request.args.get(name)}
    asked, now = ReportSchema().read(said), desk().clock.now()
    mode = word(Mode, "mode", request.args.get("mode", Mode.LIVE.value))
    account_id = request.args.get("account")
    chosen = [owned_account(account_id)] if account_id else list(owned_accounts())
    days = Days(asked.date or today(now), asked.days)
    report = safety_report(desk().db, [one.id for one in chosen], mode=mode, days=days, now=now)
    return success({"report": safety_shape(report)})
