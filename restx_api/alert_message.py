"""The alert message to paste, built of what a person says it shall do."""

import json
from collections.abc import Mapping

from restx_api.errors import RequestInvalid
from restx_api.parsing import plain
from restx_api.shaping import Shape
from services.alerts.message import Style, build_message
from services.alerts.native import ORDER_FIELDS

_NOT_IN_A_MESSAGE = {"client_order_id", "dry_run"}
OURS = frozenset({"mode", "style", "webhook"})


def message_shape(body: Mapping[str, object], token: str | None, *, root: str) -> Shape:
    """Return the message to paste and the address it goes to. Raises RequestInvalid.

    Without a token the message has none, and is for the address that ends in the token.
    """
    message = build_message(token, _said(body), style=_style(body))
    return {
        "message": "Paste `text` into the alert's message and `url` into its webhook address",
        "alert": message,
        "text": json.dumps(message, indent=2, ensure_ascii=False),
        "url": f"{root.rstrip('/')}/tradingview/webhook/bracket",
    }


def _style(body: Mapping[str, object]) -> Style:
    mode, style = body.get("mode", "bracket"), body.get("style", Style.LINE)
    if mode != "bracket":
        raise invalid("mode", "mode must be bracket")
    if style not in list(Style):
        raise invalid("style", f"style {str(style)[:64]} is not valid. Must be one of: {', '.join(Style)}")
    return Style(str(style))


def _said(body: Mapping[str, object]) -> dict[str, object]:
    unknown = [name for name in body if name not in ORDER_FIELDS | OURS or name in _NOT_IN_A_MESSAGE]
    if unknown:
        raise RequestInvalid(
            f"Unknown field: {', '.join(unknown)}"[:256], {name: ["Unknown field"] for name in unknown}
        )
    return {
        name: plain(value) for name, value in body.items() if name in ORDER_FIELDS and value not in (None, "")
    }


def invalid(field: str, sentence: str) -> RequestInvalid:
    """Return the refusal of one field."""
    return RequestInvalid(sentence, {field: [sentence]})
