"""How every failure is answered, by the one table of codes.

Services know no HTTP; routes raise; everything ends here, in one shape that holds nothing of the
request but the names and values its sentences choose to tell.
"""

import logging
from collections.abc import Mapping

from flask import Response
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException

from database.session import MaybeStored, StorageError
from restx_api.envelope import failure
from restx_api.error_codes import CODES
from services.errors import BracketDenied, BracketError, EntryRejected

logger = logging.getLogger(__name__)

HTTP_STATUS: Mapping[str, int] = {name: code.status for name, code in CODES.items()}

# What the HTTP layer itself refuses, in the table's words.
_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 429: "rate_limited"}
_SENTENCES = {
    404: "There is nothing at this address",
    405: "This address does not take this method",
    413: "The body is larger than 64 KiB",
}

Faults = Mapping[str, list[str]]


class RequestInvalid(BracketError):
    """The body cannot be read, or fields of it cannot; faults has one list of sentences per field.

    No attribute of an error may be called `data`: restx would send it to the client.
    """

    code = "request_invalid"

    def __init__(self, message: str, faults: Faults | None = None) -> None:
        super().__init__(message)
        self.faults = faults or {}


class RateLimited(BracketError):
    """Too many requests; the same one may be sent again after retry_after_seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class InvalidOpenalgoKey(BracketError):
    """A wrong key at an address whose clients know a wrong key by 403."""

    code = "invalid_openalgo_apikey"


class AlertStale(BracketError):
    """An alert fired too long ago, or does not say when."""

    code = "alert_stale"


class WebhookPaused(BracketError):
    code = "webhook_paused"


class WebhookLimit(BracketError):
    """A webhook asked for more than its own limits allow."""

    code = "webhook_limit"


class Stopping(BracketError):
    """The service is on its way down and takes no new entries. Nothing was stored."""

    code = "not_stored"


def answer_error(error: Exception) -> Response:
    """Return the answer to whatever went wrong; what nobody foresaw is logged and told as 500."""
    match error:
        case BracketError():
            return _known(error)
        case MaybeStored():
            logger.error("the database was lost: %s", error)
            sentence = (
                "The database was lost in the middle: look whether it is there before you send it again"
            )
            return failure(503, "maybe_stored", sentence)
        case StorageError():
            logger.error("the database failed: %s", error)
            return failure(503, "not_stored", "The database did not answer: nothing was stored")
        case RateLimitExceeded():
            return failure(429, "rate_limited", f"Rate limit exceeded: {error.description}")
        case HTTPException():
            return _http(error)
        case _:
            logger.exception("a request failed", exc_info=error)
            return failure(500, "internal_error", "The service failed; the log tells why by the request_id")


def _known(error: BracketError) -> Response:
    headers: dict[str, str] = {}
    extra: dict[str, object] = {}
    faults: dict[str, list[str]] = {}
    match error:
        case BracketDenied():
            for violation in error.violations:
                faults.setdefault(violation.field, []).append(violation.sentence)
        case RequestInvalid():
            faults = dict(error.faults)
        case EntryRejected():
            extra["bracket_id"] = error.bracket_id
        case RateLimited():
            headers["Retry-After"] = str(error.retry_after_seconds)
    return failure(
        HTTP_STATUS[error.code], error.code, str(error), errors=faults, extra=extra, headers=headers
    )


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:
        made = error.get_response()
        return made if isinstance(made, Response) else Response(made.get_data(), status=status)
    code = _CODE_OF_STATUS.get(status, "request_invalid" if status < 500 else "internal_error")
    sentence = _SENTENCES.get(status, error.name)
    allowed = getattr(error, "valid_methods", None)
    headers = {"Allow": ", ".join(sorted(allowed))} if allowed else {}
    return failure(status, code, sentence, headers=headers)
