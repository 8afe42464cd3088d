"""TradingView's webhook: an alert becomes a bracket that is stored before the answer goes out.

TradingView gives up after 3 s and sends again only after a 5xx. So an alert is answered 200 once it is
stored, whatever the broker says later, and 5xx only when nothing of it was stored.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from flask import Blueprint, Response, g, request

from database.auth_db import Scope, WebhookCaller, verify_webhook_token
from database.bracket_db import find_claim, load
from database.exit_claim_db import find_exit_claim
from database.session import StorageError
from database.webhook_settings import OnExit, WebhookLimits, WebhookSettings
from limiter import standing, wait_for_turn
from restx_api.alerts import (
    SAME_BODY,
    Alert,
    Message,
    read_alert,
    read_sent,
    refuse_stale,
    with_broker_symbol,
)
from restx_api.call_logging import log_this_call
from restx_api.callers import background, caller, count_call, count_stranger, desk, key_of_request, verified
from restx_api.envelope import success
from restx_api.errors import RateLimited, RequestInvalid, WebhookPaused
from restx_api.placing import read_order, refuse_while_stopping
from restx_api.shaping import Shape, bracket_shape, placed_shape
from restx_api.signal_logging import log_signal
from restx_api.webhook_limits import refuse_address, refuse_beyond, refuse_symbol
from services.alerts.signal import Act
from services.bracket.model import Bracket
from services.bracket.request import BracketOrderRequest
from services.bracket_order_service import place_bracket_order_with_auth, require
from services.errors import BrokerUnavailable, EntryRejected, EntryStale, InvalidApiKey
from services.exit_signals import ExitOrder, Left, carry_out

tv_json_bp = Blueprint("tv_json", __name__, url_prefix="/tradingview")
tv_json_bp.after_request(log_signal)

_TURN_SECONDS = 2.0  # of TradingView's three
_MESSAGE = "Bracket order initiated - alert stored, the entry is being placed"
_POSITION = {"BUY": "long", "SELL": "short"}
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)  # by account


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """How the way an alert came in reads and bounds it."""

    limits: WebhookLimits = field(default_factory=WebhookLimits)
    settings: WebhookSettings = field(default_factory=WebhookSettings)
    needs_time: bool = False


@tv_json_bp.post("/webhook/bracket")
def take_alert_with_key() -> Response:
    """Take an alert whose body holds a key with trade or webhook scope, or a webhook's token."""
    message = _read()
    key = key_of_request()
    if key is not None and key.startswith("wh_"):
        return _take_from(_webhook(key), message)
    g.caller = require(verified(key), Scope.WEBHOOK, Scope.TRADE)
    return _take(message, _Rules())


@tv_json_bp.post("/webhook/bracket/<token>")
def take_alert(token: str) -> Response:
    """Take an alert for the webhook whose token is in the address."""
    g.body = {}
    webhook = _webhook(token)
    g.caller = webhook.caller  # known before the body is: one that cannot be read is in the log of signals
    return _take_from(webhook, _read())


def _read() -> Message:
    """Return the message; what of it is logged is what was understood, for a text may begin with a secret."""
    sent = read_sent(request.get_data())
    g.body = {} if isinstance(sent.message, str) else dict(sent.message)
    g.body_key = sent.key
    return sent.message


def _webhook(token: str) -> WebhookCaller:
    found = verify_webhook_token(desk().db, desk().secrets, token)
    if found is None:
        count_stranger(token)
        raise InvalidApiKey("Invalid API key")
    return found


def _take_from(webhook: WebhookCaller, message: Message) -> Response:
    g.caller = webhook.caller
    log_this_call("placebracketorder")
    if webhook.paused:
        raise WebhookPaused("this webhook is paused")
    refuse_address(webhook.limits, request.remote_addr)
    rules = _Rules(limits=webhook.limits, settings=webhook.settings, needs_time=webhook.require_timenow)
    return _take(message, rules)


def _take(message: Message, rules: _Rules) -> Response:
    log_this_call("placebracketorder")
    refuse_while_stopping()
    alert = read_alert(message, sender_id=caller().key_id, settings=rules.settings)
    g.dialect = alert.signal.dialect
    alert = with_broker_symbol(alert, desk(), caller(), settings=rules.settings)
    g.body = dict(g.body) or _understood(alert)
    refuse_stale(alert.signal, desk().clock.now(), is_required=rules.needs_time)
    told = _enter(alert, rules) if alert.signal.act is Act.ENTER else _leave(alert, rules)
    return success({**told, "dialect": alert.signal.dialect, "ignored_fields": list(alert.ignored_fields)})


def _understood(alert: Alert) -> Shape:
    """Return a text's meaning in our own words, for the logs: the text itself may begin with a secret."""
    act, side = alert.signal.act, alert.signal.side
    action = side if act is Act.ENTER else f"{act}_{_POSITION[side]}" if side else str(act)
    return {"dialect": alert.signal.dialect, **alert.body, "action": action}


def _leave(alert: Alert, rules: _Rules) -> Shape:
    """Carry out an exit signal. The same one again is about the brackets it was about first."""
    count_call(acting=True)
    order = _exit_order(alert, rules)
    refuse_symbol(rules.limits, order.exchange, order.symbol)
    if alert.body.get("dry_run") is True:
        return {"message": "Dry run: the exit is valid, nothing was sent", **_exit_shape(order, Left())}
    key = _exit_key(alert, order)
    left = carry_out(desk(), caller(), order, key=key, is_dated=alert.is_dated)
    return {"message": "Exit signal taken", **_exit_shape(order, left)}


def _exit_key(alert: Alert, order: ExitOrder) -> str:
    """Return what stands for the exit in its claims; what leaves is part of it, for ids are used again."""

    def claimed_at(key: str) -> datetime | None:
        claim = find_exit_claim(desk().db, caller().account_id, key=key)
        return None if claim is None else claim.created_at

    parts = (alert.dedupe_id, order.act, order.exchange, order.symbol, order.side or "both")
    named = f"exit-{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"
    return named if alert.is_dated else _key_of_the_minute(named, claimed_at)


def _exit_order(alert: Alert, rules: _Rules) -> ExitOrder:
    missing = [name for name in ("symbol", "exchange") if not isinstance(alert.body.get(name), str)]
    if missing:
        sentence = f"Missing mandatory field(s): {', '.join(missing)}"
        raise RequestInvalid(sentence, {name: [sentence] for name in missing})
    return ExitOrder(
        exchange=str(alert.body["exchange"]).upper(),
        symbol=str(alert.body["symbol"]).upper(),
        side=alert.signal.side,
        act=alert.signal.act,
        policy=rules.settings.on_exit,
        by=caller().by,
    )


def _exit_shape(order: ExitOrder, left: Left) -> Shape:
    is_ignored = order.act is Act.EXIT and order.policy is OnExit.IGNORE
    return {
        "signal": str(order.act),
        "on_exit": str(order.policy),
        "symbol": order.symbol,
        "exchange": order.exchange,
        "brackets": list(left.bracket_ids),
        "bracket_id": left.bracket_ids[0] if left.bracket_ids else None,
        "ignored": is_ignored,
        "duplicate": left.is_again,
    }


def _enter(alert: Alert, rules: _Rules) -> Shape:
    if _bracket_of(_claim_key(alert)) is None:
        _wait_for_turn()
    # One alert of an account after the other: two equal ones must not both find themselves new.
    with _locks[caller().account_id]:
        asked = replace(read_order(desk(), caller(), alert.body), client_order_id=_claim_key(alert))
        return _place(asked, rules.limits)


def _place(asked: BracketOrderRequest, limits: WebhookLimits) -> Shape:
    is_new = _bracket_of(asked.client_order_id) is None
    if is_new:
        refuse_beyond(limits, asked, desk(), caller())
    try:
        placed = place_bracket_order_with_auth(desk(), asked, caller(), wait_seconds=0)
    except (EntryRejected, EntryStale, BrokerUnavailable, StorageError):
        # How the entry ended is told by the bracket: the alert itself was taken, and still is.
        stored = _bracket_of(asked.client_order_id)
        if stored is None:
            raise
        return {"message": _MESSAGE, **bracket_shape(stored), "duplicate": not is_new}
    is_sent = placed.bracket is not None and not placed.plan.waits_for
    return placed_shape(placed) | ({"message": _MESSAGE} if is_sent else {})


def _claim_key(alert: Alert) -> str:
    """Return what stands for the alert in the idempotency claims."""

    def claimed_at(key: str) -> datetime | None:
        bracket = _bracket_of(key)
        return None if bracket is None else bracket.received.wall

    return alert.dedupe_id if alert.is_dated else _key_of_the_minute(alert.dedupe_id, claimed_at)


def _key_of_the_minute(name: str, claimed_at: Callable[[str], datetime | None]) -> str:
    """Return the claim's key of an alert without a time of its own, which is the same one for SAME_BODY.

    Claims are made by the minute, and one of the minute before counts while it is that young.
    """
    now = desk().clock.now()
    minute = int(now.timestamp() // SAME_BODY.total_seconds())
    before = f"{name}-{minute - 1}"
    earlier = claimed_at(before)
    is_same = earlier is not None and now - earlier < SAME_BODY
    return before if is_same else f"{name}-{minute}"


def _bracket_of(claim_key: str | None) -> Bracket | None:
    claim = None if claim_key is None else find_claim(desk().db, caller().account_id, key=claim_key)
    return None if claim is None else load(desk().db, claim.bracket_id)


def _wait_for_turn() -> None:
    """Wait until the caller's rate limit lets the alert through: TradingView never sends a 429 again."""
    if not wait_for_turn(f"key:{caller().key_id}", seconds=_TURN_SECONDS, pause=background().pause):
        wait = standing().retry_after_seconds
        raise RateLimited("Too many alerts at once: this one was not taken", retry_after_seconds=wait)
