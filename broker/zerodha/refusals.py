"""What an unsuccessful answer of Kite's means. Pure.

Only a refusal proves that nothing was placed. Kite tells one by an error_type with a 4xx code; with a 5xx
code the OMS may have got the order all the same, unless the words are those of a check made before it.
Source: kite.trade/docs/connect/v3/exceptions, and the words as users report them on Kite's forum.
"""

import re

import msgspec

from broker.base import (
    AuthDead,
    BrokerError,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    ReadFailed,
)
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.wording import kind_by, wording
from broker.zerodha.schemas import Failure
from services.bracket.model import RefusalKind

REFUSING_TYPES = frozenset(
    {
        "InputException",
        "OrderException",
        "MarginException",
        "HoldingException",
        "UserException",
        "PermissionException",
    }
)

_FAILURE = msgspec.json.Decoder(Failure)

# First match wins: RMS prefixes many texts, so its own row is the last.
_TEXTS = wording(
    (r"order modifications exceeded", RefusalKind.MODIFICATION_CAP),
    (r"insufficient (funds|margin|balance)|margin exceeds", RefusalKind.MARGIN),
    (r"(at least|minimum|more than) 0\.25 ?%|too close to the (last|current)", RefusalKind.TOO_NEAR),
    (
        r"trigger price (less|greater|more) than the last price|trigger price equal to the last price"
        r"|trigger already met|trigger price for stop ?loss (buy|sell) orders"
        r"|invalid trigger price for stop ?loss",
        RefusalKind.TRIGGER_CROSSED,
    ),
    (r"multiple of (the )?tick|tick size", RefusalKind.TICK),
    (
        r"circuit limit|price band|current execution range|exchange's permissible range"
        r"|limit price protection|daily (price )?range",
        RefusalKind.BAND,
    ),
    (r"freeze|maximum (allowed )?(order )?quantity", RefusalKind.FREEZE),
    (
        r"function not available|sl-?m orders are (not allowed|blocked|discontinued)"
        r"|stop ?loss market orders are (not allowed|blocked|discontinued)",
        RefusalKind.STOP_MARKET_BANNED,
    ),
    (r"market ?protection", RefusalKind.PROTECTION_MISSING),
    (r"tpin|ddpi|cdsl|edis|authori[sz]e (your |the )?holdings?", RefusalKind.DEMAT_AUTHORISATION),
    (r"self[- ]?trade", RefusalKind.SELF_TRADE),
    (
        r"markets? (is|are) closed|exchange is closed|outside (of )?market hours|market timings?",
        RefusalKind.SESSION_CLOSED,
    ),
    (r"has either expired or does not exist|contract (has )?expired", RefusalKind.CONTRACT_EXPIRED),
    (
        r"order (has )?already (been )?(executed|completed?|cancelled|rejected|traded)"
        r"|(is|as it is) (already )?(complete|cancelled|rejected)\b",
        RefusalKind.ALREADY_DONE,
    ),
    (
        r"couldn'?t find that `?order_id|order (does not exist|not found)"
        r"|trigger (does not exist|not found)|no such (order|trigger)",
        RefusalKind.NOT_FOUND,
    ),
    (
        r"\brms\b|ban period|market wide position|blocked for trading|insufficient .*holding",
        RefusalKind.RMS,
    ),
)
_RATE_TEXT = re.compile(r"order requests? exceeded|too many requests", re.IGNORECASE)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Kite's words for a refusal, or a rejected order, call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    failure = decoded_failure(answer)
    if answer.status == 429:
        return _rate_limited(answer, failure)
    if failure is None or answer.status < 400:
        return OutcomeUnknown(f"HTTP {answer.status} with an answer that does not say what happened")
    return _named_error(answer, failure)


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    failure = decoded_failure(answer)
    if failure is not None and failure.error_type == "TokenException":
        return AuthDead(_words(answer, failure))
    if failure is None:
        return ReadFailed(f"HTTP {answer.status} with an answer that is not Kite's")
    return ReadFailed(_words(answer, failure))


def lacks_permission(answer: Answer) -> bool:
    """Say whether Kite refused because the app's plan does not include the call."""
    failure = decoded_failure(answer)
    return answer.status == 403 and failure is not None and failure.error_type == "PermissionException"


def decoded_failure(answer: Answer) -> Failure | None:
    """Return Kite's error envelope; None when the body is anything else (a proxy's HTML, nothing)."""
    return answer.decoded(_FAILURE)


def _named_error(answer: Answer, failure: Failure) -> BrokerError:
    words = _words(answer, failure)
    if failure.error_type == "TokenException":
        return AuthDead(words)
    if answer.status < 500 and _RATE_TEXT.search(failure.message or ""):
        return _rate_limited(answer, failure)
    kind = refusal_kind(failure.message or "")
    if failure.error_type in REFUSING_TYPES and (answer.status < 500 or kind != RefusalKind.UNCLASSIFIED):
        return OrderRejected(failure.message or words, kind)
    return OutcomeUnknown(words)


def _rate_limited(answer: Answer, failure: Failure | None) -> RateLimited:
    words = _words(answer, failure) if failure else "HTTP 429"
    return RateLimited(words, answer.retry_after or DEFAULT_RETRY_AFTER)


def _words(answer: Answer, failure: Failure) -> str:
    return f"HTTP {answer.status} {failure.error_type}: {failure.message or ''}"[:500]
