"""POST /api/v1/safetyreport/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import SafetyReportTold, documented
from restx_api.safety_shape import safety_shape
from restx_api.schemas import ReportSchema
from services.safety_report_service import Days, safety_report, today

api = Namespace("safetyreport", description="How well every filled share was protected.")


@api.route("/")
class SafetyReport(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=ReportSchema, answers=SafetyReportTold)
    def post(self) -> Response:
        """Tell naked time by cause, emergencies, unwinds, zombies, what is unresolved, and broker latency."""
        asked, now = ReportSchema().read(body()), desk().clock.now()
        days = Days(asked.date or today(now), asked.days)
        who = caller()
        return success(
            safety_shape(safety_report(desk().db, (who.account_id,), mode=who.mode, days=days, now=now))
        )
