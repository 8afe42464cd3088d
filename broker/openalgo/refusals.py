"""What an unsuccessful answer of an OpenAlgo server's means. Pure.

The server passes its broker's status on, and says 500 both for a broker's refusal that came with a 200 and
for a call of its own that failed half-way. So a 4xx refuses; a 5xx refuses only in words that are a broker's
verdict, and for the rest nobody knows what became of it.
"""

import msgspec

from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.openalgo.schemas import Failure
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

# The key is not known, or the server's own login at its broker has ended: it says the same of both.
_DEAD = frozenset({401, 403})
_TOO_MANY = 429
_NOT_SUPPORTED = 501
_REFUSING = frozenset({400, 404, 405, 409, 422, _NOT_SUPPORTED})

_FAILURE = msgspec.json.Decoder(Failure)

# The words of many brokers, as they reach us through the server. First match wins: the risk desk's general
# words come last.
_WORDS: tuple[tuple[RefusalKind, tuple[str, ...]], ...] = (
    (RefusalKind.MODIFICATION_CAP, (r"modifications? .*(exceed|limit)", r"maximum .*modification")),
    (
        RefusalKind.MARGIN,
        (r"insufficient (funds|margin|balance)", r"margin (shortfall|exceeds)", r"fund limit"),
    ),
    (RefusalKind.TICK, (r"multiple of (the )?tick", r"tick ?size")),
    (
        RefusalKind.TRIGGER_CROSSED,
        (
            r"(trigger|stop) ?price.*\b(ltp|last (traded )?price|market price)",
            r"trigger already met",
            r"invalid trigger price",
        ),
    ),
    (
        RefusalKind.BAND,
        (
            r"circuit",
            r"price band",
            r"(price|execution|permissible) range",
            r"limit price protection",
            r"\blpp\b",
        ),
    ),
    (RefusalKind.FREEZE, (r"freeze", r"maximum (allowed )?(order )?quantity")),
    (
        RefusalKind.STOP_MARKET_BANNED,
        (r"function not available", r"(sl-?m|stop ?loss market) orders? (is|are) (not allowed|blocked)"),
    ),
    (RefusalKind.DEMAT_AUTHORISATION, (r"\b(e-?dis|tpin|ddpi|cdsl|nsdl)\b", r"authori[sz]e")),
    (RefusalKind.SELF_TRADE, (r"self[- ]?trade",)),
    (
        RefusalKind.SESSION_CLOSED,
        (r"markets? (is|are) closed", r"exchange is closed", r"outside (of )?(market|trading) hours"),
    ),
    (RefusalKind.CONTRACT_EXPIRED, (r"(contract|instrument|symbol) (has |is )(either )?expired",)),
    (
        RefusalKind.ALREADY_DONE,
        (
            r"already (been )?(traded|executed|filled|completed?|cancelled|rejected|triggered)",
            r"not (a |an )?(pending|open|modifiable|cancell?able)",
            r"(cannot|can not|can't) be (modified|cancell?ed)",
        ),
    ),
    (RefusalKind.NOT_FOUND, (r"(order|trigger|gtt)\b.* not found", r"(order|id|trigger) does not exist")),
    (RefusalKind.RMS, (r"^(rms|red):", r"\brms\b", r"ban period", r"blocked for trading")),
)
_TEXTS = wording(*(("|".join(patterns), kind) for kind, patterns in _WORDS))


def refusal_kind(text: str) -> RefusalKind:
    """Return what a broker's words call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def message_of(answer: Answer) -> str | None:
    """Return the words of an error; None when it is none of the server's (a proxy's HTML, nothing)."""
    try:
        said = bytes(_FAILURE.decode(answer.body).message)
        found = msgspec.json.decode(said)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) else said.decode("utf-8", "replace")


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    message = message_of(answer)
    if answer.status == _TOO_MANY:
        return RateLimited(_words(answer, message), answer.retry_after or DEFAULT_RETRY_AFTER)
    if message is None:
        return OutcomeUnknown(f"{_words(answer, message)}: nobody knows what became of it")
    if answer.status in _DEAD:
        return AuthDead(_words(answer, message))
    kind = refusal_kind(message)
    if answer.status in _REFUSING or kind is not RefusalKind.UNCLASSIFIED:
        return OrderRejected(message, kind)
    return OutcomeUnknown(f"{_words(answer, message)}: it may have been carried out")


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    message = message_of(answer)
    if answer.status in _DEAD and message is not None:
        return AuthDead(_words(answer, message))
    return ReadFailed(_words(answer, message))


def is_not_offered(answer: Answer) -> bool:
    """Whether the server, or the broker behind it, has no such endpoint."""
    return answer.status in (404, 405, _NOT_SUPPORTED)


def _words(answer: Answer, message: str | None) -> str:
    if message is None:
        return f"HTTP {answer.status} with an answer that is not OpenAlgo's"
    return f"HTTP {answer.status}: {message}"[:500]
