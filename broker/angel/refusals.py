"""What an unsuccessful answer of Angel One's means. Pure.

Failures come in answers with HTTP 200, so the envelope's word and its code decide. An answer is a refusal
only when its code is in the table here and its HTTP status is no server's failure: with any other the order
may have got through all the same. The limit of calls is told in plain text, by the gateway, before anything
was looked at.
Source: smartapi.angelone.in/docs (Exceptions, RateLimit), and the words as users and support quote them.
"""

import msgspec

from broker.angel.schemas import Envelope
from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

RATE_LIMIT = "AB1021"
_BUSY = b"exceeding access rate"
TOKEN_CODES = frozenset(
    {
        "AG8001",  # invalid
        "AG8002",  # expired
        "AG8003",  # missing
        "AB8050",  # invalid refresh token
        "AB8051",  # expired refresh token
        "AB1010",  # session expired
        "AB1011",  # client not logged in
    }
)
NOT_FOUND = "AB1013"
SYMBOL_UNKNOWN = "AB1009"
NO_FUNDS = "AB2020"
# Not among them, as nobody can tell what became of the order: AB1004 (something went wrong), AB1007 (an error
# of the trading system), AB2000 (not specified), AB2001 (internal error).
REFUSING_CODES = frozenset(
    {
        "AB1005",  # user type
        "AB1006",  # client is blocked for trading
        "AB1008",  # order variety
        SYMBOL_UNKNOWN,
        "AB1012",  # product type
        NOT_FOUND,
        "AB1018",  # details of the symbol
        "AB2002",  # ROBO orders are blocked
        NO_FUNDS,
        "AB4008",  # a parameter is out of range: the tag, the price
        "AB4036",  # the share is on a cautionary list
    }
)
_KINDS = {
    NOT_FOUND: RefusalKind.NOT_FOUND,
    NO_FUNDS: RefusalKind.MARGIN,
    "AB1006": RefusalKind.RMS,
    "AB4036": RefusalKind.RMS,
}

_ENVELOPE = msgspec.json.Decoder(Envelope, strict=False)

# First match wins: the risk desk prefixes all its words with RMS, so its own row is the last.
_TEXTS = wording(
    (r"insufficient (funds|margin|balance)|margin (shortfall|exceeds)", RefusalKind.MARGIN),
    (r"multiple of (the )?tick|tick size", RefusalKind.TICK),
    (r"modif\w+ .*(exceeded|limit)", RefusalKind.MODIFICATION_CAP),
    (
        r"trigger price .*(ltp|last traded price)|trigger price already (met|reached)",
        RefusalKind.TRIGGER_CROSSED,
    ),
    (
        r"circuit|price band|execution range|permissible range|\blpp\b|limit price protection",
        RefusalKind.BAND,
    ),
    (r"freeze|maximum (allowed )?(order )?quantity", RefusalKind.FREEZE),
    (r"16052|function not available|stop.?loss.?market .*not allowed", RefusalKind.STOP_MARKET_BANNED),
    (r"\b(e-?dis|tpin|ddpi|cdsl)\b|authori[sz]e", RefusalKind.DEMAT_AUTHORISATION),
    (r"self[- ]?trade", RefusalKind.SELF_TRADE),
    (
        r"markets? (is |are )?closed|exchange is closed|outside (of )?market hours",
        RefusalKind.SESSION_CLOSED,
    ),
    (r"(contract|instrument|symbol) (has |is )?expired", RefusalKind.CONTRACT_EXPIRED),
    (
        r"already (been )?(traded|executed|completed?|cancelled|rejected)"
        r"|not (in )?(an? )?(open|pending)",
        RefusalKind.ALREADY_DONE,
    ),
    (r"order (id )?(not found|does not exist|is invalid)|invalid order ?id", RefusalKind.NOT_FOUND),
    (r"\brms\b|ban period|block(ed)? for trading|cautionary", RefusalKind.RMS),
)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Angel's words for a refusal, or a rejected order, call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def envelope_of(answer: Answer) -> Envelope | None:
    """Return what an answer begins with; None when it is anything else (a proxy's HTML, plain text)."""
    return answer.decoded(_ENVELOPE)


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    said = envelope_of(answer)
    words = _words(answer, said)
    if _is_busy(answer, said):
        return RateLimited(words, answer.retry_after or DEFAULT_RETRY_AFTER)
    if said is None or not said.is_bad or answer.status >= 500:
        return OutcomeUnknown(f"{words}: nobody knows what became of it")
    if said.code in TOKEN_CODES:
        return AuthDead(words)
    if said.code not in REFUSING_CODES:
        return OutcomeUnknown(f"{words}: not a code that proves a refusal")
    return OrderRejected(said.message or words, _kind(said))


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    said = envelope_of(answer)
    if said is not None and said.is_bad and said.code in TOKEN_CODES:
        return AuthDead(_words(answer, said))
    return ReadFailed(_words(answer, said))


def _is_busy(answer: Answer, said: Envelope | None) -> bool:
    if said is not None:
        return said.is_bad and said.code == RATE_LIMIT
    return answer.status == 429 or (answer.status == 403 and _BUSY in answer.body.lower())


def _kind(said: Envelope) -> RefusalKind:
    kind = refusal_kind(said.message or "")
    return _KINDS.get(said.code, kind) if kind is RefusalKind.UNCLASSIFIED else kind


def _words(answer: Answer, said: Envelope | None) -> str:
    if said is None:
        return f"HTTP {answer.status} with an answer that is not Angel One's"
    return f"HTTP {answer.status}, {said.code or 'no code'}: {said.message or ''}"[:500]
