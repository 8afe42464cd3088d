"""What every answer has: status, request_id and, once the caller is known, the mode."""

import secrets
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from flask import Response, g

_encoder = msgspec.json.Encoder()


def new_request_id() -> str:
    """Return a random id for a request that brought none."""
    return secrets.token_hex(16)


def success(body: Mapping[str, object]) -> Response:
    """Return a 200 with the body; what the body says of its mode wins over the account's."""
    return _envelope({"status": "success", **body})


def failure(
    status: int,
    code: str,
    message: str,
    *,
    errors: Mapping[str, list[str]] | None = None,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error's answer: a sentence, a stable code and, for bad fields, their sentences."""
    body: dict[str, object] = {"status": "error", "message": message, "code": code, **(extra or {})}
    if errors:
        body["errors"] = dict(errors)
    answer = _envelope(body)
    answer.status_code = HTTPStatus(status)
    answer.headers.update(headers or {})
    return answer


def _envelope(body: dict[str, object]) -> Response:
    caller = g.get("caller")
    mode = {} if caller is None else {"mode": str(caller.mode)}
    g.answer = {**mode, **body, "request_id": g.get("request_id") or new_request_id()}
    return Response(_encoder.encode(g.answer) + b"\n", mimetype="application/json")
