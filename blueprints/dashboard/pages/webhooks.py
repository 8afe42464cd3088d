"""Webhooks of alerts: made, limited, paused, given a new token, revoked. A token is shown once."""

from flask import Response, request

from blueprints.dashboard.bodies import ActSchema, NewWebhookSchema, WebhookSchema
from blueprints.dashboard.guard import owned_account, owned_accounts
from blueprints.dashboard.office import open_brackets, word
from blueprints.dashboard.office_shapes import webhook_shape
from blueprints.dashboard.page import Page
from blueprints.dashboard.shapes import account_shape
from database.account_db import Account
from database.auth_db import (
    WebhookEntry,
    create_webhook,
    find_webhook,
    list_webhooks,
    pause_webhook,
    revoke_webhook,
    rotate_webhook,
    set_webhook,
)
from database.webhook_settings import OnExit, PriceUnit, RiskUnit
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.parsing import parse_object
from services.bracket.opposite import OnOpposite
from services.errors import NotFound
from services.office_consequences import WebhookAct, of_webhook
from services.webhook_form import read_form
from services.webhook_words import DEFAULT_FIELDS
from utils.constants import VALID_PRODUCT_TYPES

ADDRESS = "/tradingview/webhook/bracket"

page = Page("webhooks", title="Webhooks", link="Webhooks", order=54)


@page.get("/webhooks")
def show() -> Response:
    return page.render(
        products=VALID_PRODUCT_TYPES,
        on_exit=list(OnExit),
        on_opposite=list(OnOpposite),
        price_units=list(PriceUnit),
        risk_units=list(RiskUnit),
        default_fields=sorted(DEFAULT_FIELDS),
    )


@page.get("/api/webhooks")
def read() -> Response:
    """Return the webhooks of the owner's accounts with all that is set; never a token."""
    accounts = owned_accounts()
    found = [webhook_shape(hook, one) for one in accounts for hook in list_webhooks(desk().db, one.id)]
    return success({"accounts": [account_shape(one) for one in accounts], "webhooks": found})


@page.post("/api/webhooks")
def create() -> Response:
    """Make a webhook and return its token and address, once."""
    asked = NewWebhookSchema().read(parse_object(request.get_data()))
    one = owned_account(asked.account_id)
    limits, settings = read_form(asked.form)
    token = create_webhook(
        desk().db,
        desk().secrets,
        one.id,
        at=desk().clock.now(),
        require_timenow=asked.require_timenow,
        limits=limits,
        settings=settings,
        name=asked.name.strip(),
    )
    return _told_once(token)


@page.post("/api/webhooks/<webhook_id>")
def change(webhook_id: str) -> Response:
    """Set all of a webhook's limits and settings anew."""
    hook, _ = _owned_webhook(webhook_id)
    asked = WebhookSchema().read(parse_object(request.get_data()))
    limits, settings = read_form(asked.form)
    is_set = set_webhook(
        desk().db,
        hook.id,
        limits=limits,
        settings=settings,
        require_timenow=asked.require_timenow,
        name=asked.name.strip(),
    )
    return _done(is_set)


@page.get("/api/webhooks/<webhook_id>/consequences")
def read_consequences(webhook_id: str) -> Response:
    """Say what an act would do to the webhook."""
    _, one = _owned_webhook(webhook_id)
    act = word(WebhookAct, "act", request.args.get("act", ""))
    return success({"sentences": of_webhook(act, open_brackets(one))})


@page.post("/api/webhooks/<webhook_id>/act")
def act(webhook_id: str) -> Response:
    """Pause, resume, rotate or revoke a webhook; a rotated one's token is in the answer, once."""
    hook, _ = _owned_webhook(webhook_id)
    asked = ActSchema().read(parse_object(request.get_data()))
    match word(WebhookAct, "act", asked.act):
        case WebhookAct.PAUSE:
            return _done(pause_webhook(desk().db, hook.id, paused=True))
        case WebhookAct.RESUME:
            return _done(pause_webhook(desk().db, hook.id, paused=False))
        case WebhookAct.REVOKE:
            return _done(revoke_webhook(desk().db, hook.id, at=desk().clock.now()))
        case WebhookAct.ROTATE:
            token = rotate_webhook(desk().db, desk().secrets, hook.id)
            return _done(False) if token is None else _told_once(token)


def _told_once(token: str) -> Response:
    address = f"{request.host_url.rstrip('/')}{ADDRESS}"
    return success({"token": token, "address": f"{address}/{token}"})


def _done(is_done: bool) -> Response:  # the answer of the store, handed straight on
    if not is_done:
        raise NotFound("there is no such webhook")
    return read()


def _owned_webhook(webhook_id: str) -> tuple[WebhookEntry, Account]:
    hook = find_webhook(desk().db, webhook_id)
    if hook is None:
        raise NotFound("there is no such webhook")
    return hook, owned_account(hook.account_id)
