"""POST /tradingview/: the message to paste into an alert, with a webhook's token in it.

Asked for with an API key until there is a login. The message never holds a trade key: alert texts lie in
TradingView's hands.
"""

import json

from flask import Blueprint, Response, g, request

from database.auth_db import Scope, get_api_key_for_tradingview
from restx_api.callers import body, caller, count_call, desk, key_of_request, read_body, verified
from restx_api.envelope import success
from restx_api.errors import RequestInvalid
from restx_api.parsing import plain
from services.alerts.message import Style, build_message
from services.alerts.native import ORDER_FIELDS
from services.bracket_order_service import require
from services.errors import NotFound

tv_message_bp = Blueprint("tv_message", __name__, url_prefix="/tradingview")

_NOT_IN_A_MESSAGE = {"client_order_id", "dry_run"}
_OURS = {"mode", "style", "webhook"}


@tv_message_bp.post("/")
def build_alert() -> Response:
    """Build the JSON to paste: an order's fields, `style` line or strategy, `webhook` an id."""
    read_body()
    g.caller = require(verified(key_of_request()), Scope.TRADE)
    count_call(acting=True)
    style, said = _style(), _said()
    token = _token()
    message = build_message(token, said, style=style)
    return success(
        {
            "message": "Paste `text` into the alert's message and `url` into its webhook address",
            "alert": message,
            "text": json.dumps(message, indent=2, ensure_ascii=False),
            "url": f"{request.url_root.rstrip('/')}/tradingview/webhook/bracket",
        }
    )


def _style() -> Style:
    mode, style = body().get("mode", "bracket"), body().get("style", Style.LINE)
    if mode != "bracket":
        raise _invalid("mode", "mode must be bracket")
    if style not in list(Style):
        raise _invalid("style", f"style {str(style)[:64]} is not valid. Must be one of: {', '.join(Style)}")
    return Style(str(style))


def _said() -> dict[str, object]:
    unknown = [name for name in body() if name not in ORDER_FIELDS | _OURS or name in _NOT_IN_A_MESSAGE]
    if unknown:
        raise RequestInvalid(
            f"Unknown field: {', '.join(unknown)}"[:256], {name: ["Unknown field"] for name in unknown}
        )
    return {
        name: plain(value)
        for name, value in body().items()
        if name in ORDER_FIELDS and value not in (None, "")
    }


def _token() -> str:
    webhook = body().get("webhook")
    if not isinstance(webhook, str | None):
        raise _invalid("webhook", "webhook must be a text")
    token = get_api_key_for_tradingview(
        caller().account_id, db=desk().db, secrets=desk().secrets, webhook_id=webhook
    )
    if token is None:
        raise NotFound("this account has no such webhook: make one with `flask --app app webhook create`")
    return token


def _invalid(field: str, sentence: str) -> RequestInvalid:
    return RequestInvalid(sentence, {field: [sentence]})
