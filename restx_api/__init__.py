"""The REST API: every resource under /api/v1, with Swagger UI at /api/v1/."""

from typing import Any

from flask import Blueprint, Response
from flask_restx import Api

from restx_api.alert_test import api as alert_test_ns
from restx_api.analyzer import api as analyzer_ns
from restx_api.bracket_order import api as bracket_order_ns
from restx_api.bracket_order_book import api as bracket_order_book_ns
from restx_api.bracket_order_status import api as bracket_order_status_ns
from restx_api.cancel_bracket_order import api as cancel_bracket_order_ns
from restx_api.errors import answer_error
from restx_api.exit_bracket_order import api as exit_bracket_order_ns
from restx_api.explain_bracket_order import api as explain_bracket_order_ns
from restx_api.kill_switch import api as kill_switch_ns
from restx_api.modify_bracket_order import api as modify_bracket_order_ns
from restx_api.openalgo import NAMESPACES as OPENALGO
from restx_api.ping import api as ping_ns
from restx_api.safety_report import api as safety_report_ns


class EnvelopeApi(Api):  # type: ignore[misc]  # flask_restx is untyped
    """An Api whose every failure is answered by our table.

    flask-restx's own handler sends an exception's `data` attribute, which for a marshmallow error is the
    caller's raw body with the key in it.
    """

    @property
    def __schema__(self) -> dict[str, Any]:
        """The published OpenAPI. flask-restx leaves out models that only other models refer to."""
        published: dict[str, Any] = super().__schema__
        nested = {name: model.__schema__ for name, model in self.models.items()}
        return {**published, "definitions": {**nested, **published.get("definitions", {})}}

    def handle_error(self, e: Exception) -> Response:
        return answer_error(e)


api_v1_bp = Blueprint("api_v1", __name__, url_prefix="/api/v1")
api: Any = EnvelopeApi(
    api_v1_bp,
    version="1",
    title="OpenBracket",
    description="Bracket orders: every filled share is protected, flat, or loudly alarmed.",
    doc="/",
    authorizations={"key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}},
    security="key",
    validate=False,
)

api.add_namespace(bracket_order_ns, path="/placebracketorder")
api.add_namespace(bracket_order_status_ns, path="/bracketorderstatus")
api.add_namespace(bracket_order_book_ns, path="/bracketorderbook")
api.add_namespace(modify_bracket_order_ns, path="/modifybracketorder")
api.add_namespace(cancel_bracket_order_ns, path="/cancelbracketorder")
api.add_namespace(exit_bracket_order_ns, path="/exitbracketorder")
api.add_namespace(explain_bracket_order_ns, path="/explainbracketorder")
api.add_namespace(kill_switch_ns, path="/killswitch")
api.add_namespace(safety_report_ns, path="/safetyreport")
api.add_namespace(analyzer_ns, path="/analyzer")
api.add_namespace(alert_test_ns, path="/alerttest")
api.add_namespace(ping_ns, path="/ping")
for openalgo_ns in OPENALGO:
    api.add_namespace(openalgo_ns)
