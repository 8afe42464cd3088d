"""What a line that is logged during a request is about, beside the request's own id."""

import re
from collections.abc import Mapping

from flask import g, has_request_context, request

# A whole id of ours and nothing else: what a client sends must not write lines of its own.
_BRACKET_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def request_facts() -> Mapping[str, str]:
    """Return the account of the request's caller and the bracket it names, as far as they are known."""
    if not has_request_context():
        return {}
    caller, named = g.get("caller"), _named_bracket()
    facts = {"account_id": None if caller is None else caller.account_id, "bracket_id": named}
    return {name: value for name, value in facts.items() if value is not None}


def _named_bracket() -> str | None:
    body = g.get("body")
    of_body = body.get("bracket_id") if isinstance(body, Mapping) else None
    named = (request.view_args or {}).get("bracket_id") or of_body
    return named if isinstance(named, str) and _BRACKET_ID.fullmatch(named) else None
