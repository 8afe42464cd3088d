"""What an unsuccessful answer of Dhan's means. Pure.

Only a refusal proves that nothing was placed. Dhan names each failure by a code; which codes are refusals is
a table, and a code that is not in it means "unknown".
Source: dhanhq.co/docs/v2/annexure, "Trading API Error".
"""

import msgspec

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.dhan.schemas import Failure
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

AUTHENTICATION = "DH-901"
RATE_LIMIT = "DH-904"
NO_ACCESS = "DH-902"  # the data plan is not subscribed, or the API is not enabled
STATIC_IP = "DH-911"
# DH-907 to DH-910 are data, server, network and "other": the order may have got through all the same.
REFUSING_CODES = frozenset({NO_ACCESS, "DH-903", "DH-905", "DH-906", STATIC_IP})
_DATA_CODES = frozenset({"806"})  # of the market data API: not subscribed
STATIC_IP_WORDS = (
    "Dhan takes orders from your registered static IP only (DH-911): register this machine's address at Dhan"
)

_FAILURE = msgspec.json.Decoder(Failure)

# First match wins: RMS prefixes many texts, so its own row is the last.
_TEXTS = wording(
    (
        r"modif\w+ (limit|count)|maximum modification|modifications? exceeded",
        RefusalKind.MODIFICATION_CAP,
    ),
    (r"(insufficient|inadequate) (funds|margin|balance)|margin (shortfall|exceeds)", RefusalKind.MARGIN),
    (
        r"trigger price should be (greater|less|lower|higher)|trigger (price )?already"
        r"|trigger price .*(ltp|last traded)",
        RefusalKind.TRIGGER_CROSSED,
    ),
    (r"multiple of (the )?tick|tick size", RefusalKind.TICK),
    (r"circuit|price band|execution range|permissible range|price range", RefusalKind.BAND),
    (r"freeze|maximum (order )?quantity", RefusalKind.FREEZE),
    (r"16052|function not available|stop.?loss.?market .*not allowed", RefusalKind.STOP_MARKET_BANNED),
    (r"edis|tpin|ddpi|cdsl|holdings? not (authori[sz]ed|approved)", RefusalKind.DEMAT_AUTHORISATION),
    (r"self[- ]?trade", RefusalKind.SELF_TRADE),
    (
        r"market (is )?closed|after market|outside (of )?market hours|exchange is closed",
        RefusalKind.SESSION_CLOSED,
    ),
    (r"(contract|instrument|security) (has |is )?(expired|not available)", RefusalKind.CONTRACT_EXPIRED),
    (
        r"already (been )?(traded|executed|cancelled|rejected|completed|closed|expired)"
        r"|not (in )?(a )?pending( state)?",
        RefusalKind.ALREADY_DONE,
    ),
    (
        r"order (id )?(not found|does not exist|is invalid)|invalid order ?id|no such order",
        RefusalKind.NOT_FOUND,
    ),
    (r"\brms\b|ban period|blocked|insufficient holding", RefusalKind.RMS),
)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Dhan's words for a refusal, or a rejected order, call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    failure = decoded_failure(answer)
    if answer.status == 429 or (failure is not None and failure.errorCode == RATE_LIMIT):
        return RateLimited(_words(answer, failure), answer.retry_after or DEFAULT_RETRY_AFTER)
    if failure is None or answer.status < 400:
        return OutcomeUnknown(f"HTTP {answer.status} with an answer that does not say what happened")
    return _named_error(answer, failure)


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    failure = decoded_failure(answer)
    if failure is None:
        return ReadFailed(f"HTTP {answer.status} with an answer that is not Dhan's")
    if failure.errorCode == AUTHENTICATION:
        return AuthDead(_words(answer, failure))
    return ReadFailed(_words(answer, failure))


def lacks_data_plan(answer: Answer) -> bool:
    """Say whether Dhan refused because market data is not subscribed."""
    failure = decoded_failure(answer)
    return failure is not None and failure.errorCode in (NO_ACCESS, *_DATA_CODES)


def decoded_failure(answer: Answer) -> Failure | None:
    """Return Dhan's error; None when the body is anything else (a proxy's HTML, nothing)."""
    return answer.decoded(_FAILURE)


def _named_error(answer: Answer, failure: Failure) -> BrokerError:
    words = _words(answer, failure)
    if failure.errorCode == AUTHENTICATION:
        return AuthDead(words)
    if failure.errorCode == STATIC_IP:
        return OrderRejected(STATIC_IP_WORDS)
    if failure.errorCode in REFUSING_CODES and answer.status < 500:
        message = failure.errorMessage or words
        return OrderRejected(message, refusal_kind(message))
    return OutcomeUnknown(words)


def _words(answer: Answer, failure: Failure | None) -> str:
    if failure is None:
        return f"HTTP {answer.status}"
    return f"HTTP {answer.status} {failure.errorCode}: {failure.errorMessage or ''}"[:500]
