"""What an unsuccessful answer of Upstox's means. Pure.

Only a refusal proves that nothing was placed. Upstox names each failure by a code; which codes are refusals
is a table, and a code that is not in it means "unknown". Source: the error codes of the documentation's pages
on placing, changing and cancelling orders and GTTs.
"""

import msgspec

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.upstox.schemas import FailedPart, Failure
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

AUTHENTICATION = frozenset({"UDAPI100050", "UDAPI100016"})
RATE_LIMITS = frozenset({"UDAPI10005", "UDAPI100030"})
STATIC_IP = frozenset({"UDAPI1154"})
ANYTHING = "UDAPI100500"  # "something went wrong": a refusal only where its words say of what
ANY_INPUT = frozenset({"UDAPI100036", "UDAPI100038", "UDAPI100011"})
DONE = frozenset({"UDAPI100040", "UDAPI100041", "UDAPI1137", "UDAPI1151"})
MISSING = frozenset({"UDAPI100010", "UDAPI100060", "UDAPI1136"})
REFUSING_CODES = (
    ANY_INPUT
    | DONE
    | MISSING
    | STATIC_IP
    | frozenset({"UDAPI100039", "UDAPI100049", "UDAPI100074"})
    | frozenset(f"UDAPI{number}" for number in (1000, 1003, 1004, 1006, 1007, 1008, 1010, 1023, 1026))
    | frozenset(f"UDAPI{number}" for number in (1029, 1030, 1031, 1032, 1036, 1039, 1043, 1052, 1053, 1054))
    | frozenset(f"UDAPI{number}" for number in (1055, 1056, 1057, 1058, 1059, 1118, 1119))
    | frozenset(f"UDAPI{number}" for number in range(1126, 1154))  # of GTTs
    | frozenset(f"UDAPI{number}" for number in (1156, 1158, 1159, 1160, 1161, 1180))
)
EDIS_LINK = "https://pro.upstox.com"
STATIC_IP_WORDS = (
    "Upstox takes orders from your registered static IP only (UDAPI1154): register this machine's address"
    " among the settings of your app"
)
_EDIS_WORDS = (
    f"; authorise the sale (EDIS) at {EDIS_LINK} by placing a GTT there, which counts for every share"
)

_FAILURE = msgspec.json.Decoder(Failure)

# First match wins: RMS prefixes many texts, so its own row is the last.
_TEXTS = wording(
    (
        r"modif\w+ (limit|count)|maximum modification|modifications? exceeded",
        RefusalKind.MODIFICATION_CAP,
    ),
    (
        r"you need to add|(insufficient|inadequate) (funds|margin|balance)|margin (shortfall|exceeds)",
        RefusalKind.MARGIN,
    ),
    (
        r"trigger price (should|must) be|trigger price .*(ltp|last traded)",
        RefusalKind.TRIGGER_CROSSED,
    ),
    (r"multiple of (the )?tick|tick size", RefusalKind.TICK),
    (r"circuit|price band|execution range|permissible range|price range", RefusalKind.BAND),
    (r"freeze|maximum (order )?quantity", RefusalKind.FREEZE),
    (r"16052|function not available|sl-?m orders are not", RefusalKind.STOP_MARKET_BANNED),
    (
        r"market[ _]?protection|market orders? (are )?(not allowed|blocked)",
        RefusalKind.PROTECTION_MISSING,
    ),
    (r"edis|tpin|ddpi|cdsl", RefusalKind.DEMAT_AUTHORISATION),
    (r"self[- ]?trade", RefusalKind.SELF_TRADE),
    (
        r"markets? (is |are )?closed|outside (of )?market hours|exchange is closed|service is accessible",
        RefusalKind.SESSION_CLOSED,
    ),
    (r"(contract|instrument) (has |is )?expired", RefusalKind.CONTRACT_EXPIRED),
    (
        r"already (been )?(cancelled|rejected|completed?|traded|executed)|trigger already fired"
        r"|cannot be (modified|cancelled)",
        RefusalKind.ALREADY_DONE,
    ),
    (r"order (id )?(not found|does not exist)|no such order", RefusalKind.NOT_FOUND),
    (r"\brms\b|ban period|blocked|insufficient holding", RefusalKind.RMS),
)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Upstox's words for a refusal, or a rejected order, call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def reason_of(text: str) -> str:
    """Return Upstox's words for a refusal, with what to do where a sale wants the owner's word first."""
    return text + _EDIS_WORDS if refusal_kind(text) is RefusalKind.DEMAT_AUTHORISATION else text


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    failure = failure_of(answer)
    if answer.status == 429 or (failure is not None and code_of(failure) in RATE_LIMITS):
        return RateLimited(_words(answer, failure), answer.retry_after or DEFAULT_RETRY_AFTER)
    if failure is None or answer.status < 400:
        return OutcomeUnknown(f"HTTP {answer.status} with an answer that does not say what happened")
    return _named_error(answer, failure)


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    failure = failure_of(answer)
    if failure is None:
        return ReadFailed(f"HTTP {answer.status} with an answer that is not Upstox's")
    if _is_dead(answer, failure):
        return AuthDead(_words(answer, failure))
    return ReadFailed(_words(answer, failure))


def failure_of(answer: Answer) -> FailedPart | None:
    """Return the first error of an answer; None when it is anything else (a proxy's HTML, nothing)."""
    found = answer.decoded(_FAILURE)
    return found.errors[0] if found and found.errors and code_of(found.errors[0]) else None


def code_of(failure: FailedPart) -> str:
    return failure.error_code or failure.errorCode or ""


def _named_error(answer: Answer, failure: FailedPart) -> BrokerError:
    code, words = code_of(failure), _words(answer, failure)
    message = failure.message or words
    if _is_dead(answer, failure):
        return AuthDead(words)
    if code in STATIC_IP:
        return OrderRejected(STATIC_IP_WORDS)
    if code in REFUSING_CODES and answer.status < 500:
        return OrderRejected(reason_of(message), _kind(code, message))
    if code == ANYTHING and refusal_kind(message) is RefusalKind.DEMAT_AUTHORISATION:
        return OrderRejected(reason_of(message), RefusalKind.DEMAT_AUTHORISATION)
    return OutcomeUnknown(words)


def _kind(code: str, message: str) -> RefusalKind:
    if code in DONE:
        return RefusalKind.ALREADY_DONE
    return RefusalKind.NOT_FOUND if code in MISSING else refusal_kind(message)


def _is_dead(answer: Answer, failure: FailedPart) -> bool:
    return answer.status == 401 and code_of(failure) in AUTHENTICATION


def _words(answer: Answer, failure: FailedPart | None) -> str:
    if failure is None:
        return f"HTTP {answer.status}"
    return f"HTTP {answer.status} {code_of(failure)}: {failure.message or ''}"[:500]
