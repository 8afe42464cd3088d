"""What the calls about accounts, keys, webhooks and health answer. No secret is in any of it."""

from dataclasses import asdict
from datetime import datetime

from blueprints.dashboard.shapes import account_shape
from broker.limiter import BudgetUse
from database.account_db import Account
from database.auth_db import ApiKeyEntry, WebhookEntry
from database.outbox_db import Destination, Sending
from restx_api.shaping import Shape
from services.announcements import utc_milliseconds
from services.history import Sum, Sums
from services.vitals import Vitals
from services.webhook_form import form_of
from services.webhook_messages import message_id


def moment(at: datetime | None) -> str | None:
    return None if at is None else utc_milliseconds(at)


def vitals_shape(vitals: Vitals) -> Shape:
    """Return one worker."""
    read = vitals.read_seconds
    return {
        "account_id": vitals.account_id,
        "mode": str(vitals.mode),
        "turned_seconds": round(vitals.turned_seconds, 1),
        "read_seconds": None if read is None else round(read, 1),
        "is_reading": vitals.is_reading,
        "inbox": vitals.inbox,
        "unstored": vitals.unstored,
        "open": vitals.open,
        "troubles": sorted(str(one) for one in vitals.troubles),
        "stuck": sorted(vitals.stuck),
        "rate_use": [_budget(one) for one in vitals.rate_use],
    }


def _budget(use: BudgetUse) -> Shape:
    return {
        "budget": use.budget,
        "used": use.used,
        "calls": use.calls,
        "reserved": use.reserved,
        "seconds": use.length.total_seconds(),
    }


def key_shape(key: ApiKeyEntry, owner: Account) -> Shape:
    """Return a key as a list shows it."""
    return {
        "id": key.id,
        "account": account_shape(owner),
        "scopes": sorted(str(one) for one in key.scopes),
        "last4": key.last4,
        "created_at": utc_milliseconds(key.created_at),
        "last_used_at": moment(key.last_used_at),
        "revoked_at": moment(key.revoked_at),
        "expires_at": moment(key.expires_at),
    }


def webhook_shape(webhook: WebhookEntry, owner: Account) -> Shape:
    """Return a webhook as a list shows it, with the form that says what is set."""
    return {
        "id": webhook.id,
        "account": account_shape(owner),
        "name": webhook.name,
        "require_timenow": webhook.require_timenow,
        "paused": webhook.paused,
        "created_at": utc_milliseconds(webhook.created_at),
        "revoked_at": moment(webhook.revoked_at),
        "form": asdict(form_of(webhook.limits, webhook.settings)),
    }


def destination_shape(one: Destination, owner: Account, *, waiting: int) -> Shape:
    """Return who is told of an account, and how sending there goes."""
    return {
        "id": one.id,
        "account": account_shape(owner),
        "address": one.address,
        "may_trade": "trade" in one.scopes.split(),
        "waiting": waiting,
        "failures": one.failures,
        "failing_since": moment(one.failing_since),
        "next_at": moment(one.next_at),
        "disabled_at": moment(one.disabled_at),
        "disabled_reason": one.disabled_reason,
        "created_at": utc_milliseconds(one.created_at),
    }


def sending_shape(one: Sending, account_id: str) -> Shape:
    """Return one message that was queued; its body as it is sent."""
    return {
        "id": message_id(account_id, one.key),
        "seq": one.seq,
        "body": one.body,
        "state": str(one.state),
        "attempts": one.attempts,
        "next_at": utc_milliseconds(one.next_at),
        "created_at": utc_milliseconds(one.created_at),
        "finished_at": moment(one.finished_at),
        "last_error": one.last_error,
    }


def sums_shape(sums: Sums, *, is_paper: bool) -> Shape:
    """Return the sums of one kind of money: days newest first, names by what they earned."""
    return {
        "paper": is_paper,
        "total": _sum(sums.total),
        "by_day": [{"name": str(day), **_sum(one)} for day, one in sorted(sums.by_day.items(), reverse=True)],
        "by_strategy": _by_profit(sums.by_strategy),
        "by_symbol": _by_profit(sums.by_symbol),
    }


def _by_profit(sums: dict[str, Sum]) -> list[Shape]:
    ranked = sorted(sums.items(), key=lambda one: (-one[1].profit, one[0]))
    return [{"name": name, **_sum(one)} for name, one in ranked]


def _sum(one: Sum) -> Shape:
    return {**asdict(one), "profit": str(one.profit)}
