"""What an order or an alert would do, or why it would be refused. Sends and stores nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace

from database.auth_db import Caller, WebhookEntry, find_webhook
from database.webhook_settings import WebhookLimits, WebhookSettings
from restx_api.alerts import Alert, Message, read_alert, read_sent, refuse_stale, with_broker_symbol
from restx_api.errors import RequestInvalid
from restx_api.parsing import plain
from restx_api.placing import read_order
from restx_api.shaping import Shape, plan_shape, preview_shape, protection_shape
from restx_api.webhook_limits import refuse_beyond, refuse_symbol
from services.alerts.signal import Act
from services.bracket.request import BracketOrderRequest
from services.bracket_order_service import Placed, place_bracket_order_with_auth
from services.desk import Desk
from services.errors import BracketDenied, BracketError, NotFound


def try_alert(
    desk: Desk, caller: Caller, message: Message, *, webhook: WebhookEntry | None, judge_age: bool = True
) -> Shape:
    """Read a message as the webhook would, and tell its dialect, order, rounding and legs.

    judge_age False leaves out how old it is: for an alert of the past that is looked at again.
    """
    told: Shape = {"dialect": None, "accepted": False}
    try:
        alert = _read(desk, caller, message, webhook)
        told |= _told(alert)
        if judge_age:
            _refuse_stale(alert, webhook, desk)
        told |= _tried(desk, caller, alert, webhook)
    except BracketError as refused:
        return {**told, **refusal_shape(refused)}
    return {**told, "accepted": True, "message": "The alert is valid, nothing was sent"}


def webhook_of(desk: Desk, caller: Caller, webhook_id: str | None) -> WebhookEntry | None:
    """Return a webhook of the caller's account; None for none. Raises NotFound, also for another's."""
    if webhook_id is None:
        return None
    found = find_webhook(desk.db, webhook_id)
    if found is None or found.account_id != caller.account_id:
        raise NotFound(f"webhook {webhook_id[:32]} was not found")
    return found


def dry_run(desk: Desk, caller: Caller, asked: BracketOrderRequest) -> Placed:
    """Check an order by the function that places it. Raises what placing raises."""
    return place_bracket_order_with_auth(desk, replace(asked, dry_run=True), caller)


def order_shape(desk: Desk, placed: Placed) -> Shape:
    """Return a dry run's plan, who protects it, and the orders to come."""
    plan = placed.plan
    quote = desk.supervisor.worker(plan.account_id, plan.mode).quote(
        (plan.instrument.exchange, plan.instrument.symbol)
    )
    return {
        "plan": plan_shape(plan),
        "protection": protection_shape(placed.protection),
        **preview_shape(plan, quote),
    }


def refusal_shape(refused: BracketError) -> Shape:
    """Return why something was refused: a sentence, a code, and the sentences of each field."""
    faults: dict[str, list[str]] = {}
    if isinstance(refused, RequestInvalid):
        faults = dict(refused.faults)
    if isinstance(refused, BracketDenied):
        for violation in refused.violations:
            faults.setdefault(violation.field, []).append(violation.sentence)
    return {"message": str(refused), "code": refused.code, "refusals": faults}


def _read(desk: Desk, caller: Caller, message: Message, webhook: WebhookEntry | None) -> Alert:
    settings = WebhookSettings() if webhook is None else webhook.settings
    text = message if isinstance(message, str) else _as_json(message)
    alert = read_alert(read_sent(text.encode()).message, sender_id="test", settings=settings)
    return with_broker_symbol(alert, desk, caller, settings=settings)


def _as_json(message: Mapping[str, object]) -> str:
    return json.dumps(message, default=str)


def _refuse_stale(alert: Alert, webhook: WebhookEntry | None, desk: Desk) -> None:
    is_required = webhook is not None and webhook.require_timenow
    refuse_stale(alert.signal, desk.clock.now(), is_required=is_required)


def _told(alert: Alert) -> Shape:
    return {
        "dialect": alert.signal.dialect,
        "signal": str(alert.signal.act),
        "side": alert.signal.side,
        "order": plain(alert.body),
        "ignored_fields": list(alert.ignored_fields),
    }


def _tried(desk: Desk, caller: Caller, alert: Alert, webhook: WebhookEntry | None) -> Shape:
    limits = WebhookLimits() if webhook is None else webhook.limits
    if alert.signal.act is not Act.ENTER:
        refuse_symbol(limits, alert.body.get("exchange"), alert.body.get("symbol"))
        return {}
    asked = read_order(desk, caller, alert.body)
    placed = dry_run(desk, caller, asked)
    refuse_beyond(limits, asked, desk, caller)
    return order_shape(desk, placed)
