"""What an unsuccessful answer of Alpaca's means. Pure.

Only a refusal proves that nothing was placed: an answer of Alpaca's own with one of a few HTTP codes. Any
other code, and any other body, means "unknown".
Source: docs.alpaca.markets, "Trading API", and the codes of its answers.
"""

import msgspec

from broker.alpaca.schemas import Failure
from broker.base import AuthDead, BrokerError, OrderRejected, OutcomeUnknown, RateLimited, ReadFailed
from broker.http import DEFAULT_RETRY_AFTER, Answer
from broker.wording import kind_by, wording
from services.bracket.model import RefusalKind

REFUSING_STATUSES = frozenset({400, 403, 404, 422})
UNAUTHORIZED = 40110000
UNCHANGED = "order parameters are not changed"  # of a change that asks for what is already so

_FAILURE = msgspec.json.Decoder(Failure)

# First match wins. A pending order cannot be replaced yet: that is no word on its end.
_TEXTS = wording(
    (r"(accepted|pending_\w+|pending new)\b.*(state|status)", RefusalKind.UNCLASSIFIED),
    (r"client_order_id must be unique", RefusalKind.DUPLICATE_TAG),
    (r"insufficient (day ?trading )?buying power|insufficient balance", RefusalKind.MARGIN),
    (r"sub-?penny|minimum pricing criteria|pricing increment", RefusalKind.TICK),
    (r"stop price .*(crossed|current|market|must be)|stop_price must", RefusalKind.TRIGGER_CROSSED),
    (r"wash trade|opposite side (market|limit|stop)", RefusalKind.SELF_TRADE),
    (r"market (is )?closed|market hours|extended hours", RefusalKind.SESSION_CLOSED),
    (
        r"already in|replaced (state|status)|not cancell?able|cannot be (cancell?ed|replaced)"
        r"|order is not open|already (filled|cancell?ed)",
        RefusalKind.ALREADY_DONE,
    ),
    (r"order not found|order id", RefusalKind.NOT_FOUND),
    (
        r"insufficient qty|cannot be sold short|not (shortable|tradable|active)|restricted|blocked",
        RefusalKind.RMS,
    ),
)


def refusal_kind(text: str) -> RefusalKind:
    """Return what Alpaca's words for a refusal call for; UNCLASSIFIED if unheard of."""
    return kind_by(_TEXTS, text)


def write_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a write stands for."""
    failure = decoded_failure(answer)
    if answer.status == 429:
        return RateLimited(_words(answer, failure), answer.retry_after or DEFAULT_RETRY_AFTER)
    if failure is None:
        return OutcomeUnknown(f"HTTP {answer.status} with an answer that does not say what happened")
    if is_dead(answer, failure):
        return AuthDead(_words(answer, failure))
    if answer.status not in REFUSING_STATUSES:
        return OutcomeUnknown(_words(answer, failure))
    kind = RefusalKind.NOT_FOUND if answer.status == 404 else refusal_kind(failure.message)
    return OrderRejected(failure.message, kind)


def read_error(answer: Answer) -> BrokerError:
    """Return the error that an unsuccessful answer to a read stands for."""
    failure = decoded_failure(answer)
    if failure is not None and is_dead(answer, failure):
        return AuthDead(_words(answer, failure))
    return ReadFailed(_words(answer, failure))


def lacks_market_data(answer: Answer) -> bool:
    """Say whether Alpaca refused because the account's plan has no market data."""
    failure = decoded_failure(answer)
    return answer.status == 403 and failure is not None and not is_dead(answer, failure)


def decoded_failure(answer: Answer) -> Failure | None:
    """Return Alpaca's error; None when the body is anything else (a proxy's HTML, nothing)."""
    return answer.decoded(_FAILURE)


def is_dead(answer: Answer, failure: Failure) -> bool:
    """Whether the keys are not good (any more): 403 "forbidden." without a code is said of wrong ones."""
    is_nameless = answer.status == 403 and failure.code is None
    return answer.status == 401 or is_nameless or failure.code == UNAUTHORIZED


def _words(answer: Answer, failure: Failure | None) -> str:
    return f"HTTP {answer.status}" if failure is None else f"HTTP {answer.status}: {failure.message}"[:500]
