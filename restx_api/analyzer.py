"""POST /api/v1/analyzer/ and /api/v1/analyzer/toggle/"""

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope
from database.settings import analyzer_mode
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.models import AnalyzerTold, documented
from restx_api.schemas import AnalyzerToggleSchema, NothingSchema
from services.analyzer_switch import switch_analyzer
from services.bracket.model import Mode

api = Namespace("analyzer", description="Whether new brackets are live or on the paper market.")


@api.route("/")
class AnalyzerStatus(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=NothingSchema, answers=AnalyzerTold)
    def post(self) -> Response:
        """Tell the mode of new brackets."""
        NothingSchema().read(body())
        return _told(analyzer_mode(desk().db, caller().owner_id))


@api.route("/toggle/")
class AnalyzerToggle(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.TRADE),)

    @documented(api, takes=AnalyzerToggleSchema, answers=AnalyzerTold)
    def post(self) -> Response:
        """Set the mode of new brackets; those that exist keep the mode of their birth."""
        asked = AnalyzerToggleSchema().read(body())
        mode = Mode.ANALYZE if asked.mode else Mode.LIVE
        switch_analyzer(desk(), caller().owner_id, mode)
        return _told(mode, message=f"Analyzer mode switched to {mode}")


def _told(mode: Mode, message: str | None = None) -> Response:
    found = {
        "analyze_mode": mode is Mode.ANALYZE,
        "mode": str(mode),
        "total_logs": desk().analyzer_log.count(),
    }
    if message is not None:
        found["message"] = message
    return success({"mode": str(mode), "data": found, "message": message or f"New brackets are {mode}"})
