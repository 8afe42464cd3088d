"""POST /tradingview/: the message to paste into an alert, with a webhook's token in it.

Asked for with an API key; the dashboard builds the same message for who is logged in. The message never
holds a trade key: alert texts lie in TradingView's hands.
"""

from flask import Blueprint, Response, g, request

from database.auth_db import Scope, get_api_key_for_tradingview
from restx_api.alert_message import invalid, message_shape
from restx_api.callers import body, caller, count_call, desk, key_of_request, read_body, verified
from restx_api.envelope import success
from services.bracket_order_service import require
from services.errors import NotFound

tv_message_bp = Blueprint("tv_message", __name__, url_prefix="/tradingview")


@tv_message_bp.post("/")
def build_alert() -> Response:
    """Build the JSON to paste: an order's fields, `style` line or strategy, `webhook` an id."""
    read_body()
    g.caller = require(verified(key_of_request()), Scope.TRADE)
    count_call(acting=True)
    return success(message_shape(body(), _token(), root=request.url_root))


def _token() -> str:
    webhook = body().get("webhook")
    if not isinstance(webhook, str | None):
        raise invalid("webhook", "webhook must be a text")
    token = get_api_key_for_tradingview(
        caller().account_id, db=desk().db, secrets=desk().secrets, webhook_id=webhook
    )
    if token is None:
        raise NotFound("this account has no such webhook: make one with `flask --app app webhook create`")
    return token
