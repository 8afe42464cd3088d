"""TradingView's webhook: an alert becomes a bracket that is stored before the answer goes out.

TradingView gives up after 3 s and sends again only after a 5xx. So an alert is answered 200 once it is
stored, whatever the broker says later, and 5xx only when nothing of it was stored.
"""

import threading
from collections import defaultdict
from dataclasses import replace

from flask import Blueprint, Response, g

from blueprints.alerts import SAME_BODY, Alert, read_alert, refuse_stale
from database.auth_db import Scope, WebhookCaller, WebhookLimits, verify_webhook_token
from database.bracket_db import Listed, find_claim, load
from database.session import StorageError
from limiter import standing, wait_for_turn
from restx_api.call_logging import log_this_call
from restx_api.callers import (
    background,
    body,
    caller,
    count_stranger,
    desk,
    key_of_request,
    read_body,
    verified,
)
from restx_api.envelope import success
from restx_api.errors import RateLimited, WebhookLimit, WebhookPaused
from restx_api.placing import read_order, refuse_while_stopping
from restx_api.shaping import Shape, bracket_shape, placed_shape
from services.bracket.model import Bracket
from services.bracket.request import BracketOrderRequest
from services.bracket_order_service import (
    bracket_order_book,
    place_bracket_order_with_auth,
    require,
    validate_bracket_order,
)
from services.errors import BrokerUnavailable, EntryRejected, EntryStale, InvalidApiKey

tv_json_bp = Blueprint("tv_json", __name__, url_prefix="/tradingview")

_TURN_SECONDS = 2.0  # of TradingView's three
_MESSAGE = "Bracket order initiated - alert stored, the entry is being placed"
_NO_LIMITS = WebhookLimits()
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # by account


@tv_json_bp.post("/webhook/bracket")
def take_alert_with_key() -> Response:
    """Take an alert whose body holds a key with trade or webhook scope, or a webhook's token."""
    read_body()
    key = key_of_request()
    if key is not None and key.startswith("wh_"):
        return _take_from(_webhook(key))
    g.caller = require(verified(key), Scope.WEBHOOK, Scope.TRADE)
    return _take(_NO_LIMITS)


@tv_json_bp.post("/webhook/bracket/<token>")
def take_alert(token: str) -> Response:
    """Take an alert for the webhook whose token is in the address."""
    read_body()
    return _take_from(_webhook(token))


def _webhook(token: str) -> WebhookCaller:
    found = verify_webhook_token(desk().db, desk().secrets, token)
    if found is None:
        count_stranger(token)
        raise InvalidApiKey("Invalid API key")
    return found


def _take_from(webhook: WebhookCaller) -> Response:
    g.caller = webhook.caller
    log_this_call("placebracketorder")
    if webhook.paused:
        raise WebhookPaused("this webhook is paused")
    if webhook.require_timenow:
        refuse_stale(body(), desk().clock.now())
    return _take(webhook.limits)


def _take(limits: WebhookLimits) -> Response:
    log_this_call("placebracketorder")
    refuse_while_stopping()
    alert = read_alert(body(), sender_id=caller().key_id)
    if _bracket_of(_claim_key(alert)) is None:
        _wait_for_turn()
    # One alert of an account after the other: two equal ones must not both find themselves new.
    with _locks[caller().account_id]:
        asked = replace(read_order(desk(), caller(), alert.body), client_order_id=_claim_key(alert))
        told = _place(asked, limits)
    return success({**told, "ignored_fields": list(alert.ignored_fields)})


def _place(asked: BracketOrderRequest, limits: WebhookLimits) -> Shape:
    is_new = _bracket_of(asked.client_order_id) is None
    if is_new:
        _refuse_beyond(limits, asked)
    try:
        placed = place_bracket_order_with_auth(desk(), asked, caller(), wait_seconds=0)
    except (EntryRejected, EntryStale, BrokerUnavailable, StorageError):
        # How the entry ended is told by the bracket: the alert itself was taken, and still is.
        stored = _bracket_of(asked.client_order_id)
        if stored is None:
            raise
        return {"message": _MESSAGE, **bracket_shape(stored), "duplicate": not is_new}
    return placed_shape(placed) | ({} if placed.bracket is None else {"message": _MESSAGE})


def _claim_key(alert: Alert) -> str:
    """Return what stands for the alert in the idempotency claims.

    Without a time of its own an alert is the same one for SAME_BODY: claims are made by the minute, and
    one of the minute before counts while it is that young.
    """
    if alert.is_dated:
        return alert.dedupe_id
    now = desk().clock.now()
    minute = int(now.timestamp() // SAME_BODY.total_seconds())
    before = f"{alert.dedupe_id}-{minute - 1}"
    earlier = _bracket_of(before)
    is_same = earlier is not None and now - earlier.received.wall < SAME_BODY
    return before if is_same else f"{alert.dedupe_id}-{minute}"


def _bracket_of(claim_key: str | None) -> Bracket | None:
    claim = None if claim_key is None else find_claim(desk().db, caller().account_id, key=claim_key)
    return None if claim is None else load(desk().db, claim.bracket_id)


def _wait_for_turn() -> None:
    """Wait until the caller's rate limit lets the alert through: TradingView never sends a 429 again."""
    if not wait_for_turn(f"key:{caller().key_id}", seconds=_TURN_SECONDS, pause=background().pause):
        wait = standing().retry_after_seconds
        raise RateLimited("Too many alerts at once: this one was not taken", retry_after_seconds=wait)


def _refuse_beyond(limits: WebhookLimits, asked: BracketOrderRequest) -> None:
    """Raise WebhookLimit for what the webhook may not do. Faults of the order are told by placing it."""
    plan = validate_bracket_order(desk(), asked, caller()).plan
    if plan is None:
        return
    name = f"{plan.instrument.exchange}:{plan.instrument.symbol}"
    if limits.symbols and name not in limits.symbols:
        raise WebhookLimit(f"symbol {name} is not among those this webhook may trade")
    if limits.max_quantity is not None and plan.quantity > limits.max_quantity:
        raise WebhookLimit(f"quantity {plan.quantity} is above this webhook's limit of {limits.max_quantity}")
    most = limits.max_open_brackets
    if most is not None and _open_brackets(most) >= most:
        raise WebhookLimit(f"{most} brackets are open already: that is this webhook's limit")


def _open_brackets(at_most: int) -> int:
    page = bracket_order_book(desk(), caller(), state=Listed.OPEN, limit=max(at_most, 1), cursor=None)
    return len(page.brackets)
