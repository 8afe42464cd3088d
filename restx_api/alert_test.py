"""POST /api/v1/alerttest/"""

import json

from flask import Response
from flask_restx import Namespace, Resource

from database.auth_db import Scope, WebhookEntry, find_webhook
from database.webhook_settings import WebhookLimits, WebhookSettings
from restx_api.alerts import Alert, read_alert, read_sent, refuse_stale, with_broker_symbol
from restx_api.callers import body, caller, desk, for_scopes
from restx_api.envelope import success
from restx_api.errors import RequestInvalid
from restx_api.models import AlertTested, documented
from restx_api.parsing import plain
from restx_api.placing import read_order
from restx_api.schemas import AlertTestAsked, AlertTestSchema
from restx_api.shaping import Shape, plan_shape, preview_shape, protection_shape
from restx_api.webhook_limits import refuse_beyond, refuse_symbol
from services.alerts.signal import Act
from services.bracket_order_service import validate_bracket_order
from services.errors import BracketDenied, BracketError, NotFound

api = Namespace("alerttest", description="What an alert would do, or why it would be refused. Sends nothing.")


@api.route("/")
class AlertTest(Resource):  # type: ignore[misc]  # flask_restx is untyped
    method_decorators = (for_scopes(Scope.READ, Scope.TRADE),)

    @documented(api, takes=AlertTestSchema, answers=AlertTested, refuses=("not_found",))
    def post(self) -> Response:
        """Read a message as the webhook would, and tell its dialect, order, rounding and legs."""
        asked = AlertTestSchema().read(body())
        webhook = _webhook(asked.webhook)
        told: Shape = {"dialect": None, "accepted": False}
        try:
            alert = _read(asked, webhook)
            told |= _told(alert)
            told |= _tried(alert, webhook)
        except BracketError as refused:
            return success({**told, **_refusal(refused)})
        return success({**told, "accepted": True, "message": "The alert is valid, nothing was sent"})


def _webhook(webhook_id: str | None) -> WebhookEntry | None:
    if webhook_id is None:
        return None
    found = find_webhook(desk().db, webhook_id)
    if found is None or found.account_id != caller().account_id:
        raise NotFound(f"webhook {webhook_id} was not found")
    return found


def _read(asked: AlertTestAsked, webhook: WebhookEntry | None) -> Alert:
    settings = WebhookSettings() if webhook is None else webhook.settings
    text = asked.message if isinstance(asked.message, str) else json.dumps(asked.message, default=str)
    alert = read_alert(read_sent(text.encode()).message, sender_id="test", settings=settings)
    return with_broker_symbol(alert, desk(), caller(), settings=settings)


def _told(alert: Alert) -> Shape:
    return {
        "dialect": alert.signal.dialect,
        "signal": str(alert.signal.act),
        "side": alert.signal.side,
        "order": plain(alert.body),
        "ignored_fields": list(alert.ignored_fields),
    }


def _tried(alert: Alert, webhook: WebhookEntry | None) -> Shape:
    refuse_stale(
        alert.signal, desk().clock.now(), is_required=webhook is not None and webhook.require_timenow
    )
    limits = WebhookLimits() if webhook is None else webhook.limits
    if alert.signal.act is not Act.ENTER:
        refuse_symbol(limits, alert.body.get("exchange"), alert.body.get("symbol"))
        return {}
    request = read_order(desk(), caller(), alert.body)
    checked = validate_bracket_order(desk(), request, caller())
    if checked.plan is None or checked.protection is None:
        raise BracketDenied(checked.violations)
    refuse_beyond(limits, request, desk(), caller())
    worker = desk().supervisor.worker(caller().account_id, caller().mode)
    instrument = checked.plan.instrument
    quote = worker.quote((instrument.exchange, instrument.symbol))
    return {
        "plan": plan_shape(checked.plan),
        "protection": protection_shape(checked.protection),
        **preview_shape(checked.plan, quote),
    }


def _refusal(refused: BracketError) -> Shape:
    faults: dict[str, list[str]] = {}
    if isinstance(refused, RequestInvalid):
        faults = dict(refused.faults)
    if isinstance(refused, BracketDenied):
        for violation in refused.violations:
            faults.setdefault(violation.field, []).append(violation.sentence)
    return {"message": str(refused), "code": refused.code, "refusals": faults}
