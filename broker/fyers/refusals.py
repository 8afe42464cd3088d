"""What an unsuccessful answer of Fyers' means. Pure.

An answer is a refusal only when its code is in the table and its HTTP status blames the request: with a 5xx
the order may have got through all the same. Code 201 is no success either: the order was sent on, and nobody
has answered for it yet.
Source: myapi.fyers.in/docsv3 (common error codes), and the words as users and support quote them.
"""

import msgspec

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.fyers.schemas import Envelope
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

IN_TRANSIT = 201
RATE_LIMITED = -429
SYMBOL_UNKNOWN = -300
TOKEN_CODES = frozenset(
    {
        -8,  # expired
        -15,  # invalid
        -16,  # cannot be authenticated
        -17,  # invalid or expired
        -352,  # no such app
    }
)
REFUSING_CODES = frozenset(
    {
        -50,  # a parameter
        -51,  # the order's id
        -53,  # the position's id
        -99,  # rejected, by the broker's risk desk or the exchange
        SYMBOL_UNKNOWN,
    }
)
_KINDS = {-51: RefusalKind.NOT_FOUND}

_ENVELOPE = msgspec.json.Decoder(Envelope)

# First match wins: the risk desk prefixes all its words with RED, so its own row is the last.
_TEXTS = wording(
    (r"margin shortfall|insufficient (funds|margin|balance)", RefusalKind.MARGIN),
    (r"multiple of (the )?tick|tick size", RefusalKind.TICK),
    (r"modifications? .*(exceeded|limit)", RefusalKind.MODIFICATION_CAP),
    (
        r"(trigger|stop) ?price (should|must|cannot|can not).*\b(ltp|last (traded )?price)"
        r"|leg ?[12].*\b(ltp|last (traded )?price)|trigger already met",
        RefusalKind.TRIGGER_CROSSED,
    ),
    (
        r"circuit limit|price band|price range|permissible range|\blpp\b|limit price protection",
        RefusalKind.BAND,
    ),
    (r"freeze|maximum (allowed )?(order )?quantity", RefusalKind.FREEZE),
    (r"function not available|sl-?m orders? (is|are) not allowed", RefusalKind.STOP_MARKET_BANNED),
    (r"\b(e-?dis|tpin|ddpi|cdsl|nsdl)\b|authori[sz]e", RefusalKind.DEMAT_AUTHORISATION),
    (r"self[- ]?trade", RefusalKind.SELF_TRADE),
    (
        r"markets? (is|are) closed|exchange is closed|outside (of )?market hours",
        RefusalKind.SESSION_CLOSED,
    ),
    (r"(contract|instrument|symbol) (has|is) (either )?expired", RefusalKind.CONTRACT_EXPIRED),
    (
        r"already (been )?(traded|executed|filled|cancelled|rejected|triggered)|not a pending order"
        r"|no pending order",
        RefusalKind.ALREADY_DONE,
    ),
    (r"(order|id) (does not exist|not found|is invalid)|invalid (order )?id", RefusalKind.NOT_FOUND),
    (r"^red:|\brule:|ban period|blocked for trading", RefusalKind.RMS),
)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Fyers' words for a refusal call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def envelope_of(answer: Answer) -> Envelope | None:
    """Return what an answer begins with; None when it is anything else (a proxy's HTML, nothing)."""
    return answer.decoded(_ENVELOPE)


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    said = envelope_of(answer)
    if answer.status == 429 or (said is not None and said.code == RATE_LIMITED):
        return RateLimited(_words(answer, said), answer.retry_after or DEFAULT_RETRY_AFTER)
    if said is None or said.s != "error" or answer.status >= 500:
        return OutcomeUnknown(f"{_words(answer, said)}: nobody knows what became of it")
    if said.code in TOKEN_CODES:
        return AuthDead(_words(answer, said))
    if said.code not in REFUSING_CODES:
        return OutcomeUnknown(f"{_words(answer, said)}: a code that is not in the documentation")
    kind = refusal_kind(said.message)
    return OrderRejected(said.message or _words(answer, said), _sharper(kind, said.code))


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    said = envelope_of(answer)
    if said is not None and said.s == "error" and said.code in TOKEN_CODES:
        return AuthDead(_words(answer, said))
    return ReadFailed(_words(answer, said))


def lacks_permission(answer: Answer) -> bool:
    """Say whether Fyers refused because the app has no leave for the call."""
    said = envelope_of(answer)
    return answer.status == 403 and said is not None and said.code not in TOKEN_CODES


def _sharper(kind: RefusalKind, code: int) -> RefusalKind:
    return _KINDS.get(code, kind) if kind is RefusalKind.UNCLASSIFIED else kind


def _words(answer: Answer, said: Envelope | None) -> str:
    if said is None:
        return f"HTTP {answer.status} with an answer that is not Fyers'"
    return f"HTTP {answer.status}, code {said.code}: {said.message}"[:500]
