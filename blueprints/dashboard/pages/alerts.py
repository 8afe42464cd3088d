"""Alerts: the message to paste into TradingView, and a box that tells what a message would do."""

from flask import Response, current_app, request

from blueprints.dashboard.guard import caller_for, owned_accounts
from blueprints.dashboard.order_shapes import webhook_choice
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.auth_db import WebhookEntry, find_webhook, list_webhooks, verify_webhook_token
from restx_api.alert_message import invalid, message_shape
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from restx_api.schemas import AlertTestSchema
from restx_api.trials import try_alert, webhook_of
from services.errors import NotFound

page = Page("alerts", title="Alerts", link="Alerts", order=30)

_WEBHOOKS_PAGE = "page_webhooks.show"


@page.get("/alerts")
def show() -> Response:
    return page.render(makes_webhooks=_WEBHOOKS_PAGE in current_app.view_functions)


@page.get("/api/alerts/webhooks")
def read_webhooks() -> Response:
    """Return the accounts of the owner and the webhooks that alerts can come by; never a token."""
    accounts = owned_accounts()
    found = [
        webhook_choice(hook, one)
        for one in accounts
        for hook in list_webhooks(desk().db, one.id)
        if hook.revoked_at is None
    ]
    return success({"accounts": [account_shape(one) for one in accounts], "webhooks": found})


@page.post("/api/alerts/message")
def build() -> Response:
    """Build the message to paste. A token is only ever what the person pastes: it is not shown again."""
    body = parse_object(request.get_data())
    token, in_address = body.pop("token", None), body.pop("in_address", False)
    hook = _own_webhook(body.get("webhook"))
    _check_token(hook, token)
    told = message_shape(body, None if in_address or not token else str(token), root=request.url_root)
    address = f"{told['url']}/{token}" if in_address and token else told["url"]
    return success({**told, "url": address, "lacks_token": not token, "in_address": bool(in_address)})


@page.post("/api/alerts/test")
def try_message() -> Response:
    """Tell what a message would do if it came now: dialect, order, rounding, legs, or why not."""
    body = parse_object(request.get_data())
    account_id = body.pop("account", None)
    asked = AlertTestSchema().read(body)
    if asked.webhook is not None:
        account_id = _own_webhook(asked.webhook).account_id
    if not isinstance(account_id, str):
        raise invalid("account", "account or webhook is missing")
    caller = caller_for(account_id)
    webhook = webhook_of(desk(), caller, asked.webhook)
    return success(try_alert(desk(), caller, asked.message, webhook=webhook))


def _own_webhook(webhook_id: object) -> WebhookEntry:
    """Return a webhook of who is logged in. Raises NotFound, also for another's."""
    found = find_webhook(desk().db, webhook_id) if isinstance(webhook_id, str) else None
    if found is None or found.account_id not in {one.id for one in owned_accounts()}:
        raise NotFound("there is no such webhook")
    return found


def _check_token(hook: WebhookEntry, token: object) -> None:
    """Refuse a pasted token that the chosen webhook would not take."""
    if token in (None, ""):
        return
    known = verify_webhook_token(desk().db, desk().secrets, token) if isinstance(token, str) else None
    if known is None or known.caller.key_id != hook.id:
        raise invalid("token", "token is not that of this webhook: it was rotated, or is another's")
