"""Which alerts go into the log of signals, and what is said of each."""

from collections.abc import Mapping

from flask import Response, g

from database.signal_db import ALERT, Verdict
from restx_api.callers import body, caller, desk
from utils.metrics import SIGNALS


def log_signal(response: Response) -> Response:
    """Take a finished alert for its log. One whose sender nobody knows belongs to nobody's log."""
    if g.get("caller") is None:
        return response
    answer: Mapping[str, object] = g.get("answer", {})
    said, verdict = body(), _verdict(answer)
    SIGNALS.labels(verdict).inc()
    also = {
        "account_id": caller().account_id,
        "sender_id": caller().key_id,
        "verdict": str(verdict),
        "code": _text(answer.get("code")),
        "reason": str(answer.get("message", "")),
        "dialect": _text(answer.get("dialect")) or _text(g.get("dialect")),
        "symbol": _symbol(answer, said),
        "bracket_id": _text(answer.get("bracket_id")),
    }
    desk().signal_log.take(ALERT, request=said, response=answer, also=also)
    return response


def _verdict(answer: Mapping[str, object]) -> Verdict:
    if answer.get("status") != "success":
        return Verdict.STALE if answer.get("code") == "alert_stale" else Verdict.REJECTED
    return Verdict.DUPLICATE if answer.get("duplicate") is True else Verdict.ACCEPTED


def _symbol(answer: Mapping[str, object], said: Mapping[str, object]) -> str | None:
    named = (answer.get("symbol"), said.get("symbol"), said.get("ticker"), said.get("tv_instrument"))
    found = next((one for one in named if isinstance(one, str) and one), None)
    return None if found is None else found.upper()[:64]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
