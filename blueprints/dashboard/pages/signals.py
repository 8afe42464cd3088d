"""The log of signals: what came by webhook, what became of it, and what it would do now."""

import json
from typing import Any

from flask import Response, request

from blueprints.dashboard.guard import caller_for, owned_accounts
from blueprints.dashboard.order_shapes import Senders, signal_shape
from blueprints.dashboard.page import Page
from database.account_db import Account
from database.auth_db import find_webhook, list_api_keys, list_webhooks
from database.signal_db import LoggedSignal, SignalFilter, Verdict
from restx_api.callers import desk
from restx_api.envelope import success
from restx_api.errors import RequestInvalid
from restx_api.trials import try_alert
from services.errors import NotFound

page = Page("signals", title="Signals", link="Signals", order=40)

_PAGE = 50


@page.get("/signals")
def show() -> Response:
    return page.render(verdicts=list(Verdict))


@page.get("/api/signals")
def read() -> Response:
    """Return signals of the owner's accounts, newest first, as far as the filters let them through."""
    accounts = owned_accounts()
    wanted = SignalFilter(
        verdict=_verdict(request.args.get("verdict")),
        sender_id=request.args.get("sender") or None,
        symbol=(request.args.get("symbol") or "").strip()[:64] or None,
        before_id=_whole("before"),
        after_id=_whole("after"),
    )
    found = desk().signal_log.signals(_chosen(accounts), wanted, limit=_PAGE + 1)
    senders = _senders(accounts)
    return success(
        {
            "signals": [signal_shape(one, senders) for one in found[:_PAGE]],
            "has_more": len(found) > _PAGE,
            "senders": [{"id": known, "name": name} for known, name in senders.names.items()],
        }
    )


@page.post("/api/signals/<int:signal_id>/replay")
def replay(signal_id: int) -> Response:
    """Tell what a stored signal would do now; its age is not judged, nothing is sent."""
    accounts = owned_accounts()
    found = desk().signal_log.signal([one.id for one in accounts], signal_id)
    if found is None:
        raise NotFound("there is no such signal")
    message = _message(found)
    if not message:
        raise NotFound("the text of this signal was not kept: it may have begun with a secret")
    webhook = find_webhook(desk().db, found.sender_id)
    told = try_alert(desk(), caller_for(found.account_id), message, webhook=webhook, judge_age=False)
    return success({**told, "is_settings_known": webhook is not None})


def _message(found: LoggedSignal) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(found.request_data)
    return stored


def _chosen(accounts: tuple[Account, ...]) -> list[str]:
    named = request.args.get("account")
    return [one.id for one in accounts if not named or one.id == named]


def _senders(accounts: tuple[Account, ...]) -> Senders:
    hooks = [hook for one in accounts for hook in list_webhooks(desk().db, one.id)]
    keys = [key for one in accounts for key in list_api_keys(desk().db, one.id)]
    return Senders(
        names={hook.id: hook.name or f"webhook {hook.id}" for hook in hooks}
        | {key.id: f"API key {key.id}" for key in keys},
        accounts={one.id: one for one in accounts},
    )


def _verdict(given: str | None) -> Verdict | None:
    if not given:
        return None
    try:
        return Verdict(given)
    except ValueError:
        sentence = f"verdict must be one of: {', '.join(Verdict)}"
        raise RequestInvalid(sentence, {"verdict": [sentence]}) from None


def _whole(name: str) -> int | None:
    given = request.args.get(name)
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise RequestInvalid(f"{name} must be a number", {name: [f"{name} must be a number"]})
    return int(given)
